package perfscript

import (
	"bytes"
	"io"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// repeat reads a text again and again until n bytes were read.
type repeat struct {
	text []byte
	at   int
	n    int
}

func (r *repeat) Read(b []byte) (int, error) {
	if r.n <= 0 {
		return 0, io.EOF
	}
	n := copy(b, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.n -= n
	return n, nil
}

// sum touches every field of an event and its stack.
func sum(e *trace.Event, m *cpumask.Mask) (n uint64) {
	s := e.Schema()
	for i := range s.Fields {
		switch ref := trace.FieldRef(i); s.Fields[i].Kind {
		case trace.KindMask:
			e.Mask(ref, m)
		case trace.KindInt:
			v, ok := e.Uint(ref)
			if !ok {
				id, _ := e.Symbol(ref)
				v = uint64(id)
			}
			n += v
		default:
			b, _ := e.Bytes(ref)
			n += uint64(len(b))
		}
	}
	return n + uint64(e.Stack())
}

// TestNoAllocations: a text that was seen once is read again without
// allocating, all fields and stacks included.
func TestNoAllocations(t *testing.T) {
	for _, name := range excerpts(t) {
		text := bytes.Repeat(readFile(t, name), 3)
		s, err := New(&repeat{text: text, n: 1 << 30}, "x.txt", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.mail != nil {
			t.Errorf("%s: taken for a mail", name)
		}
		var m cpumask.Mask
		step := func() {
			if !s.Scan() {
				t.Fatal(s.Err())
			}
			if e, ok := s.Record().(*trace.Event); ok {
				sum(e, &m)
			}
		}
		for range 2000 {
			step()
		}
		if n := testing.AllocsPerRun(2000, step); n != 0 && name != "script-header.txt" { // its header is strings
			t.Errorf("%s: %v allocations per record", name, n)
		}
	}
}

func benchmark(b *testing.B, file string, hint []string, decode bool) {
	text := readFile(b, file)
	const size = 8 << 20
	events, n := 0, uint64(0)
	var m cpumask.Mask
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		s, err := New(&repeat{text: text, n: size}, file, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Hint(trace.Hint{Select: trace.Selection{Events: hint}})
		for s.Scan() {
			if e, ok := s.Record().(*trace.Event); ok {
				events++
				if decode {
					n += sum(e, &m)
				}
			}
		}
	}
	if events > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
	}
}

func BenchmarkSkip(b *testing.B) {
	for _, f := range []string{"script.txt", "script-G.txt", "script-all.txt"} {
		b.Run(f, func(b *testing.B) { benchmark(b, f, []string{"no_such_event"}, false) })
	}
}

func BenchmarkSends(b *testing.B) {
	sends := []string{"ipi_send_cpu", "ipi_send_cpumask", "kernel_stack"}
	for _, f := range []string{"script.txt", "script-all.txt"} {
		b.Run(f, func(b *testing.B) { benchmark(b, f, sends, true) })
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range []string{"script.txt", "script-G.txt"} {
		b.Run(f, func(b *testing.B) { benchmark(b, f, nil, true) })
	}
}
