package tracecmd_test

import (
	"encoding/binary"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

func madeFiles() []made {
	return []made{
		{"futex", futexEvents(), []string{""}},
		{"kvm", kvmEvents(newLog()), []string{"", "-R"}},
		{"kvm-big", kvmEvents(bigLog()), []string{""}},
		{"scsi", scsiEvents(), []string{"", "-R"}},
		{"helpers", helperEvents(), []string{""}},
		{"mac80211", mac80211Events(), []string{""}},
		{"graph", graphEvents(), []string{"", "-R"}},
		{"tasks", taskEvents(), []string{"", "-R", "-t"}},
		{"blktrace", blockEvents(), []string{"", "-R"}},
		{"printk", binaryEvents(), []string{"", "-R"}},
		{"missing", missingFields(), []string{"", "-R"}},
		{"operators", operatorEvents(), []string{""}},
		{"conversions", conversionEvents(), []string{"", "-R"}},
		{"arrays", arrayEvents(newLog()), []string{"", "-R"}},
		{"addresses", addressEvents(newLog()), []string{""}},
		{"names", symbolEvents(), []string{""}},
	}
}

// Fields as the kernel's syscall events have them: each argument is a long.
func futexEvents() *datwriter.File {
	l := newLog()
	var records [][]any
	for op := range 15 { // include/uapi/linux/futex.h
		records = append(records, list(202, 0x7ffd1000, op, 3, 0x7ffd2000, 0x7ffd3000, uint64(0xffffffff)))
	}
	for _, flags := range []int{128, 256, 128 | 256, 1 << 20} {
		records = append(records, list(202, 0x1234, flags, 3, 5, 6, 7))
	}
	l.add("syscalls", "sys_enter_futex",
		[]string{"int __syscall_nr", "u32 * uaddr", "int op:8", "u32 val:8", "const struct __kernel_timespec * utime", "u32 * uaddr2", "u32 val3:8"},
		`"uaddr: 0x%08lx, op: 0x%08lx, val: 0x%08lx, utime: 0x%08lx, uaddr2: 0x%08lx, val3: 0x%08lx", ((unsigned long)(REC->uaddr)), `+
			`((unsigned long)(REC->op)), ((unsigned long)(REC->val)), ((unsigned long)(REC->utime)), ((unsigned long)(REC->uaddr2)), ((unsigned long)(REC->val3))`,
		records...)
	return l.file()
}

// bigLog is a log of a big-endian machine.
func bigLog() *madeLog {
	l := &madeLog{f: datwriter.New(7, "none", true, 8)}
	l.f.PageSize, l.f.Align = 4096, true
	return l
}

func kvmEvents(l *madeLog) *datwriter.File {
	var exits [][]any
	for reason := range 66 {
		exits = append(exits, list(reason, uint64(0x7fff81001010), 1, 0x1f, 0x3, 0, 0, 0))
	}
	for _, reason := range []int{0, 0x60, 0x72, 0x8d, 0x400, 0x402, 0x403, -1} {
		exits = append(exits, list(reason, 0x1000, 2, 1, 2, 3, 4, 5))
	}
	exits = append(exits, list(1, 0x1000, 3, 1, 2, 3, 4, 5))
	l.add("kvm", "kvm_exit", []string{"unsigned int exit_reason", "unsigned long guest_rip", "u32 isa", "u64 info1", "u64 info2", "u32 intr_info", "u32 error_code", "unsigned int vcpu_id"},
		`"vcpu %u reason %u rip 0x%lx", REC->vcpu_id, REC->exit_reason, REC->guest_rip`, exits...)
	l.add("kvm", "kvm_entry", []string{"unsigned int vcpu_id", "unsigned long rip"}, `"vcpu %u, rip 0x%lx", REC->vcpu_id, REC->rip`, list(1, uint64(0xfffffff0)), list(-1, 0))
	code := []byte{0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 1, 2, 3, 4, 5, 6, 7}
	l.add("kvm", "kvm_emulate_insn", []string{"__u64 rip", "__u32 csbase", "__u8 len", "__u8 insn[15]", "__u8 flags", "__u8 failed"}, `"%x:%llx", REC->csbase, REC->rip`,
		list(0x1000, 0xf000, 1, code, 0, 0), list(0x1000, 0, 4, code, 9, 1), list(0x1000, 0, 15, code, 9, 0))
	nested := []string{"__u64 rip", "__u32 exit_code", "__u64 exit_info1", "__u64 exit_info2", "__u32 exit_int_info", "__u32 exit_int_info_err", "__u32 isa"}
	l.add("kvm", "kvm_nested_vmexit", nested, `"rip %016llx", REC->rip`, list(0x10, 12, 1, 2, uint64(0x80000000), 3, 1), list(0x10, 0x7b, 1, 2, 3, 4, 2))
	l.add("kvm", "kvm_nested_vmexit_inject", nested, `"rip %016llx", REC->rip`, list(0x10, 99, 1, 2, 3, 4, 1))
	roles := []int64{0, 0x1234, -1, 0x80000814, 0x00ff70f4}
	var pages, gets [][]any
	for i, role := range roles {
		pages = append(pages, list(i, 0x1234+i, role, i, i&1))
		gets = append(gets, list(i, 0x1234+i, role, i, i&1, i&2))
	}
	page := []string{"unsigned long mmu_valid_gen", "__u64 gfn", "__u32 role", "__u32 root_count", "bool unsync"}
	for _, name := range []string{"kvm_mmu_sync_page", "kvm_mmu_unsync_page", "kvm_mmu_zap_page", "kvm_mmu_prepare_zap_page"} {
		l.add("kvmmmu", name, page, `"%u", REC->role`, pages...)
	}
	l.add("kvmmmu", "kvm_mmu_get_page", append(page, "bool created"), `"%u", REC->role`, gets...)
	l.add("kvmmmu", "kvm_mmu_set_spte", []string{"u64 gfn", "u64 spte"}, `"gfn %llx spte %llx (%s) %d %s", REC->gfn, REC->spte, is_writable_pte(REC->spte) ? "w" : "ro", is_writable_pte(REC->spte), is_writable_pte(REC->spte)`,
		list(1, 7), list(1, 5))
	return l.file()
}

// scsiEvents: commands of every kind that plugin_scsi.c takes apart, as
// include/trace/events/scsi.h records them.
func scsiEvents() *datwriter.File {
	l := newLog()
	var records [][]any
	cdb := func(b ...byte) {
		records = append(records, list(0, 1, 0, 0, int(b[0]), len(b), 3, 4, 5, b))
	}
	body := func(op byte, n int, high bool) {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(0x11 * i)
			if high {
				b[i] = ^b[i]
			}
		}
		b[0] = op
		cdb(b...)
	}
	for _, high := range []bool{false, true} {
		for _, op := range []byte{0x00, 0x08, 0x0a} {
			body(op, 6, high)
		}
		for _, op := range []byte{0x28, 0x2a, 0x2f, 0x41, 0x42, 0x35} {
			body(op, 10, high)
		}
		for _, op := range []byte{0xa8, 0xaa, 0xaf} {
			body(op, 12, high)
		}
		for _, op := range []byte{0x88, 0x8a, 0x8f, 0x93, 0x9e} {
			body(op, 16, high)
		}
	}
	for _, service := range []byte{0x10, 0x12, 0x32} {
		cdb(0x9e, service, 0xff, 1, 2, 3, 0x84, 5, 6, 7, 0xf8, 9, 10, 11, 0, 0)
	}
	for _, action := range []byte{0x09, 0x0a, 0x0b, 0x0d, 0x03} {
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(i) | 0x80
		}
		b[0], b[8], b[9] = 0x7f, 0, action
		cdb(b...)
	}
	l.add("scsi", "scsi_dispatch_cmd_start",
		[]string{"unsigned int host_no", "unsigned int channel", "unsigned int id", "unsigned int lun", "unsigned int opcode", "unsigned int cmd_len",
			"unsigned int data_sglen", "unsigned int prot_sglen", "unsigned char prot_op", "__data_loc unsigned char[] cmnd"},
		`"host_no=%u channel=%u id=%u lun=%u data_sgl=%u prot_sgl=%u prot_op=%s cmnd=(%s %s raw=%s)", REC->host_no, REC->channel, REC->id, REC->lun, REC->data_sglen, `+
			`REC->prot_sglen, __print_symbolic(REC->prot_op, { 0, "SCSI_PROT_NORMAL" }, { 5, "SCSI_PROT_WRITE_INSERT" }), __print_symbolic(REC->opcode, { 0x28, "READ_10" }, { 0x2a, "WRITE_10" }), `+
			`scsi_trace_parse_cdb(p, __get_dynamic_array(cmnd), REC->cmd_len), __print_hex(__get_dynamic_array(cmnd), REC->cmd_len)`, records...)
	return l.file()
}

