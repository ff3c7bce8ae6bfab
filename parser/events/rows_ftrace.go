package events

// ftraceGroups are system calls and the records of ftrace itself.
var ftraceGroups = []group{
	{"raw_syscalls", "include/trace/events/syscalls.h", []row{
		{names: "sys_enter", fields: "long id; unsigned long args[6]",
			forms: []string{"NR {id} ({args})"}},
		{names: "sys_exit", fields: "long id; long ret",
			forms: []string{"NR {id} = {ret}"}},
	}},
	// The kernel prints the arguments as bare hex, trace-cmd as 0x%08x.
	{"syscalls", "kernel/trace/trace_syscalls.c", []row{
		{names: "sys_enter_membarrier", fields: "int __syscall_nr; int cmd; unsigned int flags; int cpu_id",
			forms: []string{"cmd: {cmd:x}, flags: {flags:x}, cpu_id: {cpu_id:x}", "cmd: {cmd:x}, flags: {flags:x}"}},
		{names: "sys_exit_membarrier", fields: "int __syscall_nr; long ret",
			forms: []string{"{ret:x}"}},
	}},
	{"ftrace", "kernel/trace/trace_entries.h", []row{
		{names: "kernel_stack", fields: "int size; unsigned long caller[8]"},
		{names: "user_stack", fields: "unsigned int tgid; unsigned long caller[8]"},
		// The first forms are those of the option raw.
		{names: "print", fields: "unsigned long ip; char buf[]",
			forms: []string{"# {ip} {buf}", "{ip}: {buf}", "{ip}:"}},
		{names: "bprint", fields: "unsigned long ip; const char * fmt; u32 buf[]",
			forms: []string{": {ip} : {buf}", "{ip}: {buf}", "{ip}:"}},
		{names: "bputs", fields: "unsigned long ip; const char * str",
			forms: []string{"{ip}: {str}", "{ip}:"}},
		{names: "function", fields: "unsigned long ip; unsigned long parent_ip",
			forms: []string{"{ip} <-{parent_ip}", "{ip} <-- {parent_ip}", "{ip}"}},
		{names: "funcgraph_entry", fields: "unsigned long func; int depth",
			forms: []string{"{}| {func}() {", "| {func}() {", "{}| {func}();", "{}| {func}"}},
		{names: "funcgraph_exit", fields: "unsigned long func; int depth; unsigned int overrun; unsigned long long calltime; unsigned long long rettime",
			forms: []string{"{}| } /* {func} */"}},
		{names: "func_repeats", fields: "unsigned long ip; unsigned long parent_ip; u16 count; u16 top_delta_ts; u32 bottom_delta_ts",
			forms: []string{"{ip} <-{parent_ip} (repeats: {count}{}", "{ip} <-{parent_ip} (repeats:{count}{}"}},
		{names: "raw_data", fields: "unsigned int id; char buf[]",
			forms: []string{"# {id:x} buf: {buf}", "# {id:x} {buf}", "# {id:x}"}},
		// The first forms of these three are the kernel's rows, which have no name and
		// the run's times in microseconds.
		{names: "osnoise", fields: "u64 noise; u64 runtime; u64 max_sample; unsigned int hw_count; unsigned int nmi_count; unsigned int irq_count; unsigned int softirq_count; unsigned int thread_count",
			forms: []string{
				"{runtime} {noise} {}.{} {max_sample} {hw_count} {nmi_count} {irq_count} {softirq_count} {thread_count}",
				"noise:{noise} max_sample:{max_sample} hw:{hw_count} nmi:{nmi_count} irq:{irq_count} softirq:{softirq_count} thread:{thread_count}",
			}},
		{names: "timerlat", fields: "unsigned int seqnum; int context; u64 timer_latency",
			forms: []string{
				"#{seqnum} context {context} timer_latency {timer_latency} ns",
				"seq:{seqnum} context:{context} timer_latency:{timer_latency}",
			},
			enums: []enum{{"context", []value{{"irq", 0}, {"thread", 1}, {"user-ret", 2}}}}},
		// What trace-cmd prints after the point of ts is a number of ns, no fraction.
		{names: "hwlat", fields: "u64 duration; u64 outer_duration; u64 nmi_total_ts; s64 tv_sec; long tv_nsec; unsigned int nmi_count; unsigned int seqnum; unsigned int count",
			forms: []string{
				"#{seqnum} inner/outer(us): {duration}/{outer_duration} ts:{tv_sec}.{tv_nsec} count:{count} nmi-total:{nmi_total_ts} nmi-count:{nmi_count}",
				"#{seqnum} inner/outer(us): {duration}/{outer_duration} ts:{tv_sec}.{tv_nsec} count:{count}",
				"cnt:{seqnum} ts:{tv_sec}.{tv_nsec} inner:{duration} outer:{outer_duration} count:{count} nmi-ts:{nmi_total_ts} nmi-count:{nmi_count}",
			}},
	}},
}
