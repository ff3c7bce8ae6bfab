package tracecmd

import (
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// extraFlags are common fields that only some kernels have (PREEMPT_RT trees
// before 5.17, and before the big kernel lock was gone).
type extraFlags struct {
	migrate, lock *trace.Field
}

func extraFlagsOf(s *trace.Schema) (x extraFlags) {
	if ref := s.Ref("common_migrate_disable"); ref != trace.NoField {
		x.migrate = &s.Fields[ref]
	}
	if ref := s.Ref("common_lock_depth"); ref != trace.NoField {
		x.lock = &s.Fields[ref]
	}
	return x
}

// appendFlags appends the column of the latency flags, or with -R the flags as
// a number.
func (p *Printer) appendFlags(dst []byte, e *trace.Event, f *form) []byte {
	if p.o.Raw {
		return appendHex(append(dst, '-'), uint64(e.Flags))
	}
	if !p.o.Latency {
		dst = append(dst, ' ')
	}
	dst = append(dst, irqChar(e.Flags), reschedChar(e.Flags), contextChar(e.Flags), depthChar(e.Preempt&15), depthChar(e.Preempt>>4))
	for _, x := range [...]*trace.Field{f.extra.migrate, f.extra.lock} {
		if x == nil {
			continue
		}
		v, _ := tracefmt.Integer(e.Payload(), x.Off, x.Size, p.table.Meta.BigEndian)
		if n := int8(v); n >= 0 {
			dst = appendInt(dst, int64(n), 0)
		} else {
			dst = append(dst, '.')
		}
	}
	return dst
}

func irqChar(f trace.Flags) byte {
	if f&trace.FlagIRQsOff != 0 {
		return 'd'
	}
	return '.'
}

func reschedChar(f trace.Flags) byte {
	switch {
	case f&trace.FlagNeedResched != 0: // the kernel prints B if both are set
		return 'N'
	case f&trace.FlagNeedReschedLazy != 0:
		return 'L'
	}
	return '.'
}

func contextChar(f trace.Flags) byte {
	switch f & (trace.FlagHardIRQ | trace.FlagSoftIRQ) {
	case trace.FlagHardIRQ | trace.FlagSoftIRQ:
		return 'H'
	case trace.FlagHardIRQ:
		return 'h'
	case trace.FlagSoftIRQ:
		return 's'
	}
	return '.'
}

func depthChar(n uint8) byte {
	if n == 0 {
		return '.'
	}
	return "0123456789abcdef"[n]
}
