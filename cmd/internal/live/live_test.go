package live

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// counted is what a script of events counts on CPUs 2-3, overviewed the same by all
// keys that a Screen has.
func counted(t *testing.T, script string, by ...ipi.Key) (*ipi.State, analysis.Stats) {
	t.Helper()
	return count(t, script, by, nil)
}

// catalogAndIsolated are the tables, and CPUs 2 and 3.
func catalogAndIsolated(t *testing.T) (*catalog.Catalog, *cpumask.Mask) {
	t.Helper()
	c := catalogtest.Load(t)
	iso, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	return c, &iso
}

func overviewed(t *testing.T, script string) (*ipi.State, analysis.Stats) {
	t.Helper()
	by, err := ipi.ParseKeys("function,comm")
	if err != nil {
		t.Fatal(err)
	}
	return count(t, script, by, Groupings())
}

func count(t *testing.T, script string, by []ipi.Key, also [][]ipi.Key) (*ipi.State, analysis.Stats) {
	t.Helper()
	c, iso := catalogAndIsolated(t)
	if by == nil {
		var err error
		if by, err = ipi.ParseKeys("function"); err != nil {
			t.Fatal(err)
		}
	}
	src := tracetest.Parse(script)
	s := ipi.New(src.Table(), ipi.Config{Isolated: iso, By: by, Also: also, Catalog: c})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, st
}

// sent is a script of n membarrier IPIs to CPU 2 and one reschedule to CPU 3, whose
// sender has a name that would move a terminal's cursor.
func sent(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "at 1.%06d cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=smp_call_function_many_cond+0x1 func=ipi_mb csd=1\n", 10*i)
		fmt.Fprintf(&b, "at 1.%06d cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2 callsite=smp_call_function_many_cond+0x1 callback=generic_smp_call_function_single_interrupt\n", 10*i+1)
	}
	fmt.Fprintf(&b, "at 1.9 cpu 1 task e\x1b[2Jil-9 flags d..1 ipi_send_cpu cpu=3 callsite=resched_curr+0x1 callback=0x0\n")
	return b.String()
}

const sec = int64(time.Second)

// moment is one at the end of a second of the scripts.
func moment(st analysis.Stats, until int64) Moment {
	return Moment{Since: sec, Until: until, Input: result.Input{Events: st.Events, Clock: "mono"}, OwnCPU: 5 * time.Millisecond, Elapsed: time.Second}
}

// viewed is a Meter's view of what was counted.
func (m *Meter) viewed(s *ipi.State, at Moment) *View {
	s.Until(analysis.Span{First: 1e9, Last: 2e9})
	return m.View(at, s.Views(at.Input), nil)
}

func cell(t *testing.T, table *result.Table, row int, col string) string {
	t.Helper()
	i := table.Index(col)
	if i < 0 || row >= len(table.Rows) {
		t.Fatalf("%s has no column %s or row %d", table.Name, col, row)
	}
	return table.Rows[row][i].Text()
}

