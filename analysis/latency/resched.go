package latency

import (
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// resched follows the need-resched flags of the isolated CPUs: from the first
// event that shows one to the next switch. Times are those of events, so they
// begin no earlier than something was recorded.
type resched struct {
	isolated *cpumask.Mask
	isSwitch []int8 // by EventID: 0 not looked up, 1 yes, -1 no
	cpus     []reschedCPU
	// needed and lazy end at the switch, upgrade at the first flag that is not
	// lazy
	needed, lazy, upgrade stat.Dist
	// switches: the trace has them, on any CPU
	switches bool
}

type reschedCPU struct{ need, lazy trace.Time }

func (r *resched) cpu(n int32) *reschedCPU {
	for int(n) >= len(r.cpus) {
		r.cpus = append(r.cpus, reschedCPU{track.Never, track.Never})
	}
	return &r.cpus[n]
}

func (r *resched) event(e *trace.Event) {
	if e.Schema().IsStack {
		return
	}
	switching := r.switching(e)
	r.switches = r.switches || switching
	if !e.HasFlags || e.CPU < 0 || r.isolated != nil && !r.isolated.Has(int(e.CPU)) {
		return
	}
	c := r.cpu(e.CPU)
	if switching {
		if c.need != track.Never {
			r.needed.Add(int64(e.Time - c.need))
		}
		if c.lazy != track.Never {
			r.lazy.Add(int64(e.Time - c.lazy))
		}
		*c = reschedCPU{track.Never, track.Never}
		return
	}
	need, lazy := e.Flags&trace.FlagNeedResched != 0, e.Flags&trace.FlagNeedReschedLazy != 0
	if !need && !lazy {
		*c = reschedCPU{track.Never, track.Never} // it went without a switch
		return
	}
	if lazy && c.lazy == track.Never && c.need == track.Never {
		c.lazy = e.Time
	}
	if need && c.need == track.Never {
		c.need = e.Time
		if c.lazy != track.Never && c.lazy != e.Time {
			r.upgrade.Add(int64(e.Time - c.lazy))
		}
	}
}

// switching reports whether e is a sched_switch. The flag is cleared before it
// (kernel/sched/core.c, __schedule), so it does not show there.
func (r *resched) switching(e *trace.Event) bool {
	for int(e.ID) >= len(r.isSwitch) {
		r.isSwitch = append(r.isSwitch, 0)
	}
	if r.isSwitch[e.ID] == 0 {
		r.isSwitch[e.ID] = -1
		if e.Schema().Name == "sched_switch" {
			r.isSwitch[e.ID] = 1
		}
	}
	return r.isSwitch[e.ID] > 0
}

func (r *resched) lost(l *trace.Lost) {
	if l.CPU >= 0 && int(l.CPU) < len(r.cpus) {
		r.cpus[l.CPU] = reschedCPU{track.Never, track.Never}
	}
}
