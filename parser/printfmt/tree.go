package printfmt

import (
	"math"
	"math/bits"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A node of a print fmt's argument.
type node struct {
	op    nodeOp
	prio  int8         // rank of a binary operation while it is being parsed
	field *trace.Field // of the field and array functions; nil: the event has no such field
	value uint64       // opConst: the number; opCast: the mask of the type's width
	text  string       // opText: the string; opConst, opName: the word; opCast: the type
	a     *node        // operands
	b     *node
	c     *node
	names []flagName // of __print_flags and __print_symbolic
	help  helper     // of opHelper
	dump  *hexDump   // of opHexDump
}

type nodeOp uint8

const (
	opConst nodeOp = iota
	opText
	opName // text: a symbol of the kernel
	opField
	opCast
	opNot   // !a
	opCompl // ~a
	opNeg   // -a
	opMul
	opDiv
	opMod
	opAdd
	opSub
	opShl
	opShr
	opLess
	opLessEq
	opGreater
	opGreaterEq
	opEqual
	opNotEqual
	opAnd
	opXor
	opOr
	opLogAnd
	opLogOr
	opCond        // a ? b : c
	opIndex       // a[b]
	opFlags       // __print_flags(a, text, names)
	opSymbol      // __print_symbolic(a, names)
	opHex         // __print_hex(a, b)
	opHexStr      // __print_hex_str(a, b)
	opHexDump     // __print_hex_dump(prefix, type, row, group, a, b, ascii)
	opArray       // __print_array(a, b, c)
	opDynPrint    // __print_dynamic_array(field, b)
	opString      // __get_str(field)
	opBitmask     // __get_bitmask(field)
	opCPUMask     // __get_cpumask(field)
	opDynArray    // __get_dynamic_array(field)
	opDynArrayLen // __get_dynamic_array_len(field)
	opSockaddr    // __get_sockaddr(field)
	opSeconds     // __print_ns_to_secs(a)
	opSecondsRest // __print_ns_without_secs(a)
	opHelper      // helper(a, b, c)
)

// A flagName is one pair of __print_flags or __print_symbolic.
type flagName struct {
	value int64 // negative: matches a value of 0 in __print_flags
	name  string
}

// constant computes an expression without fields, as libtraceevent does for
// the values of lists (src/event-parse.c, arg_num_eval): signed, and with a part
// of the operators.
func constant(n *node, depth int) (int64, bool) {
	if n == nil || depth > maxDepth {
		return 0, false
	}
	switch n.op {
	case opConst, opName, opText:
		return signedNumber(n.text), true
	case opCast:
		v, ok := constant(n.a, depth+1)
		return int64(uint64(v) & n.value), ok
	case opCompl, opNeg:
		v, ok := constant(n.a, depth+1)
		return int64(unary(n.op, uint64(v))), ok
	}
	l, okl := constant(n.a, depth+1)
	r, okr := constant(n.b, depth+1)
	if !okl || !okr {
		return 0, false
	}
	switch n.op {
	case opLess:
		return int64(truth(l < r)), true
	case opLessEq:
		return int64(truth(l <= r)), true
	case opGreater:
		return int64(truth(l > r)), true
	case opGreaterEq:
		return int64(truth(l >= r)), true
	case opShr:
		return l >> (uint64(r) & 63), true
	case opAdd, opSub, opShl, opEqual, opNotEqual, opAnd, opOr, opLogAnd, opLogOr:
		return int64(binary2(n.op, uint64(l), uint64(r))), true
	}
	return 0, false
}

func unary(op nodeOp, v uint64) uint64 {
	switch op {
	case opNot:
		return truth(v == 0)
	case opCompl:
		return ^v
	}
	return -v
}

// binary2 computes in unsigned 64 bits whatever the operands' C types, as
// libtraceevent does (src/event-parse.c, eval_num_arg). A division by 0 gives 0.
func binary2(op nodeOp, l, r uint64) uint64 {
	switch op {
	case opMul:
		return l * r
	case opDiv:
		if r == 0 {
			return 0
		}
		return l / r
	case opMod:
		if r == 0 {
			return 0
		}
		return l % r
	case opAdd:
		return l + r
	case opSub:
		return l - r
	case opShl:
		return l << (r & 63)
	case opShr:
		return l >> (r & 63)
	case opLess:
		return truth(l < r)
	case opLessEq:
		return truth(l <= r)
	case opGreater:
		return truth(l > r)
	case opGreaterEq:
		return truth(l >= r)
	case opEqual:
		return truth(l == r)
	case opNotEqual:
		return truth(l != r)
	case opAnd:
		return l & r
	case opXor:
		return l ^ r
	case opOr:
		return l | r
	case opLogAnd:
		return truth(l != 0 && r != 0)
	case opLogOr:
		return truth(l != 0 || r != 0)
	}
	return 0
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// softirqName gives the value of the enum names that kernels leave in their
// print fmts (include/linux/interrupt.h, hrtimer.h); any other name is none.
func softirqName(name string) (int64, bool) {
	for i, s := range [...]string{"HI_SOFTIRQ", "TIMER_SOFTIRQ", "NET_TX_SOFTIRQ", "NET_RX_SOFTIRQ", "BLOCK_SOFTIRQ", "IRQ_POLL_SOFTIRQ",
		"TASKLET_SOFTIRQ", "SCHED_SOFTIRQ", "HRTIMER_SOFTIRQ", "RCU_SOFTIRQ"} {
		if s == name {
			return int64(i), true
		}
	}
	switch name {
	case "HRTIMER_NORESTART":
		return 0, true
	case "HRTIMER_RESTART":
		return 1, true
	}
	return 0, false
}

// kind is libtraceevent's number for a kind of argument (enum tep_print_arg_type),
// which its messages tell.
func (n *node) kind() uint64 {
	switch n.op {
	case opConst, opText, opName:
		return 1
	case opField:
		return 2
	case opFlags:
		return 3
	case opSymbol:
		return 4
	case opHex:
		return 5
	case opArray:
		return 6
	case opCast:
		return 7
	case opString:
		return 8
	case opDynArray, opSockaddr:
		return 10
	case opBitmask:
		return 13
	case opDynArrayLen:
		return 14
	case opHexStr:
		return 15
	case opCPUMask:
		return 16
	case opHelper:
		return 12
	}
	return 11 // an operation
}

// number reads the integer that a word begins with, as strtoull does: in the
// base that its prefix says, and the largest number if it is too large.
func number(word string) uint64 {
	base := uint64(10)
	switch {
	case len(word) > 2 && word[0] == '0' && word[1]|0x20 == 'x':
		base, word = 16, word[2:]
	case len(word) > 1 && word[0] == '0':
		base = 8
	}
	var v uint64
	for i := 0; i < len(word); i++ {
		d := uint64(digitOf(word[i]))
		if d >= base {
			break
		}
		hi, lo := bits.Mul64(v, base)
		if hi != 0 || lo+d < lo {
			return math.MaxUint64
		}
		v = lo + d
	}
	return v
}

// digitOf is the value of a digit of any base, 255 of what is none.
func digitOf(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return (c | 0x20) - 'a' + 10
	}
	return 255
}

// signedNumber reads like strtoll.
func signedNumber(word string) int64 { return int64(min(number(word), math.MaxInt64)) }
