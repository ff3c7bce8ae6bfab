package ipi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A hit is one row of the hits analyzer, which knows nothing of figures.
type hit struct {
	time           int64
	sender, target int
	function       string
}

// drawn reads a fixture with everything that figures need, and its hits one by
// one.
func drawn(t *testing.T, path, isolated, by string) (*ipi.Counts, []hit, result.Input) {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var mask *cpumask.Mask
	if isolated != "" {
		m, err := cpumask.ParseList([]byte(isolated))
		if err != nil {
			t.Fatal(err)
		}
		mask = &m
	}
	var list []hit
	row := func(v []result.Value) error {
		list = append(list, hit{v[0].Int, int(v[1].Int), int(v[2].Int), v[8].Str})
		return nil
	}
	cat := catalogtest.Load(t)
	var keys []ipi.Key
	if by != "" {
		keys = parse(t, by)
	}
	s := ipi.New(src.Table(), ipi.Config{Isolated: mask, By: keys, Catalog: cat, Timeline: true, Spread: true})
	h := listing.New(src.Table(), listing.Config{Isolated: mask, Catalog: cat, Row: row})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s, h)
	in := st.Input(&src.Table().Meta, err)
	return s.Counts(in), list, in
}

// TestTimeFigures: each point is the number of hits of its CPU, function and
// stretch of time, counted one by one.
func TestTimeFigures(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "k612s4-07-lost/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-06-multi/trace.dat"} {
		c, list, in := drawn(t, path, "", "target,function")
		timeline, heat := c.Timeline(0), c.Heatmap()
		if len(list) == 0 || timeline.X.Origin != in.First || timeline.X.Max != in.Last-in.First {
			t.Fatalf("%s: %d hits, %+v", path, len(list), timeline.X)
		}
		for name, f := range map[string]*result.Figure{"timeline": timeline, "heatmap": heat} {
			seen := 0.0
			for _, s := range f.Series {
				for _, p := range s.Points {
					n := 0
					for _, h := range list {
						at := h.time - in.First
						// the last stretch holds the last moment
						if strconv.Itoa(h.target) == f.Rows[p.Row] && at >= p.From && (at < p.To || at == f.X.Max && p.To == at) && (f.By == "" || h.function == s.Name) {
							n++
						}
					}
					if float64(n) != p.Value {
						t.Fatalf("%s: %s of CPU %s at %d: %v hits, want %d", path, name, f.Rows[p.Row], p.From, p.Value, n)
					}
					seen += p.Value
				}
			}
			if int(seen) != len(list) {
				t.Errorf("%s: %s shows %v of %d hits", path, name, seen, len(list))
			}
		}
	}
}

// TestRateFigure: the rates are the hits of their stretch, which cover the trace
// without holes.
func TestRateFigure(t *testing.T) {
	c, list, in := drawn(t, "k612s4-12b-all-stack/trace.dat", "2-3", "function")
	f := c.Rate(2)
	if len(f.Series) != 3 || !f.Series[2].Rest {
		t.Fatalf("%d series", len(f.Series))
	}
	sum := 0.0
	for _, s := range f.Series {
		end := int64(0)
		for _, p := range s.Points {
			if p.From != end {
				t.Fatalf("hole before %d", p.From)
			}
			end = p.To
			sum += p.Value * float64(p.To-p.From) / 1e9
		}
		if end != in.Last-in.First {
			t.Errorf("ends at %d", end)
		}
	}
	if d := sum - float64(len(list)); d > 1e-6 || d < -1e-6 {
		t.Errorf("%v hits, want %d", sum, len(list))
	}
}

