package compare_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/golden"
)

// A drawer makes up comparisons of every kind: few and many runs, with cells and
// without, lost events, unknown functions and sets of them, other machines.
type drawer struct {
	*rand.Rand
	dirty bool // something is missing, unknown or different
}

// one is true once in n times.
func (d drawer) one(n int) bool { return d.IntN(n) == 0 }

func (d drawer) run(scale float64, cells bool) compare.Run {
	r := counted(float64(90+d.IntN(20)), nil)
	r.Input.Clock, r.Input.Host, r.Input.Kernel, r.Input.Arch, r.Regime = "local", "a", "6.12", "x86_64", "one"
	r.Input.Events = uint64(5000 + d.IntN(5000))
	if d.one(3) {
		r.CPUTime = float64(r.CPUs) * float64(r.Duration) * 0.9
	}
	if d.one(3) {
		r.Work = float64(10 + d.IntN(3))
	}
	if cells {
		r.CellWidth, r.Burst = 1<<30, 0
		r.Total.Cells = make([]uint32, r.Duration>>30)
	}
	for _, name := range []string{"do_sync_core", "flush_tlb_func", "reschedule", "a|b", "b|c", "unknown", "0xffffffff81bc5c10"} {
		isUnknown := name == "unknown" || strings.HasPrefix(name, "0x")
		if d.one(9) || isUnknown && !d.dirty {
			continue
		}
		n := uint64(float64(3*len(name)*len(name)) * (0.8 + 0.4*d.Float64()))
		if strings.Contains(name, "func") || strings.HasPrefix(name, "do_") {
			n = uint64(float64(n) * scale)
		}
		r.Groups = append(r.Groups, d.group(name, n, &r))
	}
	if d.dirty {
		d.spoil(&r)
	}
	return r
}

// group adds hits that come in bursts.
func (d drawer) group(name string, n uint64, r *compare.Run) compare.Group {
	g := compare.Group{Key: []string{name}, Hits: n, Sends: n + uint64(d.IntN(3))}
	if name == "unknown" {
		g.Unattributed = n
	}
	if r.Total.Cells != nil {
		g.Cells = make([]uint32, len(r.Total.Cells))
		for left := n; left > 0; {
			k := min(left, uint64(1+d.IntN(4)))
			i := d.IntN(len(g.Cells))
			g.Cells[i] += uint32(k)
			r.Total.Cells[i] += uint32(k)
			left -= k
		}
	}
	r.Total.Hits += n
	r.Total.Sends += g.Sends
	r.Total.Unattributed += g.Unattributed
	return g
}

// spoil takes something from a run now and then.
func (d drawer) spoil(r *compare.Run) {
	switch d.IntN(16) {
	case 0:
		r.Input.Lost = uint64(1 + d.IntN(200))
	case 1:
		r.Input.LostUnknown = true
	case 2:
		r.Input.Host, r.Input.CPUs = "b", 8
	case 3:
		r.Input.Arch = "aarch64"
	case 4:
		r.Regime = "two"
	case 5:
		r.Isolated = "1-3"
	case 6:
		r.Missed = uint64(d.IntN(60))
	case 7:
		r.Input.Incomplete = true
	case 8:
		r.Input.Clock, r.Input.Ticks = "x86-tsc", true
	case 9:
		r.Input.Sent = result.Sent{CPU: 900, Untargeted: 30}
	case 10:
		r.Input.Unrecorded, r.Input.Missing = []string{"ipi_send_cpumask was not recorded"}, []string{"ipi_send_cpumask"}
	case 11:
		r.Duration /= 30
	case 12:
		r.Input.Kernel = "6.13"
	}
}

func (d drawer) sides() []compare.Side {
	sides := []compare.Side{{Name: "before"}, {Name: "after"}}
	if d.one(5) {
		sides = append(sides, compare.Side{Name: "later"})
	}
	cells := d.one(2)
	scale := []float64{1, 0.01, 0, 5}[d.IntN(4)]
	for i := range sides {
		for range 1 + d.IntN(4) {
			sides[i].Runs = append(sides[i].Runs, d.run([]float64{1, scale, scale * scale}[i], cells))
		}
	}
	return sides
}

func (d drawer) config(t *testing.T) compare.Config {
	cfg := compare.Config{By: []string{"function"}}
	if d.one(3) {
		cfg.Alpha, cfg.Margin = 0.01, 1.3
	}
	if d.one(3) {
		cfg.RunCV = 0.05
	}
	cfg.PerWork = d.one(8)
	if d.one(3) {
		terms, err := compare.ParseTerms([]string{"function=resch*", "function=a", "function=flush_tlb_func|x"}[d.IntN(3)], cfg.By)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Control = []compare.Terms{terms}
	}
	return cfg
}

// TestGolden holds all that is said of comparisons that were made up, and of the
// conditions on them. Their statistics are held against R in analysis/stat, the
// words against the method by the tests beside this one: here nothing changes unseen.
func TestGolden(t *testing.T) {
	for seed := range uint64(48) {
		d := drawer{rand.New(rand.NewPCG(seed, 7)), seed%2 == 1}
		sides, cfg := d.sides(), d.config(t)
		if cfg.PerWork { // then it is known of all
			for i := range sides {
				for j := range sides[i].Runs {
					sides[i].Runs[j].Work = 10 + float64(j)
				}
			}
		}
		set := compare.Compare(sides, cfg)
		text := golden.Text(set) + golden.Text(&result.Set{Figure: compare.Figure(set, 3)})
		for _, c := range []string{"hits > 0", "rate < -10%", "function=do_sync_core > 0", "function=a hits >= 20", "function=* > +50%", "verdict=gone hits < 5", "sends > 100"} {
			cond, err := compare.ParseCondition(c, set.By)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf("%s: %+v\n", c, cond.Look(set))
		}
		golden.CheckText(t, fmt.Sprintf("made-up-%02d", seed), text)
	}
}
