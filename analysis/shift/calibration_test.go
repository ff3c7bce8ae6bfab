package shift_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/shift"
)

// A regime is a way in which the durations of one set-up scatter, within a run
// and from run to run.
type regime struct {
	name string
	// run draws what is particular to a run, row what is particular to a row.
	run func(*rand.Rand) runTraits
	// values draws the durations of one row in one run, in microseconds.
	values func(*rand.Rand, runTraits, int) []float64
	coarse bool // times are whole microseconds
	few    bool // rows of 10 to 60 durations instead of 60 to 2000
}

// runTraits are what differs from run to run.
type runTraits struct{ scale, slow float64 }

func noTraits(*rand.Rand) runTraits { return runTraits{1, 0.1} }

// differing makes runs that differ by a coefficient of variation of about cv.
func differing(cv float64) func(*rand.Rand) runTraits {
	return func(r *rand.Rand) runTraits {
		return runTraits{math.Exp(cv * r.NormFloat64()), min(0.9, 0.1*math.Exp(cv*r.NormFloat64()))}
	}
}

// independent draws lognormal durations.
func independent(r *rand.Rand, t runTraits, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 8 * t.scale * math.Exp(0.6*r.NormFloat64())
	}
	return out
}

// clustered draws durations that come in bursts of 1 to 11 that are alike, and
// drift slowly.
func clustered(r *rand.Rand, t runTraits, n int) []float64 {
	out := make([]float64, 0, n)
	level := 0.0
	for len(out) < n {
		level = 0.9*level + 0.15*r.NormFloat64()
		burst := 0.5 * r.NormFloat64()
		for range 1 + r.IntN(11) {
			out = append(out, 8*t.scale*math.Exp(level+burst+0.2*r.NormFloat64()))
		}
	}
	return out[:n]
}

// mixed draws durations of two kinds, as an idle and a busy CPU have them: the
// slow ones are ten times as long.
func mixed(r *rand.Rand, t runTraits, n int) []float64 {
	out := clustered(r, t, n)
	for i := range out {
		if r.Float64() < 4*t.slow {
			out[i] *= 10
		}
	}
	return out
}

// tailed draws durations of which a few come from the machine's own pauses, a
// thousand times as long.
func tailed(r *rand.Rand, t runTraits, n int) []float64 {
	out := clustered(r, t, n)
	for i := range out {
		if r.Float64() < 0.1*t.slow {
			out[i] *= 100 * math.Pow(r.Float64(), -0.7)
		}
	}
	return out
}

// tight draws durations that scatter by 3 %, as a handler does that is alone.
func tight(r *rand.Rand, t runTraits, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 8 * t.scale * math.Exp(0.03*r.NormFloat64())
	}
	return out
}

func regimes() []regime {
	return []regime{
		{name: "independent", run: noTraits, values: independent},
		{name: "bursts", run: differing(0.1), values: clustered},
		{name: "runs 25 %", run: differing(0.25), values: clustered},
		{name: "runs 40 %", run: differing(0.4), values: clustered},
		{name: "two kinds", run: differing(0.25), values: mixed},
		{name: "pauses", run: differing(0.25), values: tailed},
		{name: "tight", run: differing(0.05), values: tight},
		{name: "few", run: differing(0.25), values: clustered, few: true},
		{name: "microseconds", run: differing(0.1), values: tight, coarse: true},
	}
}

// calibrationRows is how many rows a simulated comparison has. Traits of a run
// are those of all its rows, as a slow run slows everything.
const calibrationRows = 6

// simulate makes a run; the first shifted rows take factor times as long.
func (g *regime) simulate(r *rand.Rand, sizes []int, factor float64, shifted int) shift.Run {
	traits := g.run(r)
	run := shift.Run{Input: result.Input{Path: "run", Clock: "mono", CPUs: 4}, Isolated: "2-3", CPUs: 2, Duration: 1e10}
	for i, n := range sizes {
		// runs do not have the same number of durations
		n = max(8, int(float64(n)*math.Exp(0.2*r.NormFloat64())))
		group := shift.Group{Key: []string{fmt.Sprint("f", i)}, Means: "m"}
		for j, us := range g.values(r, traits, n) {
			if i < shifted {
				us *= factor
			}
			ns := int64(1000 * us)
			if g.coarse {
				ns = int64(math.Round(us)) * 1000
			}
			group.Values.Add(int64(j), ns)
		}
		run.Groups = append(run.Groups, group)
	}
	return run
}

func (g *regime) sizes(r *rand.Rand) []int {
	sizes := make([]int, calibrationRows)
	for i := range sizes {
		sizes[i] = int(60 * math.Pow(33, r.Float64()))
		if g.few {
			sizes[i] = 10 + r.IntN(50)
		}
	}
	return sizes
}

// tallies are what many comparisons said.
type tallies struct {
	comparisons, wrong int // comparisons with a row that is called different though it is not
	rows, single       int // rows that do not differ and can be compared, those with p < 0.05
	missed             int // those whose interval does not hold 1
	shifted, found     int // medians that differ, those that are called so
	same               int // rows that differ and are called unchanged
}

