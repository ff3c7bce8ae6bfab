package fleet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Report is how the rates of each group are spread over the units, which are called
// over, such as "host".
func (f *Fleet) Report(over string) *result.Set {
	units := f.sorted()
	set := f.newSet()
	t := &result.Table{Name: "groups", Title: "rates of each " + over + " by " + strings.Join(f.by, ", ")}
	for _, k := range f.by {
		t.Cols = append(t.Cols, result.Col{Name: k, Head: k, Key: true})
	}
	t.Cols = append(t.Cols, spreadCols(over)...)
	for _, id := range f.groupsByHits() {
		s := spreadOf(units, &id)
		row := make([]result.Value, 0, len(t.Cols))
		for _, k := range f.keys[id] {
			row = append(row, result.Str(k))
		}
		t.Rows = append(t.Rows, append(row, s.values(len(units))...))
	}
	t.Show = []string{"hosts_hit", "share_of_hosts", "median", "p90", "max", "worst", "per_cpu_hour", "hits"}
	t.Show = append(t.Show[:0:0], append(append([]string{}, f.by...), t.Show...)...)
	all := &result.Table{Name: "all", Title: "all hits", Cols: spreadCols(over)}
	if len(units) > 0 {
		s := spreadOf(units, nil)
		all.Rows = [][]result.Value{s.values(len(units))}
		set.Verdict = s.verdict(units, over)
		set.Figures = []*result.Figure{curve(units, over)}
	}
	set.Tables = []*result.Table{t, all, unitTable(units, over)}
	f.warn(set, units, over)
	return set
}

func (f *Fleet) newSet() *result.Set {
	return &result.Set{Schema: Schema, By: f.by, Inputs: f.inputs, Verdict: "no recording of which a rate can be had"}
}

func spreadCols(over string) []result.Col {
	rate := func(name, head, help string) result.Col {
		return result.Col{Name: name, Head: head, Unit: "1/h", Help: help + ", of hits per isolated CPU and hour of each " + over + ", those without hits included (interpolated as R's type 7)"}
	}
	return []result.Col{
		{Name: "hosts_hit", Head: over + "s hit", Help: "how many have hits"},
		{Name: "hosts", Head: over + "s", Help: "how many there are"},
		{Name: "share_of_hosts", Head: "of all", Unit: "1", Help: "part that has hits"},
		rate("p10", "p10", "10 % quantile"), rate("median", "median", "median"), rate("p90", "p90", "90 % quantile"), rate("max", "max", "largest"),
		{Name: "worst", Head: "worst", Help: "the " + over + " with the largest rate"},
		{Name: "per_cpu_hour", Head: "pooled", Unit: "1/h", Help: "all hits by all CPU-time: no " + over + " need have that rate"},
		{Name: "hits", Head: "hits"},
	}
}

func (s *spread) values(hosts int) []result.Value {
	worst := result.Str(s.worst.name)
	worst.Void = s.hits == 0
	if s.hits == 0 {
		worst.Str = ""
	}
	return []result.Value{
		result.Int(s.hit), result.Int(hosts), result.Float(float64(s.hit) / float64(hosts)),
		result.Float(quantile(s.rates, 0.1)), result.Float(quantile(s.rates, 0.5)), result.Float(quantile(s.rates, 0.9)), result.Float(s.rates[len(s.rates)-1]),
		worst, result.Float(s.pooled()), result.Int(s.hits),
	}
}

// verdict is how the fleet is hit, in a sentence.
func (s *spread) verdict(units []*unit, over string) string {
	bound := ""
	if doubted(units) > 0 {
		bound = "at least "
	}
	if s.hits == 0 {
		return fmt.Sprintf("%s: %s0 hits", count(len(units), over), bound)
	}
	return fmt.Sprintf("%s, %d of them hit: the median has %s%s hits per isolated CPU and hour, the worst (%s) %s%s",
		count(len(units), over), s.hit, bound, number(quantile(s.rates, 0.5)), s.worst.name, bound, number(s.rates[len(s.rates)-1]))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// number is a rate for people: three digits, whole above.
func number(x float64) string {
	if x >= 1000 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func doubted(units []*unit) (n int) {
	for _, u := range units {
		if u.doubted {
			n++
		}
	}
	return n
}

// unitTable lists the units, the one with the largest rate first.
func unitTable(units []*unit, over string) *result.Table {
	t := &result.Table{Name: "hosts", Title: over + "s", Brief: 10, Cols: []result.Col{
		{Name: "host", Head: over, Key: true},
		{Name: "kernel", Head: "kernel"},
		{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h", Help: "hits per isolated CPU and hour that it was watched"},
		{Name: "hits", Head: "hits"},
		{Name: "cpu_time_ns", Head: "CPU-time", Unit: "ns", Help: "how long its isolated CPUs were watched, added up"},
		{Name: "bound", Head: "bound", Help: "at least: events were lost, or not all sends were recorded"},
	}}
	for _, u := range units {
		bound := ""
		if u.doubted {
			bound = "at least"
		}
		t.Rows = append(t.Rows, []result.Value{result.Str(u.name), result.Str(u.is["kernel"]), result.Float(u.rate(u.total)), result.Int(u.total), result.Int(int64(u.cpuTime)), result.Str(bound)})
	}
	t.SortDown(2)
	return t
}

// curve is which share of the units has at most which rate.
func curve(units []*unit, over string) *result.Figure {
	d := &stat.Dist{}
	for _, u := range units {
		d.Add(int64(u.rate(u.total) + 0.5))
	}
	fig := stat.Cumulative([]stat.Sample{{Name: "all hits", Dist: d}}, over, result.Axis{Name: "per_cpu_hour", Label: "hits per isolated CPU and hour of a " + over, Unit: "1/h"})
	fig.Title = over + "s by their rate"
	return fig
}

// warn says what the numbers are not.
func (f *Fleet) warn(set *result.Set, units []*unit, over string) {
	if n := doubted(units); n > 0 {
		set.Warn("hosts-in-doubt", fmt.Sprintf("%d of %s lost events, or not all sends were recorded: their rates, and the quantiles of all, are lower bounds", n, count(len(units), over)))
	}
	for _, path := range f.left {
		WarnNoRate(set, path, over)
	}
}

// WarnNoRate says in a result that a recording is in no rate.
func WarnNoRate(set *result.Set, path, over string) {
	set.Warn("no-rate", path+": no time in nanoseconds is known that was watched (a clock of ticks, an excerpt, no events): it is in no rate and no count of "+over+"s")
}
