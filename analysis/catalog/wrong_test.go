package catalog

import (
	"strings"
	"testing"
)

// TestWrongAttributions are stacks of recordings (innermost frame first) that were explained wrongly
// once: what a maintainer would say of each is read off the stack and the kernel's source by hand.
func TestWrongAttributions(t *testing.T) {
	x86, arm := load(t).For("6.12.107+deb13-amd64"), load(t).For("6.12.107+deb13-arm64")
	s390 := load(t).For("7.2.13+deb14-s390x")
	newer := load(t).For("7.2.13+deb14-amd64")
	type want struct{ cause, entry, class, root string }
	for name, tt := range map[string]struct {
		c        *Catalog
		function string
		stack    string
		want
	}{
		"1 no series defers it on arm64": {arm, "do_nothing",
			"smp_call_function_many_cond smp_call_function kick_all_cpus_sync arch_jump_label_transform_apply static_key_enable tracepoint_add_func tracepoint_probe_register __ftrace_event_enable_disable ksys_write __arm64_sys_write invoke_syscall el0_svc",
			want{"tracepoint_add_func", "syscall:write", "candidate", "tracepoint_add_func"}},
		"2 a freed BPF program": {x86, "do_flush_tlb_all",
			"smp_call_function_many_cond on_each_cpu_cond_mask __purge_vmap_area_lazy _vm_unmap_aliases vfree process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm",
			want{"", "kworker (tail call: vfree)", "deferrable", "vfree<process_one_work"}},
		"2 named by its event": {x86, "do_flush_tlb_all",
			"smp_call_function_many_cond on_each_cpu_cond_mask __purge_vmap_area_lazy _vm_unmap_aliases vfree bpf_prog_free_deferred process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm",
			want{"bpf_prog_free_deferred", "kworker:bpf_prog_free_deferred", "deferrable", "bpf_prog_free_deferred"}},
		"2 vfree that loops is on the stack": {x86, "do_flush_tlb_all",
			"on_each_cpu_cond_mask __purge_vmap_area_lazy _vm_unmap_aliases vfree delayed_vfree_work process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm",
			want{"delayed_vfree_work", "kworker:delayed_vfree_work", "deferrable", "__purge_vmap_area_lazy"}},
		"3 the JIT is off": {x86, "do_flush_tlb_all",
			"on_each_cpu_cond_mask cpa_flush change_page_attr_set_clr set_memory_ro bpf_prog_select_runtime bpf_prepare_filter sk_attach_filter __x64_sys_setsockopt do_syscall_64",
			want{"bpf_prog_select_runtime", "syscall:setsockopt", "candidate", "set_memory_ro<bpf_prog_select_runtime"}},
		"3 the JIT is off, deferrable": {x86, "do_flush_tlb_all",
			"on_each_cpu_cond_mask __purge_vmap_area_lazy _vm_unmap_aliases change_page_attr_set_clr set_memory_ro bpf_prog_select_runtime bpf_prepare_filter __x64_sys_setsockopt do_syscall_64",
			want{"bpf_prog_select_runtime", "syscall:setsockopt", "deferrable", "set_memory_ro<bpf_prog_select_runtime"}},
		"4 a task was moved there": {arm, "nohz_full_kick_func",
			"irq_work_queue_on tick_nohz_dep_set_cpu enqueue_task_fair move_queued_task migration_cpu_stop cpu_stopper_thread smpboot_thread_fn kthread ret_from_fork",
			want{"migration_cpu_stop", "kthread/stopper:migration_cpu_stop", "avoidable", "migration_cpu_stop"}},
		"5 its own affinity": {x86, "nohz_full_kick_func",
			"irq_work_queue tick_nohz_dep_set_cpu enqueue_task_fair __do_set_cpus_allowed __set_cpus_allowed_ptr_locked __set_cpus_allowed_ptr __sched_setaffinity sched_setaffinity __x64_sys_sched_setaffinity do_syscall_64",
			want{"__sched_setaffinity", "syscall:sched_setaffinity", "avoidable", "__sched_setaffinity"}},
		"6 work for a kworker": {x86, "nohz_full_kick_func",
			"irq_work_queue_on tick_nohz_dep_set_cpu enqueue_task_fair ttwu_do_activate try_to_wake_up kick_pool __queue_work queue_work_on schedule_on_each_cpu vmstat_refresh proc_sys_call_handler vfs_read ksys_read do_syscall_64",
			want{"vmstat_refresh", "syscall:read", "avoidable", "kick_pool"}},
		"6 work of RCU for a kworker": {x86, "nohz_full_kick_func",
			"irq_work_queue_on tick_nohz_dep_set_cpu enqueue_task_fair ttwu_do_activate try_to_wake_up kick_pool __queue_work queue_work_on schedule_on_each_cpu rcu_tasks_one_gp rcu_tasks_kthread kthread ret_from_fork",
			want{"rcu_tasks_one_gp", "kthread:rcu_tasks_kthread", "avoidable", "schedule_on_each_cpu<rcu_tasks_one_gp"}},
		"7 who waited for RCU": {x86, "nohz_full_kick_func",
			"irq_work_queue_on tick_nohz_dep_set_cpu enqueue_task_fair ttwu_do_activate try_to_wake_up complete rcu_do_batch rcu_nocb_cb_kthread kthread ret_from_fork",
			want{"", "kthread/rcu:rcu_nocb_cb_kthread", "avoidable", "complete<rcu_do_batch"}},
		"8 a thread goes to sleep": {arm, "nohz_full_kick_func",
			"irq_work_queue tick_nohz_dep_set_cpu dequeue_rt_stack __schedule schedule smpboot_thread_fn kthread ret_from_fork",
			want{"__schedule", "kthread", "avoidable", ""}},
		"9 the poll of machine checks": {x86, "nohz_full_kick_func",
			"irq_work_queue_on __mod_timer __start_timer call_timer_fn __run_timers run_timer_softirq handle_softirqs",
			want{"", "softirq/timer (tail call: __start_timer)", "avoidable", "__mod_timer<__start_timer"}},
		"10 its file was written": {x86, "nohz_full_kick_func",
			"irq_work_queue_on __mod_timer __start_timer mce_cpu_restart __flush_smp_call_function_queue sysvec_call_function asm_sysvec_call_function",
			want{"mce_cpu_restart", "hardirq/ipi:mce_cpu_restart", "avoidable", "__mod_timer<__start_timer"}},
		"11 a callback of RCU": {x86, "nohz_full_kick_func",
			"irq_work_queue_on __mod_timer wake_nocb_gp_defer __call_rcu_nocb_wake release_task do_exit __x64_sys_exit do_syscall_64",
			want{"wake_nocb_gp_defer", "syscall:exit", "avoidable", "wake_nocb_gp_defer"}},
		"12 a task dies of a signal": {arm, "nohz_full_kick_func",
			"irq_work_queue tick_nohz_dep_set_cpu enqueue_task_fair sched_move_task do_exit do_group_exit get_signal do_signal do_notify_resume el0_ia el0t_64_sync_handler el0t_64_sync",
			want{"sched_move_task", "signal:get_signal", "avoidable", "sched_move_task"}},
		"13 not the interrupt": {x86, "flush_tlb_func",
			"on_each_cpu_cond_mask flush_tlb_mm_range tlb_finish_mmu exit_mmap __mmput do_exit do_group_exit get_signal arch_do_signal_or_restart irqentry_exit_to_user_mode asm_sysvec_reschedule_ipi",
			want{"exit_mmap", "signal:get_signal", "avoidable", "exit_mmap"}},
		"14 a process ended": {newer, "flush_tlb_func",
			"on_each_cpu_cond_mask tlb_finish_mmu exit_mmap __mmput do_exit __x64_sys_exit_group do_syscall_64",
			want{"exit_mmap", "syscall:exit_group", "avoidable", "exit_mmap"}},
		"15 compaction": {x86, "flush_tlb_func",
			"on_each_cpu_cond_mask arch_tlbbatch_flush try_to_unmap_flush migrate_pages_batch migrate_pages compact_zone compact_node sysctl_compaction_handler proc_sys_call_handler ksys_write do_syscall_64",
			want{"sysctl_compaction_handler", "syscall:write", "avoidable", "migrate_pages*"}},
		"16 compaction lets a page go": {x86, "reschedule",
			"resched_curr try_to_wake_up rt_mutex_slowunlock rt_spin_unlock folio_wake_bit migrate_folio_move migrate_pages_batch migrate_pages compact_zone compact_node sysctl_compaction_handler ksys_write do_syscall_64",
			want{"sysctl_compaction_handler", "syscall:write", "avoidable", "migrate_pages*"}},
		"17 a slice ended": {arm, "reschedule",
			"resched_curr update_curr task_sched_runtime cpu_clock_sample posix_cpu_timer_set do_timer_settime __arm64_sys_timer_settime invoke_syscall",
			want{"task_sched_runtime", "syscall:timer_settime", "avoidable", "task_sched_runtime"}},
		"18 kprobes of arm64": {arm, "reschedule",
			"try_to_wake_up cpu_stop_queue_work queue_stop_cpus_work __stop_cpus stop_machine_cpuslocked aarch64_insn_patch_text arch_disarm_kprobe __disable_kprobe disable_kprobe ksys_write __arm64_sys_write invoke_syscall",
			want{"__disable_kprobe", "syscall:write", "avoidable", "stop_machine_cpuslocked<aarch64_insn_patch_text*"}},
		"19 a container starts": {x86, "do_sync_core",
			"on_each_cpu_cond_mask text_poke_bp_batch text_poke_finish arch_jump_label_transform_apply static_key_slow_inc_cpuslocked cpuset_css_online online_css cgroup_apply_control_enable cgroup_subtree_control_write ksys_write do_syscall_64",
			want{"cpuset_css_online", "syscall:write", "deferrable", "cpuset_css_online"}},
		"20 a sysctl": {x86, "do_sync_core",
			"on_each_cpu_cond_mask text_poke_bp_batch static_key_enable sysctl_delayacct proc_sys_call_handler ksys_write do_syscall_64",
			want{"sysctl_delayacct", "syscall:write", "deferrable", "sysctl_delayacct"}},
		"21 a kprobe": {x86, "do_sync_core",
			"on_each_cpu_cond_mask text_poke_bp_batch ftrace_modify_all_code __ftrace_hash_move_and_update_ops ftrace_set_hash ftrace_set_filter_ip arm_kprobe register_kprobe ksys_write do_syscall_64",
			want{"arm_kprobe", "syscall:write", "deferrable", "__ftrace_hash_move_and_update_ops"}},
		"22 flush_work": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up complete process_one_work worker_thread kthread ret_from_fork",
			want{"", "kworker (tail call: complete)", "avoidable", ""}},
		"22 a stopper": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up complete cpu_stopper_thread smpboot_thread_fn kthread ret_from_fork",
			want{"", "kthread/stopper (tail call: complete)", "avoidable", ""}},
		"22 hotplug": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up complete smpboot_thread_fn kthread ret_from_fork",
			want{"", "kthread (tail call: complete)", "avoidable", ""}},
		"22 a CPU comes": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up complete cpu_startup_entry start_secondary common_startup_64",
			want{"", "idle (tail call: complete)", "avoidable", ""}},
		"23 delayed work": {x86, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up kick_pool __queue_work call_timer_fn __run_timers run_timer_softirq handle_softirqs",
			want{"", "softirq/timer (tail call: __queue_work)", "avoidable", "kick_pool"}},
		"24 a timer wakes": {x86, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up swake_up_one call_timer_fn __run_timers run_timer_softirq handle_softirqs",
			want{"", "softirq/timer (tail call: swake_up_one)", "avoidable", ""}},
		"25 real-time balancing": {x86, "reschedule",
			"resched_curr push_rt_task push_rt_tasks finish_task_switch __schedule schedule do_nanosleep __x64_sys_clock_nanosleep do_syscall_64",
			want{"push_rt_task", "syscall:clock_nanosleep", "avoidable", "push_rt_task*"}},
		"a kworker wakes another one": {x86, "reschedule",
			"resched_curr wakeup_preempt ttwu_do_activate try_to_wake_up kick_pool process_one_work worker_thread kthread ret_from_fork",
			want{"kick_pool", "kworker", "avoidable", "kick_pool<process_one_work"}},
		"no timer's last call: the kernel arms it again": {x86, "rb_wake_up_waiters",
			"irq_work_queue ring_buffer_unlock_commit __ftrace_trace_stack trace_buffer_unlock_commit_regs trace_event_buffer_commit enqueue_hrtimer __hrtimer_run_queues hrtimer_interrupt __sysvec_apic_timer_interrupt sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt",
			want{"ring_buffer_unlock_commit", "hardirq/hrtimer:apic_timer_interrupt", "noise", ""}},
		"the recorder's frames name nothing": {x86, "rb_wake_up_waiters",
			"irq_work_queue ring_buffer_unlock_commit trace_buffer_unlock_commit_regs trace_event_buffer_commit __flush_smp_call_function_queue __sysvec_call_function_single sysvec_call_function_single asm_sysvec_call_function_single",
			want{"ring_buffer_unlock_commit", "hardirq/ipi:call_function_single", "noise", ""}},
		"a lock of PREEMPT_RT": {x86, "nohz_full_kick_func",
			"irq_work_queue tick_nohz_dep_set_cpu enqueue_task_fair __do_set_cpus_allowed __set_cpus_allowed_ptr_locked __set_cpus_allowed_ptr migrate_enable rt_spin_unlock do_wp_page __handle_mm_fault handle_mm_fault do_user_addr_fault exc_page_fault asm_exc_page_fault",
			want{"migrate_enable", "fault:page_fault", "avoidable", "migrate_enable"}},
		"a module is loaded": {x86, "nohz_full_kick_func",
			"irq_work_queue_on tick_nohz_dep_set_cpu enqueue_task_fair ttwu_do_activate try_to_wake_up cpuhp_issue_call __cpuhp_setup_state_cpuslocked __cpuhp_setup_state cpuid_device_create do_one_initcall do_init_module __x64_sys_finit_module do_syscall_64",
			want{"cpuhp_issue_call", "syscall:finit_module", "avoidable", "cpuhp_issue_call"}},
		"address space comes to its limit": {x86, "do_flush_tlb_all|do_kernel_range_flush",
			"on_each_cpu_cond_mask __purge_vmap_area_lazy drain_vmap_area_work process_one_work worker_thread kthread ret_from_fork",
			want{"drain_vmap_area_work", "kworker:drain_vmap_area_work", "deferrable", "__purge_vmap_area_lazy<drain_vmap_area_work"}},
		"a fork whose dup_mmap is inlined": {x86, "flush_tlb_func",
			"on_each_cpu_cond_mask flush_tlb_mm_range copy_process kernel_clone __do_sys_clone do_syscall_64",
			want{"copy_process", "syscall:clone", "avoidable", "copy_process"}},
		"s390x: no series defers it": {s390, "do_sync_core",
			"on_each_cpu_cond_mask text_poke_sync static_key_disable_cpuslocked static_key_disable sysctl_delayacct proc_sys_call_handler vfs_write ksys_write __do_syscall system_call",
			want{"sysctl_delayacct", "syscall:write", "candidate", "sysctl_delayacct"}},
		"s390x: what an interrupt hit has no part in it": {s390, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up autoremove_wake_function __wake_up_common __wake_up p9_client_cb req_done vring_interrupt __handle_irq_event_percpu handle_irq_event_percpu handle_percpu_irq handle_irq_desc zpci_floating_irq_handler do_airq_interrupt __handle_irq_event_percpu handle_irq_event_percpu handle_percpu_irq handle_irq_desc do_irq_async do_io_irq io_int_handler prepare_to_swait_event rcu_gp_fqs_loop rcu_gp_kthread kthread __ret_from_fork ret_from_fork",
			want{"p9_client_cb", "hardirq/handler:vring_interrupt", "avoidable", ""}},
		"s390x: an IPI": {s390, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up pollwake __wake_up_common __wake_up irq_work_single irq_work_run_list irq_work_run smp_handle_ext_call do_ext_interrupt __handle_irq_event_percpu handle_irq_event_percpu handle_percpu_irq handle_irq_desc do_irq_async do_ext_irq ext_int_handler default_idle_call do_idle cpu_startup_entry smp_start_secondary restart_int_handler",
			want{"", "hardirq/irq_work (tail call: __wake_up)", "avoidable", ""}},
		"s390x: a page fault": {s390, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up wake_page_function __wake_up_common folio_wake_bit netfs_read_collection netfs_read_folio filemap_fault __handle_mm_fault handle_mm_fault do_exception __noinstr_text_start pgm_check_handler",
			want{"netfs_read_collection", "fault:page_fault", "avoidable", ""}},
		"s390x: membarrier": {s390, "ipi_mb",
			"smp_call_function_many_cond smp_call_function_many membarrier_private_expedited __s390x_sys_membarrier __do_syscall system_call",
			want{"membarrier_private_expedited", "syscall:membarrier", "avoidable", ""}},
		"25 balancing": {x86, "reschedule",
			"resched_curr detach_task sched_balance_rq sched_balance_newidle __schedule schedule __x64_sys_clock_nanosleep do_syscall_64",
			want{"sched_balance_rq", "syscall:clock_nanosleep", "avoidable", "sched_balance_rq"}},
	} {
		f := strings.Fields(tt.stack)
		cause, class := tt.c.Cause(f), tt.c.Classify(tt.function, f)
		if got := (want{cause.Function, cause.Entry.String(), class.Class.String(), class.Root}); got != tt.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tt.want)
		}
	}
}

