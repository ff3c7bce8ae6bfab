package ringlive

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// A recording is a file of real pages and what tracedat reads in it.
type recording struct {
	name  string
	file  []byte
	pages map[int][]page // by CPU
	cpus  []int
	first trace.Time
	last  trace.Time
	want  []uint64
	lost  int
}

type page struct {
	begin, last trace.Time
	data        []byte
}

func (r *recording) records(t testing.TB) *tracedat.Records {
	t.Helper()
	d, err := tracedat.OpenRecords(bytes.NewReader(r.file), int64(len(r.file)), r.name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// load reads a recording. Pages were recorded by trace-cmd from running kernels.
func load(t testing.TB, name string) *recording {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "fixtures", name, "trace.dat"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{name: name, file: b, pages: map[int][]page{}, first: 1 << 62}
	d := r.records(t)
	defer d.Close()
	var p ringbuf.Page
	err = d.EachPage(func(cpu int, data []byte) {
		p.Reset(d.Layout(), data)
		begin := trace.Time(p.Time())
		for p.Next() {
		}
		r.pages[cpu] = append(r.pages[cpu], page{begin, trace.Time(p.Time()), slices.Clone(data)})
		r.first, r.last = min(r.first, begin), max(r.last, trace.Time(p.Time()))
	})
	if err != nil {
		t.Fatal(err)
	}
	for cpu := range r.pages {
		r.cpus = append(r.cpus, cpu)
	}
	slices.Sort(r.cpus)
	src, err := tracedat.Open(bytes.NewReader(b), int64(len(b)), name, tracedat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for src.Scan() {
		if l, ok := src.Record().(*trace.Lost); ok && l.N > 0 {
			r.lost++
		}
		r.want = append(r.want, sum(src.Table(), src.Record()))
	}
	if err := src.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

// sum stands for all of a record but where it lies in its file.
func sum(tab *trace.Table, record trace.Record) uint64 {
	h := fnv.New64a()
	switch r := record.(type) {
	case *trace.Event:
		fmt.Fprint(h, r.Time, r.CPU, r.Seq, r.PID, r.TGID, r.Flags, r.Preempt, r.HasFlags, r.Instance, tab.NameOf(r.Comm), r.Schema().Name)
		h.Write(r.Payload())
		for _, f := range tab.StackOf(r.Stack()) {
			io.WriteString(h, tab.SymbolOf(f).Name)
		}
	case *trace.Lost:
		fmt.Fprint(h, "lost", r.Time, r.CPU, r.N, r.Since)
	default:
		fmt.Fprintf(h, "%T", r)
	}
	return h.Sum64()
}

// A play is a Feed that hands pages over as a recorder might get them.
type play struct {
	*recording
	at    trace.Time // of the last look
	next  map[int]int
	intn  func(n int) int
	steps int
}

func newPlay(r *recording, intn func(int) int) *play {
	return &play{recording: r, at: r.first, next: map[int]int{}, intn: intn, steps: 2 + intn(40)}
}

// Look brings of each CPU at least the pages that began before the look before, at
// most those that began before this one, or less of a CPU that is said to be full.
func (p *play) Look(take func(int, []byte)) (Looked, error) {
	before := p.at
	p.at += max((p.last-p.first)/trace.Time(p.steps), 1)
	over := before > p.last
	looked := Looked{Begun: p.at}
	cpus := slices.Clone(p.cpus)
	for i := range cpus {
		j := i + p.intn(len(cpus)-i)
		cpus[i], cpus[j] = cpus[j], cpus[i]
	}
	for _, cpu := range cpus {
		most := 1 << 30
		if p.intn(4) == 0 {
			most = p.intn(3)
		}
		for ; p.next[cpu] < len(p.pages[cpu]); p.next[cpu]++ {
			g := &p.pages[cpu][p.next[cpu]]
			if must := g.begin < before; !over && !must && (g.begin >= p.at || p.intn(3) == 0) {
				break
			}
			if most--; !over && most < 0 {
				looked.Full = append(looked.Full, cpu)
				break
			}
			take(cpu, g.data)
		}
	}
	if over {
		return looked, io.EOF
	}
	return looked, nil
}

// checkPlay holds what a play gives against what tracedat read.
func checkPlay(t rapid.TB, s *Source, r *recording) {
	mark := never
	n := 0
	for s.Scan() {
		switch x := s.Record().(type) {
		case *trace.Until:
			if x.Time <= mark {
				t.Fatalf("the mark went from %d to %d", mark, x.Time)
			}
			mark = x.Time
			continue
		case *trace.Event:
			if x.Time < mark {
				t.Fatalf("an event at %d behind the mark %d", x.Time, mark)
			}
		}
		if n >= len(r.want) || sum(s.Table(), s.Record()) != r.want[n] {
			t.Fatalf("record %d of %d is not that of the file: %+v", n, len(r.want), s.Record())
		}
		n++
	}
	st := s.Stats()
	if s.Err() != nil || n != len(r.want) || st.Late != 0 || st.Held != 0 {
		t.Fatalf("%d records of %d, %+v, %v", n, len(r.want), st, s.Err())
	}
}

// TestFixtures: pages of real recordings come in the order of the file, with its
// losses, however they arrive. The first of them has lost events on all CPUs.
func TestFixtures(t *testing.T) {
	for _, name := range []string{"k612s4-07-lost", "k612s4-02-zlib-mono", "k72s4-01-zstd-local", "karm64s4-21-ipi-all"} {
		r := load(t, name)
		if name == "k612s4-07-lost" && r.lost == 0 {
			t.Errorf("%s lost nothing: what is tested?", name)
		}
		for seed := range uint64(3) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			checkPlay(t, New(r.records(t), newPlay(r, rnd.IntN)), r)
		}
	}
}

// TestAnyArrival is the same for any arrival of pages.
func TestAnyArrival(t *testing.T) {
	r := load(t, "k612s4-07-lost")
	for cpu, pages := range r.pages { // the first events of each CPU
		r.pages[cpu] = pages[:min(len(pages), 12)]
	}
	r.last = r.first
	for _, pages := range r.pages {
		r.last = max(r.last, pages[len(pages)-1].last)
	}
	// all at once is in order whatever the marks
	r.want = nil
	s := New(r.records(t), &all{r})
	for s.Scan() {
		r.want = append(r.want, sum(s.Table(), s.Record()))
	}
	law.Check(t, func(t *rapid.T) {
		d, err := tracedat.OpenRecords(bytes.NewReader(r.file), int64(len(r.file)), r.name)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		seed := rapid.Uint64().Draw(t, "seed")
		checkPlay(t, New(d, newPlay(r, rand.New(rand.NewPCG(seed, 2)).IntN)), r)
	})
}

// all brings everything with one look.
type all struct{ *recording }

func (a *all) Look(take func(int, []byte)) (Looked, error) {
	for _, cpu := range a.cpus {
		for _, p := range a.pages[cpu] {
			take(cpu, p.data)
		}
	}
	return Looked{}, io.EOF
}

// script is a Feed of looks that are given.
type script struct {
	looks []func(take func(int, []byte)) (Looked, error)
	names []map[int32]string
}

func (s *script) Look(take func(int, []byte)) (Looked, error) {
	if len(s.looks) == 0 {
		return Looked{}, io.EOF
	}
	l := s.looks[0]
	s.looks = s.looks[1:]
	return l(take)
}

func (s *script) Names() map[int32]string {
	if len(s.names) == 0 {
		return nil
	}
	n := s.names[0]
	s.names = s.names[1:]
	return n
}

type look = func(take func(int, []byte)) (Looked, error)

// TestLate: an event that two looks were too early for is delivered, and said to be
// late; nothing is left out.
func TestLate(t *testing.T) {
	r := load(t, "k612s4-02-zlib-mono")
	a, b := r.cpus[0], r.cpus[1]
	end := r.last + 1
	s := New(r.records(t), &script{looks: []look{
		func(take func(int, []byte)) (Looked, error) {
			for _, p := range r.pages[a] {
				take(a, p.data)
			}
			return Looked{Begun: end}, nil
		},
		func(func(int, []byte)) (Looked, error) { return Looked{Begun: end}, nil },
		func(take func(int, []byte)) (Looked, error) {
			take(b, r.pages[b][0].data)
			return Looked{Begun: end}, nil
		},
	}})
	events := map[int32]uint64{}
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok {
			events[e.CPU]++
		}
	}
	if st := s.Stats(); st.Late == 0 || st.Late > events[int32(b)] || st.Events != events[int32(a)]+events[int32(b)] || events[int32(b)] == 0 {
		t.Errorf("%+v, events %v", st, events)
	}
}

// TestHeldBack: what is younger than the look before the last one waits, and a CPU of
// which there is more holds the others back.
func TestHeldBack(t *testing.T) {
	r := load(t, "k612s4-07-lost")
	cpu := r.cpus[0]
	p := r.pages[cpu]
	var s *Source
	var marks []trace.Time
	looked := func(begun trace.Time, full []int, n int) look {
		return func(take func(int, []byte)) (Looked, error) {
			if st := s.Stats(); st.Until != s.told {
				t.Errorf("%+v", st)
			}
			marks = append(marks, s.mark)
			for _, g := range p[:n] {
				take(cpu, g.data)
			}
			p = p[n:]
			return Looked{Begun: begun, Full: full}, nil
		}
	}
	t1, t2, t3 := p[3].begin, p[5].begin, p[9].begin
	s = New(r.records(t), &script{looks: []look{
		looked(t1, nil, 2), looked(t2, nil, 2), looked(t3, []int{cpu}, 1), looked(t3, nil, 0), looked(t3, []int{r.cpus[1]}, 0), looked(t3, nil, 0),
	}})
	fifth := p[4].begin
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok && !s.ended && e.Time >= s.mark {
			t.Fatalf("an event at %d, the mark is %d", e.Time, s.mark)
		}
	}
	if want := []trace.Time{never, never, t1, min(t2, fifth), t3, t3}; !slices.Equal(marks, want) {
		t.Errorf("marks %v, want %v", marks, want)
	}
}

// TestDamage: what cannot be read is said, and counts as lost.
func TestDamage(t *testing.T) {
	r := load(t, "k612s4-02-zlib-mono")
	cpu := r.cpus[0]
	p := r.pages[cpu]
	for _, tt := range []struct {
		name, want string
		pages      [][]byte
	}{
		{"zeros", "a page of zeros", [][]byte{p[0].data, make([]byte, len(p[0].data)), p[1].data}},
		{"exchanged", "it is left out", [][]byte{p[0].data, p[2].data, p[1].data, p[3].data}},
		{"cut", "ring buffer page", [][]byte{p[0].data, p[1].data[:100], p[2].data}},
		{"short", "its header needs", [][]byte{p[0].data, p[1].data[:7], p[2].data}},
	} {
		s := New(r.records(t), &script{looks: []look{func(take func(int, []byte)) (Looked, error) {
			for _, b := range tt.pages {
				take(cpu, b)
			}
			return Looked{}, nil
		}}})
		faults, losses := 0, 0
		for s.Scan() {
			switch x := s.Record().(type) {
			case *trace.SyntaxError:
				if faults++; !strings.Contains(x.Msg, tt.want) {
					t.Errorf("%s: %s", tt.name, x.Msg)
				}
			case *trace.Lost:
				if losses++; x.N != 0 || x.Since == 0 {
					t.Errorf("%s: %+v", tt.name, x)
				}
			}
		}
		if faults != 1 || losses != 1 || s.Err() == nil {
			t.Errorf("%s: %d faults, %d losses, %v", tt.name, faults, losses, s.Err())
		}
	}
}

// TestFeedFails: what came before is delivered.
func TestFeedFails(t *testing.T) {
	r := load(t, "k612s4-02-zlib-mono")
	gone := errors.New("gone")
	s := New(r.records(t), &script{looks: []look{func(take func(int, []byte)) (Looked, error) {
		take(r.cpus[0], r.pages[r.cpus[0]][0].data)
		return Looked{}, gone
	}}})
	n := 0
	for s.Scan() {
		n++
	}
	if n == 0 || !errors.Is(s.Err(), gone) {
		t.Errorf("%d records, %v", n, s.Err())
	}
}

// TestNames: names that change are taken from then on.
func TestNames(t *testing.T) {
	r := load(t, "k612s4-07-lost")
	cpu := r.cpus[0]
	names, told := map[int32]string{}, false
	s := New(r.records(t), &script{looks: []look{
		func(take func(int, []byte)) (Looked, error) {
			take(cpu, r.pages[cpu][0].data)
			return Looked{Begun: r.last + 1}, nil
		},
		func(func(int, []byte)) (Looked, error) { return Looked{Begun: r.last + 1}, nil },
		func(take func(int, []byte)) (Looked, error) {
			for _, p := range r.pages[cpu][1:] {
				take(cpu, p.data)
			}
			told = true
			return Looked{Names: names}, nil
		},
	}})
	renamed := 0
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		switch {
		case !ok || e.PID == 0:
		case !told:
			names[e.PID] = "renamed"
		case names[e.PID] != "":
			if renamed++; s.Table().NameOf(e.Comm) != "renamed" {
				t.Fatalf("PID %d is %s", e.PID, s.Table().NameOf(e.Comm))
			}
		}
	}
	if renamed == 0 {
		t.Error("no task came again: what is tested?")
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	r := load(t, "k612s4-07-lost")
	s := New(r.records(t), &all{r})
	for range 1000 { // grow what grows
		s.Scan()
	}
	if n := testing.AllocsPerRun(5000, func() { s.Scan() }); n > 0 {
		t.Errorf("%v allocations for a record", n)
	}
}