func TestMatrixFigure(t *testing.T) {
	c, list, _ := drawn(t, "k612s4-12b-all-stack/trace.dat", "2-3", "sender,target")
	f := c.Matrix()
	if !slices.Equal(f.Rows, []string{"0", "1", "2", "3"}) || !slices.Equal(f.Cols, []string{"2", "3"}) {
		t.Fatalf("rows %v, columns %v", f.Rows, f.Cols)
	}
	want := map[[2]string]float64{}
	for _, h := range list {
		want[[2]string{strconv.Itoa(h.sender), strconv.Itoa(h.target)}]++
	}
	for _, p := range f.Series[0].Points {
		key := [2]string{f.Rows[p.Row], f.Cols[p.From]}
		if want[key] != p.Value {
			t.Errorf("%v: %v hits, want %v", key, p.Value, want[key])
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
}

func TestBarsFigure(t *testing.T) {
	c, list, _ := drawn(t, "k612s4-12b-all-stack/trace.dat", "2-3", "function,class")
	want := map[string]float64{}
	for _, h := range list {
		want[h.function]++
	}
	f := c.Bars(0)
	got := map[string]float64{}
	for _, s := range f.Series {
		for _, p := range s.Points {
			got[f.Rows[p.Row]] += p.Value
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if top := c.Bars(2); len(top.Rows) != 3 || !strings.HasPrefix(top.Rows[2], "other (") {
		t.Errorf("rows %v", top.Rows)
	}
}

// TestSpreads: the distributions are those of the hits one by one.
func TestSpreads(t *testing.T) {
	c, list, in := drawn(t, "k612s4-12b-all-stack/trace.dat", "2-3", "target")
	want := map[string]*ipi.Spread{}
	last, seconds := map[int]int64{}, map[[2]int64]int64{}
	first, end := in.First/1e9+1, in.Last/1e9 // whole seconds of the clock
	for _, cpu := range []int{2, 3} {
		want[strconv.Itoa(cpu)] = &ipi.Spread{}
		for s := first; s < end; s++ {
			seconds[[2]int64{int64(cpu), s}] = 0
		}
	}
	for _, h := range list {
		x := want[strconv.Itoa(h.target)]
		if at, ok := last[h.target]; ok {
			x.Gaps.Add(h.time - at)
		}
		last[h.target] = h.time
		x.Targets.Add(1)
		if s := h.time / 1e9; s >= first && s < end {
			seconds[[2]int64{int64(h.target), s}]++
		}
	}
	for key, n := range seconds {
		want[strconv.Itoa(int(key[0]))].Seconds.Add(n)
	}
	for name, of := range map[string]func(*ipi.Spread) *stat.Dist{
		"gaps": gaps, "seconds": func(x *ipi.Spread) *stat.Dist { return &x.Seconds }, "targets": func(x *ipi.Spread) *stat.Dist { return &x.Targets },
	} {
		samples := c.Spreads(of)
		if len(samples) != 2 {
			t.Fatalf("%d samples", len(samples))
		}
		for _, s := range samples {
			if got, want := fmt.Sprint(s.Dist.Bars()), fmt.Sprint(of(want[s.Name]).Bars()); got != want {
				t.Errorf("%s of CPU %s:\n%s, want\n%s", name, s.Name, got, want)
			}
		}
	}
}

func gaps(x *ipi.Spread) *stat.Dist { return &x.Gaps }

// TestSpreadAcrossLoss: what a gap in the events lies in is not counted. The
// recording lost events all the time.
func TestSpreadAcrossLoss(t *testing.T) {
	c, list, _ := drawn(t, "k612s4-07-lost/trace.dat", "", "target")
	n := stat.Sum(c.Spreads(gaps)).Dist.Count()
	if n == 0 || n >= uint64(len(list)-4) {
		t.Errorf("%d gaps between %d hits", n, len(list))
	}
	f := c.Timeline(0)
	if len(f.Gaps) == 0 {
		t.Error("no losses are shown")
	}
}

// TestFigureLaws: figures of several files do not depend on how they are added
// up.
func TestFigureLaws(t *testing.T) {
	files := []string{"k612s4-02-zlib-mono/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-07-lost/trace.dat", "k612s4-32-trace_pipe/trace_pipe-lost.txt.gz"}
	for by, figures := range map[string]func(*ipi.Counts) []*result.Figure{
		"target,function": func(c *ipi.Counts) []*result.Figure { return []*result.Figure{c.Timeline(3), c.Heatmap()} },
		"cause":           func(c *ipi.Counts) []*result.Figure { return []*result.Figure{c.Rate(3)} },
		"sender,target":   func(c *ipi.Counts) []*result.Figure { return []*result.Figure{c.Matrix()} },
		"function,class":  func(c *ipi.Counts) []*result.Figure { return []*result.Figure{c.Bars(5)} },
		"target":          func(c *ipi.Counts) []*result.Figure { return nil },
	} {
		t.Run(by, func(t *testing.T) {
			m, _ := cpumask.ParseList([]byte("2-3"))
			keys := parse(t, by)
			read := make([]*ipi.Counts, len(files))
			for i, f := range files {
				read[i], _, _ = drawn(t, f, "2-3", by)
			}
			zero := func() *ipi.Counts { return ipi.NewCounts(&m, keys) }
			merging := analysistest.Merging[*ipi.Counts]{
				Zero: zero, Parts: len(files), Merge: (*ipi.Counts).Merge,
				Part: func(i int) *ipi.Counts {
					c := zero()
					c.Merge(read[i])
					return c
				},
				Text: func(c *ipi.Counts) string {
					spread := stat.Histogram(stat.TopSamples(c.Spreads(gaps), 0), "x", result.Axis{Unit: "ns"})
					b, err := json.Marshal(append(figures(c), spread))
					if err != nil {
						t.Fatal(err)
					}
					return string(b)
				},
			}
			merging.Laws(t)
		})
	}
}

// TestLanes: neighbours share a row where there are too many CPUs.
func TestLanes(t *testing.T) {
	var b strings.Builder
	b.WriteString("cpus=512\n task-1 [000] ..... 1.000000: csd_queue_cpu: cpu=1 callsite=a+0x1 func=b csd=0x1\n")
	b.WriteString(" task-1 [000] ..... 1.000001: ipi_send_cpumask: cpumask=1-511 callsite=a+0x1 callback=f+0x0\n")
	b.WriteString(" task-1 [511] ..... 2.000001: ipi_send_cpu: cpu=9 callsite=a+0x1 callback=f+0x0\n")
	src, err := parser.Open("-", parser.Options{Stdin: strings.NewReader(b.String())})
	if err != nil {
		t.Fatal(err)
	}
	s := ipi.New(src.Table(), ipi.Config{By: []ipi.Key{key.Target}, Catalog: catalogtest.Load(t), Timeline: true})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	f := s.Counts(st.Input(&src.Table().Meta, err)).Heatmap()
	if len(f.Rows) != 64 || f.Rows[0] != "0-7" || f.Rows[63] != "504-511" {
		t.Fatalf("%d rows, %q", len(f.Rows), f.Rows)
	}
	// the first event is 1 µs before the first send
	p := f.Series[0].Points
	if p[0].From != 1000 || p[0].Row != 0 || p[0].Value != 7 || p[1].Row != 1 || p[1].Value != 8 || p[2].Row != 1 || p[2].Value != 1 {
		t.Errorf("points %v", p[:3])
	}
}
