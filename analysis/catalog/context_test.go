package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// split renders the contexts of a stack, one line each.
func split(c *Catalog, f []string) string {
	var b strings.Builder
	contexts := c.Split(nil, f)
	for _, x := range contexts {
		fmt.Fprintf(&b, "%d-%d %s [%s]\n", x.Start, x.End, x.Origin, x.Interrupted)
	}
	fmt.Fprintf(&b, "depth %d", Depth(contexts))
	return b.String()
}

func TestSplit(t *testing.T) {
	c := load(t)
	// The question of the PREEMPT_AUTO thread (2024): the first interrupt hits a trampoline, a
	// softirq runs at its end, the second interrupt hits the softirq inside a trampoline.
	nested := `
		preempt_schedule_irq
		irqentry_exit
		sysvec_apic_timer_interrupt
		asm_sysvec_apic_timer_interrupt
		[FTRACE TRAMPOLINE]
		rcu_segcblist_enqueue
		rcu_core
		handle_softirqs
		__irq_exit_rcu
		sysvec_call_function
		asm_sysvec_call_function
		bpf_trampoline_6442536467_1
		vfs_read
		ksys_read
		do_syscall_64
		entry_SYSCALL_64_after_hwframe
		read+0x7`
	for name, tt := range map[string]struct{ stack, want string }{
		"nested": {nested, `0-4 hardirq:apic_timer_interrupt [ftrace]
4-8 softirq/rcu:rcu_core []
8-11 hardirq:call_function [bpf]
11-16 syscall:read []
16-17 user []
depth 2`},
		"deadline server": {serverStack, `0-11 hardirq/hrtimer:dl_task_timer []
11-27 syscall:write []
depth 1`},
		"dev_watchdog": {watchdogStack, `0-9 softirq/timer:dev_watchdog []
9-12 hardirq:apic_timer_interrupt []
depth 1`},
		"kworker": {vfreeStack, `0-11 kworker (tail call: vfree) []
depth 0`},
		"arm64": {armTimerStack, `0-18 hardirq/hrtimer:tick_nohz_handler []
18-23 idle []
depth 1`},
		// an interrupt that hits the entry code of another one is not merged with it
		"two interrupts": {"sysvec_a\nasm_sysvec_a\nsysvec_b\nasm_sysvec_b", `0-2 hardirq:a []
2-4 hardirq:b []
depth 2`},
		"softirq at local_bh_enable": {"net_rx_action\nhandle_softirqs\ndo_softirq\n__local_bh_enable_ip\ntcp_sendmsg\n__x64_sys_sendto\ndo_syscall_64\nentry_SYSCALL_64_after_hwframe", `0-2 softirq:net_rx_action []
2-8 syscall:sendto []
depth 0`},
		"ksoftirqd": {"handle_softirqs\nrun_ksoftirqd\nsmpboot_thread_fn\nkthread\nret_from_fork\nret_from_fork_asm", `0-1 softirq []
1-6 kthread:run_ksoftirqd []
depth 0`},
		// 6.1 has no ret_from_fork_asm
		"6.1 kthread": {"rcu_gp_kthread\nkthread\nret_from_fork", `0-3 kthread:rcu_gp_kthread []
depth 0`},
		"module and address": {"asm_common_interrupt\nnfsd_read [nfsd]\nksys_read\ndo_syscall_64", `0-1 hardirq [module]
1-4 syscall:read []
depth 1`},
		"unresolved": {"asm_exc_page_fault\n0xffffffffc0a01230\nkthread", `0-1 fault:page_fault [unresolved]
1-3 kthread []
depth 1`},
		"empty": {"", "depth 0"},
	} {
		if diff := cmp.Diff(tt.want, split(c, frames(tt.stack))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMark(t *testing.T) {
	c := load(t)
	for frame, want := range map[string]Mark{
		"[FTRACE TRAMPOLINE]":                   OnFtrace,
		"7fffffff":                              OnFtrace, // FTRACE_TRAMPOLINE_MARKER in trace-cmd's text
		"bpf_trampoline_6442536467_1":           OnBPF,
		"bpf_trampoline_update":                 0,
		"bpf_trampoline_enter":                  0,
		"bpf_prog_1d8e9f8bd1ac8c2e_probe":       OnBPF,
		"bpf_prog_1d8e9f8bd1ac8c2e_probe [bpf]": OnBPF | OnModule,
		"bpf_prog_select_runtime":               0,
		"bpf_prog_load":                         0,
		"kprobe_optinsn_page":                   OnKprobe,
		"vfs_read":                              0,
		"do_read+0x10/0x20 [ext4]":              OnModule,
		"ffffffffc0a01230":                      OnUnresolved,
		"0xffffffffc0a01230":                    OnUnresolved,
	} {
		if got := c.Mark(frame); got != want {
			t.Errorf("Mark(%q) = %s, want %s", frame, got, want)
		}
	}
	if got := (OnFtrace | OnModule).String(); got != "ftrace,module" {
		t.Error(got)
	}
}
