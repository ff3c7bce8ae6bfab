package golden

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// soups is how many recordings are made up: those from firstTwice on are of a kernel
// that traces calls twice, as Linux 6.4 does.
const (
	soups      = 11
	firstTwice = 8
)

// Soup is a recording that is made up, in the words of tracetest: events of all kinds
// that the analyzers know, mostly in the order in which a kernel has them, with ends
// that are missing, CPUs that go offline, lost events and instances. What is odd here
// seldom comes in recordings, and must be told all the same.
func Soup(seed uint64) string {
	s := &soup{Rand: rand.New(rand.NewPCG(seed, 1)), at: 1_000_000_000, x86: seed%3 != 0, calls: seed%2 == 0, instances: seed%4 == 1, twice: seed >= firstTwice}
	for range 400 {
		s.something()
	}
	if s.one(3) {
		fmt.Fprintf(&s.text, "until at %s\n", s.now())
	}
	return s.text.String()
}

type soup struct {
	*rand.Rand
	text                  strings.Builder
	at                    int64 // ns
	x86, calls, instances bool
	twice                 bool
	csd                   int
}

func (s *soup) one(n int) bool { return s.IntN(n) == 0 }

func pick[T any](s *soup, of ...T) T { return of[s.IntN(len(of))] }

// now goes on by some microseconds, at times by nothing or by much.
func (s *soup) now() string {
	s.at += pick(s, 0, 300, 1_100, 5_000, 20_000, int64(s.IntN(200_000)))
	if s.one(60) {
		s.at += 40_000_000
	}
	return fmt.Sprintf("%d.%09d", s.at/1e9, s.at%1e9)
}

func (s *soup) event(cpu int, task, format string, args ...any) {
	instance := ""
	if s.instances && s.one(3) {
		instance = " instance two"
	}
	flags := "flags " + pick(s, "d", ".", "D") + pick(s, ".", "N", "L", "B", "n") + pick(s, ".", "h", "s", "H", "z") + pick(s, ".", "1", "2") + " "
	if s.one(8) {
		flags = ""
	}
	fmt.Fprintf(&s.text, "at %s cpu %d task %s%s %s"+format+"\n", append([]any{s.now(), cpu, task, instance, flags}, args...)...)
}

func (s *soup) task() string {
	return pick(s, "bash-100", "trace-cmd-7", "swapper/2-0", "spin/2-202", "spin/3-203", "kworker/0:1-55", "rcu_preempt-15", "mix-300")
}

func (s *soup) something() {
	from, to := s.IntN(4), pick(s, 2, 2, 3, 3, 0, 1)
	switch s.IntN(20) {
	case 0, 1, 2, 3:
		s.send(from, to)
	case 4, 5, 6:
		s.broadcast(from)
	case 7, 8:
		s.event(to, s.task(), "sched_switch prev_comm=%s prev_pid=%d prev_state=1 next_comm=%s next_pid=%d", "a", s.IntN(3)*100, pick(s, "spin/2", "spin/3", "mix", "swapper/2"), pick(s, 0, 202, 203, 300))
	case 9:
		s.bracket(to, "local_timer", 236, "")
	case 10:
		nr := s.IntN(12)
		s.event(to, s.task(), "softirq_entry vec=%d", nr)
		s.ends(func() { s.event(to, s.task(), "softirq_exit vec=%d", nr) })
	case 11:
		s.event(to, s.task(), "irq_handler_entry irq=%d name=eth0", 30+to)
		s.ends(func() { s.event(to, s.task(), "irq_handler_exit irq=%d ret=1", 30+to) })
	case 12:
		s.event(to, s.task(), "user_enter x=0")
		s.ends(func() { s.event(to, s.task(), "user_exit x=0") })
	case 13:
		s.hotplug(pick(s, 1, 2, 3))
	case 14:
		if s.one(4) {
			fmt.Fprintf(&s.text, "lost cpu %d at %s n %d\n", to, s.now(), s.IntN(3)*10)
		}
	case 15:
		s.event(from, s.task(), "workqueue_execute_start work=1 function=%s", pick(s, "vfree_deferred", "drain_local_pages_wq"))
	case 16:
		s.event(to, s.task(), "tick_stop success=%d dependency=%d", s.IntN(2), s.IntN(5))
	case 17:
		s.event(to, s.task(), "sched_wakeup comm=x pid=%d target_cpu=%d", s.IntN(400), to)
	case 18:
		s.event(to, s.task(), "thread_noise comm=x pid=%d start=%d.%09d duration=%d", s.IntN(300), s.at/1e9, s.at%1e9, s.IntN(9000))
	case 19:
		s.event(from, s.task(), "unheard_of a=1")
	}
}

// ends lets something end, mostly.
func (s *soup) ends(end func()) {
	if !s.one(9) {
		end()
	}
}

// bracket is an interrupt with its events, on x86 those of its vector.
func (s *soup) bracket(cpu int, line string, vector int, function string) {
	if s.one(10) {
		return
	}
	task := s.task()
	if s.x86 {
		s.event(cpu, task, "%s_entry vector=%d", line, vector)
	} else {
		s.event(cpu, task, "ipi_entry reason=%s", pick(s, "(Rescheduling_interrupts)", "(Function_call_interrupts)"))
	}
	if function != "" && s.one(2) {
		s.event(cpu, task, "csd_function_entry func=%s csd=%d", function, s.csd)
		s.ends(func() { s.event(cpu, task, "csd_function_exit func=%s csd=%d", function, s.csd) })
	}
	s.ends(func() {
		if s.x86 {
			s.event(cpu, task, "%s_exit vector=%d", line, vector)
		} else {
			s.event(cpu, task, "ipi_exit reason=%s", "(Rescheduling_interrupts)")
		}
	})
}

