package events

// taskStates are the letters of prev_state (include/trace/events/sched.h); the
// kernel joins them with "|" and adds "+" to a task that was preempted.
var taskStates = []value{
	{"R", 0}, {"S", 1}, {"D", 2}, {"T", 4}, {"t", 8}, {"X", 0x10}, {"Z", 0x20},
	{"P", 0x40}, {"I", 0x80}, {"+", 0x100},
}

const (
	task     = "char comm[16]; pid_t pid"
	taskPrio = task + "; int prio"
	numaPair = "pid_t src_pid; pid_t src_tgid; pid_t src_ngid; int src_cpu; int src_nid; " +
		"pid_t dst_pid; pid_t dst_tgid; pid_t dst_ngid; int dst_cpu; int dst_nid"
)

// schedGroups are what the scheduler and the workqueues do. In 7.2 the comm of
// many of these is __data_loc char[], which prints alike.
var schedGroups = []group{
	{"sched", "include/trace/events/sched.h", []row{
		// The second form is that of trace-cmd's sched_switch plugin, which
		// also prints the wake-ups below.
		{names: "sched_switch", fields: "char prev_comm[16]; pid_t prev_pid; int prev_prio; long prev_state; char next_comm[16]; pid_t next_pid; int next_prio",
			forms: []string{
				"prev_comm={prev_comm} prev_pid={prev_pid} prev_prio={prev_prio} prev_state={prev_state} ==> next_comm={next_comm} next_pid={next_pid} next_prio={next_prio}",
				"{prev_comm}:{prev_pid} [{prev_prio}] {prev_state} ==> {next_comm}:{next_pid} [{next_prio}]",
			},
			enums: []enum{{"prev_state", taskStates}}},
		{names: "sched_wakeup sched_wakeup_new sched_waking", fields: taskPrio + "; int target_cpu",
			forms: []string{
				"comm={comm} pid={pid} prio={prio} target_cpu={target_cpu}",
				"{comm}:{pid} [{prio}] CPU:{target_cpu}",
				"comm={comm} pid={pid} prio={prio} success={} target_cpu={target_cpu}",
				"{comm}:{pid} [{prio}] success={} CPU:{target_cpu}",
			}},
		{names: "sched_migrate_task", fields: taskPrio + "; int orig_cpu; int dest_cpu"},
		{names: "sched_wake_idle_without_ipi", fields: "int cpu"},
		// vruntime was printed until 6.8.
		{names: "sched_stat_runtime", fields: task + "; u64 runtime",
			forms: []string{
				"comm={comm} pid={pid} runtime={runtime} [ns]",
				"comm={comm} pid={pid} runtime={runtime} [ns] vruntime={} [ns]",
			}},
		{names: "sched_stat_wait sched_stat_sleep sched_stat_iowait sched_stat_blocked", fields: task + "; u64 delay",
			forms: []string{"comm={comm} pid={pid} delay={delay} [ns]"}},
		{names: "sched_process_free sched_process_exit sched_process_wait sched_wait_task", fields: taskPrio},
		{names: "sched_process_fork", fields: "char parent_comm[16]; pid_t parent_pid; char child_comm[16]; pid_t child_pid",
			forms: []string{"comm={parent_comm} pid={parent_pid} child_comm={child_comm} child_pid={child_pid}"}},
		{names: "sched_process_exec", fields: "__data_loc char[] filename; pid_t pid; pid_t old_pid"},
		{names: "sched_prepare_exec", fields: "__data_loc char[] interp; __data_loc char[] filename; pid_t pid; __data_loc char[] comm"},
		{names: "sched_process_hang sched_kthread_stop", fields: task},
		{names: "sched_kthread_stop_ret", fields: "int ret"},
		{names: "sched_kthread_work_queue_work", fields: "void * work; void * function; void * worker",
			forms: []string{"work struct={work} function={function} worker={worker}"}},
		{names: "sched_kthread_work_execute_start sched_kthread_work_execute_end", fields: "void * work; void * function",
			forms: []string{"work struct {work}: function {function}"}},
		{names: "sched_pi_setprio", fields: task + "; int oldprio; int newprio"},
		{names: "sched_move_numa", fields: "pid_t pid; pid_t tgid; pid_t ngid; int src_cpu; int src_nid; int dst_cpu; int dst_nid"},
		{names: "sched_stick_numa sched_swap_numa", fields: numaPair},
		{names: "sched_skip_vma_numa", fields: "unsigned long numa_scan_offset; unsigned long vm_start; unsigned long vm_end; unsigned int reason",
			forms: []string{"numa_scan_offset={numa_scan_offset:x} vm_start={vm_start:x} vm_end={vm_end:x} reason={reason}"}},
	}},
	{"workqueue", "include/trace/events/workqueue.h", []row{
		{names: "workqueue_queue_work", fields: "void * work; void * function; __data_loc char[] workqueue; int req_cpu; int cpu",
			forms: []string{"work struct={work} function={function} workqueue={workqueue} req_cpu={req_cpu} cpu={cpu}"}},
		{names: "workqueue_activate_work", fields: "void * work; void * function",
			forms: []string{"work struct {work} function={function}", "work struct {work}"}},
		{names: "workqueue_execute_start workqueue_execute_end", fields: "void * work; void * function",
			forms: []string{"work struct {work}: function {function}"}},
	}},
}
