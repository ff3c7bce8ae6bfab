package track_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// recorded are recordings of the receiving side, and of a sender alone: x86 and
// arm64, with and without losses, binary and text.
func recorded() []string {
	return []string{
		"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat", "karm64s4-21-ipi-all/report-t.txt.gz",
		"k612s4-07-lost/trace.dat", "k612s4-06-multi/trace.dat", "k612s4-32-trace_pipe/trace_pipe-lost.txt.gz", "k612s4-02-zlib-mono/trace.dat",
	}
}

// slow is another reading of a recording, made to be read and not to be fast: it
// keeps all events that matter in lists.
type slow struct {
	isolated *cpumask.Mask
	sends    map[string][]int64 // times of the sends to a CPU by a line that wait for an interrupt
	pairs    map[string]int     // send and entry that belong together
	entries  map[string]uint64  // of the isolated CPUs by kind
	hits     uint64
	requests uint64
	open     map[string]int64
	took     map[string]int // entry and exit of equal event and CPU
}

func newSlow(isolated *cpumask.Mask) *slow {
	return &slow{isolated: isolated, sends: map[string][]int64{}, pairs: map[string]int{}, entries: map[string]uint64{}, open: map[string]int64{}, took: map[string]int{}}
}

func (s *slow) isIsolated(cpu int) bool { return s.isolated == nil || s.isolated.Has(cpu) }

func (s *slow) Event(e *trace.Event) {
	sc := e.Schema()
	symbol := func(field string) string {
		id, _ := e.Symbol(sc.Ref(field))
		return e.Table().SymbolOf(id).Name
	}
	text := func(field string) string {
		b, _ := e.Bytes(sc.Ref(field))
		return strings.Trim(string(b), "()")
	}
	switch sc.Name {
	case "ipi_send_cpu", "ipi_send_cpumask":
		var m cpumask.Mask
		line := "single"
		if n, ok := e.Uint(sc.Ref("cpu")); sc.Name == "ipi_send_cpu" && ok {
			m.Set(int(n))
		} else {
			e.Mask(sc.Ref("cpumask"), &m)
			line = "many"
		}
		switch cb := symbol("callback"); cb {
		case "0x0":
			line = "reschedule"
		case track.Generic:
		default:
			line = "irq_work"
		}
		for cpu := range m.All() {
			if s.isIsolated(cpu) {
				s.hits++
				k := fmt.Sprint(cpu, line)
				s.sends[k] = append(s.sends[k], int64(e.Time))
			}
		}
	case "csd_queue_cpu":
		if n, ok := e.Uint(sc.Ref("cpu")); ok && s.isIsolated(int(n)) {
			s.requests++
		}
	case "reschedule_entry":
		s.enter(e, "vector", "reschedule")
	case "call_function_entry":
		s.enter(e, "vector", "many")
	case "call_function_single_entry":
		s.enter(e, "vector", "single")
	case "irq_work_entry":
		s.enter(e, "vector", "irq_work")
	case "ipi_entry":
		switch reason := text("reason"); {
		case strings.HasPrefix(reason, "Resched"):
			s.enter(e, "ipi", "reschedule")
		case strings.HasPrefix(reason, "Function"):
			s.enter(e, "ipi", "single", "many")
		case strings.HasPrefix(reason, "IRQ work"):
			s.enter(e, "ipi", "irq_work")
		default:
			s.enter(e, "ipi")
		}
	case "csd_function_entry":
		s.enter(e, "csd")
	}
	s.time(e)
}

// time pairs the entry and exit events of vectors.
func (s *slow) time(e *trace.Event) {
	name, entry := strings.CutSuffix(e.Schema().Name, "_entry")
	name, exit := strings.CutSuffix(name, "_exit")
	if _, ok := e.Uint(e.Schema().Ref("vector")); !ok || !entry && !exit {
		return
	}
	k := fmt.Sprint(e.CPU, " ", name)
	if entry {
		s.open[k] = int64(e.Time)
	} else if from, ok := s.open[k]; ok {
		delete(s.open, k)
		s.took[fmt.Sprint(k, " ", from, " ", int64(e.Time)-from)]++
	}
}

func (s *slow) enter(e *trace.Event, kind string, lines ...string) {
	if !s.isIsolated(int(e.CPU)) {
		return
	}
	s.entries[kind]++
	var sent []int64
	for _, l := range lines {
		k := fmt.Sprint(e.CPU, l)
		sent = append(sent, s.sends[k]...)
		delete(s.sends, k)
	}
	for _, at := range sent {
		s.pairs[fmt.Sprint(e.CPU, " ", at, " ", int64(e.Time))]++
	}
}

