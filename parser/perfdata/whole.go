package perfdata

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// What damage leaves behind that sizes alone do not show: a block that was written
// over another one, exchanged with it, filled with zeros; a size or a time with a
// wrong bit. A record that is not what it says is told of, so that what it hides is
// never taken for silence.

// whole reports whether a sample of a tracepoint holds what it says: fields that
// end where it does, of the event that was opened, not before what its CPU
// recorded before it.
func (b *batch) whole(a *attr, cpu int32, t int64, rec []byte, at int) bool {
	off, ok := a.rawAt(rec, b.dir)
	if !ok || off+4 > len(rec) {
		b.bad(at, "a sample of %s ends before its fields do", a.label())
		return false
	}
	n := int(b.dir.order.Uint32(rec[off:]))
	switch left := len(rec) - off - 4; {
	case n > left:
		b.bad(at, "a sample of %s has %d bytes of fields, want %d", a.label(), left, n)
		return false
	case a.sampleType&^(sampleUpToRaw|sampleRegsUser|sampleStackUser) == 0 && a.userEnd(rec, off+4+n, b.dir) != len(rec):
		b.bad(at, "a sample of %s has %d bytes, and its parts do not", a.label(), len(rec))
		return false
	case b.plan.hasCommon && n < b.plan.minSize:
		b.bad(at, "a sample of %s has %d bytes of fields, want at least %d", a.label(), n, b.plan.minSize)
		return false
	case b.plan.hasCommon && b.dir.order.Uint16(rec[off+4+b.plan.typeOff:]) != uint16(a.config):
		b.bad(at, "a sample of %s holds the fields of event %d", a.label(), b.dir.order.Uint16(rec[off+4+b.plan.typeOff:]))
		return false
	}
	if b.plan.ordered && cpu >= 0 {
		level := 0
		if f := b.plan.flagsOff; b.plan.hasCommon {
			level = levelOf(trace.Flags(rec[off+4+f]))
		}
		if last := b.cpu(cpu).order.add(level, t); last > t {
			b.bad(at, "%s", backwards(cpu, t, last))
		}
	}
	return true
}

// userEnd passes over the registers and the stack of user space after the fields.
func (a *attr) userEnd(rec []byte, at int, d *directory) int {
	u64 := func() uint64 {
		if at += 8; at > len(rec) {
			return 0
		}
		return d.order.Uint64(rec[at-8:])
	}
	if a.sampleType&sampleRegsUser != 0 && u64() != 0 {
		at += 8 * a.regsUser
	}
	if a.sampleType&sampleStackUser == 0 {
		return at
	}
	if n := u64(); n > uint64(len(rec)) {
		return -1
	} else if n > 0 {
		at += int(n) + 8 // how much of it was filled stands after it
	}
	return at
}

// sampleUpToRaw are the parts of a sample up to the fields of the event.
const sampleUpToRaw = 1<<(10+1) - 1 | sampleIdentifier

// levelOf is how deep an event interrupts: 0 for a task, 3 for an NMI.
func levelOf(f trace.Flags) int {
	switch {
	case f&trace.FlagNMI != 0:
		return 3
	case f&trace.FlagHardIRQ != 0:
		return 2
	case f&trace.FlagSoftIRQ != 0:
		return 1
	}
	return 0
}

func backwards(cpu int32, t, last int64) string {
	return fmt.Sprintf("CPU %d: a sample of %d.%09d s stands after one of %d.%09d s: blocks were repeated or exchanged, a time is damaged, or the clock was set back",
		cpu, t/1e9, t%1e9, last/1e9, last%1e9)
}

// levels are the times of a CPU's samples in one buffer, by how deep they
// interrupt. A sample gets its time before its place in the buffer, so one that is
// interrupted in between stands after those of the interrupt, which are later.
// But of what does not interrupt it all that stands before it is earlier.
type levels struct {
	any, back bool
	first     [4]int64 // the earliest up to the first that is too early, 0 if there is none
	last      [4]int64 // the latest, 0 if there is none
}

// add returns the latest time that should not be later than t. If it is, what
// follows is held against t.
func (l *levels) add(level int, t int64) (last int64) {
	l.any = true
	for i := 0; i <= level; i++ {
		last = max(last, l.last[i])
	}
	if last > t {
		l.back = true
		for i := 0; i <= level; i++ {
			l.last[i] = min(l.last[i], t)
		}
	}
	if !l.back && (l.first[level] == 0 || t < l.first[level]) {
		l.first[level] = t
	}
	l.last[level] = max(l.last[level], t)
	return last
}

// then takes those of the samples that stand after these ones. ok is false if one
// of them is earlier than one before it should be.
func (l *levels) then(next *levels) (t, last int64, ok bool) {
	ok = true
	before := int64(0)
	for i := range next.first {
		before = max(before, l.last[i])
		if ok && next.first[i] > 0 && next.first[i] < before {
			t, last, ok = next.first[i], before, false
		}
	}
	for i := range next.last {
		if next.last[i] > 0 {
			l.last[i] = next.last[i]
		}
		if !ok || next.back {
			l.last[i] = min(l.last[i], slices.Max(next.last[:]))
		}
	}
	return t, last, ok
}

// fixedSize is what records of a type have before the trailer, 0 if it differs.
func fixedSize(typ uint32, whole []byte) int {
	switch typ {
	case recFORK, recEXIT, recTHROTTLE, recUNTHROTTLE, recAUX:
		return 32
	case recLOST:
		return 24
	case recLOSTSAMPLES, recSWITCHCPU:
		return 16
	case recSWITCH:
		return 8
	case recCOMM: // the name is padded to whole u64
		n := 16 + (len(cstring(whole[min(16, len(whole)):]))+8)&^7
		return n
	}
	return 0
}

// endsWhereItShould reports whether a record has the size that one of its type has
// with the trailer of an opened event, or with none.
func (d *directory) endsWhereItShould(typ uint32, whole []byte) bool {
	n := len(whole) - fixedSize(typ, whole)
	if n == 0 || n == len(whole) {
		return true
	}
	for _, a := range d.attrs {
		if a.trailer == n {
			return true
		}
	}
	return false
}

// endedWithin is what is wrong with a stream that ends in the middle of a round: perf
// ends one whenever it wrote samples.
func (st *stream) endedWithin() error {
	if st.rounds > 0 && st.open && !st.sized && !st.broken {
		return errWithinRound
	}
	return nil
}

var errWithinRound = errors.New("the recording ends within a round of perf record (cut off, or the recorder was killed?): what was recorded then may be missing")
