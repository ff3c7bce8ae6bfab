package tracedat

import "github.com/ipiscope/ipiscope/parser/trace"

// addBlockTrace adds the format of the block tracer's event, which the kernel
// does not show: its id is the one after user_stack (kernel/trace/trace.h,
// TRACE_BLK), its record a struct blk_io_trace. trace-cmd does the same and
// prints the pid (lib/trace-cmd/trace-blk-hack.c).
func (f *file) addBlockTrace() {
	var stack *trace.Schema
	for _, s := range f.table.Lookup("ftrace:user_stack") {
		stack = s
	}
	if stack == nil || stack.Type+1 < len(f.byType) && f.byType[stack.Type+1] != nil {
		return
	}
	s := &trace.Schema{System: "ftrace", Name: "blktrace", Type: stack.Type + 1, Print: `"%d", REC->pid`}
	for _, c := range stack.Fields {
		if c.Common {
			s.AddField(c)
		}
	}
	for _, x := range []struct {
		name, typ string
		off, size uint32
	}{
		{"sector", "u64", 16, 8}, {"bytes", "int", 24, 4}, {"action", "int", 28, 4}, {"pid", "int", 32, 4}, {"device", "int", 36, 4},
		{"cpu", "int", 40, 4}, {"error", "short", 44, 2}, {"pdu_len", "short", 46, 2}, {"data", "void", 48, 0},
	} {
		s.AddField(trace.Field{Name: x.name, Type: x.typ, Off: x.off, Size: x.size, Kind: trace.KindInt})
	}
	f.addSchema(s)
}
