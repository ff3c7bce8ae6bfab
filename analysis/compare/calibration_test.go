package compare_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// long makes the Calibration tests measure as finely as docs/calibration.md
// shows:
//
//	go test ./analysis/compare -run Calibration -v -long -timeout 0
var long = flag.Bool("long", false, "simulate as many comparisons as docs/calibration.md shows; takes minutes")

// sets is how many comparisons every cell of both tables has.
var sets = flag.Int("sets", 500, "with -long: simulate `N` comparisons for each number of runs and regime or factor")

// seed and the number of a cell start its random numbers.
const seed = 19

// A source is one row of a simulated recording. The rows are those of a table of
// real ones: fixtures/k612s4-51-statickey-before and -after, five recordings of
// 9 to 13 s each, and four of k612s4-50-bpfjit-before. Of each row it gave the
// hits of a run, the CV of the rates between runs, and the index of dispersion I
// (docs/definitions.md) within a run in 16 to 256 blocks.
type source struct {
	name string
	mean float64 // hits of a run of length 1
	// cv is that of the rates between runs as observed, counting included, so it
	// is rather too large than too small. It is 0 where the runs scatter less
	// than Poisson counts do: reschedule, kick, flush_ldt, rare rows.
	cv float64
	// burst and phases are b and c of I = b + c*(mean hits of a block), fitted to
	// I at 16 and at 256 blocks: hits that come at a time, whole, and the squared
	// CV of slow phases within a run.
	burst  int
	phases float64
	kind   kind
}

type kind int

const (
	process kind = iota // bursts at random times, in phases
	timer               // evenly spread, less than Poisson
	episode             // nothing in most runs
)

// episodes is the share of runs in which an episode happens. Two runs of one
// side and none of two others then have it in 2 * 0.15^2 * 0.85^2 = 3.3 % of
// comparisons: what was measured with the specification of this method as the
// false calls of 2+2, nearly all of them in this row. At 1+1 it measured none, as
// the burst factor is to see that the hits of an episode in a run are not
// independent. In a quarter of a run 40 hits have I 1.5 in 256 blocks and 8.5 in
// 16: enough to count with two runs a side (27 effective hits each), too few with
// one (under 5).
const (
	episodes = 0.15
	episodic = labBlocks / 4 // blocks of an episode
)

func sources() []source {
	return []source{
		{"sync3667", 3667, 0.16, 2, 0.25, process},   // do_sync_core, before: I 36.7 to 5.8; c is 0.15 for 16 blocks, 0.27 for 256
		{"tlb400", 415, 0.13, 1, 0.21, process},      // flush_tlb_func, after: 301,414,402,465,491; I 6.5 to 1.4
		{"tlb75", 77, 0.22, 2, 8.3, process},         // flush_tlb_func, before: 112,56,93,73,49; I 41.8 to 5.0
		{"flushall366", 366, 0.28, 1, 0.34, process}, // do_flush_tlb_all of bpfjit: 473,398,354,238; I 8.9 to 1.7
		{"kernel336", 336, 0.27, 1, 0.31, process},   // kernel_range_flush of bpfjit: 433,366,319,225; I 7.6 to 1.5
		{"resched20", 21, 0, 1, 0, process},          // reschedule: 22,19,25,22,16
		{"kick12", 12, 0, 1, 0, timer},               // 12,13,10,13
		{"ldt15", 15, 0, 1, 0, process},              // flush_ldt, after: 13,15,12,20,17
		{"ldt2", 2.4, 0, 2, 0, process},              // flush_ldt, before: 4,3,2,1,2; I 2.0
		{"rcu2", 2, 0, 2, 0, process},                // rcu_barrier_handler: 2,2,2,2, both at a time
		{"rare", 1.2, 0, 1, 0, process},              // p9_client_cb: 12 hits in ten runs
		{"episode", 40, 0, 1, 0, episode},
	}
}

// A regime is how equal set-ups differ from run to run.
type regime struct {
	name    string
	host    float64                 // CV of what all rows of a run have in common
	cv      func(s *source) float64 // CV of each row of its own
	plain   bool                    // no bursts and no phases
	lengths bool                    // runs are up to four times as long as others
	// whole lets an episode last for all of its run. Nothing in one run tells it
	// from a change of the set-up then.
	whole bool
}

// largest is the largest CV of a row's rates that recordings showed.
const largest = 0.28