// TestWrongAdvice are stacks of recordings whose advice did not fit them once: what must be said of each.
func TestWrongAdvice(t *testing.T) {
	x86 := load(t).For("6.12.107+deb13-amd64")
	newer, s390 := load(t).For("7.2.13+deb14-amd64"), load(t).For("7.2.13+deb14-s390x")
	for name, tt := range map[string]struct {
		c                   *Catalog
		function            string
		stack               string
		do, why, limit, not string // parts of what is said, and of what must not be
	}{
		"a file is joined for all that map it": {newer, "flush_tlb_func",
			"smp_call_function_many_cond on_each_cpu_cond_mask flush_tlb_mm_range pmdp_collapse_flush retract_page_tables collapse_file collapse_single_pmd khugepaged kthread ret_from_fork ret_from_fork_asm",
			"shmem_enabled", "every process", "another one that maps the file is enough", "it is enough that this process does not ask"},
		"pages of a file are unmapped": {newer, "flush_tlb_func",
			"smp_call_function_many_cond on_each_cpu_cond_mask arch_tlbbatch_flush try_to_unmap_flush collapse_file collapse_single_pmd khugepaged kthread ret_from_fork ret_from_fork_asm",
			"shmem_enabled", "every process", "another one that maps the file is enough", "PR_SET_THP_DISABLE, or"},
		// perf runs on each CPU once to open its events: it has no thread there when it writes a page after its fork.
		"a process that ran there before": {newer, "flush_tlb_func",
			"smp_call_function_many_cond on_each_cpu_cond_mask flush_tlb_mm_range ptep_clear_flush do_wp_page __handle_mm_fault handle_mm_fault do_user_addr_fault exc_page_fault asm_exc_page_fault",
			"Fork before", "copied on write", "only ran on this CPU before", ""},
		"a task waits for a page that is moved": {x86, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up wake_page_function __wake_up_common folio_wake_bit migrate_folio_move migrate_pages_batch migrate_pages_sync migrate_pages compact_zone compact_node sysctl_compaction_handler proc_sys_call_handler vfs_write ksys_write do_syscall_64 entry_SYSCALL_64_after_hwframe",
			"vm.compact_unevictable_allowed=0", "waited for a page", "/proc/sys/vm/compact_memory", "sched_waking"},
		"work of RCU Tasks Rude": {x86, "reschedule",
			"resched_curr wakeup_preempt ttwu_do_activate try_to_wake_up kick_pool __queue_work queue_work_on schedule_on_each_cpu rcu_tasks_one_gp rcu_tasks_kthread kthread ret_from_fork ret_from_fork_asm",
			"function tracing", "every CPU", "cannot be moved", "stat_refresh"},
		"no thread of RCU but who waits for it": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up complete rcu_gp_cleanup rcu_gp_kthread kthread ret_from_fork ret_from_fork_asm",
			"wait for RCU", "synchronize_rcu", "", "woke one of its threads"},
		"a thread of RCU": {newer, "sched_ttwu_pending",
			"__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up swake_up_all rcu_gp_cleanup rcu_gp_kthread kthread ret_from_fork ret_from_fork_asm",
			"Pin the RCU threads", "woke one of its threads", "", ""},
		"the tick of s390x": {s390, "__hrtick_start",
			"__smp_call_single_queue generic_exec_single smp_call_function_single_async enqueue_task activate_task wake_up_new_task kernel_clone __do_sys_clone __s390x_sys_clone __do_syscall system_call",
			"Keep other tasks off", "by default", "NO_HRTICK", "off by default up to Linux 7.0"},
		"a governor does not end the measuring": {load(t).For("6.12.0-arm64"), "cppc_irq_work", "",
			"cppc_cpufreq.fie_disabled=1", "in the tick", "whatever its governor", "Use the governor"},
	} {
		said := tt.c.Classify(tt.function, strings.Fields(tt.stack))
		if !strings.Contains(said.Do, tt.do) || !strings.Contains(said.Why, tt.why) || !strings.Contains(said.Limit, tt.limit) {
			t.Errorf("%s: not %q, %q, %q but:\n%s\n%s\n%s", name, tt.do, tt.why, tt.limit, said.Do, said.Why, said.Limit)
		}
		if tt.not != "" && strings.Contains(said.Do+said.Why+said.Limit, tt.not) {
			t.Errorf("%s: says %q:\n%s\n%s\n%s", name, tt.not, said.Do, said.Why, said.Limit)
		}
	}
}

