package tracecmd

import (
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A special prints the payload of one kind of event in a form of its own.
type special func(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte

// A specialRow is an event that a plugin of libtraceevent or trace-cmd prints.
type specialRow struct {
	system, name string
	print        special
	fields       []string // what print reads, in the order of its refs
}

// specials lists the events with a form of their own.
func specials() []specialRow {
	stateful := []string{"prev_comm", "prev_pid", "prev_prio", "prev_state", "next_comm", "next_pid", "next_prio"}
	woken := []string{"comm", "pid", "prio", "success", "target_cpu"}
	timer := []string{"timer", "hrtimer", "now", "function", "expires", "softexpires"}
	callSite := []string{"call_site"}
	graph := []string{"func", "depth", "calltime", "rettime", "retval", "retaddr", "args"}
	role := []string{"role", "root_count", "unsync", "created", "gfn"}
	nested := []string{"exit_code", "isa", "exit_info1", "exit_info2", "exit_int_info", "exit_int_info_err", "rip"}
	return []specialRow{
		{"ftrace", "function", printFunction, []string{"ip", "parent_ip"}},
		{"ftrace", "func_repeats", printRepeats, []string{"ip", "parent_ip", "count", "top_delta_ts", "bottom_delta_ts"}},
		{"ftrace", "kernel_stack", printStack, []string{"caller"}},
		{"ftrace", "raw_data", printRawData, []string{"id", "buf"}},
		{"ftrace", "funcgraph_entry", printGraphEntry, graph},
		{"ftrace", "fgraph_retaddr_entry", printGraphEntry, graph},
		{"ftrace", "funcgraph_exit", printGraphExit, graph},
		{"ftrace", "bprint", printBinary, []string{"ip", "fmt", "buf"}},
		{"sched", "sched_switch", printSwitch, stateful},
		{"sched", "sched_wakeup", printWakeup, woken},
		{"sched", "sched_wakeup_new", printWakeup, woken},
		{"timer", "hrtimer_expire_entry", printTimerExpire, timer},
		{"timer", "hrtimer_start", printTimerStart, timer},
		{"kmem", "kfree", printCallSite, callSite},
		{"kmem", "kmalloc", printCallSite, callSite},
		{"kmem", "kmalloc_node", printCallSite, callSite},
		{"kmem", "kmem_cache_alloc", printCallSite, callSite},
		{"kmem", "kmem_cache_alloc_node", printCallSite, callSite},
		{"kmem", "kmem_cache_free", printCallSite, callSite},
		{"tlb", "tlb_flush", printTLBFlush, []string{"pages", "reason"}},
		{"syscalls", "sys_enter_futex", printFutex, []string{"uaddr", "op", "val", "utime", "uaddr2", "val3"}},
		{"kvm", "kvm_exit", printKVMExit, []string{"exit_reason", "guest_rip", "info1", "info2", "isa"}},
		{"kvm", "kvm_entry", printKVMEntry, []string{"vcpu_id", "rip"}},
		{"kvm", "kvm_emulate_insn", printKVMEmulate, []string{"rip", "csbase", "len", "flags", "failed", "insn"}},
		{"kvm", "kvm_nested_vmexit", printKVMNested, nested},
		{"kvm", "kvm_nested_vmexit_inject", printKVMInject, nested},
		{"kvmmmu", "kvm_mmu_get_page", printKVMGetPage, role},
		{"kvmmmu", "kvm_mmu_sync_page", printKVMRole, role},
		{"kvmmmu", "kvm_mmu_unsync_page", printKVMRole, role},
		{"kvmmmu", "kvm_mmu_zap_page", printKVMRole, role},
		{"kvmmmu", "kvm_mmu_prepare_zap_page", printKVMRole, role},
		{"mac80211", "drv_bss_info_changed", printBSSInfo, bssFieldNames()},
	}
}

// setSpecial gives a form its special printer, if the event has one.
func setSpecial(f *form, s *trace.Schema) {
	for _, row := range specials() {
		if row.system != s.System || row.name != s.Name {
			continue
		}
		f.special, f.fields = row.print, row.fields
		for _, name := range row.fields {
			f.refs = append(f.refs, s.Ref(name))
		}
		if s.Name == "sched_switch" {
			f.states = taskStates(f.prog)
		}
		return
	}
}

// field reads the i-th field that the row of the event names, zero-extended.
func (p *Printer) field(f *form, e *trace.Event, i int) (uint64, bool) {
	if f.refs[i] == trace.NoField {
		return 0, false
	}
	x := &e.Schema().Fields[f.refs[i]]
	return tracefmt.Integer(e.Payload(), x.Off, x.Size, p.table.Meta.BigEndian)
}

// need is field for one that the printing cannot do without: it appends what
// libtraceevent says where it is missing (get_field_val).
func (p *Printer) need(dst []byte, f *form, e *trace.Event, i int) ([]byte, uint64, bool) {
	v, ok := p.field(f, e, i)
	switch {
	case ok:
	case f.refs[i] == trace.NoField:
		dst = append(append(append(dst, "<CANT FIND FIELD "...), f.fields[i]...), '>')
	default:
		dst = append(append(append(dst, ' '), f.fields[i]...), "=INVALID"...)
	}
	return dst, v, ok
}

// broken ends what needed a field that is missing: libtraceevent goes on with
// the print fmt then.
func (p *Printer) broken(dst []byte, f *form, e *trace.Event) []byte {
	return f.prog.Append(append(dst, '!'), e.Payload(), p.names)
}

// cannotFind is what tep_print_num_field says of a missing field.
func (f *form) cannotFind(dst []byte, i int) []byte {
	return append(append(append(dst, `CAN'T FIND FIELD "`...), f.fields[i]...), '"')
}

// bytes returns the bytes of the i-th field where it lies in the record.
func (p *Printer) bytes(f *form, e *trace.Event, i int) []byte {
	if f.refs[i] == trace.NoField {
		return nil
	}
	x := &e.Schema().Fields[f.refs[i]]
	b := e.Payload()
	if uint64(x.Off) > uint64(len(b)) {
		return nil
	}
	b = b[x.Off:]
	if x.Size > 0 && uint64(x.Size) < uint64(len(b)) {
		b = b[:x.Size]
	}
	return b
}

// printTLBFlush: plugin_tlb.c.
func printTLBFlush(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst = append(dst, "pages="...)
	if pages, ok := p.field(f, e, 0); ok {
		dst = appendInt(dst, int64(pages), 0)
	} else {
		dst = f.cannotFind(dst, 0)
	}
	dst, reason, ok := p.need(dst, f, e, 1)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	dst = append(dst, " reason="...)
	names := [...]string{"flush on task switch", "remote shootdown", "local shootdown", "local mm shootdown"}
	if reason < uint64(len(names)) {
		dst = append(dst, names[reason]...)
	}
	return append(appendUint(append(dst, " ("...), reason, 0), ')')
}

// printCallSite: plugin_kmem.c, the caller in front of the print fmt.
func printCallSite(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	if addr, ok := p.field(f, e, 0); ok {
		if name, offset, ok := p.names.Symbol(addr); ok {
			dst = append(append(dst, '('), name...)
			dst = append(appendHex(append(dst, '+'), uint64(uint32(offset))), ") "...)
		}
	}
	return f.prog.Append(dst, e.Payload(), p.names)
}

// printTimerExpire: plugin_hrtimer.c.
func printTimerExpire(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst = p.appendTimer(dst, f, e)
	dst = p.appendNumber(append(dst, " now="...), f, e, 2)
	return p.appendTimerFunction(dst, f, e)
}

// printTimerStart: plugin_hrtimer.c.
func printTimerStart(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst = p.appendTimer(dst, f, e)
	dst = p.appendTimerFunction(dst, f, e)
	dst = p.appendNumber(append(dst, " expires="...), f, e, 4)
	return p.appendNumber(append(dst, " softexpires="...), f, e, 5)
}

// appendNumber appends a field as tep_print_num_field does with %llu.
func (p *Printer) appendNumber(dst []byte, f *form, e *trace.Event, i int) []byte {
	v, ok := p.field(f, e, i)
	if !ok {
		return f.cannotFind(dst, i)
	}
	return appendUint(dst, v, 0)
}

func (p *Printer) appendTimer(dst []byte, f *form, e *trace.Event) []byte {
	dst = append(dst, "hrtimer="...)
	addr, ok := p.field(f, e, 0)
	if !ok {
		if addr, ok = p.field(f, e, 1); !ok {
			return f.cannotFind(dst, 1)
		}
	}
	return appendHex(dst, addr)
}

// appendTimerFunction prints a function as tep_print_func_field does: after
// the slash stands what the start of the function minus the address is.
func (p *Printer) appendTimerFunction(dst []byte, f *form, e *trace.Event) []byte {
	addr, ok := p.field(f, e, 3)
	if !ok {
		return dst
	}
	dst = append(dst, " function="...)
	name, offset, ok := p.names.Symbol(addr)
	if ok {
		return appendHex(append(append(dst, name...), '/'), -offset)
	}
	dst = append(dst, "0x"...)
	start := len(dst)
	dst = appendHexDigits(dst, addr)
	for len(dst)-start < 8 { // "%08llx"
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	return dst
}
