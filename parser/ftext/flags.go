package ftext

import "github.com/ipiscope/ipiscope/parser/trace"

// bad marks a letter that the column does not hold.
const bad = 0xffff

type column [256]uint16

// newColumn maps each letter to the flags it stands for.
func newColumn(letters map[byte]trace.Flags) *column {
	c := &column{}
	for i := range c {
		c[i] = bad
	}
	c['.'] = 0
	for b, f := range letters {
		c[b] = uint16(f)
	}
	return c
}

// The columns of the flags as kernel/trace/trace_output.c, trace_print_lat_fmt
// prints them. The letters B, b, L and l came with lazy preemption (6.13). X is
// bit 0x02 in its older meaning, IRQS_NOSUPPORT, and what a libtraceevent that
// knows only that meaning prints for a lazy reschedule.
var (
	irqsColumn = newColumn(map[byte]trace.Flags{
		'd': trace.FlagIRQsOff,
		'b': trace.FlagBHOff,
		'D': trace.FlagIRQsOff | trace.FlagBHOff,
		'X': trace.FlagNeedReschedLazy,
	})
	reschedColumn = newColumn(map[byte]trace.Flags{
		'B': trace.FlagNeedResched | trace.FlagNeedReschedLazy | trace.FlagPreemptResched,
		'N': trace.FlagNeedResched | trace.FlagPreemptResched,
		'L': trace.FlagNeedReschedLazy | trace.FlagPreemptResched,
		'b': trace.FlagNeedResched | trace.FlagNeedReschedLazy,
		'n': trace.FlagNeedResched,
		'l': trace.FlagNeedReschedLazy,
		'p': trace.FlagPreemptResched,
	})
	contextColumn = newColumn(map[byte]trace.Flags{
		'Z': trace.FlagNMI | trace.FlagHardIRQ,
		'z': trace.FlagNMI,
		'H': trace.FlagHardIRQ | trace.FlagSoftIRQ,
		'h': trace.FlagHardIRQ,
		's': trace.FlagSoftIRQ,
	})
	depthColumn = newColumn(map[byte]trace.Flags{
		'0': 0, '1': 1, '2': 2, '3': 3, '4': 4, '5': 5, '6': 6, '7': 7, '8': 8, '9': 9,
		'a': 10, 'b': 11, 'c': 12, 'd': 13, 'e': 14, 'f': 15,
	})
)

const (
	minFlags = 4
	maxFlags = 7
)

// parseFlags reads the flags column:
//
//	4  irqs-off need-resched context preempt-depth (before 5.16)
//	5  the same and migrate-disable; trace-cmd may print one or two
//	   digits of lock depth after it
//	7  irqs-off need-resched need-resched-lazy context preempt-depth
//	   preempt-lazy-depth migrate-disable (PREEMPT_RT patches up to 6.6)
//
// fromTraceCmd: libtraceevent prints N for NEED_RESCHED alone and does not
// print PREEMPT_RESCHED.
func parseFlags(t []byte, fromTraceCmd bool) (f trace.Flags, preempt uint8, ok bool) {
	if len(t) < minFlags || len(t) > maxFlags {
		return 0, 0, false
	}
	resched := reschedColumn[t[1]]
	if t[1] == 'N' && fromTraceCmd {
		resched = uint16(trace.FlagNeedResched)
	}
	flags := irqsColumn[t[0]] | resched
	t = t[2:]
	migrate := uint16(0)
	switch {
	case len(t) == 5 && (t[0] == '.' || contextColumn[t[0]] == bad): // 7 columns
		flags |= reschedColumn[t[0]]
		t = t[1:]
		migrate = depthColumn[t[3]]
	case len(t) >= 3:
		migrate = depthColumn[t[2]]
		for _, lock := range t[3:] {
			if lock != '.' && lock-'0' > 9 {
				return 0, 0, false
			}
		}
	}
	flags |= contextColumn[t[0]]
	depth := depthColumn[t[1]]
	if flags > 0xff || depth == bad || migrate == bad {
		return 0, 0, false
	}
	return trace.Flags(flags), uint8(depth | migrate<<4), true
}