// TestRates: rates are those since the last view, totals those since the begin, and
// what is busy now comes first.
func TestRates(t *testing.T) {
	m := &Meter{Isolated: []int{2, 3}}
	few, st := counted(t, sent(10))
	v := m.viewed(few, moment(st, 2*sec))
	if !strings.HasPrefix(v.Head, "CPUs 2-3: 11 hits in 1.0 s, 11/s; 21 events/s, lost 0; own CPU 0.5 %, own hits 0") {
		t.Error(v.Head)
	}
	many, st := counted(t, sent(30))
	v = m.viewed(many, moment(st, 2*sec+sec/2))
	if !strings.HasPrefix(v.Head, "CPUs 2-3: 31 hits in 1.5 s, 40/s; 80 events/s") {
		t.Error(v.Head)
	}
	for _, want := range [][4]string{{"groups", "0", "function", "ipi_mb"}, {"groups", "0", "hits_hz", "40"}, {"groups", "0", "hits", "30"}, {"groups", "1", "hits_hz", "0"}, {"cpus", "0", "hits_hz", "40"}, {"cpus", "1", "hits", "1"}, {"cpus", "1", "hits_hz", "0"}} {
		if got := cell(t, v.Set.Table(want[0]), int(want[1][0]-'0'), want[2]); got != want[3] {
			t.Errorf("%v: %s", want, got)
		}
	}
	if bars := v.CPUs.Rows[0][v.CPUs.Index("over_time")].Bars.Counts; len(bars) != 2 || bars[0] != 10 || bars[1] != 20 {
		t.Errorf("bars %v", bars)
	}
	// no time went by: there is no rate, and none is made up
	v = m.viewed(many, moment(st, 2*sec+sec/2))
	if got := v.Set.Table("groups").Rows[0][v.Groups.Index("hits_hz")]; got.Kind != result.KindNone {
		t.Errorf("a rate of no time: %+v", got)
	}
}

// TestBounds: what was lost, waits or came late is said, and counts are lower bounds.
func TestBounds(t *testing.T) {
	s, st := counted(t, sent(3))
	for _, tt := range []struct {
		set         func(*Moment)
		head, notes string
		bound       string
	}{
		{func(*Moment) {}, ": 4 hits", "", ""},
		{func(at *Moment) { at.Input.Lost = 7 }, ": at least 4 hits in 1.0 s, 4.0/s; 7.0 events/s, lost 7;", "events were lost: every count is at least", "at least"},
		{func(at *Moment) { at.Input.LostUnknown = true }, "lost at least 0;", "every count is at least", "at least"},
		{func(at *Moment) { at.Waiting = 2 }, ": at least 4 hits", "2 sends are not counted yet", "at least"},
		{func(at *Moment) { at.Late = 3 }, ": 4 hits", "3 events came late", ""},
	} {
		at := moment(st, 2*sec)
		tt.set(&at)
		v := (&Meter{Isolated: []int{2, 3}}).viewed(s, at)
		notes := strings.Join(v.Notes, "\n")
		if !strings.Contains(v.Head, tt.head) || !strings.Contains(notes, tt.notes) || tt.notes == "" && notes != "" {
			t.Errorf("%s\n%s", v.Head, notes)
		}
		for _, f := range v.Set.Totals {
			if f.Name == "bound" && f.Value.Str != tt.bound {
				t.Errorf("%s: bound %q", v.Head, f.Value.Str)
			}
		}
	}
}

// TestSparksAreBounded: bars show the last views.
func TestSparksAreBounded(t *testing.T) {
	m := &Meter{Isolated: []int{2, 3}}
	s, st := counted(t, sent(3))
	var v *View
	for i := range int64(500) {
		v = m.viewed(s, moment(st, (2+i)*sec))
	}
	if n := len(v.CPUs.Rows[0][v.CPUs.Index("over_time")].Bars.Counts); n != sparkCells {
		t.Errorf("%d bars", n)
	}
}

func TestList(t *testing.T) {
	for want, cpus := range map[string][]int{"": nil, "1": {1}, "0-1": {0, 1}, "1,3-5,9": {1, 3, 4, 5, 9}} {
		if got := list(cpus); got != want {
			t.Errorf("%v is %q, want %q", cpus, got, want)
		}
	}
}

// TestTextIsClean: names of a trace do not reach a terminal as they are.
func TestTextIsClean(t *testing.T) {
	by, err := ipi.ParseKeys("comm,function")
	if err != nil {
		t.Fatal(err)
	}
	s, st := counted(t, sent(3), by...)
	v := (&Meter{Isolated: []int{2, 3}}).viewed(s, moment(st, 2*sec))
	var b bytes.Buffer
	if err := v.Write(&b, 100, 20, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), "[2Jil") {
		t.Errorf("%q", b.String())
	}
}
