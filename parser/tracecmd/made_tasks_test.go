package tracecmd_test

import (
	"encoding/binary"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

// taskEvents: the plugins for sched, timers, memory and the function tracer with
// values that recordings do not have.
func taskEvents() *datwriter.File {
	l := newLog()
	const alpha, beta, none = uint64(datwriter.AlphaAddr), uint64(datwriter.BetaAddr), uint64(0x1000)
	fields := []string{"char prev_comm[16]", "pid_t prev_pid", "int prev_prio", "long prev_state", "char next_comm[16]", "pid_t next_pid", "int next_prio"}
	var switches [][]any
	for _, state := range []int{0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x101, 0x3ff, -1} {
		switches = append(switches, list("prev", 70, 120, state, "a name of 15 by", 71, -5))
	}
	l.add("sched", "sched_switch", fields, `"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", REC->prev_comm, REC->prev_pid, REC->prev_prio, `+
		`(REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1)) ? __print_flags(REC->prev_state & ((((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) - 1), "|", { 0x00000001, "S" }, { 0x00000002, "D" }, { 0x00000004, "T" }, { 0x00000008, "t" }, { 0x00000010, "X" }, { 0x00000020, "Z" }, { 0x00000040, "P" }, { 0x00000080, "I" }) : "R", REC->prev_state & (((0x00000000 | 0x00000001 | 0x00000002 | 0x00000004 | 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040) + 1) << 1) ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio`, switches...)
	l.add("sched", "sched_wakeup", []string{"char comm[16]", "pid_t pid", "int prio", "int success", "int target_cpu"}, `"comm=%s", REC->comm`, list("woken", 71, 120, 1, 3), list("first", 99, -1, 0, 1000))
	l.add("sched", "sched_wakeup_new", []string{"char comm[16]", "pid_t pid", "int prio", "int target_cpu"}, `"comm=%s", REC->comm`, list("new", 99, 100, 0))
	l.add("sched", "sched_waking", []string{"char comm[16]", "pid_t pid", "int prio", "int target_cpu"}, `"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu`, list("new", 99, 100, 7))
	l.add("timer", "hrtimer_start", []string{"void * hrtimer", "void * function", "s64 expires", "s64 softexpires"}, `"x"`, list(alpha, alpha+8, 5, -1), list(0, none, 1, 2), list(1, uint64(0), 1, 2))
	l.add("timer", "hrtimer_expire_entry", []string{"void * timer", "s64 now", "void * function"}, `"x"`, list(alpha, -3, beta), list(uint64(1), 4, none))
	for _, name := range []string{"kfree", "kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node", "kmem_cache_free"} {
		l.add("kmem", name, []string{"unsigned long call_site", "const void * ptr"}, `"call_site=%pS ptr=%p", (void *)REC->call_site, REC->ptr`, list(alpha+0x24, beta), list(none, uint64(0)))
	}
	l.add("tlb", "tlb_flush", []string{"int reason", "unsigned long pages"}, `"x"`, list(0, 1), list(1, -1), list(2, 3), list(3, 4), list(4, 5), list(-1, 6))
	function := []string{"unsigned long ip", "unsigned long parent_ip"}
	l.add("ftrace", "function", function, `" %ps <-- %ps", (void *)REC->ip, (void *)REC->parent_ip`, list(alpha, beta), list(beta, alpha+4), list(alpha, beta+8), list(none, alpha), list(alpha, none), list(none, none+8), list(beta+1, beta))
	l.add("ftrace", "func_repeats", append(function, "u16 count", "u16 top_delta_ts", "u32 bottom_delta_ts"), `"x"`, list(alpha, beta, 3, 0, 123456789), list(none, beta, 1, 1, 5))
	l.add("ftrace", "user_stack", []string{"unsigned int tgid", "unsigned long caller[8]"}, `"\t=> (" "%08lx" ")\n\t=> (" "%08lx" ")\n", REC->caller[0], REC->caller[1]`, list(7, []int{1, 0x7fff0000, 0, 0, 0, 0, 0, 0}))
	l.add("ftrace", "raw_data", []string{"unsigned int id", "char buf[]"}, `"id:%04x %08x", REC->id, (int)REC->buf[0]`, list(0x1234, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), list(0, []byte{}))
	return l.file()
}

// binaryEvents: trace_printk's packed arguments, as the kernel's vbin_printf
// lays them out.
func binaryEvents() *datwriter.File {
	l := newLog()
	typ := l.f.Declare(datwriter.Format{System: "ftrace", Name: "bprint", Fields: []string{"unsigned long ip", "const char * fmt", "u32 buf[]"}, Print: `"%ps: %s", (void *)REC->ip, REC->fmt`})
	n := 0
	put := func(format string, args ...any) {
		var b []byte
		for _, a := range args {
			switch v := a.(type) {
			case string:
				b = append(append(b, v...), 0)
				continue
			case int:
				for len(b)%4 != 0 {
					b = append(b, 0)
				}
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			case uint64:
				for len(b)%4 != 0 {
					b = append(b, 0)
				}
				b = binary.LittleEndian.AppendUint64(b, v)
			}
		}
		n++
		at := 0xffffffff82000000 + uint64(n)*64
		l.f.Printk += fmt.Sprintf("0x%x : %q\n", at, format)
		ip := uint64(datwriter.AlphaAddr + 5)
		if n%5 == 0 {
			ip = 0x77
		}
		l.events = append(l.events, datwriter.Event{Time: 5e9 + uint64(n)*1e6, Record: typ.Record(7, ip, at, b)})
	}
	const alpha = uint64(datwriter.AlphaAddr)
	put("n=%d\n", -5)
	put("%d %u %x %X %o %i no newline", -1, 2, 255, 255, 8, -7)
	put("%ld %lu %lx %lld %llx\n", uint64(1<<40), uint64(1)<<63, alpha, uint64(5), uint64(6))
	put("%s and %s.\n", "one", "three")
	put("%s%d%s%d\n", "a", 1, "bcd", 2)
	put("%p %ps %pS %px\n", alpha, alpha+4, alpha+4, alpha)
	put("%5d|%05d|%+d|%#x|%10s|%.2s\n", 1, 2, 3, 4, "ab", "abcdef")
	put("%*d %.*s\n", 6, 42, 3, "abcdef")
	put("100%% of %d\n", 3)
	put("%pI4 %pM %d\n", "10.0.0.1", "00:11:22:33:44:55", 9)
	put("%pf %pF %d\n", alpha, alpha+1, 9)
	put("%zu %zd\n", uint64(12), uint64(13))
	put("%pK %d %pK\n", "ffff", 3, uint64(0xffffffff81000001))
	put("")
	put("plain\n")
	put("%s\n", "tab\tand\x01control")
	// no format
	l.events = append(l.events, datwriter.Event{Time: 6e9, Record: typ.Record(7, alpha, uint64(0x1234), []byte{1, 0, 0, 0})})
	bputs := l.f.Declare(datwriter.Format{System: "ftrace", Name: "bputs", Fields: []string{"unsigned long ip", "const char * str"}, Print: `"%ps: %s", (void *)REC->ip, REC->str`})
	l.events = append(l.events, datwriter.Event{Time: 6.1e9, Record: bputs.Record(7, alpha, uint64(datwriter.HelloAddr))}, datwriter.Event{Time: 6.2e9, Record: bputs.Record(7, alpha, uint64(5))})
	print := l.f.Declare(datwriter.Format{System: "ftrace", Name: "print", Fields: []string{"unsigned long ip", "char buf[]"}, Print: `"%ps: %s", (void *)REC->ip, REC->buf`})
	l.events = append(l.events, datwriter.Event{Time: 6.3e9, Record: print.Record(7, alpha, "marker\n\x00")}, datwriter.Event{Time: 6.4e9, Record: print.Record(7, alpha, "no newline\x00")}, datwriter.Event{Time: 6.5e9, Record: print.Record(7, alpha, "two\nlines\n\x00")})
	return l.file()
}
