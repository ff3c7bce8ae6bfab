package ftext

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/order/ordertest"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func FuzzScan(f *testing.F) {
	for _, name := range excerpts(f) {
		f.Add(readFile(f, name))
	}
	for _, text := range []string{
		"CPU:1 [55 EVENTS DROPPED]\n", "isol: CPU:1 [EVENTS DROPPED]\n", "=> a\n", "# tracer: nop\n<stack trace>\n => a\n",
		"# tracer: nop\nprint: a\nsys_x(a: 1)\n", "x-1 [000] 1.5: sys_membarrier(cmd: 10, flags: 0)\n", "x-1 [000] 1.5: f <-g\n",
		"> x-1 [000] 1.5: ipi_send_cpu: cpu=1 callsite=f\n> callback=g\n", prose + "x-1 [000] 1.5:\nprint: a\n", prose + "x-1 [000]\n1.5: print: a\n",
		prose + "x-1 [000] 1.5: kernel_stack: <stack trace\n>\n=> f\n(ffffffffa974a050)\n=> g\n",
		"x-1 [000] 1.5: ipi_send_cpu: cpu=3D1 =\n callback=3D=\nf=20\n=3D> f=C2=A0\n",
		"# tracer: function_graph\n> 1\n 1) + 22.123 us   |      f();\n 1)               |  /* ipi_send_cpu: cpu=1 callsite=f callback=g */\n",
		"# tracer: nop\n202 0 7428080142 # ffffffff81c2536a a text\nfree text\n", "x-1 [000] 1.5: (+12) print: a\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var whole bytes.Buffer
		s, err := New(bytes.NewReader(text), "x", Options{Noise: func(line []byte) { whole.Write(line) }})
		if err != nil {
			t.Fatal(err)
		}
		inside := func(at trace.Pos) {
			if at.Line < 1 || at.Off < 0 || at.Off >= int64(len(text)) || !bytes.HasPrefix(text[at.Off:], s.Raw()) {
				t.Fatalf("position %+v of %d bytes is not that of %q", at, len(text), s.Raw())
			}
			if at.Off > 0 && text[at.Off-1] != '\n' {
				t.Fatalf("position %+v is not the begin of a line", at)
			}
		}
		var m cpumask.Mask
		for s.Scan() {
			whole.Write(s.Raw())
			switch r := s.Record().(type) {
			case *trace.Event:
				inside(r.At)
				if r.CPU < -1 || r.CPU > maxCPU || r.PID < -1 || r.TGID < -1 || r.Time < 0 || r.Schema() == nil {
					t.Fatalf("%+v", r)
				}
				sum(r, &m)
				if st := r.Stack(); int(st) >= s.Table().Stacks() {
					t.Fatalf("stack %d of %d", st, s.Table().Stacks())
				}
			case *trace.Lost:
				inside(r.At)
			case *trace.SyntaxError:
				inside(r.At)
				if r.Msg == "" || len(r.Text) == 0 {
					t.Fatalf("%+v", r)
				}
			}
		}
		var early *trace.SyntaxError // the text ends within a line
		if err := s.Err(); err != nil && !errors.As(err, &early) {
			t.Fatal(err)
		}
		// At most one record for each group of lines, and nothing is lost.
		if s.in.Line() < 1<<20 && !bytes.Equal(whole.Bytes(), text) {
			t.Fatalf("records and noise hold %d of %d bytes", whole.Len(), len(text))
		}
		if m := s.Table().Meta; s.mail != nil && m.LinesTaken+m.LinesLeft != s.in.Line() {
			t.Fatalf("%d lines taken and %d left of %d", m.LinesTaken, m.LinesLeft, s.in.Line())
		}
		Sniff(text)
		ordertest.Cut(t, text, func(text []byte) ordertest.Source {
			s, err := New(bytes.NewReader(text), "x", Options{})
			if err != nil {
				t.Fatal(err)
			}
			return ordertest.Source{Source: s, Ordered: func() bool { return true }}
		})
	})
}