func helperEvents() *datwriter.File {
	l := newLog()
	var ops [][]any
	for op := range 57 {
		ops = append(ops, list(op))
	}
	l.add("xen", "xen_mc_entry", []string{"unsigned int op"}, `"op %u%s", REC->op, xen_hypercall_name(REC->op)`, ops...)
	l.add("jbd2", "jbd2_run_stats", []string{"dev_t dev", "unsigned long wait"}, `"dev %s %d wait %u %s", jbd2_dev_to_name(REC->dev), jbd2_dev_to_name(REC->dev), jiffies_to_msecs(REC->wait), jiffies_to_msecs(REC->wait)`,
		list(8<<20|3, 250), list(-1, -5))
	l.add("jbd2", "ops_in_arguments", []string{"dev_t dev"}, `"dev %s", jbd2_dev_to_name(REC->dev + 1)`, list(8<<20|3))
	l.add("jbd2", "two_arguments", []string{"dev_t dev"}, `"dev %s", jbd2_dev_to_name(REC->dev, 1)`, list(8<<20|3))
	l.add("cfg80211", "rdev_change", []string{"__data_loc u8[] fc"}, `"fc: 0x%.2x %s", __le16_to_cpup((__le16 *)__get_dynamic_array(fc)), __le16_to_cpup((__le16 *)__get_dynamic_array(fc))`,
		list([]byte{0x34, 0x12, 0x56}), list([]byte{0xff, 0xff}))
	return l.file()
}