func (s *slow) Lost(l *trace.Lost) {
	maps.DeleteFunc(s.open, func(k string, _ int64) bool { return strings.HasPrefix(k, fmt.Sprint(l.CPU, " ")) })
	for k := range s.sends {
		if strings.HasPrefix(k, fmt.Sprint(l.CPU)) {
			delete(s.sends, k)
		}
	}
}

func (s *slow) End(analysis.Span) {}

// fast is what track makes of the same.
type fast struct {
	*track.Deliveries
	pairs map[string]int
}

func (f *fast) End(analysis.Span) { f.Deliveries.End() }

func newFast(t *testing.T, table *trace.Table, isolated *cpumask.Mask) *fast {
	t.Helper()
	cat := catalogtest.Load(t)
	f := &fast{pairs: map[string]int{}}
	f.Deliveries = track.NewDeliveries(table, track.DeliveryConfig{
		Config: track.Config{Isolated: isolated, Attribution: track.NewAttributor(cat, table)},
		Window: 100_000,
		Delivery: func(d *track.Delivery) {
			if d.Arrival == track.Matched {
				f.pairs[fmt.Sprint(d.Target, " ", int64(d.Sent), " ", int64(d.Entered()))]++
			}
		},
	})
	return f
}

// TestAccounts: of every entry event, hit and request it is known what became of
// it, on every recording. All pairs are those that a slow reading finds, but for
// those that cross a gap.
func TestAccounts(t *testing.T) {
	two, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range recorded() {
		for _, isolated := range []*cpumask.Mask{&two, nil} {
			name := path
			if isolated == nil {
				name += ", all CPUs"
			}
			t.Run(name, func(t *testing.T) {
				src := open(t, path)
				want, got := newSlow(isolated), newFast(t, src.Table(), isolated)
				st, err := analysis.Run(context.Background(), src, analysis.Options{}, want, got)
				if err != nil {
					t.Fatal(err)
				}
				for _, k := range []track.BracketKind{track.BracketVector, track.BracketIPI, track.BracketCall} {
					if n := got.Arrivals[k].All(); n != want.entries[k.String()] {
						t.Errorf("%d %v entries accounted for, the recording has %d", n, k, want.entries[k.String()])
					}
				}
				if n := got.Hits.All(); n != want.hits {
					t.Errorf("%d hits accounted for, the recording has %d", n, want.hits)
				}
				if n := got.Requests.All(); n != want.requests {
					t.Errorf("%d requests accounted for, the recording has %d", n, want.requests)
				}
				if st.Lost == 0 && !st.LostUnknown {
					if diff := cmp.Diff(want.pairs, got.pairs); diff != "" {
						t.Errorf("-slow +track:\n%s", diff)
					}
					return
				}
				for p := range got.pairs {
					if want.pairs[p] == 0 {
						t.Errorf("the pair %s is not in the recording", p)
					}
				}
			})
		}
	}
}

// TestVectorTimes: the times of irq_vectors are the differences of the entry and
// exit events, each of them.
func TestVectorTimes(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "k612s4-07-lost/trace.dat"} {
		src := open(t, path)
		want, got := newSlow(nil), map[string]int{}
		b := &brackets{Brackets: track.NewBrackets(src.Table(), track.BracketConfig{Close: func(_ *trace.Event, x *track.Bracket) {
			if x.Kind == track.BracketVector {
				got[fmt.Sprint(x.CPU, " ", src.Table().NameOf(x.Name), " ", int64(x.Start), " ", int64(x.End-x.Start))]++
			}
		}})}
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, want, b); err != nil {
			t.Fatal(err)
		}
		if len(got) < 2000 {
			t.Errorf("%s: only %d vectors", path, len(got))
		}
		if diff := cmp.Diff(want.took, got); diff != "" {
			t.Errorf("%s: -slow +track:\n%s", path, diff)
		}
	}
}

// Where nothing was lost every entry event is matched, or a local function.
func TestEveryEntryIsMatched(t *testing.T) {
	for _, path := range recorded() {
		if strings.Contains(path, "lost") {
			continue
		}
		j := newJourney(t, open(t, path), func(*track.Delivery) {})
		for _, k := range []track.BracketKind{track.BracketVector, track.BracketIPI, track.BracketCall} {
			if a := &j.Arrivals[k]; a[track.Matched]+a[track.Local] != a.All() {
				t.Errorf("%s: %v: %v", path, k, *a)
			}
		}
	}
}
