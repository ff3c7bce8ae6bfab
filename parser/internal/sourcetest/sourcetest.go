// Package sourcetest holds what every trace.Source must keep to, whatever its
// format: how the bytes arrive does not matter, an input that is cut anywhere does not
// make it panic or invent events, what it delivered is not changed by reading on, a
// hint leaves out what was not asked for and nothing else, and events are not
// allocated.
package sourcetest

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Format is what the suite needs to know of one.
type Format struct {
	// Data is a whole input with a few hundred events or more, of several names.
	Data []byte
	// Open opens one that lies in memory.
	Open func(data []byte) (trace.Source, error)
	// Stream opens one that is read from front to back, and is nil if the format
	// cannot be read so.
	Stream func(r io.Reader) (trace.Source, error)
	// Wanted is the name of an event that the hint asks for.
	Wanted string
	// Settled is after how many records names are known and buffers have their
	// size. Allocations is how many there may be for 100 events then: for chunks
	// that are unpacked and for names that are new, not for events.
	Settled     int
	Allocations float64
}

// cuts is at how many places the input is cut, spread over it.
const cuts = 12

// Run runs the suite.
func (f *Format) Run(t *testing.T) {
	whole := read(t, f.open(t, f.Data))
	if len(whole.events) < 100 || whole.err != nil {
		t.Fatalf("%d events, %v: want an input that is whole and has more of them", len(whole.events), whole.err)
	}
	t.Run("end", f.end)
	t.Run("bytes", func(t *testing.T) { f.arriving(t, whole) })
	t.Run("cut", func(t *testing.T) { f.cut(t, whole) })
	t.Run("hint", func(t *testing.T) { f.hint(t, whole) })
	t.Run("allocations", f.allocations)
}

