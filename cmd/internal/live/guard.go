package live

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Guard holds hits against a budget while they come. A budget of hits per CPU and
// hour is broken when a CPU has had more than it allows a whole hour, or all hours so
// far: nothing that comes later can make that good.
type Guard struct {
	budget *budget.Budget
	table  *trace.Table
	attr   *track.Attributor
	sends  *track.Sends
	lines  []line
	// is and may are the hits of each CPU that a line is of, and those of which it
	// is not known whether it is.
	is, may map[counter]uint64
	since   trace.Time
	now     trace.Time
	began   bool
	broken  *Break
}

// line is one line of a budget.
type line struct {
	text  string
	max   float64 // per hour
	match func(function, classes string) names.Answer
}

type counter struct {
	cpu  int32
	line int
}

// A Break is the hit that broke a budget.
type Break struct {
	CPU      int32
	Line     string // of the budget
	Hits     uint64 // of that CPU and line, with this one
	Time     trace.Time
	Function string
	Class    string
	Cause    string
	Sender   int32
	PID      int32
	Comm     string
	Stack    []string // innermost first
}

// CheckBudget says what of a budget cannot be held against what is watched, and why.
func CheckBudget(b *budget.Budget) error {
	const record = ": record, and run ipiscope check"
	switch {
	case b.IsEmpty():
		return errors.New("it limits nothing")
	case len(b.Groups) > 0:
		return errors.New("live has one budget for all isolated CPUs, and takes no groups" + record)
	case len(b.Interruptions) > 0:
		return errors.New("live counts IPIs; how many interruptions of other kinds an hour has shows behind it" + record)
	case b.MaxUntraced != nil:
		return errors.New("live keeps no copies of /proc/interrupts" + record)
	case b.LimitsNoise():
		return errors.New("noise is what the tracer osnoise measures, whose threads would run on the watched CPUs and take their time" + record)
	}
	return nil
}

// HasLines reports whether the budget limits hits.
func (g *Guard) HasLines() bool { return len(g.lines) > 0 }

// NewGuard returns a Guard for the events of a table.
func NewGuard(t *trace.Table, b *budget.Budget, c *catalog.Catalog, isolated *cpumask.Mask) *Guard {
	g := &Guard{budget: b, table: t, attr: track.NewAttributor(c, t), is: map[counter]uint64{}, may: map[counter]uint64{}}
	g.sends = track.NewSends(t, track.Config{Isolated: isolated, Attribution: g.attr, Send: g.send})
	if b.MaxHits != nil {
		g.lines = append(g.lines, line{"hits", *b.MaxHits, func(string, string) names.Answer { return names.Is }})
	}
	for _, l := range b.Classes {
		g.lines = append(g.lines, line{l.Name + " hits", l.Max, func(_, classes string) names.Answer { return names.Match(classes, l.Name) }})
	}
	for _, l := range b.Functions {
		g.lines = append(g.lines, line{l.Name, l.Max, func(function, _ string) names.Answer { return names.Match(function, l.Name) }})
	}
	return g
}

// Event implements analysis.State.
func (g *Guard) Event(e *trace.Event) {
	g.see(e.Time)
	g.sends.Event(e)
}

// Lost implements analysis.State.
func (g *Guard) Lost(l *trace.Lost) { g.sends.Lost(l) }

// Now implements analysis.Waiter.
func (g *Guard) Now(t trace.Time) {
	g.see(t)
	g.sends.Now(t)
}

// End implements analysis.State.
func (g *Guard) End(analysis.Span) { g.sends.End() }

// Since says when the first hour began.
func (g *Guard) Since(t trace.Time) { g.since, g.began = t, true }

func (g *Guard) see(t trace.Time) {
	if !g.began {
		g.Since(t)
	}
	g.now = max(g.now, t)
}

const hour = 3600 * 1e9

// allowed is how many hits a line allows a CPU until a time.
func (g *Guard) allowed(l *line, until trace.Time) float64 {
	return l.max * max(1, float64(until-g.since)/hour)
}

func (g *Guard) send(w *track.Send) {
	for i := range w.Hits {
		h := &w.Hits[i]
		if !g.budget.All && (h.Target == w.CPU || g.attr.IsNoise(w, h)) {
			continue
		}
		function, classes := g.table.NameOf(h.Function), g.table.NameOf(g.attr.Classes(h.Function, w.Stack, w.Callsite))
		for n := range g.lines {
			l, c := &g.lines[n], counter{h.Target, n}
			switch l.match(function, classes) {
			case names.Is:
				g.is[c]++
				if g.broken == nil && float64(g.is[c]) > g.allowed(l, w.Time) {
					g.broken = g.breakOf(w, h, c)
				}
			case names.May:
				g.may[c]++
			}
		}
	}
}

func (g *Guard) breakOf(w *track.Send, h *track.Hit, c counter) *Break {
	l := &g.lines[c.line]
	return &Break{
		CPU: h.Target, Line: fmt.Sprintf("%s: %v allowed per CPU and hour", l.text, l.max), Hits: g.is[c], Time: w.Time,
		Function: g.table.NameOf(h.Function), Class: g.table.NameOf(g.attr.Classes(h.Function, w.Stack, w.Callsite)),
		Cause: g.table.NameOf(g.attr.Facts(w.Stack, w.Callsite).Cause), Sender: w.CPU, PID: w.PID, Comm: g.table.NameOf(w.Comm),
		Stack: g.attr.Names(w.Stack, true),
	}
}

// Broken is the hit that broke the budget first, nil if none did so far.
func (g *Guard) Broken() *Break { return g.broken }

// Undecided says why the budget may be broken although no hit is known to have done
// so; "" if it is not. lost are the events that were lost, lostUnknown says that there
// were more.
func (g *Guard) Undecided(lost uint64, lostUnknown bool) string {
	if lost > g.budget.MaxLost || lostUnknown {
		return fmt.Sprintf("%d events were lost, %d are allowed: the hits in them are not known", lost, g.budget.MaxLost)
	}
	for n := range g.lines {
		l := &g.lines[n]
		for c, may := range g.may {
			if c.line == n && float64(g.is[c]+may) > g.allowed(l, g.now) {
				return fmt.Sprintf("%d hits of CPU %d may be of %q: what they run is not known, or one of several", may, c.cpu, l.text)
			}
		}
	}
	return ""
}

// String tells of a Break in a few lines.
func (b *Break) String() string {
	return fmt.Sprintf("CPU %d: %s: hit %d at %.6f: %s (%s) by %s, from CPU %d, task %s-%d\n  %s",
		b.CPU, b.Line, b.Hits, float64(b.Time)/1e9, b.Function, b.Class, b.Cause, b.Sender, b.Comm, b.PID, strings.Join(b.Stack, "\n  "))
}

var _ analysis.Waiter = (*Guard)(nil)