const carrier = "generic_smp_call_function_single_interrupt+0x0"

func (s *soup) stack(cpu int, task string) {
	if s.one(3) {
		return
	}
	s.event(cpu, task, "kernel_stack %s", pick(s,
		"smp_call_function_many_cond on_each_cpu_cond_mask text_poke_bp_batch text_poke_finish static_key_enable sysctl_schedstats vfs_write",
		"native_send_call_func_single_ipi ttwu_queue_wakelist try_to_wake_up wake_up_q futex_wake do_syscall_64",
		"smp_call_function_many_cond membarrier_private_expedited __x64_sys_membarrier do_syscall_64",
		"native_smp_send_reschedule resched_curr update_curr dl_task_timer __hrtimer_run_queues",
		"smp_call_function_many_cond flush_tlb_mm_range ptep_clear_flush wp_page_copy exc_page_fault",
		"one two three"))
}

func (s *soup) send(from, to int) {
	task := s.task()
	function := pick(s, "do_sync_core", "ipi_mb", "flush_tlb_func", "nohz_full_kick_func", "my_callback", "rcu_exp_handler")
	if s.twice {
		s.sendTwice(from, to, task, function)
		return
	}
	if s.one(2) {
		s.csd++
		s.event(from, task, "csd_queue_cpu cpu=%d callsite=smp_call_function_single+0x11 func=%s csd=%d", to, function, s.csd)
		if s.one(8) {
			return // its queue was not empty: no IPI
		}
	} else if s.one(2) {
		s.event(from, task, "ipi_send_cpu cpu=%d callsite=%s+0x2e callback=0x0", to, pick(s, "resched_cpu", "ttwu_queue_wakelist", "__smp_call_single_queue"))
		s.stack(from, task)
		s.bracket(to, "reschedule", 253, "")
		return
	}
	if s.calls && s.one(5) {
		s.event(from, task, "ipi_raise target_cpus=%d reason=(Function_call_interrupts)", to)
	}
	s.event(from, task, "ipi_send_cpu cpu=%d callsite=%s+0x47 callback=%s", to, pick(s, "generic_exec_single", "irq_work_queue_on", "ttwu_queue_wakelist"), pick(s, carrier, carrier, "nohz_full_kick_func+0x0", "rb_wake_up_waiters+0x0", "0xffffffff81bc5c10"))
	s.stack(from, task)
	s.bracket(to, pick(s, "call_function_single", "call_function_single", "irq_work"), 251, function)
}

func (s *soup) broadcast(from int) {
	task := s.task()
	targets := pick(s, "2-3", "0,2-3", "3", "1", "0-3")
	function := pick(s, "do_sync_core", "flush_tlb_func", "do_nothing")
	if s.twice {
		s.broadcastTwice(from, targets, task, function)
		return
	}
	if s.one(2) {
		for _, cpu := range []int{2, 3} {
			s.csd++
			s.event(from, task, "csd_queue_cpu cpu=%d callsite=smp_call_function_many_cond+0x12 func=%s csd=%d", cpu, function, s.csd)
		}
	}
	s.event(from, task, "ipi_send_cpumask cpumask=%s callsite=%s+0x5 callback=%s", targets, pick(s, "smp_call_function_many_cond", "kick_all_cpus_sync", "on_each_cpu_cond_mask"), pick(s, carrier, function+"+0x0", "0x0"))
	s.stack(from, task)
	for _, cpu := range []int{2, 3} {
		s.bracket(cpu, "call_function", 252, function)
	}
}

// sendTwice is a call as Linux 6.4 traces it: with its function first, then with the
// carrier if an interrupt is sent. Before it shows, calls look like sends.
func (s *soup) sendTwice(from, to int, task, function string) {
	site := pick(s, "generic_exec_single", "smp_call_function_many_cond")
	s.event(from, task, "ipi_send_cpu cpu=%d callsite=%s+0x47 callback=%s+0x0", to, site, function)
	s.stack(from, task)
	if s.one(3) {
		return // no interrupt was needed, or another task comes between
	}
	if s.one(9) {
		task = s.task()
	}
	s.event(from, task, "ipi_send_cpu cpu=%d callsite=%s+0x47 callback=%s", to, site, carrier)
	s.stack(from, task)
	s.bracket(to, "call_function_single", 251, function)
}

func (s *soup) broadcastTwice(from int, targets, task, function string) {
	s.event(from, task, "ipi_send_cpumask cpumask=%s callsite=smp_call_function_many_cond+0x12 callback=%s+0x0", targets, function)
	if s.one(3) {
		return
	}
	// those that poll for work need none
	s.event(from, task, "ipi_send_cpumask cpumask=%s callsite=smp_call_function_many_cond+0x12 callback=%s", pick(s, targets, targets, "3", "2"), carrier)
	s.stack(from, task)
	for _, cpu := range []int{2, 3} {
		s.bracket(cpu, "call_function", 252, function)
	}
}

// hotplug takes a CPU down, and up again after a while.
func (s *soup) hotplug(cpu int) {
	if !s.one(4) {
		return
	}
	s.event(0, "bash-100", "cpuhp_enter cpu=%d target=0 idx=88", cpu)
	s.at += int64(s.IntN(80_000_000))
	s.ends(func() {
		s.event(0, "bash-100", "cpuhp_enter cpu=%d target=236 idx=2", cpu)
		s.event(cpu, "cpuhp/2-42", "cpuhp_enter cpu=%d target=236 idx=150", cpu)
	})
}
