package inventory

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// abilities says what can be found out from the events that were recorded, and
// what would have to be recorded for the rest.
func (s *State) abilities(in result.Input) *result.Table {
	t := &result.Table{Name: "analyses", Wrap: "because", Cols: []result.Col{
		{Name: "question", Head: "question"}, {Name: "answer", Head: "can be answered"}, {Name: "because", Head: "because"},
	}}
	add := func(question, answer, because string) {
		t.Rows = append(t.Rows, []result.Value{result.Str(question), result.Str(answer), result.Str(because)})
	}
	sends := s.has("ipi_send_cpu", "ipi_send_cpumask")
	raises := s.has("ipi_raise")
	switch {
	case sends && len(in.Unrecorded) > 0:
		add("IPIs", "in part", strings.Join(in.Unrecorded, "; "))
	case sends && len(in.Unsaid) > 0:
		add("IPIs", "yes", "as far as it says: "+strings.Join(in.Unsaid, "; "))
	case sends:
		add("IPIs", "yes", "ipi_send_cpu and ipi_send_cpumask recorded")
	case raises:
		add("IPIs", "by kind", "only ipi_raise recorded: it names a reason, no function")
	case s.has("function", "funcgraph_entry"):
		add("IPIs", "in part", "function tracer: who calls functions that send IPIs, as far as these were traced, and not whom they send to")
	default:
		add("IPIs", "no", "no ipi_send_cpu, ipi_send_cpumask or ipi_raise recorded (ipiscope record does, or -e ipi)")
	}
	stacks := s.has("kernel_stack")
	switch {
	case !sends:
		add("functions", "no", "no send events")
	case s.has("csd_queue_cpu"):
		add("functions", "exactly", "csd_queue_cpu recorded")
	case stacks:
		add("functions", "mostly", "from stacks; csd_queue_cpu would name each one (ipiscope record records it, or -e csd)")
	default:
		add("functions", "partly", "neither csd_queue_cpu nor stacks recorded (ipiscope record does, or -e csd -T)")
	}
	if stacks {
		add("root causes", "yes", "kernel stacks recorded")
	} else {
		add("root causes", "no", "no kernel stacks recorded (ipiscope record does, or -T)")
	}
	s.addLatency(add)
	s.addNoise(add)
	return t
}

// addNoise says what osnoise and timerlat tell, where they were recorded.
func (s *State) addNoise(add func(question, answer, because string)) {
	noise := s.has("irq_noise", "thread_noise", "softirq_noise", "nmi_noise")
	samples, activations := s.has("sample_threshold"), s.has("timerlat", "timerlat_sample")
	switch {
	case samples && noise:
		add("noise of samples", "yes", "sample_threshold and noise events recorded")
	case samples:
		add("noise of samples", "no", "no noise events recorded beside the samples (-e osnoise)")
	case activations && noise:
		add("noise of activations", "yes", "timerlat and noise events recorded")
	case activations:
		add("noise of activations", "no", "no noise events recorded beside timerlat (-e osnoise)")
	case noise:
		add("noise of samples", "no", "noise events recorded, and no sample_threshold: they tell of single interruptions")
	case s.has("osnoise", "osnoise_sample"):
		add("noise of samples", "no", "only the sums of the runs of osnoise recorded (-e osnoise)")
	}
	switch {
	case !s.has("tick_stop"):
	case s.has("hrtimer_expire_entry"):
		add("why the tick was kept", "yes", "tick_stop and hrtimer_expire_entry recorded")
	default:
		add("why the tick was kept", "mostly", "tick_stop recorded; hrtimer_expire_entry would tell ticks from other timer interrupts")
	}
}

func (s *State) addLatency(add func(question, answer, because string)) {
	const question = "latency and handler time"
	comparable := s.table.Meta.ClockComparable()
	switch {
	case !s.has("call_function_entry", "call_function_single_entry", "reschedule_entry", "irq_work_entry", "ipi_entry", "csd_function_entry"):
		add(question, "no", "no receive events recorded (ipiscope record --for latency does, or -e irq_vectors on x86, -e ipi on arm64, -e csd)")
	case !comparable:
		clock := s.table.Meta.Clock
		if clock == "" {
			clock = "unknown to this text; the default, local,"
		}
		add(question, "handler only", "clock "+clock+" is not comparable between CPUs (ipiscope record takes mono, or -C mono)")
	default:
		add(question, "yes", "receive events recorded")
	}
	switch {
	case s.has("user_enter", "user_exit"):
		add("user or kernel when hit", "yes", "context tracking recorded")
	case s.has("sched_switch"):
		add("user or kernel when hit", "idle only", "sched_switch recorded; user_enter and user_exit would tell (ipiscope record --for quiet, or -e context_tracking)")
	default:
		add("user or kernel when hit", "no", "neither context_tracking nor sched_switch recorded")
	}
}
