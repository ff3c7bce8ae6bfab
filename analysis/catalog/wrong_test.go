package catalog

import (
	"strings"
	"testing"
)

// TestWrongAttributions are stacks of recordings (innermost frame first) that were explained wrongly
// once: what a maintainer would say of each is read off the stack and the kernel's source by hand.
func TestWrongAttributions(t *testing.T) {
	x86, arm := load(t).For("6.12.107+deb13-amd64"), load(t).For("6.12.107+deb13-arm64")
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
			want{"rcu_tasks_one_gp", "kthread:rcu_tasks_kthread", "avoidable", "kick_pool"}},
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
			want{"sysctl_compaction_handler", "syscall:write", "avoidable", ""}},
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
