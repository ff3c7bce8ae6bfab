package track_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// onlineCollector ends what a Sends knows of CPUs with the trace.
type onlineCollector struct {
	*track.Sends
	span analysis.Span
}

func (c *onlineCollector) End(span analysis.Span) {
	c.span = span
	c.Sends.Online().End(span.Last)
	c.Sends.End()
}

// The steps are those of a recording of Linux 6.12 in which a CPU was taken down
// and brought up (k612s4-81a-hotplug-isol, printed by trace-cmd report -R): the
// CPU that asks first kicks the thread of the other one, which runs steps of its
// own, and does the rest itself.
func TestOnline(t *testing.T) {
	const (
		kick  = "at 2.0 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=3 target=145 idx=236\n"
		own   = "at 2.1 cpu 3 task cpuhp-42 flags d..1 cpuhp_enter cpu=3 target=145 idx=235\n"
		down  = "at 2.2 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=3 target=0 idx=88\n" + "at 2.3 cpu 0 task a-7 flags d..1 cpuhp_exit cpu=3 state=87 idx=88\n"
		up    = "at 8.2 cpu 1 task a-7 flags d..1 cpuhp_enter cpu=3 target=236 idx=2\n"
		alive = "at 8.7 cpu 3 task cpuhp-42 flags d..1 cpuhp_enter cpu=3 target=236 idx=150\n"
		first = "at 1.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0\n"
		last  = "at 10.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	)
	for _, tt := range []struct {
		name, script, want string
	}{
		{"down and up", first + kick + own + down + up + alive + last, "2200000000-8700000000 watched 2.5 s"},
		{"an IPI of its own shows that it is up", first + kick + own + down + up +
			"at 8.5 cpu 3 task a-7 flags d..1 ipi_send_cpu cpu=0 callsite=f+0x1 callback=0x0\n" + alive + last, "2200000000-8500000000 watched 2.7 s"},
		{"down to the end", first + kick + own + down + last, "2200000000-10000000000 watched 1.2 s"},
		{"it was asked for and did not go", first + kick + own + last, " watched 9 s"},
		{"steps up alone", first + up + alive + last, " watched 9 s"},
	} {
		src := tracetest.Parse(tt.script)
		var away []string
		c := &onlineCollector{Sends: track.NewSends(src.Table(), track.Config{Send: func(*track.Send) {}, Away: func(cpu int32, from, to trace.Time) {
			away = append(away, fmt.Sprintf("%d-%d", from, to))
			if cpu != 3 {
				t.Errorf("%s: CPU %d", tt.name, cpu)
			}
		}})}
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s watched %g s", strings.Join(away, ","), float64(c.span.Duration()-c.Sends.Online().Offline(3, c.span.First, c.span.Last))/1e9)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}

// TestUnwatched: of an isolated CPU that was offline it is told for how long, be it
// that others with lower numbers were, too: from 2 s to the end of 1 to 10 s.
func TestUnwatched(t *testing.T) {
	src := tracetest.Parse("at 1.0 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=1 target=0 idx=88\n" +
		"at 2.0 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=3 target=0 idx=88\n" +
		"at 10.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n")
	c := &onlineCollector{Sends: track.NewSends(src.Table(), track.Config{Send: func(*track.Send) {}})}
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
		t.Fatal(err)
	}
	isolated, _ := cpumask.ParseList([]byte("3"))
	want := []track.Unwatched{{Path: "x", Text: "CPU 3 was offline for 88.9 % of the time"}}
	if d := cmp.Diff(want, c.Sends.Online().Unwatched("x", &isolated, c.span.First, c.span.Last)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestCoverage: what an analysis of sends warns of. Without an isolated set nothing
// lies beyond what was traced.
func TestCoverage(t *testing.T) {
	two, _ := cpumask.ParseList([]byte("0-1"))
	beyond, _ := cpumask.ParseList([]byte("1-2"))
	for _, tt := range []struct {
		c    track.Coverage
		want string
	}{
		{track.Coverage{Sends: 1, Seen: &two}, ""},
		{track.Coverage{Sends: 1, Seen: &two, Isolated: &two}, ""},
		{track.Coverage{Sends: 1, Seen: &two, Isolated: &beyond}, "isolated-beyond: CPU 2 of the isolated set is not in the trace (0-1)"},
		{track.Coverage{Excluded: 3, Seen: &two}, "all-excluded: the filter lets none of the 3 sends through"},
	} {
		set := &result.Set{}
		tt.c.Warn(set)
		got := ""
		for _, w := range set.Warnings {
			got += w.Code + ": " + w.Text
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.c, got, tt.want)
		}
	}
}

// A machine has room for more CPUs than it has: those of which nothing was seen
// are no part of the set, unless nothing was seen of any of it.
func TestOnlineCPUs(t *testing.T) {
	src := tracetest.Parse("at 1.0 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=1-3,64 callsite=f+0x1 callback=0x0\n" +
		"at 2.0 cpu 131 task a-7 flags d..1 csd_queue_cpu cpu=199 callsite=f+0x1 func=g csd=1\n")
	c := &onlineCollector{Sends: track.NewSends(src.Table(), track.Config{Send: func(*track.Send) {}})}
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]string{
		"": "0-3,64,131,199 without 4-63,65-130,132-198", "2-199": "2-3,64,131,199 without 4-63,65-130,132-198", "10-12": "10-12 without ", "2-3": "2-3 without ",
	} {
		var isolated *cpumask.Mask
		if set != "" {
			m, err := cpumask.ParseList([]byte(set))
			if err != nil {
				t.Fatal(err)
			}
			isolated = &m
		}
		watched, unseen := c.Sends.Online().CPUs(isolated, 200)
		if got := watched.String() + " without " + unseen.String(); got != want {
			t.Errorf("of %q: %s, want %s", set, got, want)
		}
	}
}

// TestSilent: of CPUs of which a text shows no event nobody knows whether they were
// recorded, however few of them show; where the text does not say how many there are
// they are numbered up to the last one that shows. A file has a buffer of each.
func TestSilent(t *testing.T) {
	const script = "at 1.0 cpu 1 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0\n"
	for _, tt := range []struct {
		name        string
		cpus, long  int
		script      string
		silent      string
		isolatedSet string
	}{
		{"of four", 4, 0, script, "0", "2-3"},
		{"of many, few of which show", 200, 0, script, "0,4-199", "2-3"},
		{"of nobody knows how many", 0, 0, script, "0", "2-3"},
		{"up to a target", 0, 0, script, "0,2", "3"},
		{"a target that is the last", 0, 0, script, "0,3", "2"},
		{"all show", 0, 0, script + "at 2.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n", "", "2-3"},
		{"a file", 4, 8, script, "", "2-3"},
	} {
		src := tracetest.Parse(tt.script)
		src.Table().Meta.CPUs, src.Table().Meta.LongSize = tt.cpus, tt.long
		isolated, err := cpumask.ParseList([]byte(tt.isolatedSet))
		if err != nil {
			t.Fatal(err)
		}
		c := &onlineCollector{Sends: track.NewSends(src.Table(), track.Config{Isolated: &isolated, Send: func(*track.Send) {}})}
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
			t.Fatal(err)
		}
		var in result.Input
		c.Testify(&in)
		if in.Silent != tt.silent {
			t.Errorf("%s: %q is silent, want %q", tt.name, in.Silent, tt.silent)
		}
	}
}

// TestSilentTarget: a text in which CPUs show the interrupts of IPIs, and one that was
// sent some shows nothing, lacks what that one recorded.
func TestSilentTarget(t *testing.T) {
	send := "at 1.0 cpu 1 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0\n"
	entry := func(cpu string) string {
		return "at 1.1 cpu " + cpu + " task b-8 flags d.h. reschedule_entry vector=253\n" + "at 1.2 cpu " + cpu + " task b-8 flags d.h. reschedule_exit vector=253\n"
	}
	for _, tt := range []struct {
		name, script string
		long         int
		silent       string
	}{
		{"no interrupt anywhere", send, 0, "0"},
		{"one of two targets shows", send + entry("3"), 0, "0,2"},
		{"both show", send + entry("2") + entry("3"), 0, "0"},
		{"a file", send + entry("3"), 8, ""},
	} {
		src := tracetest.Parse(tt.script)
		src.Table().Meta.CPUs, src.Table().Meta.LongSize = 4, tt.long
		isolated, _ := cpumask.ParseList([]byte("2-3"))
		d := track.NewDeliveries(src.Table(), track.DeliveryConfig{Config: track.Config{Isolated: &isolated}, Delivery: func(*track.Delivery) {}})
		for src.Scan() {
			if e, ok := src.Record().(*trace.Event); ok {
				d.Event(e)
			}
		}
		d.End()
		var in result.Input
		d.Testify(&in)
		d.Testify(&in) // as several states do
		if in.Silent != tt.silent {
			t.Errorf("%s: %q is silent, want %q", tt.name, in.Silent, tt.silent)
		}
	}
}

// 8192 CPUs that are watched for 2^63-1 ns do not fit into 64 bits.
func TestCPUTime(t *testing.T) {
	var sum, half track.CPUTime
	for i := range 8192 {
		sum.Add(math.MaxInt64)
		if i%2 == 0 {
			half.Add(math.MaxInt64)
		}
	}
	if want := 8192 * float64(math.MaxInt64); sum.Float() != want || sum.Int() != math.MaxInt64 {
		t.Errorf("%g, want %g; as an integer %d", sum.Float(), want, sum.Int())
	}
	half.AddAll(half)
	if half != sum {
		t.Errorf("two halves are %v, the whole %v", half, sum)
	}
	sum = track.CPUTime{}
	if sum.Add(-5); !sum.IsZero() {
		t.Errorf("a negative time is %v", sum)
	}
}
