package events

// softirqs are the names of include/linux/interrupt.h in print order.
var softirqs = []value{
	{"HI", 0}, {"TIMER", 1}, {"NET_TX", 2}, {"NET_RX", 3}, {"BLOCK", 4},
	{"IRQ_POLL", 5}, {"TASKLET", 6}, {"SCHED", 7}, {"HRTIMER", 8}, {"RCU", 9},
}

// irqGroups are interrupts and what runs at their end.
var irqGroups = []group{
	{"cpuhp", "include/trace/events/cpuhp.h", []row{
		{names: "cpuhp_enter cpuhp_multi_enter", fields: "unsigned int cpu; int target; int idx; void * fun",
			forms: []string{"cpu: {cpu} target: {target} step: {idx} ({fun})"}},
		{names: "cpuhp_exit", fields: "unsigned int cpu; int state; int idx; int ret",
			forms: []string{"cpu: {cpu} state: {state} step: {idx} ret: {ret}"}},
	}},
	{"irq_vectors", "arch/x86/include/asm/trace/irq_vectors.h", []row{
		{names: "local_timer_entry local_timer_exit " +
			"spurious_apic_entry spurious_apic_exit " +
			"error_apic_entry error_apic_exit " +
			"x86_platform_ipi_entry x86_platform_ipi_exit " +
			"irq_work_entry irq_work_exit " +
			"reschedule_entry reschedule_exit " +
			"call_function_entry call_function_exit " +
			"call_function_single_entry call_function_single_exit " +
			"threshold_apic_entry threshold_apic_exit " +
			"deferred_error_apic_entry deferred_error_apic_exit " +
			"thermal_apic_entry thermal_apic_exit",
			fields: "int vector"},
		{names: "vector_config", fields: "unsigned int irq; unsigned int vector; unsigned int cpu; unsigned int apicdest"},
		{names: "vector_update vector_clear", fields: "unsigned int irq; unsigned int vector; unsigned int cpu; unsigned int prev_vector; unsigned int prev_cpu"},
		{names: "vector_reserve vector_reserve_managed", fields: "unsigned int irq; int ret"},
		{names: "vector_alloc", fields: "unsigned int irq; unsigned int vector; bool reserved; int ret"},
		{names: "vector_alloc_managed", fields: "unsigned int irq; unsigned int vector; int ret"},
		{names: "vector_activate vector_deactivate", fields: "unsigned int irq; bool is_managed; bool can_reserve; bool reserve"},
		{names: "vector_teardown", fields: "unsigned int irq; bool is_managed; bool has_reserved"},
		{names: "vector_setup", fields: "unsigned int irq; bool is_legacy; int ret"},
		{names: "vector_free_moved", fields: "unsigned int irq; unsigned int cpu; unsigned int vector; bool is_managed"},
	}},
	{"irq", "include/trace/events/irq.h", []row{
		{names: "irq_handler_entry", fields: "int irq; __data_loc char[] name"},
		{names: "irq_handler_exit", fields: "int irq; int ret",
			enums: []enum{{"ret", []value{{"unhandled", 0}, {"handled", 1}}}}},
		{names: "softirq_entry softirq_exit softirq_raise", fields: "unsigned int vec",
			forms: []string{"vec={vec} [action={}]", "vec={vec}"},
			enums: []enum{{"vec", softirqs}}},
		{names: "tasklet_entry tasklet_exit", fields: "void * tasklet; void * func",
			forms: []string{"tasklet={tasklet} function={func}"}},
	}},
	{"context_tracking", "include/trace/events/context_tracking.h", []row{
		{names: "user_enter user_exit", fields: "int dummy"},
	}},
	{"exceptions", "arch/x86/include/asm/trace/exceptions.h", []row{
		{names: "page_fault_user page_fault_kernel", fields: "unsigned long address; unsigned long ip; unsigned long error_code",
			forms: []string{"address={address} ip={ip} error_code={error_code}"}},
	}},
	{"osnoise", "include/trace/events/osnoise.h", []row{
		{names: "thread_noise", fields: "char comm[16]; u64 start; u64 duration; pid_t pid",
			forms: []string{"{comm}:{pid} start {start:s} duration {duration} ns"}},
		{names: "softirq_noise", fields: "u64 start; u64 duration; int vector",
			forms: []string{"{}:{vector} start {start:s} duration {duration} ns"}},
		{names: "irq_noise", fields: "u64 start; u64 duration; __data_loc char[] desc; int vector",
			forms: []string{"{desc}:{vector} start {start:s} duration {duration} ns"}},
		{names: "nmi_noise", fields: "u64 start; u64 duration",
			forms: []string{"start {start:s} duration {duration} ns"}},
		// The word was plural until 6.5.
		{names: "sample_threshold", fields: "u64 start; u64 duration; u64 interference",
			forms: []string{
				"start {start:s} duration {duration} ns interference {interference}",
				"start {start:s} duration {duration} ns interferences {interference}",
			}},
		// From 6.15 on; beside the rows that the tracers print.
		{names: "osnoise_sample", fields: "u64 runtime; u64 noise; u64 max_sample; int hw_count; int irq_count; int nmi_count; int softirq_count; int thread_count"},
		{names: "timerlat_sample", fields: "u64 timer_latency; u32 seqnum; int context"},
	}},
}
