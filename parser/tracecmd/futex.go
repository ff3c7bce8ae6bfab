package tracecmd

import "github.com/ipiscope/ipiscope/parser/trace"

// A futexArg is how an operation shows one of its arguments.
type futexArg uint8

const (
	futexNone futexArg = iota
	futexNumber
	futexCount // of utime, which is then a second number: val2
	futexHex
)

// A futexOp is an operation of include/uapi/linux/futex.h and which of val,
// utime, uaddr2 and val3 it uses.
type futexOp struct {
	name                     string
	val, utime, uaddr2, val3 futexArg
}

// futexOps are the operations by their number: plugin_futex.c.
var futexOps = [...]futexOp{
	{"FUTEX_WAIT", futexHex, futexHex, futexNone, futexNone},
	{"FUTEX_WAKE", futexNumber, futexNone, futexNone, futexNone},
	{"FUTEX_FD", futexNumber, futexNone, futexNone, futexNone},
	{"FUTEX_REQUEUE", futexNumber, futexCount, futexHex, futexNone},
	{"FUTEX_CMP_REQUEUE", futexNumber, futexCount, futexHex, futexHex},
	{"FUTEX_WAKE_OP", futexNumber, futexCount, futexHex, futexHex},
	{"FUTEX_LOCK_PI", futexNone, futexHex, futexNone, futexNone},
	{"FUTEX_UNLOCK_PI", futexNone, futexNone, futexNone, futexNone},
	{"FUTEX_TRYLOCK_PI", futexNone, futexNone, futexNone, futexNone},
	{"FUTEX_WAIT_BITSET", futexHex, futexHex, futexNone, futexHex},
	{"FUTEX_WAKE_BITSET", futexNumber, futexNone, futexNone, futexHex},
	{"FUTEX_WAIT_REQUEUE_PI", futexHex, futexHex, futexHex, futexHex},
	{"FUTEX_CMP_REQUEUE_PI", futexNumber, futexCount, futexHex, futexHex},
}

// Flags of an operation.
const (
	futexPrivate  = 128
	futexRealtime = 256
)

// printFutex: plugin_futex.c. An operation that it does not know is printed by
// the print fmt.
func printFutex(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	var args [6]uint64 // uaddr op val utime uaddr2 val3
	for i := range args {
		var ok bool
		if dst, args[i], ok = p.need(dst, f, e, i); !ok {
			return f.prog.Append(dst, e.Payload(), p.names)
		}
	}
	op := args[1]
	cmd := op &^ (futexPrivate | futexRealtime)
	if cmd >= uint64(len(futexOps)) {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	o := &futexOps[cmd]
	dst = append(append(dst, "op="...), o.name...)
	if op&futexPrivate != 0 {
		dst = append(dst, "|FUTEX_PRIVATE_FLAG"...)
	}
	if op&futexRealtime != 0 {
		dst = append(dst, "|FUTEX_CLOCK_REALTIME"...)
	}
	dst = futexHex.append(dst, " uaddr=", args[0])
	dst = o.val.append(dst, " val=", args[2])
	if o.utime == futexCount {
		dst = futexNumber.append(dst, " val2=", args[3])
	} else {
		dst = o.utime.append(dst, " utime=", args[3])
	}
	dst = o.uaddr2.append(dst, " uaddr2=", args[4])
	return o.val3.append(dst, " val3=", args[5])
}

func (a futexArg) append(dst []byte, name string, v uint64) []byte {
	switch a {
	case futexNumber:
		return appendUint(append(dst, name...), v, 0)
	case futexHex:
		return appendHexPadded(append(append(dst, name...), "0x"...), v, 8)
	}
	return dst
}
