package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Stacks that people pasted into mails and real recordings; the expected causes are read
// off the stacks by hand. The first three are of the deferral series' cover letter
// (20230705181256.3539027-1-vschneid@redhat.com).
const (
	percpuStack = `
		=> trace_event_raw_event_ipi_send_cpumask (ffffffffa974a050)
		=> smp_call_function_many_cond (ffffffffa97fb0a7)
		=> on_each_cpu_cond_mask (ffffffffa97fb1f0)
		=> pcpu_reclaim_populated (ffffffffa996b451)
		=> pcpu_balance_workfn (ffffffffa996c399)
		=> process_one_work (ffffffffa9730e14)
		=> worker_thread (ffffffffa9731440)
		=> kthread (ffffffffa973984e)`
	watchdogStack = `
		=> trace_event_raw_event_ipi_send_cpu (ffffffff901492d8)
		=> __irq_work_queue_local (ffffffff902acb3d)
		=> irq_work_queue_on (ffffffff902acc47)
		=> __mod_timer (ffffffff901dcd81)
		=> dev_watchdog (ffffffff90a75310)
		=> call_timer_fn (ffffffff901dc174)
		=> __run_timers.part.0 (ffffffff901dc47e)
		=> run_timer_softirq (ffffffff901dc546)
		=> __do_softirq (ffffffff90c52348)
		=> __irq_exit_rcu (ffffffff90113329)
		=> sysvec_apic_timer_interrupt (ffffffff90c3c895)
		=> asm_sysvec_apic_timer_interrupt (ffffffff90e00d86)`
	networkManagerStack = `
		smp_call_function_many_cond+0x1
		smp_call_function+0x39
		on_each_cpu+0x2a
		flush_tlb_kernel_range+0x7b
		__purge_vmap_area_lazy+0x70
		_vm_unmap_aliases.part.42+0xdf
		change_page_attr_set_clr+0x16a
		set_memory_ro+0x26
		bpf_int_jit_compile+0x2f9
		bpf_prog_select_runtime+0xc6
		bpf_prepare_filter+0x523
		sk_attach_filter+0x13
		sock_setsockopt+0x92c
		__sys_setsockopt+0x16a
		__x64_sys_setsockopt+0x20
		do_syscall_64+0x87
		entry_SYSCALL_64_after_hwframe+0x65`
	// Linux 7.2, the first event of a recording with socket filters attached in a loop.
	cpaFlushStack = `
		=> trace_event_raw_event_ipi_send_cpumask
		=> smp_call_function_many_cond
		=> on_each_cpu_cond_mask
		=> cpa_flush
		=> change_page_attr_set_clr
		=> set_memory_ro
		=> __bpf_prog_select_runtime
		=> bpf_prepare_filter
		=> sk_attach_filter
		=> sk_setsockopt
		=> udp_lib_setsockopt
		=> udp_setsockopt
		=> do_sock_setsockopt
		=> __sys_setsockopt
		=> __x64_sys_setsockopt
		=> do_syscall_64
		=> entry_SYSCALL_64_after_hwframe`
	// Linux 6.12: the deadline server's timer interrupts a patch of kernel text, which itself sends IPIs.
	serverStack = `
		=> trace_event_raw_event_ipi_send_cpu
		=> __smp_call_single_queue
		=> irq_work_queue_on
		=> tick_nohz_dep_set_cpu
		=> enqueue_dl_entity
		=> dl_task_timer
		=> __hrtimer_run_queues
		=> hrtimer_interrupt
		=> __sysvec_apic_timer_interrupt
		=> sysvec_apic_timer_interrupt
		=> asm_sysvec_apic_timer_interrupt
		=> smp_call_function_many_cond
		=> on_each_cpu_cond_mask
		=> text_poke_bp_batch
		=> text_poke_finish
		=> arch_jump_label_transform_apply
		=> static_key_disable_cpuslocked
		=> static_key_disable
		=> tracepoint_probe_unregister
		=> trace_event_reg
		=> __ftrace_event_enable_disable
		=> __ftrace_set_clr_event_nolock
		=> system_enable_write
		=> vfs_write
		=> ksys_write
		=> do_syscall_64
		=> entry_SYSCALL_64_after_hwframe`
	// perf script of Linux 6.12: no frame of the probe.
	affinityStack = `
		__irq_work_queue_local+0x9d
		irq_work_queue+0x2d
		tick_nohz_dep_set_cpu+0x79
		enqueue_task_fair+0x6b2
		__do_set_cpus_allowed+0xbd
		__set_cpus_allowed_ptr_locked+0xfe
		__set_cpus_allowed_ptr+0x69
		__sched_setaffinity+0xec
		sched_setaffinity+0x1f2
		__x64_sys_sched_setaffinity+0x97
		do_syscall_64+0x87
		entry_SYSCALL_64_after_hwframe+0x76`
	// Function tracer with func_stack_trace, Linux 6.12.
	sysctlStack = `
		=> 7fffffff
		=> smp_call_function_many_cond
		=> on_each_cpu_cond_mask
		=> text_poke_bp_batch
		=> text_poke_finish
		=> arch_jump_label_transform_apply
		=> static_key_enable_cpuslocked
		=> static_key_enable
		=> sysctl_schedstats
		=> proc_sys_call_handler
		=> vfs_write
		=> ksys_write
		=> do_syscall_64
		=> entry_SYSCALL_64_after_hwframe`
	// Linux 6.12: the purge of vfree's work, tail calls left only this.
	vfreeStack = `
		=> trace_event_raw_event_ipi_send_cpumask
		=> smp_call_function_many_cond
		=> on_each_cpu_cond_mask
		=> __purge_vmap_area_lazy
		=> _vm_unmap_aliases
		=> vfree.part.0
		=> process_one_work
		=> worker_thread
		=> kthread
		=> ret_from_fork
		=> ret_from_fork_asm`
	stopperStack = `
		=> trace_event_raw_event_ipi_send_cpu
		=> resched_curr
		=> wakeup_preempt
		=> move_queued_task
		=> migration_cpu_stop
		=> cpu_stopper_thread
		=> smpboot_thread_fn
		=> kthread
		=> ret_from_fork
		=> ret_from_fork_asm`
	// arm64 entry frames as arch/arm64/kernel/entry.S and entry-common.c of 6.12 nest them.
	armJumpLabelStack = `
		=> smp_call_function_many_cond
		=> kick_all_cpus_sync
		=> arch_jump_label_transform_apply
		=> __jump_label_update
		=> jump_label_update
		=> static_key_enable_cpuslocked
		=> static_key_enable
		=> sysctl_schedstats
		=> proc_sys_call_handler
		=> proc_sys_write
		=> vfs_write
		=> ksys_write
		=> __arm64_sys_write
		=> invoke_syscall
		=> el0_svc_common.constprop.0
		=> do_el0_svc
		=> el0_svc
		=> el0t_64_sync_handler
		=> el0t_64_sync`
	armTimerStack = `
		=> generic_exec_single
		=> smp_call_function_single_async
		=> kick_ilb
		=> sched_balance_trigger
		=> sched_tick
		=> update_process_times
		=> tick_nohz_handler
		=> __hrtimer_run_queues
		=> hrtimer_interrupt
		=> arch_timer_handler_virt
		=> handle_percpu_devid_irq
		=> generic_handle_domain_irq
		=> gic_handle_irq
		=> call_on_irq_stack
		=> do_interrupt_handler
		=> el1_interrupt
		=> el1h_64_irq_handler
		=> el1h_64_irq
		=> default_idle_call
		=> do_idle
		=> cpu_startup_entry
		=> secondary_start_kernel
		=> __secondary_switched`
	armFaultStack = `
		=> ttwu_queue_wakelist
		=> try_to_wake_up
		=> wake_up_process
		=> userfaultfd_wake_function
		=> do_page_fault
		=> do_translation_fault
		=> do_mem_abort
		=> el0_da
		=> el0t_64_sync_handler
		=> el0t_64_sync`
)

