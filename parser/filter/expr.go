package filter

import "strings"

// An Op is a comparison operator.
type Op uint8

// The operators, in the order in which the kernel tries them.
const (
	OpGlob Op = iota // ~
	OpNE             // !=
	OpEQ             // ==
	OpLE             // <=
	OpLT             // <
	OpGE             // >=
	OpGT             // >
	OpBand           // &
	numOps
)

var opText = [numOps]string{"~", "!=", "==", "<=", "<", ">=", ">", "&"}

func (o Op) String() string { return opText[o] }

// An Expr is a parsed expression.
type Expr struct {
	Src  string // as given, without white space at its end
	Root Node   // nil for "0", which clears a filter: everything passes
	// Trailing is the operator that ends Src and that kernels up to 7.2 ignore,
	// "&&", "||" or empty.
	Trailing string

	terms []*Term // in the order of Src
}

// String gives the expression in a normal form that parses to the same tree.
func (x *Expr) String() string {
	if x.Root == nil {
		return "0"
	}
	var b strings.Builder
	write(&b, x.Root)
	return b.String()
}

// Terms returns the comparisons in the order they were written.
func (x *Expr) Terms() []*Term { return x.terms }

// A Node is one of *And, *Or, *Not and *Term.
type Node interface {
	// Span gives the byte offsets of the node in Expr.Src.
	Span() (off, end int)
}

// And, Or and Not combine terms. && binds tighter than ||, ! binds tightest.
type (
	And struct{ X, Y Node }
	Or  struct{ X, Y Node }
	Not struct {
		Off int // of the !
		X   Node
	}
)

// A Term is one comparison.
type Term struct {
	Off, End int
	Field    string
	Ustring  bool // .ustring: a pointer into user memory
	Function bool // .function: an address within a function
	Op       Op
	Value    Value

	index int // within Expr.terms
}

// ValueKind is the form of a value.
type ValueKind uint8

const (
	Number ValueKind = iota
	Quoted           // text in quotes
	CPUs             // CPUS{list}
	Symbol           // name of a function, after .function
	Bare             // names of functions, after ftrace:function's ip, which perf alone may use
)

// A Value is the right side of a comparison.
type Value struct {
	Kind     ValueKind
	Text     string // without quotes or braces
	Quote    byte   // of Quoted, ' or "
	Mask     bool   // CPUs spelled MASK{list}
	Off, End int
}

func (n *And) Span() (int, int) { return join(n.X, n.Y) }
func (n *Or) Span() (int, int)  { return join(n.X, n.Y) }
func (n *Not) Span() (int, int) {
	_, end := n.X.Span()
	return n.Off, end
}
func (t *Term) Span() (int, int) { return t.Off, t.End }

func join(x, y Node) (int, int) {
	off, _ := x.Span()
	_, end := y.Span()
	return off, end
}

// String prints the term in its normal form.
func (t *Term) String() string {
	var b strings.Builder
	write(&b, t)
	return b.String()
}

func write(b *strings.Builder, n Node) {
	switch n := n.(type) {
	case *Or:
		write(b, n.X) // a chain of || leans to the left, so X needs no parentheses
		b.WriteString(" || ")
		_, nested := n.Y.(*Or)
		writeIn(b, n.Y, nested)
	case *And:
		_, or := n.X.(*Or)
		writeIn(b, n.X, or)
		b.WriteString(" && ")
		_, term := n.Y.(*Term)
		_, not := n.Y.(*Not)
		writeIn(b, n.Y, !term && !not)
	case *Not:
		b.WriteByte('!')
		_, term := n.X.(*Term)
		_, not := n.X.(*Not)
		writeIn(b, n.X, !term && !not)
	case *Term:
		writeTerm(b, n)
	}
}

func writeIn(b *strings.Builder, n Node, parens bool) {
	if !parens {
		write(b, n)
		return
	}
	b.WriteByte('(')
	write(b, n)
	if t := last(n); t.Value.Kind == Symbol {
		b.WriteByte(' ') // else the parenthesis would belong to the name
	}
	b.WriteByte(')')
}

func last(n Node) *Term {
	for {
		switch m := n.(type) {
		case *And:
			n = m.Y
		case *Or:
			n = m.Y
		case *Not:
			n = m.X
		case *Term:
			return m
		}
	}
}

func writeTerm(b *strings.Builder, t *Term) {
	b.WriteString(t.Field)
	if t.Ustring {
		b.WriteString(".ustring")
	}
	if t.Function {
		b.WriteString(".function")
	}
	b.WriteString(" " + t.Op.String() + " ")
	v := &t.Value
	switch v.Kind {
	case Quoted:
		b.WriteByte(v.Quote)
		b.WriteString(v.Text)
		b.WriteByte(v.Quote)
	case CPUs:
		if v.Mask {
			b.WriteString("MASK{")
		} else {
			b.WriteString("CPUS{")
		}
		b.WriteString(v.Text + "}")
	default:
		b.WriteString(v.Text)
	}
}
