// Package contexts looks at where stacks were interrupted: how deep interrupts
// nest, and whether they hit a trampoline, a BPF program, a kprobe or a module,
// whose text may be freed while it is interrupted.
package contexts

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/contexts/v1"

// Config says which stacks are looked at.
type Config struct {
	Catalog  *catalog.Catalog
	Isolated *cpumask.Mask           // those that were recorded on one of these CPUs; nil: on any
	Counts   func(*trace.Event) bool // those of these events; nil: of all
}

// A State counts the kernel stacks of one trace. Each different stack is taken
// apart once, at the end.
type State struct {
	cfg    Config
	table  *trace.Table
	kinds  []kind // by EventID
	owners track.Owners
	stacks []counted // by StackID
	flags  bool      // the trace has flags
}

// counted is how often a stack was recorded, and where first.
type counted struct {
	n          uint64
	need, lazy uint64 // with the flags of need-resched
	at         trace.Time
	cpu        int32
}

func (c *counted) add(o *counted) {
	if c.n == 0 || o.at < c.at || o.at == c.at && o.cpu < c.cpu {
		c.at, c.cpu = o.at, o.cpu
	}
	c.n += o.n
	c.need += o.need
	c.lazy += o.lazy
}

// kind says whether an event is a kernel stack.
type kind uint8

const (
	unseen kind = iota
	other
	kernelStack
)

// New returns a State for a trace with this table. Without a catalogue it is the one
// that comes with the program.
func New(t *trace.Table, cfg Config) *State {
	cfg.Catalog = catalog.OrEmbedded(cfg.Catalog)
	return &State{cfg: cfg, table: t}
}

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective: every stack, and nothing else unless it is asked
// for by event.
func (s *State) Wants() trace.Want {
	if s.cfg.Counts != nil {
		return trace.Want{}
	}
	return trace.Want{Events: []string{}}
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if s.kindOf(e) != kernelStack {
		if s.cfg.Counts != nil && !e.Schema().IsStack {
			s.owners.Event(e, s.cfg.Counts(e))
		}
		return
	}
	if s.cfg.Isolated != nil && (e.CPU < 0 || !s.cfg.Isolated.Has(int(e.CPU))) || s.cfg.Counts != nil && !s.owners.Stack(e) {
		return
	}
	id := e.Stack()
	for int(id) >= len(s.stacks) {
		s.stacks = append(s.stacks, counted{})
	}
	one := counted{n: 1, at: e.Time, cpu: e.CPU}
	if e.HasFlags {
		s.flags = true
		if e.Flags&trace.FlagNeedResched != 0 {
			one.need = 1
		}
		if e.Flags&trace.FlagNeedReschedLazy != 0 {
			one.lazy = 1
		}
	}
	s.stacks[id].add(&one)
}

func (s *State) kindOf(e *trace.Event) kind {
	for int(e.ID) >= len(s.kinds) {
		s.kinds = append(s.kinds, unseen)
	}
	k := &s.kinds[e.ID]
	if *k == unseen {
		*k = other
		if sc := e.Schema(); sc.IsStack && sc.Name == "kernel_stack" {
			*k = kernelStack
		}
	}
	return *k
}

// Lost implements analysis.State: a stack stands for itself, but for whose it is.
func (s *State) Lost(l *trace.Lost) { s.owners.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) {}

// ordinary stands for an interrupted frame with nothing special about it, so
// that the marks of nested interrupts can be told apart.
const ordinary = "-"

// shape is what is counted of a stack: its contexts from the innermost to the
// outermost one, and what the interrupted frames were.
type shape struct {
	depth int
	chain string
	marks string
}

// unknown stands for a context of which no frame tells what it is.
const unknown = "unknown"

// row is what is counted of a shape, with the stack that was the first of it.
type row struct {
	counted
	stack trace.StackID
}

// Result makes the tables.
func (s *State) Result(in result.Input) *result.Set {
	shapes := map[shape]*row{}
	var total, marked, need, lazy uint64
	var dst []catalog.Context
	for id := range s.stacks {
		c := &s.stacks[id]
		if c.n == 0 {
			continue
		}
		sh := s.shapeOf(trace.StackID(id), &dst)
		r := shapes[sh]
		if r == nil {
			r = &row{}
			shapes[sh] = r
		}
		if r.add(c); r.at == c.at && r.cpu == c.cpu {
			r.stack = trace.StackID(id)
		}
		total, need, lazy = total+c.n, need+c.need, lazy+c.lazy
		if sh.marks != "" {
			marked += c.n
		}
	}
	set := &result.Set{
		Schema: Schema, Inputs: []result.Input{in}, Tables: []*result.Table{s.contextTable(shapes)},
		Totals: []result.Field{
			{Name: "stacks", Value: result.Int(total)}, {Name: "marked", Value: result.Int(marked)},
			{Name: "need_resched", Value: result.Int(need)}, {Name: "need_resched_lazy", Value: result.Int(lazy)},
		},
		Verdict: fmt.Sprintf("%s: %d stacks, %d of them interrupted a trampoline, BPF program, kprobe, module or unknown text", in.Path, total, marked),
	}
	if s.cfg.Isolated != nil {
		set.Isolated = s.cfg.Isolated.String()
	}
	if note := s.lazyNote(total, lazy); note != "" {
		set.Notes = []string{note}
	}
	return set
}