func TestStacks(t *testing.T) {
	c := load(t)
	type want struct {
		Function, Cause, Mechanism, Entry, Class, Root string
	}
	for name, tt := range map[string]struct {
		stack string
		want
	}{
		"percpu":          {percpuStack, want{"do_flush_tlb_all|do_kernel_range_flush", "pcpu_balance_workfn", "pcpu_reclaim_populated", "kworker:pcpu_balance_workfn", "candidate", "pcpu_*"}},
		"dev_watchdog":    {watchdogStack, want{"nohz_full_kick_func", "dev_watchdog", "__mod_timer", "softirq/timer:dev_watchdog", "avoidable", "dev_watchdog"}},
		"NetworkManager":  {networkManagerStack, want{"do_flush_tlb_all|do_kernel_range_flush", "bpf_int_jit_compile", "set_memory_ro", "syscall:setsockopt", "deferrable", "__purge_vmap_area_lazy"}},
		"cpa_flush":       {cpaFlushStack, want{"do_flush_tlb_all|do_kernel_range_flush|__cpa_flush_tlb", "__bpf_prog_select_runtime", "set_memory_ro", "syscall:setsockopt", "candidate", "set_memory_ro<__bpf_prog_select_runtime"}},
		"deadline server": {serverStack, want{"nohz_full_kick_func", "dl_task_timer", "enqueue_dl_entity", "hardirq/hrtimer:dl_task_timer", "avoidable", "dl_task_timer"}},
		"perf affinity":   {affinityStack, want{"nohz_full_kick_func", "__sched_setaffinity", "__set_cpus_allowed_ptr", "syscall:sched_setaffinity", "avoidable", "__sched_setaffinity"}},
		"func stack":      {sysctlStack, want{"do_sync_core", "sysctl_schedstats", "static_key_enable", "syscall:write", "deferrable", "sysctl_schedstats"}},
		"vfree":           {vfreeStack, want{"do_flush_tlb_all|do_kernel_range_flush", "", "vfree", "kworker (tail call: vfree)", "deferrable", "vfree<process_one_work"}},
		"stopper":         {stopperStack, want{"reschedule", "migration_cpu_stop", "move_queued_task", "kthread/stopper:migration_cpu_stop", "avoidable", "migration_cpu_stop"}},
		"arm64 syscall":   {armJumpLabelStack, want{"do_nothing", "sysctl_schedstats", "static_key_enable", "syscall:write", "candidate", "sysctl_schedstats"}},
		"arm64 timer":     {armTimerStack, want{"nohz_csd_func", "kick_ilb", "", "hardirq/hrtimer:tick_nohz_handler", "avoidable", ""}},
		"arm64 fault":     {armFaultStack, want{"sched_ttwu_pending", "userfaultfd_wake_function", "wake_up_process", "fault:page_fault", "avoidable", ""}},
		"nothing":         {"", want{Class: "unknown"}},
		"addresses":       {"=> ffffffff81000000\n=> 0xffffffffc0001000\n", want{Class: "unknown"}},
	} {
		f := frames(tt.stack)
		function, _, _ := c.ResolveFunction(f)
		cause, class := c.Cause(f), c.Classify(function, f)
		got := want{function, cause.Function, cause.Mechanism, cause.Entry.String(), class.Class.String(), class.Root}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSenderGroupDecides(t *testing.T) {
	c := load(t)
	for stack, want := range map[string]string{
		// Linux 6.12, both seen under ftrace_modify_all_code
		"smp_call_function_many_cond\nsmp_call_function\nftrace_modify_all_code":     "ftrace_sync_ipi",
		"smp_call_function_many_cond\non_each_cpu_cond_mask\nftrace_modify_all_code": "do_sync_core",
		// Linux 7.2, all three seen under enqueue_task or ttwu
		"__smp_call_single_queue\ngeneric_exec_single\nsmp_call_function_single_async\nenqueue_task": "__hrtick_start",
		"__smp_call_single_queue\nirq_work_queue_on\nenqueue_task":                                   "nohz_full_kick_func",
		"__smp_call_single_queue\ntry_to_wake_up":                                                    "sched_ttwu_pending",
		"smp_call_function_single\nmy_driver_kick\nvfs_write":                                        "",
		// beyond the boundary lies somebody else's flush
		"smp_call_function_single\nmy_driver_irq\nsysvec_x\nasm_sysvec_x\nflush_tlb_mm_range": "",
	} {
		if got, _, _ := c.ResolveFunction(frames(stack)); got != want {
			t.Errorf("got %q want %q for\n%s", got, want, stack)
		}
	}
}

func TestClassify(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		function string
		frames   []string
		want     Class
	}{
		{"do_flush_tlb_all", []string{"vunmap_range_noflush"}, Deferrable},
		{"do_flush_tlb_all", []string{"pcpu_balance_workfn"}, Candidate},
		{"do_flush_tlb_all", nil, Candidate},
		{"do_flush_tlb_all+0x0", nil, Candidate},
		{"0x0", []string{"dl_task_timer"}, Avoidable},
		{"0x0", []string{"resched_cpu", "force_qs_rnp"}, Unavoidable},
		{"do_nothing", []string{"kick_all_cpus_sync", "static_key_enable", "tracepoint_add_func"}, Candidate}, // no patch defers it on arm64
		{"ipi_mb|ipi_rseq|ipi_sync_core", nil, Avoidable},
		{"do_sync_core|flush_tlb_func", nil, Unknown},
		{"do_sync_core|no_such_function", nil, Unknown},
		{"no_such_function", nil, Unknown},
		{"", nil, Unknown},
		{"rb_wake_up_waiters", nil, Noise},
		{"rb_cpu_sync", nil, Noise},
		{"0xffffffff94d65aa0", []string{"on_each_cpu_cond_mask", "cpa_flush", "set_memory_ro", "load_module"}, Candidate},
		{"0xffffffff94d65aa0", nil, Unknown},
	} {
		if got := c.Classify(tt.function, tt.frames); got.Class != tt.want || got.Why == "" || got.Do == "" {
			t.Errorf("Classify(%q, %q) = %+v, want %v", tt.function, tt.frames, got, tt.want)
		}
	}
	if r := c.Classify("do_sync_core", []string{"text_poke_bp_batch", "static_key_enable", "tracepoint_add_func"}); !r.Has(Deferrable) || !r.Has(Noise) || !c.Recorder("trace-cmd") || c.Recorder("bash") {
		t.Errorf("a tracer's own patching: %+v", r)
	}
}

func TestNarrow(t *testing.T) {
	c := load(t)
	// include/uapi/linux/membarrier.h
	for cmd, want := range map[uint64]string{0: "", 2: "ipi_mb", 4: "ipi_sync_rq_state", 8: "ipi_mb", 16: "ipi_sync_rq_state", 32: "ipi_sync_core", 64: "ipi_sync_rq_state", 128: "ipi_rseq", 256: "ipi_sync_rq_state", 512: ""} {
		got, ok := c.Narrow("sys_enter_membarrier", "cmd", cmd)
		if got != want || ok != (want != "") {
			t.Errorf("cmd %d: %q %v", cmd, got, ok)
		}
		if set := "ipi_mb|ipi_rseq|ipi_sync_core|ipi_sync_rq_state"; want != "" && !Holds(set, got) {
			t.Errorf("%q not in %s", got, set)
		}
	}
}