func (f *Format) open(t *testing.T, data []byte) trace.Source {
	t.Helper()
	src, err := f.Open(bytes.Clone(data))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// end: after the last record there is none, and Close may be called once more.
func (f *Format) end(t *testing.T) {
	src := f.open(t, f.Data)
	for src.Scan() {
	}
	if src.Scan() {
		t.Error("Scan returns true after it returned false")
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	early := f.open(t, f.Data)
	early.Scan()
	if err := early.Close(); err != nil {
		t.Errorf("closed after a record: %v", err)
	}
}

// arriving: how the bytes arrive does not matter.
func (f *Format) arriving(t *testing.T, whole *reading) {
	if f.Stream == nil {
		t.Skip("this format is read at random")
	}
	for how, wrap := range map[string]func(io.Reader) io.Reader{"one at a time": iotest.OneByteReader, "by halves": iotest.HalfReader, "the last with the end": iotest.DataErrReader} {
		src, err := f.Stream(wrap(bytes.NewReader(f.Data)))
		if err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		if d := cmp.Diff(whole.texts(), read(t, src).texts()); d != "" {
			t.Errorf("%s: -whole +got:\n%s", how, d)
		}
	}
}

// cut: an input that ends early is refused, or its events are events of the whole but
// for the last one, which may be cut itself. Names of tasks and symbols may stand
// after the cut, and what an event is. Nothing panics.
func (f *Format) cut(t *testing.T, whole *reading) {
	names, known := map[string]bool{}, map[string]int{}
	for _, e := range whole.events {
		names[e.name] = true
		known[e.plain]++
		known[e.head]++
	}
	places := []int{len(f.Data) - 4096, len(f.Data) - 100, len(f.Data) - 1}
	for i := range cuts {
		places = append(places, len(f.Data)*i/cuts)
	}
	opened := 0
	for _, n := range places {
		src, err := f.Open(bytes.Clone(f.Data[:n]))
		if err != nil {
			continue
		}
		opened++
		got := read(t, src)
		left := map[string]int{}
		var unknown []string
		for _, e := range got.events {
			is := e.plain
			if !names[e.name] {
				is = e.head
			}
			if left[is]++; left[is] > known[is] {
				unknown = append(unknown, is)
			}
		}
		if len(unknown) > 1 || len(got.events) > len(whole.events) {
			t.Errorf("cut at byte %d of %d: %d of %d events are none of the whole, as %s", n, len(f.Data), len(unknown), len(got.events), unknown[:1])
		}
	}
	if opened == 0 {
		t.Error("no part of the input can be opened: what was before the cut is lost")
	}
}

// hint: what is asked for is delivered as without a hint, and what is left out is
// counted.
func (f *Format) hint(t *testing.T, whole *reading) {
	src := f.open(t, f.Data)
	h, ok := trace.As[trace.Hinter](src)
	if !ok {
		t.Skip("this source takes no hints")
	}
	h.Hint(trace.Hint{Want: trace.Want{Events: []string{f.Wanted}, Stacks: []string{f.Wanted}, Names: true}})
	got := read(t, src)
	want, is := whole.named(f.Wanted), got.named(f.Wanted)
	if len(want) == 0 {
		t.Fatalf("the input has no %s", f.Wanted)
	}
	if d := cmp.Diff(want, is); d != "" {
		t.Errorf("-without a hint +with it:\n%s", d)
	}
	if n := uint64(len(got.events)) + got.skipped; n != uint64(len(whole.events)) {
		t.Errorf("%d events and %d that were passed over, want %d in all", len(got.events), got.skipped, len(whole.events))
	}
}

// allocations: events are not allocated.
func (f *Format) allocations(t *testing.T) {
	src := f.open(t, f.Data)
	defer src.Close()
	for range f.Settled {
		src.Scan()
	}
	more := true
	n := testing.AllocsPerRun(3, func() {
		for range 100 {
			more = src.Scan() && more
			if e, ok := src.Record().(*trace.Event); ok && more {
				e.Uint(e.Schema().Ref("cpu"))
			}
		}
	})
	if !more {
		t.Fatalf("the input is too short: less than 400 records after the first %d", f.Settled)
	}
	if n > f.Allocations {
		t.Errorf("%v allocations for 100 events, want %v at most", n, f.Allocations)
	}
}

// A reading is what a source delivered.
type reading struct {
	events  []event
	skipped uint64
	err     error
}

type event struct {
	name  string
	text  string // all of it
	plain string // without names that stand elsewhere
	head  string // without what the format of the event says
}

func (r *reading) texts() []string {
	var all []string
	for _, e := range r.events {
		all = append(all, e.text)
	}
	return all
}

func (r *reading) named(name string) []string {
	var all []string
	for _, e := range r.events {
		if e.name == name {
			all = append(all, e.text)
		}
	}
	return all
}

// read reads a source to its end. Copies of its events are looked at when all was
// read: they must say what the events themselves said.
func read(t *testing.T, src trace.Source) *reading {
	t.Helper()
	r := &reading{}
	var copies []*trace.Event
	for src.Scan() {
		switch x := src.Record().(type) {
		case *trace.Event:
			c := &trace.Event{}
			x.CopyTo(c)
			copies = append(copies, c)
			r.events = append(r.events, event{x.Schema().Name, text(x), plain(x), head(x)})
		case *trace.Skipped:
			r.skipped += x.N
		}
	}
	r.err = src.Err()
	for i, c := range copies {
		if got := text(c); got != r.events[i].text {
			t.Fatalf("event %d was %s and is %s after reading on", i, r.events[i].text, got)
		}
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	return r
}

// text shows an event with what is decoded of each field. Names stand for their
// numbers, which depend on what else is read.
func text(e *trace.Event) string {
	table := e.Table()
	s := table.NameOf(e.Comm) + " " + table.NameOf(e.Instance) + " " + plain(e)
	if e.Schema().IsStack {
		for _, pc := range table.StackOf(e.Stack()) {
			s += " " + table.SymbolOf(pc).Name
		}
	}
	return s
}

// plain shows what the event itself holds.
func plain(e *trace.Event) string {
	s := fmt.Sprintf("%s %t %x %d %s:%s", head(e), e.HasFlags, e.Flags, e.Preempt, e.Schema().System, e.Schema().Name)
	if e.Schema().IsStack {
		return s
	}
	for i := range e.Schema().Fields {
		f := &e.Schema().Fields[i]
		ref := e.Schema().Ref(f.Name)
		n, isNumber := e.Uint(ref)
		b, isBytes := e.Bytes(ref)
		if isNumber || isBytes {
			s += fmt.Sprintf(" %s=%d,%q", f.Name, n, b)
		}
	}
	return s
}

func head(e *trace.Event) string { return fmt.Sprintf("%d cpu %d pid %d", e.Time, e.CPU, e.PID) }
