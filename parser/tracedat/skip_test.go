package tracedat

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A reading is what a Source delivers with a hint, and all that it counts.
type reading struct {
	Lines       []string // without Skipped records
	Events      uint64   // delivered or skipped, in the window
	ByEvent     map[string]uint64
	First, Last trace.Time
	Any         bool
	Err         string
}

func (r *reading) see(at trace.Time) {
	if !r.Any {
		r.Any, r.First, r.Last = true, at, at
	}
	r.First, r.Last = min(r.First, at), max(r.Last, at)
}

func (r *reading) count(name string, n uint64) {
	r.Events += n
	if n > 0 {
		r.ByEvent[name] += n
	}
}

// read reads a file with a hint.
func read(t testing.TB, data []byte, h trace.Hint, o Options) reading {
	t.Helper()
	s, err := Open(bytes.NewReader(data), int64(len(data)), "t.dat", o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Hint(h)
	r := reading{ByEvent: map[string]uint64{}}
	for s.Scan() {
		switch rec := s.Record().(type) {
		case *trace.Skipped:
			if rec.Any {
				r.see(rec.First)
				r.see(rec.Last)
			}
			if h.ByEvent {
				for id, n := range rec.ByEvent {
					r.count(s.Table().Schema(trace.EventID(id)).Name, n)
				}
			} else {
				r.Events += rec.N
			}
			continue
		case *trace.Event:
			r.see(rec.Time)
			r.count(rec.Schema().Name, 1)
		}
		r.Lines = append(r.Lines, describeSince(s))
	}
	if s.Err() != nil {
		r.Err = s.Err().Error()
	}
	if done, total := s.Progress(); done != total {
		t.Errorf("%d of %d bytes read at the end", done, total)
	}
	return r
}

// describeSince is describe, and of a loss when it began.
func describeSince(s *Source) string {
	if l, ok := s.Record().(*trace.Lost); ok {
		return fmt.Sprint(describe(s), " since ", l.Since)
	}
	return describe(s)
}

// thin is what a hint asks for, chosen out of everything that a file has: by the
// definitions of trace.Hint, event by event, in the order of the trace.
func thin(t testing.TB, data []byte, h trace.Hint) reading {
	t.Helper()
	s := mustOpen(t, data)
	type place struct {
		instance trace.NameID
		cpu      int32
	}
	type waiter struct {
		at   trace.Context
		came *bool // the stack did
	}
	waiting, began := map[place][]waiter{}, map[place]bool{}
	takesPart := h.Select.Test(s.Table())
	r := reading{ByEvent: map[string]uint64{}}
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		if !ok {
			if l, ok := s.Record().(*trace.Lost); ok {
				delete(waiting, place{l.Instance, l.CPU})
			}
			r.Lines = append(r.Lines, describeSince(s))
			continue
		}
		if takesPart != nil && !takesPart(e) {
			continue
		}
		r.see(e.Time)
		at, schema := place{e.Instance, e.CPU}, e.Schema()
		if h.Window != nil && !h.Window.Has(e.Time) {
			delete(waiting, at)
			continue
		}
		r.count(schema.Name, 1)
		wanted := !began[at]
		began[at] = true
		if schema.IsStack {
			wanted = wanted || h.Want.Stacks == nil
			waiting[at] = slices.DeleteFunc(waiting[at], func(w waiter) bool {
				if w.at == e.Context() {
					*w.came, wanted = true, true
					return false
				}
				over := !e.Context().Interrupts(w.at) // what interrupted its event is over
				wanted = wanted || over && !*w.came
				return over
			})
		} else {
			waiting[at] = slices.DeleteFunc(waiting[at], func(w waiter) bool {
				over := !e.Context().Interrupts(w.at)
				wanted = wanted || over && !*w.came
				return over
			})
			owner := h.Want.Stacks != nil && trace.Names(h.Want.Stacks, schema)
			if owner {
				waiting[at] = append(waiting[at], waiter{e.Context(), new(bool)})
			}
			wanted = wanted || owner || h.Want.Events == nil || trace.Names(h.Want.Events, schema)
		}
		if wanted {
			r.Lines = append(r.Lines, describe(s))
		}
	}
	if s.Err() != nil {
		r.Err = s.Err().Error()
	}
	return r
}

// holds reports whether all of what was wanted is in what was delivered, in the
// order of the trace. Damage is told when it is reached, which is sooner if less
// is delivered.
func holds(wanted, delivered []string) bool {
	bad := func(s string) bool { return strings.HasPrefix(s, "BAD ") }
	damage := func(lines []string) []string {
		return slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return !bad(s) })))
	}
	if !slices.Equal(damage(wanted), damage(delivered)) {
		return false
	}
	wanted = slices.DeleteFunc(slices.Clone(wanted), bad)
	i := 0
	for _, line := range delivered {
		if i < len(wanted) && line == wanted[i] {
			i++
		}
	}
	return i == len(wanted)
}

