package tracecmd

import (
	"bytes"
	"math/bits"

	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// defaultStates are the letters of prev_state where the print fmt has no list.
const defaultStates = "SDTtXZPI"

// taskStates takes the letters of the task states out of the print fmt of
// sched_switch: states[i] is that of bit i.
func taskStates(prog *printfmt.Program) string {
	var states [32]byte
	n := 0
	for value, name := range prog.FlagsOf("prev_state") {
		if value <= 0 || name == "" {
			continue
		}
		if bit := bits.TrailingZeros64(uint64(value)); bit < len(states) {
			states[bit] = name[0]
			n = max(n, bit+1)
		}
	}
	if n == 0 {
		return defaultStates
	}
	if gap := bytes.IndexByte(states[:n], 0); gap >= 0 {
		n = gap
	}
	return string(states[:n])
}

// printSwitch: plugin_sched_switch.c.
func printSwitch(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, pid, ok := p.need(dst, f, e, 1)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst = append(appendUint(p.appendComm(dst, f, e, 0, pid), pid, 0), ' ')
	dst, prio, ok := p.need(dst, f, e, 2)
	if ok {
		dst = append(appendInt(append(dst, '['), int64(int32(prio)), 0), "] "...)
	}
	if state, ok := p.field(f, e, 3); ok {
		dst = appendState(dst, f.states, state)
	}
	dst = append(dst, " ==> "...)
	if dst, pid, ok = p.need(dst, f, e, 5); !ok {
		return p.broken(dst, f, e)
	}
	dst = appendUint(p.appendComm(dst, f, e, 4, pid), pid, 0)
	if dst, prio, ok = p.need(dst, f, e, 6); ok {
		dst = append(appendInt(append(dst, " ["...), int64(int32(prio)), 0), ']')
	}
	return dst
}

// printWakeup: plugin_sched_switch.c.
func printWakeup(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, pid, ok := p.need(dst, f, e, 1)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst = appendUint(p.appendComm(dst, f, e, 0, pid), pid, 0)
	dst, prio, ok := p.need(dst, f, e, 2)
	if ok {
		dst = append(appendUint(append(dst, " ["...), prio, 0), ']')
	}
	if success, ok := p.field(f, e, 3); ok {
		dst = appendUint(append(dst, " success="...), success, 0)
	}
	if cpu, ok := p.field(f, e, 4); ok {
		dst = appendZeros(append(dst, " CPU:"...), cpu, 3)
	}
	return dst
}

// appendComm appends the name in a field and a colon, and remembers it for its
// pid if the trace has no name for that one.
func (p *Printer) appendComm(dst []byte, f *form, e *trace.Event, i int, pid uint64) []byte {
	if f.refs[i] == trace.NoField {
		return dst
	}
	comm := p.bytes(f, e, i)
	if n := bytes.IndexByte(comm, 0); n >= 0 {
		comm = comm[:n]
	}
	p.learn(int32(pid), comm)
	return append(append(dst, comm...), ':')
}

func appendState(dst []byte, states string, state uint64) []byte {
	some := false
	for i := range states {
		if state>>i&1 == 0 {
			continue
		}
		if some {
			dst = append(dst, '|')
		}
		dst = append(dst, states[i])
		some = true
	}
	if !some {
		dst = append(dst, 'R')
	}
	return dst
}

// learn keeps the first name of a pid. Only events of pids that the recording
// has no name for ask for it.
func (p *Printer) learn(pid int32, comm []byte) {
	if _, ok := p.comms[pid]; ok || len(p.comms) >= maxComms {
		return
	}
	p.comms[pid] = string(comm)
}

// maxComms bounds what is learned: more pids than any kernel has
// (include/linux/threads.h, PID_MAX_LIMIT).
const maxComms = 1 << 22
