package stacks_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func isolated(t *testing.T) *cpumask.Mask {
	t.Helper()
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

func open(t *testing.T, path string) trace.Source {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// count runs the analyzer.
func count(t *testing.T, src trace.Source, cfg stacks.Config, also ...analysis.State) *stacks.Counts {
	t.Helper()
	cfg.Isolated, cfg.Catalog = isolated(t), catalogtest.Load(t)
	s := stacks.New(src.Table(), cfg)
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, append(also, s)...)
	return s.Counts(st.Input(&src.Table().Meta, err))
}

// flat shows all samples.
func flat(s *result.Stacks) string {
	var b strings.Builder
	for _, x := range s.Samples {
		fmt.Fprintf(&b, "%v %s %s %s\n", x.Values, strings.Join(x.Key, ","), strings.Join(x.Labels, ","), strings.Join(x.Frames, " < "))
	}
	return b.String()
}

// TestAgainstTraceCmd counts the hits of each stack from what trace-cmd report
// -t printed for the same recording.
func TestAgainstTraceCmd(t *testing.T) {
	const dir = "k612s4-02-zlib-mono/"
	got := map[string]int64{}
	for _, x := range count(t, open(t, dir+"trace.dat"), stacks.Config{Whole: true}).Result().Stacks.Samples {
		if x.Values[0] > 0 {
			got[strings.Join(x.Frames, ";")] = x.Values[0]
		}
	}
	if diff := cmp.Diff(printed(t, "../../fixtures/"+dir+"report-t.txt.gz"), got); diff != "" {
		t.Errorf("-trace-cmd +ipiscope:\n%s", diff)
	}
}

var (
	sendLine  = regexp.MustCompile(`^ *.*-(\d+) +\[(\d+)\].* (?:cpu=(\d+)|cpumask=(\S+)) callsite=`)
	stackLine = regexp.MustCompile(`^ *.*-(\d+) +\[(\d+)\].* kernel_stack: `)
	frameLine = regexp.MustCompile(`^ *=> (\S+)`)
	clone     = regexp.MustCompile(`\.(constprop|isra|part)\.\d+|\.cold`)
)

// printed reads the report: a stack belongs to the last send of its CPU and
// task, none is missing in this recording.
func printed(t *testing.T, path string) map[string]int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	hits, open := map[string]int64{}, map[string]int64{}
	var frames []string
	var owner string
	flush := func() {
		if owner != "" && open[owner] > 0 {
			hits[strings.Join(frames, ";")] += open[owner]
		}
		owner, frames = "", nil
	}
	in := bufio.NewScanner(z)
	for in.Scan() {
		switch line := in.Text(); {
		case stackLine.MatchString(line):
			flush()
			m := stackLine.FindStringSubmatch(line)
			owner = m[1] + "/" + m[2]
		case sendLine.MatchString(line):
			flush()
			m := sendLine.FindStringSubmatch(line)
			mask, err := cpumask.ParseList([]byte(m[3] + m[4]))
			if err != nil {
				t.Fatal(err)
			}
			n := int64(0)
			for _, cpu := range []int{2, 3} {
				if mask.Has(cpu) {
					n++
				}
			}
			open[m[1]+"/"+m[2]] = n
		default:
			if m := frameLine.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "trace_event_raw_event_") {
				frames = append(frames, clone.ReplaceAllString(m[1], ""))
			}
		}
	}
	flush()
	return hits
}

// TestSameSumsAsReport: hits and sends are those that report counts, in all and
// in each group, with stacks and without.
func TestSameSumsAsReport(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "k612s4-02-zlib-mono/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k72s4-01-zstd-local/trace.dat", "k612s4-40-perf/script.txt.gz"} {
		for _, by := range [][]key.Key{nil, {key.Target}, {key.Function, key.Comm}} {
			src := open(t, path)
			all := ipi.New(src.Table(), ipi.Config{Isolated: isolated(t), By: by, Catalog: catalogtest.Load(t)})
			set := count(t, src, stacks.Config{By: by, Labels: []key.Key{key.Class, key.Sender}}, all).Result()
			want := map[string][2]int64{}
			for _, g := range all.Counts(result.Input{}).Groups() {
				if g.Hits > 0 {
					want[strings.Join(g.Key, ",")] = [2]int64{int64(g.Hits), int64(g.Sends)}
				}
			}
			got := map[string][2]int64{}
			for _, g := range set.Stacks.Groups() {
				if g.Values[0] > 0 {
					got[strings.Join(g.Key, ",")] = [2]int64(g.Values)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s by %v: -report +stacks:\n%s", path, by, diff)
			}
			if total := all.Counts(result.Input{}).Total(); by == nil && (set.Total("hits") != int64(total.Hits) || set.Total("sends") != int64(total.Sends)) {
				t.Errorf("%s: %d hits, %d sends; report counts %d, %d", path, set.Total("hits"), set.Total("sends"), total.Hits, total.Sends)
			}
		}
	}
}