// TestSkip: whatever is wanted, all of it is delivered, and what is skipped is
// counted as if it had been; neither the size of blocks nor the number of threads
// shows.
func TestSkip(t *testing.T) {
	for _, kind := range []variant{plain6, plain7, zlib7, zstd7} {
		t.Run(kind.String(), func(t *testing.T) {
			law.Check(t, func(rt *rapid.T) {
				v := kind
				v.big = rapid.IntRange(0, 3).Draw(rt, "big endian") == 0
				f := v.file()
				other := f.Declare(datwriter.Format{System: "more", Name: "other"})
				f.ChunkPages = rapid.IntRange(1, 3).Draw(rt, "pages in a chunk")
				for i := range rapid.IntRange(1, 2).Draw(rt, "buffers") {
					b := datwriter.Buffer{Clock: "local", Name: []string{"", "inst"}[i]}
					for cpu := range rapid.IntRange(1, 3).Draw(rt, "CPUs") {
						b.CPUs = append(b.CPUs, datwriter.CPU{ID: cpu, Pages: f.Pages(drawNested(rt, f, other))})
					}
					f.Buffers = append(f.Buffers, b)
				}
				data, marks := f.Bytes()
				damaged := rapid.IntRange(0, 9).Draw(rt, "damage") == 0
				if begin := marks["data  0"]; damaged && begin+1 < len(data) {
					at := rapid.IntRange(begin+1, len(data)-1).Draw(rt, "byte")
					data[at] ^= 0x40
					if s, err := openBytes(data); err != nil {
						return
					} else {
						s.Close()
					}
				}
				h := drawHint(rt)
				want := thin(t, data, h)
				got := read(t, data, h, Options{Threads: 1})
				if !h.ByEvent {
					want.ByEvent, got.ByEvent = nil, nil
				}
				lines := got.Lines
				if !damaged { // else times may go back
					if d := gocmp.Diff(want, got); d != "" {
						rt.Fatalf("%+v: -all +skipping\n%s", h, d)
					}
				}
				want, want.Lines = got, nil
				for _, o := range []Options{{Threads: 4}, {Threads: 1, block: 1}, {Threads: 3, block: 1}, {Threads: 2, block: 3000}} {
					if damaged && h.Window != nil && o.block > 0 {
						break // whether a page is outside is told by the page after it, in the same block
					}
					again := read(t, data, h, o)
					if d := gocmp.Diff(lines, again.Lines); d != "" {
						rt.Fatalf("%+v, %+v:\n%s", h, o, d)
					}
					again.Lines = nil
					if !h.ByEvent {
						again.ByEvent = nil
					}
					if d := gocmp.Diff(want, again); d != "" {
						rt.Fatalf("%+v, %+v: counts\n%s", h, o, d)
					}
				}
			})
		})
	}
}

// drawNested draws events of tasks and of what interrupts them, many with a
// stack.
func drawNested(rt *rapid.T, f *datwriter.File, other *datwriter.EventType) []datwriter.Event {
	var events []datwriter.Event
	time, pid := uint64(rapid.IntRange(0, 500).Draw(rt, "start")), int32(7)
	type level struct{ flags, preempt uint8 }
	levels := []level{{0, 0}, {0, 1}, {0x10, 1}, {0x08, 0}, {0x18, 2}, {0x40, 1}} // task, softirq, hardirq, both, NMI
	for range rapid.IntRange(0, 60).Draw(rt, "events") {
		time += uint64(rapid.IntRange(0, 20).Draw(rt, "gap"))
		if rapid.IntRange(0, 7).Draw(rt, "switch") == 0 {
			pid = rapid.SampledFrom([]int32{0, 7, 9}).Draw(rt, "pid")
		}
		l := rapid.SampledFrom(levels).Draw(rt, "level")
		e := datwriter.Event{Time: time, Absolute: rapid.IntRange(0, 9).Draw(rt, "absolute") == 0}
		if rapid.IntRange(0, 20).Draw(rt, "missed") == 0 {
			e.Missed = 3
		}
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			e.Record = f.StackAt(pid, l.flags, l.preempt, datwriter.BetaAddr)
		case 1:
			e.Record = other.RecordAt(pid, l.flags, l.preempt)
		default:
			e.Record = f.Record(datwriter.Sample{PID: pid, Flags: l.flags, Preempt: l.preempt, Name: rapid.StringMatching(`[a-z]{0,120}`).Draw(rt, "name")})
		}
		events = append(events, e)
	}
	return events
}

