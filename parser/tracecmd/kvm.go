package tracecmd

import "github.com/ipiscope/ipiscope/parser/trace"

// The events of KVM as plugin_kvm.c prints them. Where a field is missing, the
// print fmt follows what was printed so far.

// exitReason prints why a guest was left: field i, by the instruction set in
// field isa (1 VMX, 2 SVM; VMX if the event has no such field).
func (p *Printer) exitReason(dst []byte, f *form, e *trace.Event, i, isa int) ([]byte, bool) {
	dst, reason, ok := p.need(dst, f, e, i)
	if !ok {
		return dst, false
	}
	set := uint64(1)
	if v, ok := p.field(f, e, isa); ok {
		set = v
	}
	dst = append(dst, "reason "...)
	names := vmxExits
	switch uint32(set) {
	case 1:
	case 2:
		names = svmExits
	default:
		return append(dst, "UNKNOWN-ISA"...), true
	}
	for _, x := range names {
		if x.value == int32(reason) {
			return append(dst, x.name...), true
		}
	}
	return append(appendUint(append(dst, "UNKNOWN ("...), reason, 0), ')'), true
}

// printKVMExit reads exit_reason guest_rip info1 info2 isa.
func printKVMExit(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, ok := p.exitReason(dst, f, e, 0, 4)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	dst, rip, ok := p.need(dst, f, e, 1)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	dst = appendHex(append(dst, " rip "...), rip)
	info1, ok1 := p.field(f, e, 2)
	info2, ok2 := p.field(f, e, 3)
	if ok1 && ok2 {
		dst = appendHexDigits(append(dst, " info "...), info1)
		dst = appendHexDigits(append(dst, ' '), info2)
	}
	return dst
}

// printKVMEntry reads vcpu_id rip.
func printKVMEntry(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	if vcpu, ok := p.field(f, e, 0); ok {
		dst = appendUint(append(dst, " vcpu "...), uint64(uint32(vcpu)), 0)
	} else {
		dst = f.cannotFind(dst, 0)
	}
	dst, rip, ok := p.need(dst, f, e, 1)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	return appendHex(append(dst, " rip "...), rip)
}

// maxInstruction is the length of the longest x86 instruction.
const maxInstruction = 15

// printKVMEmulate reads rip csbase len flags failed insn. Without a
// disassembler, as libtraceevent is built, the instruction is shown in bytes.
func printKVMEmulate(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	var v [5]uint64
	for i := range v {
		var ok bool
		if dst, v[i], ok = p.need(dst, f, e, i); !ok {
			return f.prog.Append(dst, e.Payload(), p.names)
		}
	}
	if f.refs[5] == trace.NoField {
		return f.prog.Append(append(dst, "<CANT FIND FIELD insn>"...), e.Payload(), p.names)
	}
	dst = appendHexDigits(append(appendHexDigits(dst, v[1]), ':'), v[0])
	dst = append(dst, ": "...)
	insn := p.bytes(f, e, 5)
	for i, c := range insn[:min(v[2], maxInstruction, uint64(len(insn)))] {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = appendHexPadded(dst, uint64(c), 2)
	}
	if v[4] != 0 {
		dst = append(dst, " FAIL"...)
	}
	return dst
}

