package track_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// sum is what one kind of brackets took in a recording.
type sum struct {
	name         string
	n            int
	total, worst int64
}

// brackets sums up all brackets of a recording, on all CPUs.
type brackets struct {
	*track.Brackets
	t    *trace.Table
	sums map[string]sum
}

func (b *brackets) End(analysis.Span) { b.Brackets.End() }

func open(t testing.TB, path string) trace.Source {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func sumOf(t *testing.T, src trace.Source) map[string]sum {
	t.Helper()
	b := &brackets{t: src.Table(), sums: map[string]sum{}}
	b.Brackets = track.NewBrackets(src.Table(), track.BracketConfig{Close: func(_ *trace.Event, x *track.Bracket) {
		name := map[track.BracketKind]string{track.BracketIRQ: "irq_handler", track.BracketIPI: "ipi", track.BracketSoftirq: "softirq", track.BracketCall: "csd_function"}[x.Kind]
		if x.Kind == track.BracketVector {
			name = b.t.NameOf(x.Name)
		}
		s := b.sums[name]
		took := int64(x.End - x.Start)
		b.sums[name] = sum{name, s.n + 1, s.total + took, max(s.worst, took)}
	}})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, b); err != nil {
		t.Fatal(err)
	}
	return b.sums
}

// The sums were computed from the text that trace-cmd 3.4.0 report -t prints for
// the recording: exit - entry of equal event, CPU and payload.
func TestBracketsOfX86(t *testing.T) {
	want := map[string]sum{}
	for _, s := range []sum{
		{"call_function", 1739, 91847955, 3790348},
		{"call_function_single", 412, 34899880, 4003656},
		{"csd_function", 2788, 53606816, 3836046},
		{"irq_handler", 264, 49745688, 7228750},
		{"irq_work", 6, 3620224, 3073288},
		{"local_timer", 1686, 242795786, 17639766},
		{"reschedule", 35, 581748, 62023},
		{"softirq", 1681, 503505538, 12635791},
	} {
		want[s.name] = s
	}
	got := sumOf(t, open(t, "k612s4-12b-all-stack/trace.dat"))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sum{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The arm64 recording is held against the text that trace-cmd printed for it,
// read here by another program.
func TestBracketsOfARM64(t *testing.T) {
	want := map[string]sum{}
	running := map[string]int64{}
	line := regexp.MustCompile(`\[(\d+)\]\s\S+\s*(\d+)\.(\d{9}): (irq_handler|ipi|softirq|csd_function)_(entry|exit):\s+(\S+)(?: csd=(\S+))?`)
	for m := range matches(t, "karm64s4-21-ipi-all/report-t.txt.gz", line) {
		at, err := strconv.ParseInt(m[2]+m[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.Join([]string{m[1], m[4], m[6], m[7]}, " ")
		if m[5] == "entry" {
			running[key] = at
			continue
		}
		if from, ok := running[key]; ok {
			delete(running, key)
			s := want[m[4]]
			want[m[4]] = sum{m[4], s.n + 1, s.total + at - from, max(s.worst, at-from)}
		}
	}
	if len(want) != 4 {
		t.Fatalf("the text has %d kinds of brackets", len(want))
	}
	got := sumOf(t, open(t, "karm64s4-21-ipi-all/trace.dat"))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sum{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// matches yields the submatches of a printed recording's lines.
func matches(t *testing.T, path string, line *regexp.Regexp) func(func([]string) bool) {
	t.Helper()
	f, err := os.Open("../../fixtures/" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func([]string) bool) {
		s := bufio.NewScanner(z)
		for s.Scan() {
			if m := line.FindStringSubmatch(s.Text()); m != nil && !yield(m) {
				return
			}
		}
		if err := s.Err(); err != nil {
			t.Error(err)
		}
	}
}

// costs are the parts of one reschedule IPI, ns.
type costs struct{ raise, arrive, enter, body, leave, whole, change int64 }

// TestRescheduleChain holds each reschedule IPI of the arm64 recording against
// the chain that its text shows: raise, irq_handler_entry, ipi_entry, ipi_exit,
// irq_handler_exit, sched_switch.
func TestRescheduleChain(t *testing.T) {
	type state struct {
		sent, raised, irq, ipi, out, left int64
		inside                            bool
	}
	var want []costs
	line := regexp.MustCompile(`\[(\d+)\]\s\S+\s*(\d+)\.(\d{9}): (\w+):\s+(.*)`)
	cpus := map[string]*state{}
	for m := range matches(t, "karm64s4-21-ipi-all/report-t.txt.gz", line) {
		at, err := strconv.ParseInt(m[2]+m[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, cpu := range []string{"000", "001", "002", "003"} {
			if cpus[cpu] == nil {
				cpus[cpu] = &state{}
			}
			switch target := "cpu=" + strings.TrimLeft(cpu[:2], "0") + cpu[2:] + " "; {
			case m[4] == "ipi_send_cpu" && strings.HasPrefix(m[5], target) && strings.Contains(m[5], "callback=0x0"):
				cpus[cpu].sent, cpus[cpu].raised = at, 0
			case m[4] == "ipi_raise" && strings.Contains(m[5], "Resched") && strings.Contains(m[5], "0000000"+strconv.Itoa(1<<(cpu[2]-'0'))+" "):
				cpus[cpu].raised = at
			}
		}
		c := cpus[m[1]]
		if c.left != 0 { // what comes behind the interrupt
			if m[4] == "sched_switch" && at-c.left <= 100_000 {
				want[len(want)-1].change = at - c.left
			}
			if m[4] == "sched_switch" || m[4] == "user_enter" || at-c.left > 100_000 {
				c.left = 0
			}
		}
		switch {
		case m[4] == "irq_handler_entry" && strings.HasSuffix(m[5], "name=IPI"):
			c.irq = at
		case m[4] == "ipi_entry" && strings.Contains(m[5], "Resched"):
			c.ipi, c.inside = at, true
		case m[4] == "ipi_exit" && c.inside:
			c.out = at
		case m[4] == "irq_handler_exit" && c.inside:
			raise := int64(0)
			if c.raised != 0 {
				raise = c.raised - c.sent
			}
			want = append(want, costs{raise, c.irq - c.sent, c.ipi - c.irq, c.out - c.ipi, at - c.out, at - c.irq, 0})
			c.left, c.inside = at, false
			if m[1] != "002" && m[1] != "003" { // one chain at a time keeps the order
				want, c.left = want[:len(want)-1], 0
			}
		}
	}
	got := map[costs]int{}
	for _, d := range deliveries(t, "karm64s4-21-ipi-all/trace.dat") {
		if d.Line == track.LineReschedule && d.Arrival == track.Matched {
			c := costs{
				arrive: int64(d.IRQEntry - d.Sent), enter: int64(d.HandlerEntry - d.IRQEntry), body: int64(d.HandlerExit - d.HandlerEntry),
				leave: int64(d.IRQExit - d.HandlerExit), whole: int64(d.IRQExit - d.IRQEntry),
			}
			if d.Raised != track.Never {
				c.raise = int64(d.Raised - d.Sent)
			}
			if d.Switched != track.Never {
				c.change = int64(d.Switched - d.IRQExit)
			}
			got[c]++
		}
	}
	if len(want) != 18 {
		t.Errorf("the text shows %d reschedule IPIs of CPUs 2-3", len(want))
	}
	for _, c := range want {
		if got[c]--; got[c] < 0 {
			t.Errorf("the text shows %+v", c)
		}
	}
	for c, n := range got {
		if n > 0 {
			t.Errorf("too many: %+v", c)
		}
	}
}

// deliveries returns copies of all deliveries to CPUs 2-3 of a recording.
func deliveries(t testing.TB, path string) []track.Delivery {
	t.Helper()
	var all []track.Delivery
	newJourney(t, open(t, path), func(d *track.Delivery) { all = append(all, *d) })
	return all
}

func newJourney(t testing.TB, src trace.Source, on func(*track.Delivery)) *journey {
	t.Helper()
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	j := &journey{t: src.Table()}
	j.Deliveries = track.NewDeliveries(src.Table(), track.DeliveryConfig{
		Config:   track.Config{Isolated: &m, Attribution: track.NewAttributor(cat, src.Table())},
		Window:   100_000,
		Delivery: on,
	})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, j); err != nil {
		t.Fatal(err)
	}
	return j
}