// TestWhole: what an interrupt interrupted is left out, and nothing of the
// hits.
func TestWhole(t *testing.T) {
	whole := count(t, open(t, "k612s4-12b-all-stack/trace.dat"), stacks.Config{Whole: true}).Result().Stacks
	cut := count(t, open(t, "k612s4-12b-all-stack/trace.dat"), stacks.Config{}).Result().Stacks
	if diff := cmp.Diff(whole.Total(), cut.Total()); diff != "" {
		t.Errorf("sums differ:\n%s", diff)
	}
	has := func(s *result.Stacks, outer, inner string) bool {
		for _, x := range s.Samples {
			all := strings.Join(x.Frames, "<")
			if i := strings.Index(all, inner); i >= 0 && strings.Contains(all[i:], outer) {
				return true
			}
		}
		return false
	}
	const idle, irq = "do_idle", "asm_sysvec_apic_timer_interrupt"
	if !has(whole, idle, irq) || has(cut, idle, irq) {
		t.Errorf("a timer that interrupts the idle loop: whole %v, cut %v; want only the whole stack to have the loop", has(whole, idle, irq), has(cut, idle, irq))
	}
}

func TestCountsLaws(t *testing.T) {
	parts := []string{"k612s4-12b-all-stack/trace.dat", "k612s4-02-zlib-mono/trace.dat", "k72s4-01-zstd-local/trace.dat"}
	cfg := stacks.Config{By: []key.Key{key.Comm}, Labels: []key.Key{key.Class}, Isolated: isolated(t), Counts: func(e *trace.Event) bool { return e.CPU != 1 }}
	counts := make([]*stacks.Counts, len(parts))
	part := func(i int) *stacks.Counts {
		c := stacks.NewCounts(cfg)
		if counts[i] == nil {
			counts[i] = count(t, open(t, parts[i]), cfg)
		}
		c.Merge(counts[i])
		return c
	}
	text := func(c *stacks.Counts) string {
		set := c.Result()
		return fmt.Sprintln(set.Totals, flat(set.Stacks))
	}
	laws := analysistest.Merging[*stacks.Counts]{
		Zero: func() *stacks.Counts { return stacks.NewCounts(cfg) },
		Part: func(i int) *stacks.Counts { return again(t, part(i), cfg) }, Parts: len(parts),
		Merge: func(into, from *stacks.Counts) { into.Merge(from) },
		Text:  text,
	}
	laws.Laws(t)
	var all []*stacks.Counts
	for i := range parts {
		all = append(all, part(i))
	}
	analysistest.Covered(t, nil, all...)
}

// TestDoesNotAllocate: a hit whose stack is known costs no memory.
func TestDoesNotAllocate(t *testing.T) {
	src := open(t, "k612s4-02-zlib-mono/trace.dat")
	var events []*trace.Event
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			events = append(events, &trace.Event{})
			e.CopyTo(events[len(events)-1])
		}
	}
	s := stacks.New(src.Table(), stacks.Config{Isolated: isolated(t), Catalog: catalogtest.Load(t), By: []key.Key{key.Function, key.Cause}, Labels: []key.Key{key.Target}})
	feed := func() {
		for _, e := range events {
			s.Event(e)
		}
	}
	feed()
	if n := testing.AllocsPerRun(3, feed); n != 0 {
		t.Errorf("%v allocations for %d events, want none", n, len(events))
	}
}

// again is a sum that went through a state.
func again(t *testing.T, c *stacks.Counts, cfg stacks.Config) *stacks.Counts {
	t.Helper()
	sums, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	back, err := stacks.Decode(sums, cfg, c.Result().Inputs)
	if err != nil {
		t.Fatal(err)
	}
	show := func(c *stacks.Counts) string {
		set := c.Result()
		return fmt.Sprintln(set.Inputs, set.Totals, set.Verdict, set.Warnings, set.Isolated, flat(set.Stacks))
	}
	if d := cmp.Diff(show(c), show(back)); d != "" {
		t.Errorf("-counted +through a state: %s", d)
	}
	return back
}

// TestDecodeRefused: what cannot be is an error, not a panic later.
func TestDecodeRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "unexpected end", `{"samples":[{"frames":[]}]}`: "0 frames", `{"frames":["f"],"samples":[{"frames":[1],"labels":["x"]}]}`: "frame 1 of 1",
		`{"frames":["f"],"samples":[{"frames":[0]}]}`: "0 labels, want 1",
	} {
		_, err := stacks.Decode([]byte(text), stacks.Config{Labels: []key.Key{key.Class}}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", text, want, err)
		}
	}
}