// rest is the CV of a factor that makes, with another of CV part, one of CV all.
func rest(all, part float64) float64 { return math.Sqrt(max(0, (1+all*all)/(1+part*part)-1)) }

func regimes() []regime {
	same := func(cv float64) func(*source) float64 { return func(*source) float64 { return cv } }
	// slow runs are slow for all rows, by less than the loop that varied least
	// did (13 %)
	const common = 0.10
	typical := func(s *source) float64 { return rest(s.cv, common) }
	return []regime{
		{"poisson", 0, same(0), true, false, false},
		{"typical", common, typical, false, false, false},
		{"host", largest, same(0), false, false, false},
		{"rows", 0, same(largest), false, false, false},
		{"wild", largest, same(rest(0.54, largest)), false, false, false},
		{"lengths", common, typical, false, true, false}, // fixed work took 4.8 to 13.1 s: 2.7 times
		// not of the specification: a daemon that ran in some recordings
		{"daemon", common, typical, false, false, true},
	}
}

// A lab makes recordings.
type lab struct {
	rng *rand.Rand
}

func newLab(cell int) *lab { return &lab{rand.New(rand.NewPCG(seed, uint64(cell)))} }

const (
	labCells  = 256 // of a run of length 1, the finest that the sources were measured in
	labBlocks = 16  // phases of a run, the longest that they were measured in
)

// gamma draws a factor of mean 1.
func (l *lab) gamma(cv float64) float64 {
	if cv == 0 {
		return 1
	}
	shape := 1 / (cv * cv)
	return distuv.Gamma{Alpha: shape, Beta: shape, Src: l.rng}.Rand()
}

func (l *lab) poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	return int(distuv.Poisson{Lambda: mean, Src: l.rng}.Rand())
}

// A labRun is a recording: its length, and the hits of each source over time.
type labRun struct {
	length float64
	cells  [][]float64
}

// run records once; effect multiplies the means of the rows in changed.
func (l *lab) run(all []source, r *regime, effect float64, changed []string) labRun {
	out := labRun{length: 1}
	if r.lengths {
		out.length = math.Exp(l.rng.Float64() * math.Log(4))
	}
	// cells have one width: longer runs have more of them
	n := int(out.length * labCells)
	host := l.gamma(r.host)
	for i := range all {
		s := all[i]
		if r.plain {
			s.burst, s.phases = 1, 0
		}
		if slices.Contains(changed, s.name) {
			s.mean *= effect
		}
		out.cells = append(out.cells, l.hits(&s, s.mean*out.length*host*l.gamma(r.cv(&s)), n, r.whole))
	}
	return out
}

// hits spreads a mean number of hits over n cells.
func (l *lab) hits(s *source, mean float64, n int, whole bool) []float64 {
	cells := make([]float64, n)
	if s.kind == timer {
		for at := l.rng.Float64(); at < mean; at++ {
			cells[min(n-1, int(at/mean*float64(n)))]++
		}
		return cells
	}
	if s.kind == episode && l.rng.Float64() >= episodes {
		return cells
	}
	ends := l.phases(s.phases)
	if s.kind == episode && !whole {
		ends = l.stretch()
	}
	for range l.poisson(mean / float64(s.burst)) {
		block, at := 0, l.rng.Float64()
		for block < labBlocks-1 && ends[block] < at {
			block++
		}
		cells[int((float64(block)+l.rng.Float64())/labBlocks*float64(n))] += float64(s.burst)
	}
	return cells
}

// phases are the shares of a run's hits up to the end of each of its blocks. That
// they add up to 1 keeps the variation from run to run what it should be.
func (l *lab) phases(c float64) [labBlocks]float64 {
	var ends [labBlocks]float64
	sum := 0.0
	for i := range ends {
		sum += l.gamma(math.Sqrt(c))
		ends[i] = sum
	}
	for i := range ends {
		ends[i] /= sum
	}
	return ends
}

// stretch are the shares of an episode.
func (l *lab) stretch() [labBlocks]float64 {
	var ends [labBlocks]float64
	from := l.rng.IntN(labBlocks - episodic + 1)
	for i := range ends {
		ends[i] = float64(min(max(i+1-from, 0), episodic)) / episodic
	}
	return ends
}

