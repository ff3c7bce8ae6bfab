package filter

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// maxParse bounds what Parse reads; maxWrite is what one write to a filter file
// may hold (kernel/trace/trace_events.c, event_filter_write: below PAGE_SIZE).
const (
	maxParse = 64 << 10
	maxWrite = 4096
	maxText  = 256 // MAX_FILTER_STR_VAL, kernel/trace/trace.h
	numBuf   = 24  // num_buf in parse_pred
)

// Parse reads an expression without knowing the event it is for: fields exist,
// and values suit them. MASK{} and @isolated are read too. What only an event
// can tell comes out of Check and Compile, which parse the text again in order
// to find errors in the kernel's order.
//
// The error is an *Error.
func Parse(src string) (*Expr, error) {
	p := parser{src: trimRight(src), env: Env{Extensions: true}}
	x, err := p.parse()
	if err != nil {
		return nil, err
	}
	return x, nil
}

type parser struct {
	src    string
	schema *trace.Schema // nil: any field will do
	env    Env
	terms  []*Term
	tests  []test // one for each term, if there is a schema
	warns  []Warning
}

// A frame is an open parenthesis; the first one is the whole expression.
type frame struct {
	nots []int // offsets of the ! before the parenthesis
	or   Node  // what is complete on the left of the last ||
	and  Node  // what is complete on the left of the next operator
}

func (f *frame) add(n Node) {
	if f.and != nil {
		n = &And{f.and, n}
	}
	f.and = n
}

// fold ends a run of &&.
func (f *frame) fold() Node {
	if f.or == nil {
		f.or = f.and
	} else if f.and != nil {
		f.or = &Or{f.or, f.and}
	}
	f.and = nil
	return f.or
}

func negate(n Node, nots []int) Node {
	for i := len(nots) - 1; i >= 0; i-- {
		n = &Not{nots[i], n}
	}
	return n
}

// parse goes through the text once and from left to right, because the first
// error that the kernel meets is the one it reports (predicate_parse).
func (p *parser) parse() (*Expr, *Error) {
	x := &Expr{Src: p.src}
	if trim(p.src) == "0" {
		return x, nil
	}
	if err := p.balance(); err != nil {
		return nil, err
	}
	stack := []frame{{}}
	var nots []int
	i := 0
	for i < len(p.src) {
		switch c := p.src[i]; {
		case isSpace(c):
			i++
			continue
		case c == '(':
			stack = append(stack, frame{nots: nots})
			nots = nil
			i++
			continue
		case c == '!' && !strings.HasPrefix(p.src[i+1:], "=") && !strings.HasPrefix(p.src[i+1:], "~"):
			nots = append(nots, i)
			i++
			continue
		}
		t, end, err := p.term(i)
		if err != nil {
			return nil, err
		}
		n := negate(t, nots)
		nots = nil
		var done bool
		if i, done, err = p.after(&stack, n, end); err != nil {
			return nil, err
		}
		if done {
			x.Root, x.terms = stack[0].fold(), p.terms
			return x, nil
		}
	}
	return p.incomplete(x, &stack[0])
}

// after reads what may follow an operand, up to and including the next && or
// ||, or to the end (done).
func (p *parser) after(stack *[]frame, n Node, i int) (next int, done bool, _ *Error) {
	for {
		for i < len(p.src) && isSpace(p.src[i]) {
			i++
		}
		top := &(*stack)[len(*stack)-1]
		if i == len(p.src) {
			if len(*stack) > 1 {
				return 0, false, p.fail(i+1, msgTooManyOpen, "EPERM", "")
			}
			top.add(n)
			return i, true, nil
		}
		c := p.src[i]
		double := i+1 < len(p.src) && p.src[i+1] == c
		switch {
		case c == ')' && len(*stack) == 1:
			return 0, false, p.fail(i+1, msgTooManyClose, "EPERM", "")
		case c == ')':
			top.add(n)
			n = negate(top.fold(), top.nots)
			*stack = (*stack)[:len(*stack)-1]
			i++
		case c == '&' && double:
			top.add(n)
			return i + 2, false, nil
		case c == '|' && double:
			top.add(n)
			top.fold()
			return i + 2, false, nil
		default:
			return 0, false, p.fail(i, msgTooManyTerms, "EPERM", helpAfterTerm(p.src[i:]))
		}
	}
}

// incomplete handles a text that ends where an operand should stand. The
// recorded 6.12 and 7.2 kernels take it as if the operator were not there,
// except that a && at the end leaves an || before it without its jump, which a
// consistency check then refuses without words.
func (p *parser) incomplete(x *Expr, f *frame) (*Expr, *Error) {
	if len(p.terms) == 0 {
		return nil, p.fail(len(p.src), msgNoFilter, "EINVAL", "there is nothing to negate: write !(cpu == 3)")
	}
	x.Trailing = "||"
	if f.and != nil {
		x.Trailing = "&&"
		if f.or != nil {
			return nil, p.fail(-1, "", "EINVAL", "something is missing after the last &&")
		}
	}
	x.Root, x.terms = f.fold(), p.terms
	return x, nil
}

// fail makes an Error. pos is the kernel's lasterr_pos, which the kernel cuts
// to the length of the text (append_filter_err).
func (p *parser) fail(pos int, msg, errno, help string) *Error {
	return &Error{Expr: p.src, Pos: min(pos, len(p.src)), Msg: msg, Errno: errno, Help: help}
}

// balance checks quotes and parentheses over the whole text before anything
// else is looked at, as calc_stack does. Its errors are returned by the kernel
// as they are, and -2 and -3 happen to be ENOENT and ESRCH.
func (p *parser) balance() *Error {
	if i := strings.IndexByte(p.src, 0); i >= 0 {
		return p.fail(-1, "", "EINVAL", "the text holds a NUL byte")
	}
	if len(p.src) > maxParse || p.schema != nil && len(p.src) >= maxWrite {
		return p.fail(-1, "", "EINVAL", "a filter must be shorter than 4096 bytes")
	}
	var quote byte
	quoteAt, depth, operand := 0, 0, false
	for i := 0; i < len(p.src); i++ {
		c := p.src[i]
		switch {
		case isSpace(c):
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote, quoteAt, operand = c, i, true
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return p.fail(i, msgTooManyClose, "EPERM", "this ) has no ( before it")
		case c == ')':
			depth--
		case (c == '&' || c == '|') && i+1 < len(p.src) && p.src[i+1] == c:
		default:
			operand = true
		}
	}
	switch {
	case quote != 0:
		return p.fail(quoteAt, msgMissingQuote, "ESRCH", "this quote is not closed")
	case depth > 0:
		return p.fail(p.unclosed(), msgTooManyOpen, "ENOENT", "this ( has no ) after it")
	case !operand:
		return p.fail(-1, "", "EINVAL", "the filter is empty; 0 clears one")
	}
	return nil
}

// unclosed finds the last ( without a ) by going backwards. A ( within quotes
// is none; the first byte is not looked at, it is the answer if nothing else
// is.
func (p *parser) unclosed() int {
	var quote byte
	closed := 0
	for i := len(p.src) - 1; i > 0; i-- {
		c := p.src[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ')':
			closed++
		case c == '(':
			if closed == 0 {
				return i
			}
			closed--
		}
	}
	return 0
}