// lazyNote says what of need-resched cannot be seen. The letters of lazy rescheduling came
// with Linux 6.13 (kernel/trace/trace_output.c, trace_print_lat_fmt); a libtraceevent that
// does not know the flag prints X or nothing.
func (s *State) lazyNote(total, lazy uint64) string {
	switch {
	case total == 0:
		return ""
	case !s.flags:
		return "its events have no flags: whether need-resched was set is not known"
	case lazy == 0 && s.table.Meta.LongSize == 0:
		return "a text may not show lazy need-resched: what printed it may not know the flag, which kernels have since 6.13"
	}
	return ""
}

func (s *State) contextTable(shapes map[shape]*row) *result.Table {
	t := &result.Table{Name: "contexts", Cols: []result.Col{
		{Name: "stacks", Head: "stacks"},
		{Name: "depth", Head: "nesting", Help: "contexts that interrupted another one or user mode"},
		{Name: "contexts", Head: "contexts, innermost first", Key: true, Help: "unknown: no frame tells what it is, as where a stack is cut"},
		{Name: "interrupted", Head: "interrupted", Help: "what is special about the frame that each interrupt hit, innermost first; - is nothing"},
		{Name: "need_resched", Head: "N", Help: "stacks at which need-resched was set"},
		{Name: "need_resched_lazy", Head: "L", Help: "stacks at which lazy need-resched was set"},
		{Name: "example.at", Head: "first at", Help: "trace time of the first such stack, in seconds"},
		{Name: "example.cpu", Head: "on CPU", Keep: true},
		{Name: "example.stack", Head: "example", Help: "its frames, innermost first"},
	}}
	for sh, r := range shapes {
		need, lazy := result.None(), result.None()
		if s.flags {
			need, lazy = result.Int(r.need), result.Int(r.lazy)
		}
		at := result.Moment(int64(r.at), s.table.Meta.ClockUnit == "ticks")
		t.Rows = append(t.Rows, []result.Value{
			result.Int(r.n), result.Int(sh.depth), result.Str(sh.chain), result.Str(sh.marks), need, lazy,
			result.Str(at), result.Int(r.cpu), result.Str(strings.Join(s.frames(r.stack), track.FrameSep)),
		})
	}
	t.SortDown(0)
	t.Show = []string{"stacks", "depth", "contexts", "interrupted", "need_resched", "need_resched_lazy", "example.at", "example.cpu"}
	t.Spare = []string{"example.cpu", "example.at"}
	return t
}

// frames are the names of a stack's.
func (s *State) frames(id trace.StackID) []string {
	var frames []string
	for _, sym := range s.table.StackOf(id) {
		f := s.table.SymbolOf(sym)
		name := f.Name
		if f.Module != "" {
			name += " [" + f.Module + "]"
		}
		frames = append(frames, name)
	}
	return frames
}

// AddExamples adds the first stack of each row, for people.
func AddExamples(set *result.Set) {
	t := set.Table("contexts")
	for _, row := range t.Rows {
		x := result.Example{
			Row:  row[t.Index("contexts")].Str,
			Note: "the first of " + row[t.Index("stacks")].Text() + ", at " + row[t.Index("example.at")].Str + " on CPU " + row[t.Index("example.cpu")].Text(),
		}
		for frame := range strings.SplitSeq(row[t.Index("example.stack")].Str, track.FrameSep) {
			x.Lines = append(x.Lines, "=> "+frame)
		}
		set.Examples = append(set.Examples, x)
	}
}

func (s *State) shapeOf(id trace.StackID, dst *[]catalog.Context) shape {
	*dst = s.cfg.Catalog.Split((*dst)[:0], s.frames(id))
	var chain, marks []string
	marked := false
	for i := range *dst {
		c := &(*dst)[i]
		chain = append(chain, cmp.Or(c.Origin.Kind.String(), unknown))
		switch {
		case !c.Interrupts():
		case c.Interrupted == 0:
			marks = append(marks, ordinary)
		default:
			marks = append(marks, c.Interrupted.String())
			marked = true
		}
	}
	if !marked {
		marks = nil
	}
	return shape{catalog.Depth(*dst), strings.Join(chain, " < "), strings.Join(marks, " < ")}
}
