package printfmt

import "encoding/binary"

// A helper is a function of the kernel that print fmts call and that a plugin
// of libtraceevent stands in for.
type helper uint8

const (
	helperDevice    helper = iota + 1 // jbd2_dev_to_name(dev): plugin_jbd2.c
	helperJiffies                     // jiffies_to_msecs(jiffies): plugin_jbd2.c, which does not know HZ
	helperLE16                        // __le16_to_cpup(pointer): plugin_cfg80211.c
	helperHypercall                   // xen_hypercall_name(op): plugin_xen.c
	helperWritable                    // is_writable_pte(pte): plugin_kvm.c
	helperCDB                         // scsi_trace_parse_cdb(p, cdb, length): plugin_scsi.c
)

// helperOf gives a function's helper and how many arguments it has.
func helperOf(name string) (h helper, args int) {
	switch name {
	case "jbd2_dev_to_name":
		return helperDevice, 1
	case "jiffies_to_msecs":
		return helperJiffies, 1
	case "__le16_to_cpup":
		return helperLE16, 1
	case "xen_hypercall_name":
		return helperHypercall, 1
	case "is_writable_pte":
		return helperWritable, 1
	case "scsi_trace_parse_cdb":
		return helperCDB, 3
	}
	return 0, 0
}

// helper reads the arguments of a helper. libtraceevent takes no operations
// for them (src/event-parse.c, process_func_handler).
func (p *parser) helper(n *node, name token) {
	h, args := helperOf(name.text)
	if h == 0 {
		p.fail(name.off, "function %s is not known", name.text)
		return
	}
	n.op, n.help = opHelper, h
	for i, operand := range []**node{&n.a, &n.b, &n.c}[:args] {
		if i > 0 {
			p.expect(",")
		}
		*operand = p.item()
	}
}

// helperNumber is what a helper returns.
func (ev *eval) helperNumber(n *node) uint64 {
	switch n.help {
	case helperJiffies:
		return ev.number(n.a)
	case helperWritable:
		return ev.number(n.a) & 2 // PT_WRITABLE_MASK
	case helperLE16:
		if b := ev.pointee(n.a); len(b) >= 2 {
			return uint64(binary.LittleEndian.Uint16(b))
		}
	}
	return 0
}

// helperText appends what a helper prints.
func (ev *eval) helperText(dst []byte, n *node) []byte {
	switch n.help {
	case helperDevice:
		const minorBits = 20 // include/linux/kdev_t.h
		dev := uint32(ev.number(n.a))
		dst = append(appendDecimal(dst, uint64(dev>>minorBits)), ':')
		return appendDecimal(dst, uint64(dev&(1<<minorBits-1)))
	case helperJiffies:
		return appendSigned(dst, int64(ev.number(n.a)))
	case helperHypercall:
		return append(dst, hypercall(uint32(ev.number(n.a)))...)
	case helperCDB:
		return appendCDB(dst, ev.pointee(n.b))
	}
	return dst
}

// pointee returns the bytes from where a pointer into the record points.
func (ev *eval) pointee(n *node) []byte {
	for n.op == opCast {
		n = n.a
	}
	if n.op != opDynArray {
		return nil
	}
	return ev.array(n)
}

// hypercall is the name of a Xen hypercall (include/xen/interface/xen.h).
func hypercall(op uint32) string {
	const archFirst, archLast = 48, 55
	names := [...]string{
		"set_trap_table", "mmu_update", "set_gdt", "stack_switch", "set_callbacks", "fpu_taskswitch", "sched_op_compat", "dom0_op",
		"set_debugreg", "get_debugreg", "update_descriptor", "", "memory_op", "multicall", "update_va_mapping", "set_timer_op",
		"event_channel_op_compat", "xen_version", "console_io", "physdev_op_compat", "grant_table_op", "vm_assist",
		"update_va_mapping_otherdomain", "iret", "vcpu_op", "set_segment_base", "mmuext_op", "acm_op", "nmi_op", "sched_op", "callback_op",
		"xenoprof_op", "event_channel_op", "physdev_op", "hvm_op",
	}
	arch := [...]string{"(arch_0)", "(arch_1)", "(arch_2)", "(arch_3)", "(arch_4)", "(arch_5)", "(arch_6)", "(arch_7)"}
	switch {
	case op >= archFirst && op <= archLast:
		return arch[op-archFirst]
	case op < uint32(len(names)) && names[op] != "":
		return "(" + names[op] + ")"
	}
	return ""
}
