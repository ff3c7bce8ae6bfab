package events

// ipiGroups are who sends an interrupt and what for.
var ipiGroups = []group{
	{"ipi", "include/trace/events/ipi.h", []row{
		{names: "ipi_send_cpu", fields: "unsigned int cpu; void * callsite; void * callback"},
		{names: "ipi_send_cpumask", fields: "__data_loc cpumask_t cpumask; void * callsite; void * callback"},
		// Only arm and arm64 emit the following three.
		{names: "ipi_raise", fields: "__data_loc unsigned long[] target_cpus; const char * reason",
			forms: []string{"target_mask={target_cpus} ({reason})"}},
		{names: "ipi_entry ipi_exit", fields: "const char * reason",
			forms: []string{"({reason})"}},
	}},
	{"csd", "include/trace/events/csd.h", []row{
		{names: "csd_queue_cpu", fields: "unsigned int cpu; void * callsite; void * func; void * csd"},
		{names: "csd_function_entry csd_function_exit", fields: "void * func; void * csd"},
	}},
	{"tlb", "include/trace/events/tlb.h", []row{
		// The second form is that of trace-cmd's tlb plugin.
		{names: "tlb_flush", fields: "int reason; unsigned long pages",
			forms: []string{"pages:{pages} reason:{} ({reason})", "pages={pages} reason={} ({reason})"}},
	}},
}
