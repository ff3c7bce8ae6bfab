package latency

import (
	"cmp"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A longest is the longest of some times, with when it began.
type longest struct {
	ns   int64 // -1 if there is none
	at   trace.Time
	file string
}

// take keeps the longer one; of equal ones the first, whatever the order.
func (l *longest) take(o longest) {
	if o.ns > l.ns || o.ns == l.ns && o.ns >= 0 && cmp.Or(cmp.Compare(o.at, l.at), strings.Compare(o.file, l.file)) < 0 {
		*l = o
	}
}

// A story is what is known of one IPI or queued call.
type story struct {
	hasSend, joined  bool
	hasLine          bool // of a call that ran nothing says which interrupt brought it
	sender, pid, cpu int32
	comm, function   trace.NameID
	callsite         trace.NameID
	stack            trace.StackID
	line             track.Line
	mode             track.Mode
	legs             [numShown]int64 // -1: not known
	ns               int64
	at               trace.Time
	serial           uint64
}

// storyOf is that of an IPI that arrived.
func storyOf(d *track.Delivery) *story {
	st := &story{
		hasSend: d.HasSend, joined: d.Joined, hasLine: true, sender: d.Sender, pid: d.PID, cpu: d.Target, comm: d.Comm, function: d.Function,
		callsite: d.Callsite, stack: d.Stack, line: d.Line, mode: d.Mode, serial: d.Serial,
	}
	for l, p := range spans(d) {
		if st.legs[l] = -1; p[0] != track.Never && p[1] != track.Never {
			st.legs[l] = int64(p[1] - p[0])
		}
	}
	return st
}

// storyOfRun is that of a queued call that ran.
func storyOfRun(r *track.Run) *story {
	st := &story{
		hasSend: r.Queued != track.Never, joined: r.Shared, sender: r.Sender, pid: r.PID, cpu: r.CPU, comm: r.Comm, function: r.Function,
		callsite: r.Callsite, stack: r.Stack, mode: r.Mode, serial: r.Serial,
	}
	for l := range st.legs {
		st.legs[l] = -1
	}
	return st
}

// compareTimes puts the longest first; of equal ones the first in time, then by what they
// are.
func compareTimes(a, b *story) int {
	return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.at, b.at), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.sender, b.sender))
}

// compareStories compares those of one trace.
func compareStories(a, b *story) int {
	return cmp.Or(compareTimes(a, b), cmp.Compare(a.serial, b.serial))
}

// A told story has names for ids.
type told struct {
	story
	comm, function, cause, stack, file string
}

// compareTold compares those of any traces: serials are those of one.
func compareTold(a, b *told) int {
	return cmp.Or(compareTimes(&a.story, &b.story), strings.Compare(a.file, b.file), cmp.Compare(a.serial, b.serial))
}

// tell gives the worst of each time their names.
func (s *State) tell(c *Counts, from *[NumTimes][]measure, file string) {
	for t, measures := range from {
		for _, m := range measures {
			for _, st := range s.worst[m].All() {
				x := told{story: st, function: s.table.NameOf(st.function), file: file}
				if st.hasSend {
					x.comm = s.table.NameOf(st.comm)
					x.cause = s.table.NameOf(s.attr.Facts(st.stack, st.callsite).Cause)
				}
				if st.stack != 0 {
					x.stack = key.Stack.Text(key.ID(st.stack), s.table, s.attr)
				}
				c.worst[t].Add(&x)
			}
		}
	}
}

// worstTable are the worst of each time, with what is known of them.
func (c *Counts) worstTable() *result.Table {
	t := &result.Table{Name: "worst", Title: "The worst", Entire: true, Cols: []result.Col{
		{Name: "time", Head: "time", Key: true, Help: "delivery, handler, bracket or wait"},
		{Name: "took_ns", Head: "took", Unit: "ns"},
		{Name: "bound", Head: "bound", Help: "at least: not all were measured, so there may be worse ones; doubtful: it compares CPUs whose clocks are not synchronised"},
		{Name: "at", Head: "at", Help: "trace time at which it begins, in seconds"},
		{Name: "cpu", Head: "CPU", Help: "the CPU that was hit"},
		{Name: "line", Head: "line"},
		{Name: "function", Head: "function", Help: "what ran there"},
		{Name: "context", Head: "found", Help: "what was interrupted"},
		{Name: "sender", Head: "sender", Help: "CPU that sent", Keep: true},
		{Name: "comm", Head: "comm", Help: "task that sent"},
		{Name: "pid", Head: "pid"},
		{Name: "cause", Head: "cause", Help: "the kernel function that made the send necessary"},
		{Name: "joined", Head: "joined", Help: "1: shared an interrupt, or a run, with an older one"},
	}}
	for l := range numShown {
		t.Cols = append(t.Cols, result.Col{Name: "legs." + l.member(), Head: l.String(), Unit: "ns"})
	}
	t.Cols = append(t.Cols, result.Col{Name: "stack", Head: "stack", Help: "of the send"}, result.Col{Name: "file", Head: "file"})
	for i := range c.worst {
		bound := c.boundOf(Time(i))
		for _, x := range c.worst[i].All() {
			t.Rows = append(t.Rows, x.row(Time(i), bound, len(c.ticks) > 0))
		}
	}
	t.Show = []string{"time", "took_ns", "bound", "at", "cpu", "line", "function", "sender", "comm", "cause", "context", "joined"}
	for l := range numShown {
		if l != legWhole {
			t.Show = append(t.Show, "legs."+l.member())
		}
	}
	t.Spare = []string{"legs.send_to_raise_ns", "legs.exit_to_switch_ns", "joined", "context", "line"}
	if len(c.inputs) > 1 {
		t.Show = append(t.Show, "file")
	}
	return t
}

// boundOf says in which way the worst of a time may be wrong.
func (c *Counts) boundOf(t Time) string {
	var words []string
	if c.isBound(t) {
		words = append(words, "at least")
	}
	if len(c.skewed) > 0 && (t == Delivery || t == Wait) {
		words = append(words, "doubtful")
	}
	return strings.Join(words, ", ")
}

func (x *told) row(t Time, bound string, ticks bool) []result.Value {
	sender, pid := result.None(), result.None()
	if x.hasSend {
		sender, pid = result.Int(x.sender), result.Int(x.pid)
	}
	joined := 0
	if x.joined {
		joined = 1
	}
	line := ""
	if x.hasLine {
		line = x.line.String()
	}
	row := []result.Value{
		result.Str(t.String()), result.Int(x.ns), result.Str(bound), result.Str(result.Moment(int64(x.at), ticks)), result.Int(x.cpu), result.Str(line), result.Str(x.function),
		result.Str(x.mode.String()), sender, result.Str(x.comm), pid, result.Str(x.cause), result.Int(joined),
	}
	for _, ns := range x.legs {
		if ns < 0 {
			row = append(row, result.None())
		} else {
			row = append(row, result.Int(ns))
		}
	}
	return append(row, result.Str(x.stack), result.Str(x.file))
}
