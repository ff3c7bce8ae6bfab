package parser_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// The trace of a latency tracer is text in a trace.dat. trace-cmd report 3.4.0
// prints "cpus=0", the text and an empty line for the version 7 file.
func TestLatencyTracer(t *testing.T) {
	for _, version := range []int{6, 7} {
		f := datwriter.New(version, "none", false, 8)
		f.Text = "# tracer: wakeup\n#\n# wakeup latency trace v1.1.5 on 6.12\n    bash-7       0d..2.    1us : sched_wakeup: comm=x\n"
		data, _ := f.Bytes()
		path := filepath.Join(t.TempDir(), "trace.dat")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		framed, ok := trace.As[trace.Framer](src)
		if !ok {
			t.Fatalf("version %d: a %T has no frame", version, src)
		}
		if head, tail := framed.Frame(); head != "cpus=0\n" || tail != "\n" {
			t.Errorf("version %d: frame %q %q", version, head, tail)
		}
		if !src.Scan() {
			t.Fatal(src.Err())
		}
		e, ok := src.Record().(*trace.Event)
		if m := src.Table().Meta; !ok || e.Schema().Name != "sched_wakeup" || e.PID != 7 || m.Host != "host" || m.Tool != "writer 1" || len(m.Options) == 0 {
			t.Errorf("version %d: %v, %+v", version, src.Record(), m)
		}
	}
}
