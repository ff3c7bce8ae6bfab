package quiet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A peak is the longest of some interruptions, with when and where it was.
type peak struct {
	ns   int64 // -1 if there is none
	at   trace.Time
	cpu  int32
	file string
}

// take keeps the longer one; of equal ones the first, whatever the order.
func (p *peak) take(o peak) {
	if o.ns > p.ns || o.ns == p.ns && o.ns >= 0 && cmp.Or(cmp.Compare(o.at, p.at), cmp.Compare(o.cpu, p.cpu), strings.Compare(o.file, p.file)) < 0 {
		*p = o
	}
}

// An interruption is one of the longest, with its file when its trace was read.
type interruption struct {
	Culprit
	taken int64
	file  string
}

// compareInterruptions puts the longest first; of equal ones the first in time, then by
// what they are.
func compareInterruptions(a, b *interruption) int {
	return cmp.Or(cmp.Compare(b.taken, a.taken), cmp.Compare(a.start, b.start), cmp.Compare(a.cpu, b.cpu),
		strings.Compare(a.file, b.file), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), cmp.Compare(a.Sender, b.Sender))
}

// worst are the longest interruptions of each kind.
type worst map[string]*stat.Largest[interruption]

// of are those of one kind, of which n are kept.
func (w worst) of(kind string, n int) *stat.Largest[interruption] {
	l := w[kind]
	if l == nil {
		list := stat.NewLargest(n, compareInterruptions)
		l = &list
		w[kind] = l
	}
	return l
}

// all are those of each kind, the kind with the longest first.
func (w worst) all() []interruption {
	var lists [][]interruption
	for _, l := range w {
		if all := l.All(); len(all) > 0 {
			lists = append(lists, all)
		}
	}
	slices.SortFunc(lists, func(a, b []interruption) int { return compareInterruptions(&a[0], &b[0]) })
	return slices.Concat(lists...)
}

// culprit is what is known of an interruption that nobody sent.
func (s *State) culprit(src source) Culprit {
	return Culprit{Kind: src.kind, Name: s.table.NameOf(src.name), Sender: -1, delivery: -1}
}

// interrupted notes an interruption under the gaps that it overlaps, and among the
// longest of its kind. Its own time is that from start to taken.
func (s *State) interrupted(kind string, cpu int32, start, end, taken trace.Time, describe func() Culprit) {
	s.gaps.add(cpu, start, end, describe)
	if s.cfg.Worst == 0 || start == track.Never || taken == track.Never {
		return
	}
	x := interruption{taken: int64(taken - start)}
	x.cpu, x.start = cpu, start
	longest := s.worst.of(kind, s.cfg.Worst)
	if x.taken < 0 || !longest.Takes(&x) { // of equal ones the name decides, which is not known yet
		return
	}
	x.Culprit = describe()
	x.cpu, x.start, x.end = cpu, start, end
	longest.Add(&x)
}

// worstTable are the longest interruptions of each kind, with what is known of them.
func (c *Counts) worstTable() *result.Table {
	t := &result.Table{Name: "worst", Title: "The longest interruptions of each kind", Entire: true, Cols: []result.Col{
		{Name: "took_ns", Head: "took", Unit: "ns"},
		{Name: "bound", Head: "bound", Help: "at least: events were lost, or interruptions have no end, so there may be longer ones"},
		{Name: "at", Head: "at", Help: "trace time at which it begins, in seconds"},
		{Name: "cpu", Head: "CPU"},
		{Name: "kind", Head: "kind"}, {Name: "name", Head: "name"},
		{Name: "sender", Head: "sender", Help: "CPU that sent the IPI"}, {Name: "comm", Head: "comm", Help: "task that sent it"},
		{Name: "cause", Head: "cause", Help: "the kernel function that made the send necessary"},
		{Name: "delivery_ns", Head: "delivery", Unit: "ns", Help: "from the send to the interrupt"},
		{Name: "stack", Head: "stack", Help: "of the send"}, {Name: "file", Head: "file"},
	}}
	all, bound := c.worst.all(), ""
	t.Cols[6].Keep = slices.ContainsFunc(all, func(x interruption) bool { return x.Sender >= 0 }) // CPU 0 is a sender
	if c.mayBeLonger() {
		bound = "at least"
	}
	for _, x := range all {
		sender, delivery := result.None(), result.None()
		if x.Sender >= 0 {
			sender = result.Int(x.Sender)
		}
		if x.delivery >= 0 {
			delivery = result.Int(x.delivery)
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(x.taken), result.Str(bound), result.Str(c.moment(x.start)), result.Int(x.cpu), result.Str(x.Kind), result.Str(x.Name),
			sender, result.Str(x.Comm), result.Str(x.Cause), delivery, result.Str(x.stack), result.Str(x.file),
		})
	}
	t.Show = []string{"took_ns", "bound", "at", "cpu", "kind", "name", "sender", "comm", "cause", "delivery_ns"}
	if len(c.inputs) > 1 {
		t.Show = append(t.Show, "file")
	}
	return t
}

// mayBeLonger reports whether an interruption may have been longer than all that were
// timed: events are missing or may be, or its end is.
func (c *Counts) mayBeLonger() bool {
	return c.atLeast() != "" || c.points > 0 || len(c.bounds()) > 0
}
