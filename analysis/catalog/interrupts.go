package catalog

import "strings"

// An InterruptLine is a line of /proc/interrupts of x86 (arch/x86/kernel/irq.c,
// arch_show_interrupts) that counts interrupts of one vector or more.
type InterruptLine struct {
	Name, Text string   // "CAL", and what the line says
	Vectors    []string // names of the table of vectors
	// Function is what is counted where that is not the interrupts themselves.
	Function string
	Note     string
}

// tlbNote is why TLB is no part of its own. Linux up to 4.8 took it off CAL.
const tlbNote = "counts calls of flush_tlb_func for another CPU (arch/x86/mm/tlb.c), which arrive by the interrupts that CAL counts: the two are not added up"

// interruptLines are the lines of which the interrupts have a vector.
func interruptLines() []InterruptLine {
	calls := []string{"CALL_FUNCTION_VECTOR", "CALL_FUNCTION_SINGLE_VECTOR"}
	return []InterruptLine{
		{"LOC", "Local timer interrupts", []string{"LOCAL_TIMER_VECTOR"}, "", "no IPI, so that no hit is one of them"},
		{"RES", "Rescheduling interrupts", []string{"RESCHEDULE_VECTOR"}, "", "counts interrupts, fewer than sends where several came before one was taken"},
		{"CAL", "Function call interrupts", calls, "", "counts interrupts, each of which may run several queued calls; TLB is a part of them"},
		{"TLB", "TLB shootdowns", calls, "flush_tlb_func", tlbNote},
		{"IWI", "IRQ work interrupts", []string{"IRQ_WORK_VECTOR"}, "", "self-IPIs: an irq_work for another CPU comes as a call"},
		{"SPU", "Spurious interrupts", []string{"SPURIOUS_APIC_VECTOR"}, "", "no IPI"},
		{"ERR", "APIC errors", []string{"ERROR_APIC_VECTOR"}, "", "no IPI; of all CPUs together"},
		{"PLT", "Platform interrupts", []string{"X86_PLATFORM_IPI_VECTOR"}, "", ""},
		{"TRM", "Thermal event interrupts", []string{"THERMAL_APIC_VECTOR"}, "", "no IPI"},
		{"THR", "Threshold APIC interrupts", []string{"THRESHOLD_APIC_VECTOR"}, "", "no IPI"},
		{"DFR", "Deferred Error APIC interrupts", []string{"DEFERRED_ERROR_VECTOR"}, "", "no IPI"},
		{"HYP", "Hypervisor callback interrupts", []string{"HYPERVISOR_CALLBACK_VECTOR"}, "", "no IPI of this kernel"},
		{"PIN", "Posted-interrupt notification event", []string{"POSTED_INTR_VECTOR"}, "", ""},
		{"NPI", "Nested posted-interrupt event", []string{"POSTED_INTR_NESTED_VECTOR"}, "", ""},
		{"PIW", "Posted-interrupt wakeup event", []string{"POSTED_INTR_WAKEUP_VECTOR"}, "", ""},
	}
}

// findLine finds a line by its name, as it is printed or without the colon.
func findLine(name string) *InterruptLine {
	name = strings.TrimSuffix(name, ":")
	for _, l := range interruptLines() {
		if l.Name == name {
			return &l
		}
	}
	return nil
}

// vectorNamed is the vector that the kernel's source calls so.
func (c *Catalog) vectorNamed(name string) *Vector {
	for i := range c.vectors {
		if c.vectors[i].Name == name {
			return &c.vectors[i]
		}
	}
	return nil
}
