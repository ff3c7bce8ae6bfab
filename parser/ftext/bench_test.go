package ftext

import (
	"io"
	"os"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
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

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sum touches every field of the events that an IPI report needs.
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

var sends = []string{"ipi_send_cpu", "ipi_send_cpumask"}

func BenchmarkSkip(b *testing.B) {
	for _, f := range []string{"report-all.txt", "kernel-default.txt", "report-stack.txt", "report-all-l.txt"} {
		b.Run(f, func(b *testing.B) { benchmark(b, f, []string{"no_such_event"}, false) })
	}
}

// BenchmarkReport passes over what a report of sends does not look at, on one core.
func BenchmarkReport(b *testing.B) {
	for _, f := range []string{"report-all.txt", "kernel-default.txt", "report-stack.txt", "report-7.2.txt"} {
		b.Run(f, func(b *testing.B) {
			text := readFile(b, f)
			const size = 16 << 20
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				s, err := New(&repeat{text: text, n: size}, f, Options{Threads: 1})
				if err != nil {
					b.Fatal(err)
				}
				s.Hint(sendsHint())
				for s.Scan() {
				}
			}
		})
	}
}

func BenchmarkSends(b *testing.B) {
	b.Run("report-stack.txt", func(b *testing.B) { benchmark(b, "report-stack.txt", sends, true) })
	b.Run("report-all.txt", func(b *testing.B) { benchmark(b, "report-all.txt", sends, true) })
}

func BenchmarkScan(b *testing.B) {
	b.Run("report-all.txt", func(b *testing.B) { benchmark(b, "report-all.txt", nil, false) })
	b.Run("kernel-tgid-stack.txt", func(b *testing.B) { benchmark(b, "kernel-tgid-stack.txt", nil, false) })
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range []string{"report-all.txt", "kernel-default.txt", "kernel-tgid-stack.txt"} {
		b.Run(f, func(b *testing.B) { benchmark(b, f, nil, true) })
	}
}

func BenchmarkLines(b *testing.B) {
	text := readFile(b, "report-all.txt")
	const size = 8 << 20
	b.SetBytes(size)
	for b.Loop() {
		l := lines.New(&repeat{text: text, n: size})
		for {
			l.Begin()
			if _, st := l.Next(); st == lines.End {
				break
			}
		}
	}
}