// printKVMNested reads exit_code isa exit_info1 exit_info2 exit_int_info
// exit_int_info_err rip.
func printKVMNested(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte {
	dst, rip, ok := p.need(dst, f, e, 6)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	dst = appendHexDigits(append(dst, " rip "...), rip)
	return printKVMInject(p, dst, f, e, next)
}

// printKVMInject reads what printKVMNested reads, without rip.
func printKVMInject(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, ok := p.exitReason(dst, f, e, 0, 1)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	for i, name := range [...]string{" info1 ", " info2 ", " int_info ", " int_info_err "} {
		if v, ok := p.field(f, e, 2+i); ok {
			dst = appendHexDigits(append(dst, name...), v)
		} else {
			dst = f.cannotFind(dst, 2+i)
		}
	}
	return dst
}

// printKVMGetPage reads role root_count unsync created gfn.
func printKVMGetPage(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte {
	dst, created, ok := p.need(dst, f, e, 3)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	if created != 0 {
		dst = append(dst, "new "...)
	} else {
		dst = append(dst, "existing "...)
	}
	dst, gfn, ok := p.need(dst, f, e, 4)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	dst = append(appendHexDigits(append(dst, "sp gfn "...), gfn), ' ')
	return printKVMRole(p, dst, f, e, next)
}

// printKVMRole reads role root_count unsync.
func printKVMRole(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, role, ok := p.need(dst, f, e, 0)
	if !ok {
		return f.prog.Append(dst, e.Payload(), p.names)
	}
	if p.table.Meta.BigEndian { // bit fields of another machine
		dst = appendHexPadded(append(dst, "WORD: "...), uint64(uint32(role)), 8)
	} else {
		dst = appendRole(dst, uint32(role))
	}
	if roots, ok := p.field(f, e, 1); ok {
		dst = append(appendUint(append(dst, " root "...), uint64(uint32(roots)), 0), ' ')
	} else {
		dst = f.cannotFind(dst, 1)
	}
	dst, unsync, ok := p.need(dst, f, e, 2)
	switch {
	case !ok:
		return f.prog.Append(dst, e.Payload(), p.names)
	case unsync != 0:
		return append(dst, "unsync"...)
	}
	return append(dst, "sync"...)
}

// appendRole takes a union kvm_mmu_page_role apart as it was when the plugin
// was written.
func appendRole(dst []byte, role uint32) []byte {
	bit := func(n uint) bool { return role>>n&1 != 0 }
	either := func(set bool, yes, no string) {
		if set {
			dst = append(dst, yes...)
		} else {
			dst = append(dst, no...)
		}
	}
	dst = appendUint(dst, uint64(role&15), 0)
	dst = appendUint(append(dst, " q"...), uint64(role>>5&3), 0)
	either(bit(7), " direct", "")
	access := [...]string{"---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"}
	dst = append(append(dst, ' '), access[role>>8&7]...)
	either(bit(11), " invalid", "")
	either(bit(4), " pae", " !pae")
	either(bit(12), " nxe", " !nxe")
	either(bit(13), " wp", " !wp")
	either(bit(14), " smep", "")
	either(bit(15), " smap", "")
	either(role>>24 != 0, " smm", "")
	return dst
}

// An exitName is a reason for leaving a guest.
type exitName struct {
	value int32
	name  string
}

// vmxExits are the reasons of Intel's VMX (arch/x86/include/uapi/asm/vmx.h), as
// far as the plugin knows them.
var vmxExits = []exitName{
	{0, "EXCEPTION_NMI"}, {1, "EXTERNAL_INTERRUPT"}, {2, "TRIPLE_FAULT"}, {7, "PENDING_INTERRUPT"}, {8, "NMI_WINDOW"}, {9, "TASK_SWITCH"},
	{10, "CPUID"}, {12, "HLT"}, {13, "INVD"}, {14, "INVLPG"}, {15, "RDPMC"}, {16, "RDTSC"}, {18, "VMCALL"}, {19, "VMCLEAR"}, {20, "VMLAUNCH"},
	{21, "VMPTRLD"}, {22, "VMPTRST"}, {23, "VMREAD"}, {24, "VMRESUME"}, {25, "VMWRITE"}, {26, "VMOFF"}, {27, "VMON"}, {28, "CR_ACCESS"},
	{29, "DR_ACCESS"}, {30, "IO_INSTRUCTION"}, {31, "MSR_READ"}, {32, "MSR_WRITE"}, {36, "MWAIT_INSTRUCTION"}, {39, "MONITOR_INSTRUCTION"},
	{40, "PAUSE_INSTRUCTION"}, {41, "MCE_DURING_VMENTRY"}, {43, "TPR_BELOW_THRESHOLD"}, {44, "APIC_ACCESS"}, {45, "EOI_INDUCED"},
	{48, "EPT_VIOLATION"}, {49, "EPT_MISCONFIG"}, {50, "INVEPT"}, {52, "PREEMPTION_TIMER"}, {54, "WBINVD"}, {55, "XSETBV"}, {56, "APIC_WRITE"},
	{58, "INVPCID"}, {62, "PML_FULL"}, {63, "XSAVES"}, {64, "XRSTORS"},
}

// svmExits are the reasons of AMD's SVM (arch/x86/include/uapi/asm/svm.h), as
// far as the plugin knows them.
var svmExits = []exitName{
	{0x000, "EXIT_READ_CR0"}, {0x003, "EXIT_READ_CR3"}, {0x004, "EXIT_READ_CR4"}, {0x008, "EXIT_READ_CR8"},
	{0x010, "EXIT_WRITE_CR0"}, {0x013, "EXIT_WRITE_CR3"}, {0x014, "EXIT_WRITE_CR4"}, {0x018, "EXIT_WRITE_CR8"},
	{0x020, "EXIT_READ_DR0"}, {0x021, "EXIT_READ_DR1"}, {0x022, "EXIT_READ_DR2"}, {0x023, "EXIT_READ_DR3"},
	{0x024, "EXIT_READ_DR4"}, {0x025, "EXIT_READ_DR5"}, {0x026, "EXIT_READ_DR6"}, {0x027, "EXIT_READ_DR7"},
	{0x030, "EXIT_WRITE_DR0"}, {0x031, "EXIT_WRITE_DR1"}, {0x032, "EXIT_WRITE_DR2"}, {0x033, "EXIT_WRITE_DR3"},
	{0x034, "EXIT_WRITE_DR4"}, {0x035, "EXIT_WRITE_DR5"}, {0x036, "EXIT_WRITE_DR6"}, {0x037, "EXIT_WRITE_DR7"},
	{0x040, "EXIT_EXCP_DE"}, {0x041, "EXIT_EXCP_DB"}, {0x043, "EXIT_EXCP_BP"}, {0x044, "EXIT_EXCP_OF"}, {0x045, "EXIT_EXCP_BR"},
	{0x046, "EXIT_EXCP_UD"}, {0x047, "EXIT_EXCP_NM"}, {0x048, "EXIT_EXCP_DF"}, {0x04a, "EXIT_EXCP_TS"}, {0x04b, "EXIT_EXCP_NP"},
	{0x04c, "EXIT_EXCP_SS"}, {0x04d, "EXIT_EXCP_GP"}, {0x04e, "EXIT_EXCP_PF"}, {0x050, "EXIT_EXCP_MF"}, {0x051, "EXIT_EXCP_AC"},
	{0x052, "EXIT_EXCP_MC"}, {0x053, "EXIT_EXCP_XF"},
	{0x060, "EXIT_INTR"}, {0x061, "EXIT_NMI"}, {0x062, "EXIT_SMI"}, {0x063, "EXIT_INIT"}, {0x064, "EXIT_VINTR"}, {0x065, "EXIT_CR0_SEL_WRITE"},
	{0x066, "EXIT_IDTR_READ"}, {0x067, "EXIT_GDTR_READ"}, {0x068, "EXIT_LDTR_READ"}, {0x069, "EXIT_TR_READ"}, {0x06a, "EXIT_IDTR_WRITE"},
	{0x06b, "EXIT_GDTR_WRITE"}, {0x06c, "EXIT_LDTR_WRITE"}, {0x06d, "EXIT_TR_WRITE"}, {0x06e, "EXIT_RDTSC"}, {0x06f, "EXIT_RDPMC"},
	{0x070, "EXIT_PUSHF"}, {0x071, "EXIT_POPF"}, {0x072, "EXIT_CPUID"}, {0x073, "EXIT_RSM"}, {0x074, "EXIT_IRET"}, {0x075, "EXIT_SWINT"},
	{0x076, "EXIT_INVD"}, {0x077, "EXIT_PAUSE"}, {0x078, "EXIT_HLT"}, {0x079, "EXIT_INVLPG"}, {0x07a, "EXIT_INVLPGA"}, {0x07b, "EXIT_IOIO"},
	{0x07c, "EXIT_MSR"}, {0x07d, "EXIT_TASK_SWITCH"}, {0x07e, "EXIT_FERR_FREEZE"}, {0x07f, "EXIT_SHUTDOWN"}, {0x080, "EXIT_VMRUN"},
	{0x081, "EXIT_VMMCALL"}, {0x082, "EXIT_VMLOAD"}, {0x083, "EXIT_VMSAVE"}, {0x084, "EXIT_STGI"}, {0x085, "EXIT_CLGI"}, {0x086, "EXIT_SKINIT"},
	{0x087, "EXIT_RDTSCP"}, {0x088, "EXIT_ICEBP"}, {0x089, "EXIT_WBINVD"}, {0x08a, "EXIT_MONITOR"}, {0x08b, "EXIT_MWAIT"},
	{0x08c, "EXIT_MWAIT_COND"}, {0x08d, "EXIT_XSETBV"}, {0x400, "EXIT_NPF"}, {0x401, "EXIT_AVIC_INCOMPLETE_IPI"},
	{0x402, "EXIT_AVIC_UNACCELERATED_ACCESS"}, {-1, "EXIT_ERR"},
}
