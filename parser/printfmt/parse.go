package printfmt

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Bounds on a print fmt, so that damage costs neither stack nor memory.
const (
	maxDepth = 200 // nesting of an expression
	maxNodes = 1 << 16
	maxName  = 1 << 10
)

// A Error is a print fmt that cannot be evaluated.
type Error struct {
	Off int // byte of the print fmt
	Msg string
}

func (e *Error) Error() string { return fmt.Sprintf("print fmt, byte %d: %s", e.Off, e.Msg) }

// A parser reads a print fmt: a string and the expressions that it prints.
type parser struct {
	lex      lexer
	tok      token
	schema   *trace.Schema
	longSize int
	depth    int
	nodes    int
	err      *Error
}

func (p *parser) advance() {
	p.tok = p.lex.next()
	if p.lex.err != nil {
		p.fail(p.lex.err.Off, "%s", p.lex.err.Msg)
	}
}

func (p *parser) fail(off int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{off, fmt.Sprintf(format, args...)}
	}
	p.tok = token{kind: tokEnd, off: off}
}

func (p *parser) isOp(op string) bool { return p.tok.kind == tokOp && p.tok.text == op }

// accept passes over an operator if it is the next token.
func (p *parser) accept(op string) bool {
	if !p.isOp(op) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(op string) {
	if !p.accept(op) {
		p.fail(p.tok.off, "want %q, found %q", op, p.tok.text)
	}
}

func (p *parser) node(n node) *node {
	if p.nodes++; p.nodes > maxNodes {
		p.fail(p.tok.off, "an expression of more than %d parts", maxNodes)
	}
	return &n
}

// stringLit reads a string literal.
func (p *parser) stringLit() string {
	if p.tok.kind != tokString {
		p.fail(p.tok.off, "want a string, found %q", p.tok.text)
		return ""
	}
	s := p.tok.text
	p.advance()
	return s
}

// An operator is a binary operator with its rank: the higher, the closer to the
// root of the expression. The ranks are those of C.
type operator struct {
	text string
	op   nodeOp
	rank int8
}

var operators = [...]operator{
	{"*", opMul, 6}, {"/", opDiv, 6}, {"%", opMod, 6},
	{"+", opAdd, 7}, {"-", opSub, 7},
	{"<<", opShl, 8}, {">>", opShr, 8},
	{"<", opLess, 9}, {"<=", opLessEq, 9}, {">", opGreater, 9}, {">=", opGreaterEq, 9},
	{"==", opEqual, 10}, {"!=", opNotEqual, 10},
	{"&", opAnd, 11}, {"^", opXor, 12}, {"|", opOr, 13},
	{"&&", opLogAnd, 14}, {"||", opLogOr, 15},
}

// Ranks of what is no binary operator.
const (
	rankNone = -1 // no operator, or [
	rankUnit = 0  // an operator with all its operands
	rankNot  = 4  // ! and ~
	rankCond = 16 // ?
)

func operatorOf(text string) (operator, bool) {
	for _, o := range operators {
		if o.text == text {
			return o, true
		}
	}
	return operator{}, false
}

// nextRank is the rank of the operator that comes next.
func (p *parser) nextRank() int8 {
	if p.isOp("?") {
		return rankCond
	}
	if o, ok := operatorOf(p.tok.text); ok {
		return o.rank
	}
	return rankNone
}

// rank is the rank that an operand has when it is itself an operation, even in
// parentheses.
func (n *node) rank() int8 {
	switch n.op {
	case opNot, opCompl:
		return rankNot
	case opNeg:
		return 7
	case opCond:
		return rankCond
	}
	for _, o := range operators {
		if o.op == n.op {
			return o.rank
		}
	}
	return rankNone
}

// atOperator reports whether an operator follows an operand.
func (p *parser) atOperator() bool {
	return p.tok.kind == tokOp && p.tok.text != ")" && p.tok.text != "," && p.tok.text != ":" && p.tok.text != "]" && p.tok.text != "}"
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.tok.off, "nested too deeply")
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// expr reads a whole expression.
//
// It groups operations as libtraceevent does (src/event-parse.c, process_op),
// not as C does, so that the same numbers come out: operators of one rank group
// from the right (a - b - c is a - (b - c)), and an operand in parentheses whose
// operator has a higher rank loses its parentheses: a & (b | c) is (a & b) | c.
func (p *parser) expr() *node {
	n := p.item()
	for p.err == nil && p.atOperator() {
		p.operation(n)
	}
	return n
}

// arg reads an argument of the format string. Operations of constants in it are
// computed at once, with symbols of the kernel taken for 0.
func (p *parser) arg() *node {
	n := p.item()
	if !p.atOperator() {
		return n
	}
	for p.err == nil && p.atOperator() {
		p.operation(n)
	}
	if p.err == nil {
		fold(n, 0)
	}
	return n
}

// fold computes what can be computed without a record (libtraceevent's
// src/event-parse.c, consolidate_op_arg).
func fold(n *node, depth int) {
	if n == nil || depth > maxDepth || n.op < opNot || n.op > opIndex {
		return
	}
	fold(n.a, depth+1)
	fold(n.b, depth+1)
	fold(n.c, depth+1)
	if n.op < opMul || n.op > opLogOr || !n.a.isWord() || !n.b.isWord() {
		return
	}
	l, r := number(n.a.text), number(n.b.text)
	if (n.op == opDiv || n.op == opMod) && r == 0 {
		return
	}
	v := binary2(n.op, l, r)
	*n = node{op: opConst, value: v, text: strconv.FormatInt(int64(v), 10)}
}

// isWord reports whether an operand is a word or a string.
func (n *node) isWord() bool { return n.op == opConst || n.op == opName || n.op == opText }

// operation makes *n the operation that has n as its left operand.
func (p *parser) operation(n *node) {
	defer p.leave()
	if !p.enter() {
		return
	}
	left := p.node(*n)
	right := n
	switch o, ok := operatorOf(p.tok.text); {
	case p.accept("?"):
		then := p.item()
		for p.err == nil && p.atOperator() {
			p.operation(then)
		}
		p.expect(":")
		*n = node{op: opCond, a: left, b: then, c: p.item()}
	case p.accept("["):
		index := p.item()
		p.expect("]")
		*n = node{op: opIndex, a: left, b: index}
	case ok:
		p.advance()
		if o.op == opMul && p.isOp(")") { // a type: "struct page *"
			n.text += " *"
			return
		}
		if right = p.item(); p.err != nil {
			return
		}
		if o.rank < right.rank() {
			inner := p.node(node{op: o.op, prio: o.rank, a: left, b: right.a})
			*n = *right
			n.a = inner
			if right.op == opNot || right.op == opCompl || right.op == opNeg {
				*n = node{op: right.op, a: right.a} // its left side was empty
			}
			right = inner
		} else {
			*n = node{op: o.op, prio: o.rank, a: left, b: right}
		}
	default:
		p.fail(p.tok.off, "operator %q is not known", p.tok.text)
		return
	}
	p.notClosed()
	if p.err == nil && p.atOperator() {
		if p.nextRank() > n.prio {
			p.operation(n)
		} else {
			p.operation(right)
		}
	}
}

// notClosed fails where ] or } follow an operation: libtraceevent takes them for
// a further operator then.
func (p *parser) notClosed() {
	if p.isOp("]") || p.isOp("}") {
		p.fail(p.tok.off, "operator %q is not known", p.tok.text)
	}
}

// item reads an operand.
func (p *parser) item() *node {
	defer p.leave()
	if !p.enter() {
		return p.node(node{})
	}
	at := p.tok
	switch {
	case at.kind == tokName || at.kind == tokNumber:
		return p.name()
	case at.kind == tokString:
		p.advance()
		return p.node(node{op: opText, text: at.text})
	case p.isOp("("):
		return p.paren()
	case p.isOp("!"), p.isOp("~"), p.isOp("-"), p.isOp("+"):
		return p.unary()
	}
	p.fail(at.off, "want a value, found %q", at.text)
	return p.node(node{})
}

// unary reads an operation with one operand, and all that follows it.
func (p *parser) unary() *node {
	var op nodeOp
	switch p.tok.text {
	case "!":
		op = opNot
	case "~":
		op = opCompl
	default: // libtraceevent computes 0+a for +a
		op = opNeg
	}
	plus := p.isOp("+")
	p.advance()
	a := p.item()
	n := p.node(node{op: op, a: a})
	if plus {
		*n = node{op: opAdd, a: p.node(node{}), b: a}
	}
	p.notClosed()
	if p.err == nil && p.atOperator() {
		if p.nextRank() > rankUnit {
			p.operation(n)
		} else {
			p.operation(a)
		}
	}
	return n
}

// paren reads what begins with a parenthesis: an expression, a cast, or
// (REC)->field.
func (p *parser) paren() *node {
	p.advance()
	if p.tok.text == "REC" {
		save, saveTok := p.lex, p.tok
		p.advance()
		if p.accept(")") && p.isOp("->") {
			return p.recField()
		}
		p.lex, p.tok = save, saveTok
	}
	n := p.expr()
	p.expect(")")
	if p.err != nil || p.tok.kind == tokOp && !p.isOp("(") || p.tok.kind == tokEnd {
		return n
	}
	if n.op != opName { // a value follows, so this was a type
		p.fail(p.tok.off, "want a type in front of %q", p.tok.text)
		return n
	}
	return p.node(node{op: opCast, value: castMask(n.text), text: n.text, a: p.item()})
}

// castMask gives the bits that a cast keeps. As in libtraceevent (eval_type_str)
// a cast cuts and never extends a sign; it knows these types and keeps all bits
// of others.
func castMask(typ string) uint64 {
	switch typ {
	case "u8", "s8":
		return 0xff
	case "u16", "s16":
		return 0xffff
	case "u32", "s32":
		return 0xffffffff
	}
	switch strings.TrimPrefix(typ, "unsigned ") {
	case "char":
		return 0xff
	case "short":
		return 0xffff
	case "int":
		return 0xffffffff
	}
	return ^uint64(0)
}

func (p *parser) recField() *node {
	p.expect("->")
	return p.node(node{op: opField, field: p.fieldName()})
}

// fieldName reads the name of a field of the event.
func (p *parser) fieldName() *trace.Field {
	if p.tok.kind != tokName {
		p.fail(p.tok.off, "want a field, found %q", p.tok.text)
		return nil
	}
	name := p.tok.text
	p.advance()
	if ref := p.schema.Ref(name); ref != trace.NoField {
		return &p.schema.Fields[ref]
	}
	return nil
}

// name reads REC->field, a function, a number, or words: a type or the name of a
// constant.
func (p *parser) name() *node {
	at := p.tok
	p.advance()
	switch {
	case at.text == "REC":
		return p.recField()
	case p.isOp("("):
		return p.call(at)
	}
	text := at.text
	for p.tok.kind == tokName || p.tok.kind == tokNumber {
		if len(text) > maxName {
			p.fail(p.tok.off, "a name of more than %d bytes", maxName)
			break
		}
		text += " " + p.tok.text
		p.advance()
	}
	if isDigit(text[0]) {
		return p.node(node{op: opConst, value: number(text), text: text})
	}
	return p.node(node{op: opName, text: text})
}