// TestOldAndOtherEntries are stacks as the entry code of older kernels and of other architectures gives them: put
// together from their sources (arch/arm64/kernel/entry.S of 5.4 and 5.10, arch/x86/entry/entry_64.S of 5.4,
// arch/powerpc/kernel/exceptions-64s.S and syscall.c of 6.12, arch/riscv/kernel/entry.S of 6.12), as no
// recording of them is at hand. What lies outside of an interrupt must not be its cause.
func TestOldAndOtherEntries(t *testing.T) {
	c := load(t)
	for stack, want := range map[string][2]string{
		"try_to_wake_up wake_up_process hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt arch_timer_handler_virt handle_percpu_devid_irq generic_handle_irq __handle_domain_irq gic_handle_irq el1_irq rcu_gp_kthread kthread ret_from_fork": {"hrtimer_wakeup", "hardirq/hrtimer:hrtimer_wakeup"},
		"kick_all_cpus_sync static_key_enable sysctl_delayacct vfs_write ksys_write __arm64_sys_write el0_svc_common el0_svc_handler el0_svc":                                                                                                     {"sysctl_delayacct", "syscall:write"},
		"resched_curr try_to_wake_up handle_mm_fault do_page_fault do_mem_abort el0_da el0_sync_handler el0_sync":                                                                                                                                 {"handle_mm_fault", "fault:page_fault"},
		"resched_curr try_to_wake_up hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt smp_apic_timer_interrupt apic_timer_interrupt do_madvise __x64_sys_madvise do_syscall_64":                                                              {"hrtimer_wakeup", "hardirq/hrtimer:hrtimer_wakeup"},
		"sched_ttwu_pending scheduler_ipi smp_reschedule_interrupt reschedule_interrupt do_idle cpu_startup_entry":                                                                                                                                {"sched_ttwu_pending", "hardirq:reschedule_interrupt"},
		"try_to_wake_up req_done vring_interrupt __handle_irq_event_percpu handle_edge_irq do_IRQ ret_from_intr rcu_core":                                                                                                                         {"req_done", "hardirq/handler:vring_interrupt"},
		"smp_call_function_many_cond membarrier_private_expedited sys_membarrier system_call_exception system_call_vectored_common":                                                                                                               {"membarrier_private_expedited", "syscall:membarrier"},
		"try_to_wake_up hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt timer_interrupt decrementer_common_virt rcu_gp_kthread kthread start_kernel_thread":                                                                                 {"hrtimer_wakeup", "hardirq/hrtimer:hrtimer_wakeup"},
		"try_to_wake_up handle_mm_fault ___do_page_fault data_access_common_virt rcu_gp_kthread":                                                                                                                                                  {"handle_mm_fault", "fault:page_fault"},
		"smp_call_function_many_cond on_each_cpu_mask membarrier_private_expedited __riscv_sys_membarrier do_trap_ecall_u handle_exception":                                                                                                       {"membarrier_private_expedited", "syscall:membarrier"},
		"try_to_wake_up hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt handle_percpu_devid_irq generic_handle_domain_irq riscv_intc_irq handle_riscv_irq do_irq handle_exception rcu_gp_kthread":                                           {"hrtimer_wakeup", "hardirq/hrtimer:hrtimer_wakeup"},
	} {
		f := strings.Fields(stack)
		cause := c.Cause(f)
		if got := [2]string{cause.Function, cause.Entry.String()}; got != want {
			t.Errorf("%s:\n got %q\nwant %q", stack, got, want)
		}
		for i, name := range f {
			if name == "rcu_gp_kthread" && c.firstContext(f) > i {
				t.Errorf("%s: the stack goes on into what was interrupted", stack)
			}
		}
	}
}
