package perfscript

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
		text := readFile(f, name)
		f.Add(text[:min(len(text), 2500)])
	}
	sample := "perf    2973 [002]   292.146365: ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0\n"
	frame := "\tffffffff81b0e1db f+0x9b ([kernel.kallsyms])\n"
	for _, text := range []string{
		sample + frame + "# x\n" + frame, frame, sample + frame + "  core.c:1\n" + frame, sample + "  x\n", "perf 1 [003] 292.146365: PERF_RECORD_LOST lost 12\n",
		"> " + sample + "> " + frame, "hi, what is this line of\ntext?\n" + sample + frame, "a=3Db=\n" + sample, "# nrcpus avail : 4\n" + sample,
		"perf    2973 [002]   292.146365:\nipi:ipi_send_cpu: cpu=3D1=\n callsite=f+0x1\n callback=0x0\n=C2=A0" + frame,
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
				if r.CPU < -1 || r.CPU > maxCPU || r.PID < -1 || r.TGID < -1 || r.Time < 0 || r.Schema() == nil || r.HasFlags {
					t.Fatalf("%+v", r)
				}
				sum(r, &m)
				if st := r.Stack(); int(st) >= s.Table().Stacks() || r.Schema().IsStack && st == 0 && s.stack != nil && s.stack.schema == r.Schema() && bytes.Contains(r.Payload(), []byte("ffffffff8")) && len(r.Payload()) < 40 {
					t.Fatalf("stack %d of %d: %q", st, s.Table().Stacks(), r.Payload())
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
		if !bytes.Equal(whole.Bytes(), text) {
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
			return ordertest.Source{Source: s, Ordered: func() bool { return !s.deltas }}
		})
	})
}
