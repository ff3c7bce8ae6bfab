package compare_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/ipiscope/ipiscope/analysis/compare"
)

// long makes TestCalibration measure as finely as docs/calibration.md shows:
//
//	go test ./analysis/compare -run Calibration -v -long -timeout 0
var long = flag.Bool("long", false, "simulate as many comparisons as docs/calibration.md shows; takes minutes")

// sets is how many comparisons a cell of its tables has.
var sets = flag.Int("sets", 500, "with -long: simulate `N` comparisons for each number of runs and regime")

// A source is one row of a simulated recording, after what recordings of equal
// set-ups show (fixtures/k612s4-51-statickey-* and others): loops that share
// CPUs, fixed work, timers, rare rows.
type source struct {
	name  string
	mean  float64 // hits of a run of length 1
	burst int     // hits that come at a time
	cv    float64 // between runs, in the regime "typical"
	kind  kind
}

type kind int

const (
	process kind = iota // bursts at random times, in phases
	timer               // evenly spread, less than Poisson
	episode             // nothing in most runs, then all at once
)

func sources() []source {
	return []source{
		{"sync3667", 3667, 16, 0.16, process}, {"tlb400", 400, 5, 0.13, process}, {"tlb75", 75, 5, 0.22, process},
		{"kernel330", 330, 2, 0.27, process}, {"config100", 100, 4, 0.15, process}, {"kick20", 20, 1, 0.05, process},
		{"resched20", 20, 1, 0.10, process}, {"timer12", 12, 1, 0, timer}, {"ldt3", 3, 1, 0.10, process},
		{"rcu2", 2, 2, 0.05, process}, {"rare", 0.5, 1, 0, process}, {"episode", 40, 1, 0, episode},
	}
}

// A regime is how equal set-ups differ from run to run.
type regime struct {
	name    string
	host    float64                 // CV of what all rows of a run have in common
	cv      func(s *source) float64 // CV of each row of its own
	bursts  bool
	lengths bool // runs are up to four times as long as others
}

func regimes() []regime {
	same := func(cv float64) func(*source) float64 { return func(*source) float64 { return cv } }
	typical := func(s *source) float64 { return s.cv }
	return []regime{
		{"poisson", 0, same(0), false, false},
		{"typical", 0.10, typical, true, false}, // tlb400: 16 %, as rows of recordings have on average
		{"host", 0.28, same(0.08), true, false},
		{"rows", 0, same(0.28), true, false},
		{"wild", 0.25, same(0.47), true, false}, // 54 % in all
		{"lengths", 0.10, typical, true, true},
	}
}

// A lab makes recordings.
type lab struct{ rng *rand.Rand }

const labCells = 128

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