func (l *lab) side(n int, all []source, r *regime, effect float64, changed []string) []labRun {
	var out []labRun
	for range n {
		out = append(out, l.run(all, r, effect, changed))
	}
	return out
}

// different lists the rows that the method calls different. It takes the steps
// of compare.Compare that lead to a verdict and leaves out its intervals, which
// cost most; TestCalibrationDecides holds one against the other.
func different(all []source, sides [2][]labRun) map[string]bool {
	var at []int
	var ps, least []float64
	for i := range all {
		var runs [2]stat.Runs
		var cells [][]float64
		hits := 0.0
		for g, side := range sides {
			for _, run := range side {
				n := 0.0
				for _, c := range run.cells[i] {
					n += c
				}
				hits += n
				runs[g].Hits, runs[g].Exposure = append(runs[g].Hits, n), append(runs[g].Exposure, run.length)
				if n > 0 {
					cells = append(cells, run.cells[i])
				}
			}
		}
		if hits == 0 {
			continue
		}
		c := stat.Compare(runs[0], runs[1], stat.Burst(cells, len(sides[0]) > 1 && len(sides[1]) > 1), stat.DefaultRunCV)
		at, ps, least = append(at, i), append(ps, c.P()), append(least, c.Least)
	}
	out := map[string]bool{}
	for k, q := range stat.Adjust(ps, least, 0.05) {
		if q < 0.05 {
			out[all[at[k]].name] = true
		}
	}
	return out
}

// toSide is runs as the program reads them.
func toSide(name string, all []source, runs []labRun) compare.Side {
	s := compare.Side{Name: name}
	for _, run := range runs {
		r := compare.Run{CPUs: 2, Isolated: "2-3", Duration: int64(run.length * 10e9), CellWidth: 1 << 25}
		r.Total.Cells = make([]uint32, len(run.cells[0]))
		for i := range all {
			g := compare.Group{Key: []string{all[i].name}}
			for t, c := range run.cells[i] {
				g.Cells = append(g.Cells, uint32(c))
				g.Hits += uint64(c)
				r.Total.Cells[t] += uint32(c)
			}
			r.Total.Hits += g.Hits
			if g.Hits > 0 {
				r.Groups = append(r.Groups, g)
			}
		}
		s.Runs = append(s.Runs, r)
	}
	return s
}

// called lists the rows of a result that are called different.
func called(set *result.Set) map[string]bool {
	rows, out := set.Table("rows"), map[string]bool{}
	for _, row := range rows.Rows {
		switch row[rows.Index("verdict")].Str {
		case "unclear", "unchanged":
		default:
			out[row[0].Str] = true
		}
	}
	return out
}

// TestCalibrationDecides: what the simulation counts is what a comparison says.
func TestCalibrationDecides(t *testing.T) {
	all, seen := sources(), 0
	for i, r := range regimes() {
		l := newLab(1000 + i)
		for _, n := range [][2]int{{1, 1}, {1, 4}, {2, 2}, {3, 3}} {
			sides := [2][]labRun{l.side(n[0], all, &r, 1, nil), l.side(n[1], all, &r, 4, changed())}
			got := called(compare.Compare([]compare.Side{toSide("before", all, sides[0]), toSide("after", all, sides[1])}, byFunction()))
			want := different(all, sides)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %d+%d runs: a comparison says %v, the simulation %v", r.name, n[0], n[1], got, want)
			}
			seen += len(got)
		}
	}
	if seen == 0 {
		t.Error("no row is different")
	}
}

