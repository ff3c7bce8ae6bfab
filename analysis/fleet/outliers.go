package fleet

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

const (
	// leastHosts is below how many units of a stratum nothing is said: the median
	// and the spread of few are those of chance.
	leastHosts = 8
	// DefaultZ is the score from which on a value is an outlier (B. Iglewicz, D. C.
	// Hoaglin, How to Detect and Handle Outliers, 1993: 3.5).
	DefaultZ = 3.5
)

// Outliers are the units whose rate is far above those of others of the same stratum:
// what within names, such as "kernel", or of all if it is empty. The score is that of
// Iglewicz and Hoaglin of log(1 + rate), since rates of machines differ by factors:
// the distance from the median by the median absolute deviation, scaled to a standard
// deviation; where more than half of the units are alike by the mean absolute
// deviation.
func (f *Fleet) Outliers(over, within string, z float64) *result.Set {
	set := f.newSet()
	t := &result.Table{Name: "outliers", Title: over + "s with rates far above others", Cols: []result.Col{
		{Name: "host", Head: over, Key: true},
		{Name: "stratum", Head: cmp.Or(within, "of"), Help: "the " + over + "s it is compared with"},
		{Name: "z", Head: "z", Help: "robust score of log(1 + rate)"},
		{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h", Help: "hits per isolated CPU and hour that it was watched"},
		{Name: "median", Head: "median", Unit: "1/h", Help: "of the stratum"},
		{Name: "hits", Head: "hits"},
		{Name: "top", Head: "most of it", Help: "the group with the most hits above what the median of the stratum has"},
	}}
	strata := map[string][]*unit{}
	for _, u := range f.sorted() {
		name := "all"
		if within != "" {
			name = cmp.Or(u.is[within], "(none)")
		}
		strata[name] = append(strata[name], u)
	}
	judged, total := 0, len(f.units)
	for name, units := range strata {
		if len(units) < leastHosts {
			of := ""
			if within != "" {
				of = within + " " + name + ": "
			}
			set.Warn("few-hosts", fmt.Sprintf("%s%s, fewer than %d: nothing is said about them", of, count(len(units), over), leastHosts))
			continue
		}
		judged += len(units)
		t.Rows = append(t.Rows, f.outliersOf(name, units, z)...)
	}
	slices.SortFunc(set.Warnings, func(a, b result.Warning) int { return cmp.Compare(a.Text, b.Text) })
	t.SortDown(2)
	set.Tables = []*result.Table{t}
	set.Totals = []result.Field{{Name: "hosts", Value: result.Int(total)}, {Name: "judged", Value: result.Int(judged)}, {Name: "z", Value: result.Float(z)}}
	switch {
	case judged == 0:
		set.Verdict = fmt.Sprintf("undecided: %s, and no stratum has %d", count(total, over), leastHosts)
	default:
		bound := ""
		if doubted(f.sorted()) > 0 { // one that lost events may be one
			bound = "at least "
		}
		set.Verdict = fmt.Sprintf("%s%d of %s far above the others (z > %g)", bound, len(t.Rows), count(judged, over), z)
	}
	f.warn(set, f.sorted(), over)
	return set
}

func (f *Fleet) outliersOf(stratum string, units []*unit, limit float64) (rows [][]result.Value) {
	logs := make([]float64, len(units))
	rates := make([]float64, len(units))
	for i, u := range units {
		rates[i] = u.rate(u.total)
		logs[i] = math.Log1p(rates[i])
	}
	score := robust(logs)
	slices.Sort(rates)
	for i, u := range units {
		if z := score(logs[i]); z > limit {
			rows = append(rows, []result.Value{
				result.Str(u.name), result.Str(stratum), result.Float(z), result.Float(u.rate(u.total)), result.Float(quantile(rates, 0.5)),
				result.Int(u.total), result.Str(f.excess(u, units)),
			})
		}
	}
	return rows
}

// robust returns the score of a value among others.
func robust(values []float64) func(float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	median := quantile(sorted, 0.5)
	away, sum := make([]float64, len(sorted)), 0.0
	for i, v := range sorted {
		away[i] = math.Abs(v - median)
		sum += away[i]
	}
	slices.Sort(away)
	// 1/0.6745 and sqrt(pi/2) make either a standard deviation of normal values
	scale := quantile(away, 0.5) / 0.6744897501960817
	if scale == 0 {
		scale = sum / float64(len(away)) * math.Sqrt(math.Pi/2)
	}
	return func(v float64) float64 {
		if scale == 0 {
			return 0 // all are alike
		}
		return (v - median) / scale
	}
}

// excess is the group that a unit has most above the median of its stratum, as text.
func (f *Fleet) excess(u *unit, units []*unit) string {
	best, most := "", 0.0
	for _, id := range f.groupsByHits() {
		if u.hits[id] == 0 {
			continue
		}
		s := spreadOf(units, &id)
		if more := u.rate(u.hits[id]) - quantile(s.rates, 0.5); more > most {
			best, most = result.KeyText(f.by, f.keys[id]), more
		}
	}
	return best
}