// run records once; effects multiply the means of rows.
func (l *lab) run(r *regime, effects map[string]float64) compare.Run {
	length := 1.0
	if r.lengths {
		length = math.Exp(l.rng.Float64() * math.Log(4))
	}
	// cells have one width: longer runs have more of them
	out := compare.Run{CPUs: 2, Isolated: "2-3", Duration: int64(length * 10e9), CellWidth: 10e9 / labCells}
	n := int(length * labCells)
	out.Total.Cells = make([]uint32, n)
	host := l.gamma(r.host)
	for i := range sources() {
		s := &sources()[i]
		effect, ok := effects[s.name]
		if !ok {
			effect = 1
		}
		cells := l.hits(s, r, s.mean*effect*length*host*l.gamma(r.cv(s)), n)
		g := compare.Group{Key: []string{s.name}, Cells: cells}
		for j, c := range cells {
			g.Hits += uint64(c)
			out.Total.Cells[j] += c
		}
		out.Total.Hits += g.Hits
		if g.Hits > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	return out
}

// hits spreads a mean number of hits over n cells.
func (l *lab) hits(s *source, r *regime, mean float64, n int) []uint32 {
	cells := make([]uint32, n)
	switch s.kind {
	case timer:
		at := l.rng.Float64()
		for ; at < mean; at++ {
			cells[min(n-1, int(at/mean*float64(n)))]++
		}
		return cells
	case episode:
		if l.rng.Float64() < 0.15 {
			from := l.rng.IntN(n - 8)
			for range l.poisson(s.mean) {
				cells[from+l.rng.IntN(8)]++
			}
		}
		return cells
	}
	burst := 1
	if r.bursts {
		burst = s.burst
	}
	// in bursts, in a third of the time twice as often as else
	for range l.poisson(mean / float64(burst)) {
		at := l.rng.IntN(n)
		if r.bursts && l.rng.IntN(4) == 0 {
			at = n/3 + l.rng.IntN(n/3)
		}
		cells[at] += uint32(burst)
	}
	return cells
}

func (l *lab) side(name string, n int, r *regime, effects map[string]float64) compare.Side {
	s := compare.Side{Name: name}
	for range n {
		s.Runs = append(s.Runs, l.run(r, effects))
	}
	return s
}

// different lists the rows that are called different.
func (l *lab) different(n [2]int, r *regime, effects map[string]float64) map[string]bool {
	set := compare.Compare([]compare.Side{l.side("before", n[0], r, nil), l.side("after", n[1], r, effects)}, byFunction())
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

// TestCalibration: where nothing differs, a row is called different in no more
// comparisons than the error rate allows, whatever the number of runs and the
// way in which they vary.
func TestCalibration(t *testing.T) {
	sizes := [][2]int{{1, 1}, {1, 4}, {2, 2}, {2, 5}, {3, 3}, {4, 4}, {5, 5}}
	times := *sets
	limit := 0.06 // and two standard errors, if the sets are few
	if times < 500 {
		limit += 2 * math.Sqrt(limit*(1-limit)/float64(times))
	}
	if !*long {
		// R: qbinom(0.9999, 30, 0.05) is 8
		sizes, times, limit = [][2]int{{1, 1}, {2, 2}, {3, 3}}, 30, 8.0/30
	}
	var b strings.Builder
	b.WriteString("| runs |")
	for _, r := range regimes() {
		b.WriteString(" " + r.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(regimes())) + "\n")
	for _, n := range sizes {
		fmt.Fprintf(&b, "| %d+%d |", n[0], n[1])
		for i, r := range regimes() {
			l := &lab{rand.New(rand.NewPCG(uint64(i), uint64(n[0]*10+n[1])))}
			wrong := 0
			for range times {
				if len(l.different(n, &r, nil)) > 0 {
					wrong++
				}
			}
			share := float64(wrong) / float64(times)
			fmt.Fprintf(&b, " %.3f |", share)
			if share > limit {
				t.Errorf("%s, %d+%d runs: %d of %d comparisons of equal set-ups call a row different", r.name, n[0], n[1], wrong, times)
			}
		}
		b.WriteByte('\n')
	}
	t.Logf("comparisons of equal set-ups in which a row is called different, of %d each:\n%s", times, &b)
}

// TestCalibrationPower: how often a row that differs is found.
func TestCalibrationPower(t *testing.T) {
	effects := []float64{0, 0.5, 0.8, 1.25, 2, 4}
	// what the method is to reach, percent (docs/calibration.md), less three points
	least := map[int][]float64{2: {97, 0, 0, 0, 3, 89}, 3: {97, 27, 0, 0, 43, 95}, 4: {97, 65, 0, 1, 81, 97}, 5: {97, 86, 1, 6, 90, 97}}
	times := *sets
	if !*long {
		effects, times = []float64{0, 4}, 10
		least = map[int][]float64{2: {90, 50}, 3: {90, 70}}
	}
	typical := regimes()[1]
	var b strings.Builder
	b.WriteString("| runs |")
	for _, e := range effects {
		fmt.Fprintf(&b, " x%g |", e)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(effects)) + "\n")
	for n := 1; n <= 5; n++ {
		if !*long && least[n] == nil {
			continue
		}
		fmt.Fprintf(&b, "| %d+%d |", n, n)
		for i, e := range effects {
			l := &lab{rand.New(rand.NewPCG(uint64(i), uint64(n)))}
			found := 0
			for range times {
				if l.different([2]int{n, n}, &typical, map[string]float64{"tlb400": e, "tlb75": e, "kick20": e, "config100": e})["tlb400"] {
					found++
				}
			}
			percent := 100 * float64(found) / float64(times)
			fmt.Fprintf(&b, " %.0f |", percent)
			if least[n] == nil {
				continue
			}
			limit := least[n][i] - 200*math.Sqrt(least[n][i]/100*(1-least[n][i]/100)/float64(times)) // two standard errors
			if percent < limit {
				t.Errorf("%d+%d runs, x%g: found in %.0f %%, want %.0f", n, n, e, percent, least[n][i])
			}
		}
		b.WriteByte('\n')
	}
	t.Logf("tlb400 found, percent of %d:\n%s", times, &b)
}
