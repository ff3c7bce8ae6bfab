package tracedat

import (
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// touchAll scans everything and reads every field in every way. It returns the
// number of events.
func touchAll(s *Source) int {
	n := 0
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.SyntaxError:
			_ = r.Error()
		case *trace.Event:
			n++
			for i := range r.Schema().Fields {
				ref := trace.FieldRef(i)
				r.Uint(ref)
				r.Bytes(ref)
				if id, ok := r.Symbol(ref); ok {
					_ = s.Table().SymbolOf(id).String()
				}
				var m cpumask.Mask
				if r.Mask(ref, &m) {
					_ = m.String()
				}
			}
			for _, f := range s.Table().StackOf(r.Stack()) {
				_ = s.Table().SymbolOf(f).String()
			}
			_ = s.Table().NameOf(r.Comm) + s.Table().NameOf(r.Instance)
		}
	}
	return n
}

// tiny is a file that fuzzing can grasp: 2.5 KB.
func tiny(v variant) []byte {
	f := v.file()
	f.PlainSections = true
	f.Options = append(f.Options, datwriter.Option{ID: optDate, Data: []byte("0x10\x00")}, datwriter.Option{ID: optCPUStat, Data: []byte("CPU: 0\nentries: 2\n\x00")})
	for _, name := range []string{"", "i"} {
		f.Buffers = append(f.Buffers, datwriter.Buffer{Name: name, Clock: "mono", CPUs: []datwriter.CPU{{ID: 1, Pages: f.Pages(append(samples(f, 1, 4), datwriter.Event{Time: 1 << 40, Missed: 2, Record: f.Stack(7, 1)}))}}})
	}
	b, _ := f.Bytes()
	return b
}

// FuzzOpen: no input makes the reader panic, an error comes with no Source and
// a Source without one. Run it with -fuzzminimizetime 10x: every byte of an
// input matters to coverage, and minimizing would take all the time.
func FuzzOpen(f *testing.F) {
	for _, v := range variants() {
		f.Add(tiny(v))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := openBytes(b)
		if (s == nil) == (err == nil) {
			t.Fatalf("source %v, error %v", s, err)
		}
		if err != nil {
			_ = err.Error()
			return
		}
		defer s.Close()
		touchAll(s)
		if s.Scan() || s.Record() != nil {
			t.Fatal("a record behind the last one")
		}
		if err := s.Err(); err != nil {
			_ = err.Error()
		}
		if done, total := s.Progress(); done != total {
			t.Fatalf("%d of %d bytes read at the end", done, total)
		}
		checkCut(t, b)
	})
}

// checkCut cuts a file in which nothing is wrong: its events are those of the
// whole one, or it is said that something is wrong.
func checkCut(t *testing.T, b []byte) {
	want, err := perCPU(b)
	if err != nil {
		return
	}
	h := fnv.New64a()
	h.Write(b)
	rng := rand.New(rand.NewPCG(18, h.Sum64())) // the same places each time
	for range 3 {
		n := rng.IntN(len(b))
		if got, err := perCPU(b[:n]); err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("cut to %d of %d bytes, and nothing is said", n, len(b))
		}
	}
}

// FuzzOrder holds what happens to pages to TestOrderLaw's law.
func FuzzOrder(f *testing.F) {
	for seed := range 8 {
		rng, b := rand.New(rand.NewPCG(18, uint64(seed))), make([]byte, 512)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(rapid.MakeFuzz(orderLaw))
}