// head starts a table.
func head(b *strings.Builder, columns []string) {
	b.WriteString("| runs | " + strings.Join(columns, " | ") + " |\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
}

// TestCalibration: where nothing differs, a row is called different in no more
// comparisons than the error rate allows, 6 % with what a simulation is off by,
// whatever the number of runs and the way in which they vary. A daemon is shown
// only.
func TestCalibration(t *testing.T) {
	sizes := [][2]int{{1, 1}, {1, 4}, {2, 2}, {2, 5}, {3, 3}, {4, 4}, {5, 5}}
	times, limit := *sets, 0.06
	if !*long {
		// a sample of so few must not fail by chance: R: qbinom(0.9999, 40, 0.05) is 9
		sizes, times, limit = [][2]int{{1, 1}, {2, 2}, {3, 3}}, 40, 9.0/40
	}
	all := sources()
	var b strings.Builder
	var columns []string
	for _, r := range regimes() {
		columns = append(columns, r.name)
	}
	head(&b, columns)
	for k, n := range sizes {
		fmt.Fprintf(&b, "| %d+%d |", n[0], n[1])
		for i, r := range regimes() {
			l, wrong, rows := newLab(100+10*k+i), 0, map[string]int{}
			for range times {
				found := different(all, [2][]labRun{l.side(n[0], all, &r, 1, nil), l.side(n[1], all, &r, 1, nil)})
				if len(found) > 0 {
					wrong++
				}
				for name := range found {
					rows[name]++
				}
			}
			share := float64(wrong) / float64(times)
			fmt.Fprintf(&b, " %.3f |", share)
			if share > limit && !r.whole {
				t.Errorf("%s, %d+%d runs: %d of %d comparisons of equal set-ups call a row different", r.name, n[0], n[1], wrong, times)
			}
			t.Logf("%s, %d+%d runs: %d of %d wrong: %v", r.name, n[0], n[1], wrong, times, rows)
		}
		b.WriteByte('\n')
	}
	t.Logf("comparisons of equal set-ups in which a row is called different, of %d each:\n%s", times, &b)
}

// A mix is a recording's rows and which four of them change where power is
// measured. Of the table that ours is held against it is not known how its row
// varied, nor which three others changed with it: both decide how often it is
// found.
type mix struct {
	name    string
	sources []source
	changed []string
}

// changed are the rows that changed in k612s4-51-statickey.
func changed() []string { return []string{"tlb400", "sync3667", "kick12", "ldt15"} }

// loopCV is the root mean square of the CVs of the five loops among the sources.
const loopCV = 0.22

func mixes() []mix {
	loops := sources()
	for i := range loops {
		if loops[i].cv > 0 {
			loops[i].cv = loopCV
		}
	}
	return []mix{
		{"as recorded", sources(), changed()},
		{"four loops", loops, []string{"tlb400", "sync3667", "flushall366", "kernel336"}},
	}
}

// reach is what the specification of this method found, in percent of 300
// comparisons (30 for 1+1, where it gives 13 to 17 at x4) for a row tlb400, at
// x0, x0.5, x0.8, x1.25, x2 and x4.
func reach() [][]float64 {
	return [][]float64{{100, 0, 0, 0, 0, 13}, {100, 3, 0, 0, 6, 92}, {100, 30, 1, 1, 46, 98}, {100, 68, 2, 4, 84, 100}, {100, 89, 4, 9, 93, 100}}
}

// TestCalibrationPower: a row that differs is found as often as the
// specification of the method found one, less three points. docs/calibration.md
// says in which cells that is not reached with -long.
func TestCalibrationPower(t *testing.T) {
	for m, mix := range mixes() {
		t.Run(mix.name, func(t *testing.T) { mix.power(t, m) })
	}
}

// power measures one table; number starts its random numbers.
func (m *mix) power(t *testing.T, number int) {
	effects := []float64{0, 0.5, 0.8, 1.25, 2, 4}
	times, few, sizes := *sets, 0.0, []int{1, 2, 3, 4, 5}
	if !*long {
		// a sample of so few must not fail by chance: R: qbinom(0.0001, 20, 0.89) is 11
		times, few, sizes = 20, 42, []int{2, 3}
	}
	typical := regimes()[1]
	var b strings.Builder
	var columns []string
	for _, e := range effects {
		columns = append(columns, fmt.Sprintf("x%g", e))
	}
	head(&b, columns)
	for _, n := range sizes {
		fmt.Fprintf(&b, "| %d+%d |", n, n)
		for i, e := range effects {
			l, found := newLab(500+100*number+10*n+i), 0
			for range times {
				if different(m.sources, [2][]labRun{l.side(n, m.sources, &typical, 1, nil), l.side(n, m.sources, &typical, e, m.changed)})["tlb400"] {
					found++
				}
			}
			percent, want := 100*float64(found)/float64(times), reach()[n-1][i]
			fmt.Fprintf(&b, " %.1f (%g) |", percent, want)
			if percent < want-3-few {
				t.Errorf("%d+%d runs, x%g: found in %.1f %% of %d, want %g", n, n, e, percent, times, want-3)
			}
		}
		b.WriteByte('\n')
	}
	t.Logf("tlb400 found, percent of %d, and what is to be reached:\n%s", times, &b)
}
