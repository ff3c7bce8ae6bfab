// Package contexts looks at where stacks were interrupted: how deep interrupts
// nest, and whether they hit a trampoline, a BPF program, a kprobe or a module,
// whose text may be freed while it is interrupted.
package contexts

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/contexts/v1"

// A State counts the kernel stacks of one trace. Each different stack is taken
// apart once, at the end.
type State struct {
	catalog *catalog.Catalog
	table   *trace.Table
	kinds   []kind   // by EventID
	stacks  []uint64 // how often each was recorded, by StackID
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
func New(t *trace.Table, c *catalog.Catalog) *State {
	return &State{catalog: catalog.OrEmbedded(c), table: t}
}

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective: every stack, and nothing else.
func (s *State) Wants() trace.Want { return trace.Want{Events: []string{}} }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if s.kindOf(e) != kernelStack {
		return
	}
	id := e.Stack()
	for int(id) >= len(s.stacks) {
		s.stacks = append(s.stacks, 0)
	}
	s.stacks[id]++
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

// Lost implements analysis.State: a stack stands for itself.
func (s *State) Lost(*trace.Lost) {}

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

// Result makes the tables.
func (s *State) Result(in result.Input) *result.Set {
	shapes := map[shape]uint64{}
	var total, marked uint64
	var dst []catalog.Context
	for id, n := range s.stacks {
		if n == 0 {
			continue
		}
		sh := s.shapeOf(trace.StackID(id), &dst)
		shapes[sh] += n
		total += n
		if sh.marks != "" {
			marked += n
		}
	}
	t := &result.Table{Name: "contexts", Cols: []result.Col{
		{Name: "stacks", Head: "stacks"},
		{Name: "depth", Head: "nesting", Help: "contexts that interrupted another one or user mode"},
		{Name: "contexts", Head: "contexts, innermost first", Key: true},
		{Name: "interrupted", Head: "interrupted", Help: "what is special about the frame that each interrupt hit, innermost first; - is nothing"},
	}}
	for sh, n := range shapes {
		t.Rows = append(t.Rows, []result.Value{result.Int(n), result.Int(sh.depth), result.Str(sh.chain), result.Str(sh.marks)})
	}
	t.SortDown(0)
	return &result.Set{
		Schema: Schema, Inputs: []result.Input{in}, Tables: []*result.Table{t},
		Totals:  []result.Field{{Name: "stacks", Value: result.Int(total)}, {Name: "marked", Value: result.Int(marked)}},
		Verdict: fmt.Sprintf("%s: %d stacks, %d of them interrupted a trampoline, BPF program, kprobe, module or unknown text", in.Path, total, marked),
	}
}

func (s *State) shapeOf(id trace.StackID, dst *[]catalog.Context) shape {
	var frames []string
	for _, sym := range s.table.StackOf(id) {
		f := s.table.SymbolOf(sym)
		name := f.Name
		if f.Module != "" {
			name += " [" + f.Module + "]"
		}
		frames = append(frames, name)
	}
	*dst = s.catalog.Split((*dst)[:0], frames)
	var chain, marks []string
	marked := false
	for i := range *dst {
		c := &(*dst)[i]
		chain = append(chain, c.Origin.Kind.String())
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