func drawHint(rt *rapid.T) trace.Hint {
	lists := [][]string{nil, {}, {"sample"}, {"more:other"}, {"sample", "other"}}
	h := trace.Hint{ByEvent: rapid.Bool().Draw(rt, "by event")}
	h.Want.Events = rapid.SampledFrom(lists).Draw(rt, "events")
	h.Want.Stacks = rapid.SampledFrom(lists).Draw(rt, "stacks of")
	if rapid.IntRange(0, 2).Draw(rt, "window") == 0 {
		from := trace.Time(rapid.IntRange(0, 1000).Draw(rt, "from"))
		h.Window = &trace.Window{From: from, To: from + trace.Time(rapid.IntRange(0, 1000).Draw(rt, "width"))}
	}
	switch rapid.IntRange(0, 6).Draw(rt, "selection") {
	case 0:
		h.Select.Events = rapid.SampledFrom([][]string{{"sample"}, {"other", "kernel_stack"}, {}}).Draw(rt, "selected")
	case 1:
		var m cpumask.Mask
		m.Set(rapid.IntRange(0, 3).Draw(rt, "CPU"))
		h.Select.CPUs = &m
	case 2:
		name := rapid.SampledFrom([]string{"", "inst", "none"}).Draw(rt, "instance")
		h.Select.Instance = &name
	}
	return h
}

// TestSkipFixtures: the same of recordings, with what a report wants.
func TestSkipFixtures(t *testing.T) {
	sends := []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"}
	wants := []trace.Want{
		{Events: append([]string{"csd_queue_cpu", "call_function_entry", "ipi_entry"}, sends...), Stacks: sends},
		{Stacks: []string{"sched_waking"}},
		{Events: []string{}, Stacks: []string{}},
	}
	for _, name := range []string{"k612s4-12b-all-stack", "k612s4-07-lost", "k612s4-06-multi", "k612s4-02-zlib-mono", "karm64s4-21-ipi-all"} {
		data := fixture(t, name)
		for _, w := range wants {
			h := trace.Hint{Want: w, ByEvent: w.Events != nil && len(w.Events) == 0}
			want := thin(t, data, h)
			for _, o := range []Options{{Threads: 1}, {Threads: 3, block: 1}} {
				got := read(t, data, h, o)
				if !holds(want.Lines, got.Lines) {
					t.Errorf("%s: %+v, %+v: not all of what is wanted is delivered", name, h, o)
				}
				if got.Events != want.Events || got.First != want.First || got.Last != want.Last || h.ByEvent && !gocmp.Equal(got.ByEvent, want.ByEvent) {
					t.Errorf("%s: %+v, %+v: %d events from %d to %d, want %d from %d to %d", name, h, o, got.Events, got.First, got.Last, want.Events, want.First, want.Last)
				}
				if more := len(got.Lines) - len(want.Lines); more < 0 || more*20 > len(want.Lines) {
					t.Errorf("%s: %+v: %d records more than the %d that are wanted", name, h, more, len(want.Lines))
				}
			}
		}
	}
}

// TestThreads: nothing that is read depends on the threads, whether all of it is
// wanted or a part.
func TestThreads(t *testing.T) {
	for _, d := range damages() {
		b, marks := small(d.v).Bytes()
		b = d.do(b, marks)
		want, wantErr := readAll(b)
		for _, o := range []Options{{Threads: 1, block: 1}, {Threads: 4, block: 1}, {Threads: 4}} {
			s, err := Open(bytes.NewReader(b), int64(len(b)), "t.dat", o)
			if err != nil {
				continue // that was tested
			}
			got := scanAll(s)
			if diff := gocmp.Diff(want, got); diff != "" || fmt.Sprint(s.Err()) != fmt.Sprint(wantErr) {
				t.Errorf("%s, %+v: error %v, want %v\n%s", d.name, o, s.Err(), wantErr, diff)
			}
			s.Close()
		}
	}
}

// TestCloseEarly ends the workers of a trace that nobody reads on.
func TestCloseEarly(t *testing.T) {
	data := large(plain7, 20_000)
	for _, n := range []int{0, 1, 5000} {
		s, err := Open(bytes.NewReader(data), int64(len(data)), "t.dat", Options{Threads: 4, block: 4096})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			s.Scan()
		}
		s.Close()
	}
}

// TestSkippedOften: however little is delivered, the reader hears of each block.
func TestSkippedOften(t *testing.T) {
	data := large(plain7, 2_000)
	var none cpumask.Mask
	for name, h := range map[string]trace.Hint{
		"no event":          {Want: trace.Want{Events: []string{}, Stacks: []string{}}},
		"no CPU":            {Select: trace.Selection{CPUs: &none}},
		"none of both":      {Select: trace.Selection{CPUs: &none}, Want: trace.Want{Events: []string{}, Stacks: []string{}}},
		"nothing in a time": {Window: &trace.Window{From: 1 << 60, To: 1 << 61}},
	} {
		s, err := Open(bytes.NewReader(data), int64(len(data)), "t.dat", Options{Threads: 2, block: 4096})
		if err != nil {
			t.Fatal(err)
		}
		s.Hint(h)
		told, before := 0, int64(-1)
		for s.Scan() {
			if _, ok := s.Record().(*trace.Skipped); !ok {
				continue
			}
			told++
			done, _ := s.Progress()
			if done < before {
				t.Fatalf("%s: %d bytes done, then %d", name, before, done)
			}
			before = done
		}
		if blocks := len(data) / 4096 / 2; told < blocks {
			t.Errorf("%s: told %d times, want %d", name, told, blocks)
		}
		s.Close()
	}
}
