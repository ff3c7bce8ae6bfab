package tracedat

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/klauspost/compress/zstd"
)

// fixture reads a recording of a running kernel.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	path := filepath.Join("..", "..", "fixtures", name, "trace.dat")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		packed, err := os.ReadFile(path + ".zst")
		if err != nil {
			t.Fatal(err)
		}
		d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var out bytes.Buffer
		if _, err := out.ReadFrom(d); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorded reads testdata/event-counts.txt: fixture to lines "name count".
func recorded(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "event-counts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		w := strings.Fields(line)
		if out[w[0]] == nil {
			out[w[0]] = map[string]string{}
		}
		out[w[0]][w[1]] = strings.Join(w[2:], " ")
	}
	return out
}

// TestRecordings: events per name and losses of recordings are those that
// trace-cmd printed, in the order of time, and every stack has a name.
func TestRecordings(t *testing.T) {
	for name, want := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, fixture(t, name))
			counts := map[string]int{}
			var last trace.Time
			var numbered, sum, unnumbered, named, frames uint64
			for s.Scan() {
				switch r := s.Record().(type) {
				case *trace.Event:
					counts[r.Schema().Name]++
					if r.Time < last {
						t.Fatalf("time goes back from %d to %d", last, r.Time)
					}
					last = r.Time
					for _, f := range s.Table().StackOf(r.Stack()) {
						frames++
						if !strings.HasPrefix(s.Table().SymbolOf(f).Name, "0x") {
							named++
						}
					}
				case *trace.Lost:
					if sum += r.N; r.N > 0 {
						numbered++
					} else {
						unnumbered++
					}
				default:
					t.Errorf("%v", r)
				}
			}
			got := map[string]string{}
			for name, n := range counts {
				got[name] = fmt.Sprint(n)
			}
			if numbered+unnumbered > 0 {
				got["lost"] = fmt.Sprint(numbered, sum, unnumbered)
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if named != frames {
				t.Errorf("%d of %d frames have a name", named, frames)
			}
			if err := s.Err(); err != nil {
				t.Error(err)
			}
			if m := &s.Table().Meta; m.Kernel == "" || m.Arch == "" || m.Tool == "" || m.Clock == "" || len(m.CPUStats) < 4 || len(m.Notes) > 0 {
				t.Errorf("description %+v", m)
			}
		})
	}
}

func BenchmarkRecording(b *testing.B) {
	for _, name := range []string{"k612s4-12b-all-stack"} {
		b.Run(name, func(b *testing.B) {
			data := fixture(b, name)
			b.ReportAllocs()
			events := 0
			for b.Loop() {
				s := mustOpen(b, data)
				for s.Scan() {
					events++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}

// TestLostSince: a loss begins with the last event of its CPU, also where that
// event is skipped.
func TestLostSince(t *testing.T) {
	raw := fixture(t, "k612s4-07-lost")
	var since []trace.Time
	last := map[int32]trace.Time{}
	s := mustOpen(t, raw)
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			last[r.CPU] = r.Time
		case *trace.Lost:
			since = append(since, last[r.CPU])
			if r.Since != last[r.CPU] || r.Since > r.Time {
				t.Fatalf("loss on CPU %d since %d, want %d", r.CPU, r.Since, last[r.CPU])
			}
		}
	}
	s = mustOpen(t, raw)
	s.Hint(trace.Hint{Want: trace.Want{Events: []string{}, Stacks: []string{}}})
	for s.Scan() {
		if l, ok := s.Record().(*trace.Lost); ok {
			if len(since) == 0 || l.Since != since[0] {
				t.Fatalf("skipping: loss on CPU %d since %d", l.CPU, l.Since)
			}
			since = since[1:]
		}
	}
	if len(last) == 0 || len(since) > 0 {
		t.Errorf("%d losses are missing", len(since))
	}
}