// compareSimulated runs comparisons of n before and m after.
func (g *regime) compareSimulated(seed uint64, times, n, m int, factor float64, shifted int) tallies {
	r := rand.New(rand.NewPCG(seed, 19))
	var x tallies
	for range times {
		sizes := g.sizes(r)
		sides := []shift.Side{{Name: "before"}, {Name: "after"}}
		for range n {
			sides[0].Runs = append(sides[0].Runs, g.simulate(r, sizes, 1, 0))
		}
		for range m {
			sides[1].Runs = append(sides[1].Runs, g.simulate(r, sizes, factor, shifted))
		}
		x.add(shift.Compare(sides, shift.Config{Of: "handler", By: []string{"function"}}), shifted)
	}
	return x
}

func (x *tallies) add(set *result.Set, shifted int) {
	t := set.Table("rows")
	at := func(row []result.Value, name string) result.Value { return row[t.Index(name)] }
	wrong := false
	for _, row := range t.Rows {
		var i int
		fmt.Sscanf(at(row, "function").Str, "f%d", &i)
		verdict := at(row, "verdict").Str
		different := verdict == "grown" || verdict == "reduced"
		if i < shifted {
			if at(row, "quantile").Str == "p50" {
				x.shifted++
				if different {
					x.found++
				}
			}
			if verdict == "unchanged" {
				x.same++
			}
			continue
		}
		wrong = wrong || different
		if at(row, "test").Str == "none" {
			continue
		}
		x.rows++
		if at(row, "p").Float < 0.05 {
			x.single++
		}
		if at(row, "ci.lo").Float > 1 || at(row, "ci.hi").Float < 1 {
			x.missed++
		}
	}
	x.comparisons++
	if wrong {
		x.wrong++
	}
}

func calibrationRuns() [][2]int {
	if !*long {
		return [][2]int{{1, 1}, {3, 3}}
	}
	return [][2]int{{1, 1}, {1, 4}, {2, 2}, {2, 5}, {3, 3}, {5, 5}}
}

var (
	long   = flag.Bool("long", false, "simulate as often as the tables in docs/distributions.md were made with")
	tables = flag.String("tables", "", "write the tables of the simulation to this file")
)

// TestCalibration simulates equal set-ups: how often is any row called different?
// The level is that of the false discovery rate, 5 %. With -long the result is
// the table in docs/distributions.md.
func TestCalibration(t *testing.T) {
	times := 24
	if *long {
		times = 120
	}
	var b strings.Builder
	head := "| runs |"
	for _, g := range regimes() {
		head += " " + g.name + " |"
	}
	fmt.Fprintf(&b, "%s\n%s\n", head, "|---|"+strings.Repeat("---|", len(regimes())))
	for i, n := range calibrationRuns() {
		fmt.Fprintf(&b, "| %d+%d |", n[0], n[1])
		for j, g := range regimes() {
			x := g.compareSimulated(uint64(100*i+j+1), times, n[0], n[1], 1, 0)
			share := float64(x.wrong) / float64(x.comparisons)
			fmt.Fprintf(&b, " %.3f (%.3f) |", share, float64(x.single)/math.Max(1, float64(x.rows)))
			// three standard errors above 6 %
			if limit := 0.06 + 3*math.Sqrt(0.06*0.94/float64(times)); share > limit {
				t.Errorf("%d+%d, %s: %.3f of the comparisons of equal set-ups call a row different, more than %.3f", n[0], n[1], g.name, share, limit)
			}
			if x.single != x.missed {
				t.Errorf("%d+%d, %s: p is below 0.05 in %d rows, the interval misses 1 in %d", n[0], n[1], g.name, x.single, x.missed)
			}
		}
		b.WriteByte('\n')
		saveTables(t, &b)
	}
	b.WriteByte('\n')
	writePower(t, &b, times)
	saveTables(t, &b)
}

// saveTables writes what there is so far: it takes minutes.
func saveTables(t *testing.T, b *strings.Builder) {
	if *tables == "" {
		return
	}
	if err := os.WriteFile(*tables, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writePower simulates set-ups of which two of six rows differ.
func writePower(t *testing.T, b *strings.Builder, times int) {
	factors := []float64{1.1, 1.25, 1.5, 2, 4}
	if !*long {
		factors = []float64{1.25}
	}
	shown := slices.DeleteFunc(regimes(), func(g regime) bool {
		return !slices.Contains([]string{"bursts", "runs 25 %", "tight"}, g.name)
	})
	b.WriteString("| runs |")
	for _, g := range shown {
		for _, f := range factors {
			fmt.Fprintf(b, " %s x%g |", g.name, f)
		}
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---|", len(shown)*len(factors)))
	for i, n := range calibrationRuns() {
		fmt.Fprintf(b, "| %d+%d |", n[0], n[1])
		for j, g := range shown {
			for k, f := range factors {
				x := g.compareSimulated(uint64(10000+1000*i+100*j+k), times/3, n[0], n[1], f, 2)
				fmt.Fprintf(b, " %.0f |", 100*float64(x.found)/float64(x.shifted))
				if same := float64(x.same) / float64(x.shifted); f >= 1.25 && same > 0.10 {
					t.Errorf("%d+%d, %s x%g: %.3f of the rows that differ are called unchanged", n[0], n[1], g.name, f, same)
				}
			}
		}
		b.WriteByte('\n')
	}
}