func mac80211Events() *datwriter.File {
	l := newLog()
	fields := []string{"char wiphy_name[32]", "int vif_type", "__data_loc char[] vif_name", "bool assoc", "u16 aid", "bool cts", "bool shortpre", "bool shortslot", "u8 dtimper",
		"u16 bcnint", "u16 assoc_cap", "u32 basic_rates", "bool enable_beacon", "u16 ht_operation_mode"}
	l.add("mac80211", "drv_bss_info_changed", fields, `"%s", REC->wiphy_name`,
		list("phy0", 2, "wlan0", 1, 7, 0, 1, 1, 3, 100, 0x431, 0xf, 0, 4),
		list("", -1, "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	return l.file()
}

// graphEvents: the function graph with results, callers and arguments, which
// Linux 6.5, 6.13 and 6.15 added as options.
func graphEvents() *datwriter.File {
	l := newLog()
	entry := l.f.Declare(datwriter.Format{System: "ftrace", Name: "funcgraph_entry", Fields: []string{"unsigned long func", "unsigned long depth", "unsigned long args[]"}, Print: `"--> %ps (%lu)", (void *)REC->func, REC->depth`})
	called := l.f.Declare(datwriter.Format{System: "ftrace", Name: "fgraph_retaddr_entry", Fields: []string{"unsigned long func", "unsigned long depth", "unsigned long retaddr"}, Print: `"--> %ps", (void *)REC->func`})
	exit := l.f.Declare(datwriter.Format{System: "ftrace", Name: "funcgraph_exit", Fields: []string{"unsigned long func", "unsigned long retval", "unsigned long depth", "unsigned long long calltime", "unsigned long long rettime"}, Print: `"<-- %ps", (void *)REC->func`})
	at := uint64(5e9)
	put := func(r []byte) {
		l.events = append(l.events, datwriter.Event{Time: at, Record: r})
		at += 1e6
	}
	args := func(v ...uint64) []byte {
		var b []byte
		for _, n := range v {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		return b
	}
	const alpha, beta, none = uint64(datwriter.AlphaAddr), uint64(datwriter.BetaAddr), 0x1000
	for _, ret := range []int{0, 1, -1, -4095, -4096} {
		put(entry.Record(7, alpha, 0, args()))
		put(exit.Record(7, alpha, ret, 0, 100, 1234567))
	}
	put(entry.Record(7, alpha, 0, args(1, 0xfff)))
	put(entry.Record(7, beta, 1, args(3)))
	put(exit.Record(7, beta, 3, 1, 100, 101))
	put(exit.Record(7, alpha, 3, 0, 100, uint64(1<<40)))
	put(entry.Record(7, none, 0, args(5)))
	put(entry.Record(7, none, 1, args(5)))
	put(exit.Record(7, none, 3, 1, 100, 20000))
	put(exit.Record(7, none, 3, 0, 100, 200000))
	put(called.Record(7, alpha, 0, beta+4))
	put(called.Record(7, beta, 1, alpha+4))
	put(exit.Record(7, beta, 3, 1, 100, 101))
	put(called.Record(7, none, 1, alpha+4))
	put(called.Record(7, none, 2, 5))
	put(exit.Record(7, none, 3, 2, 100, 101))
	put(exit.Record(7, none, 3, 1, 100, 101))
	put(exit.Record(7, alpha, 3, 0, 100, 101))
	// a return on another CPU is a line of its own
	put(entry.Record(7, alpha, 0, args()))
	l.f.Buffers = []datwriter.Buffer{{Clock: "local", CPUs: []datwriter.CPU{
		{ID: 0, Pages: l.f.Pages(l.events)},
		{ID: 1, Pages: l.f.Pages([]datwriter.Event{{Time: at, Record: exit.Record(7, alpha, 3, 0, 100, 101)}})},
	}}}
	return l.f
}

// blockEvents: the event of the block tracer, whose format is in no file.
func blockEvents() *datwriter.File {
	l := newLog()
	l.f.Declare(datwriter.Format{System: "ftrace", Name: "user_stack", Fields: []string{"unsigned int tgid", "unsigned long caller[8]"}, Print: `"x"`})
	blk := l.f.Declare(datwriter.Format{System: "test", Name: "gone", Fields: []string{"u32 magic", "u32 sequence", "u64 sector", "u32 bytes", "u32 action", "u32 pid", "u32 device", "u32 cpu", "u16 error", "u16 pdu_len"}, Print: `"x"`})
	l.f.Systems = l.f.Systems[:len(l.f.Systems)-1]
	l.events = append(l.events, datwriter.Event{Time: 5e9, Record: blk.Record(7, 1, 2, 4096, 512, 3, 1234, 8<<20, 1, 0, 0)}, datwriter.Event{Time: 6e9, Record: blk.Record(7, 1, 2, -1, -1, -1, -1, -1, -1, -1, -1)})
	return l.file()
}

// missingFields: events with forms of their own that lack what the form needs.
func missingFields() *datwriter.File {
	l := newLog()
	for _, e := range []struct{ system, name string }{
		{"ftrace", "raw_data"}, {"ftrace", "function"}, {"ftrace", "func_repeats"}, {"ftrace", "funcgraph_exit"}, {"ftrace", "funcgraph_entry"},
		{"sched", "sched_switch"}, {"sched", "sched_wakeup"}, {"timer", "hrtimer_expire_entry"}, {"timer", "hrtimer_start"},
		{"kmem", "kfree"}, {"tlb", "tlb_flush"}, {"syscalls", "sys_enter_futex"}, {"kvm", "kvm_exit"}, {"kvm", "kvm_entry"}, {"kvm", "kvm_emulate_insn"},
		{"kvm", "kvm_nested_vmexit"}, {"kvm", "kvm_nested_vmexit_inject"}, {"kvmmmu", "kvm_mmu_get_page"}, {"kvmmmu", "kvm_mmu_sync_page"}, {"mac80211", "drv_bss_info_changed"},
	} {
		l.add(e.system, e.name, []string{"int x"}, `"x=%d", REC->x`, list(1))
	}
	return l.file()
}
