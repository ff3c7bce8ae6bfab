package quiet

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// cpu is what is kept of one isolated CPU.
type cpu struct {
	flow flow
	// held is what the flow is to be told: noise is recorded when it ends
	held  held
	noise noiseState
	// hits is the flow with the hits that only their sends tell of, nil if there
	// was none: it is the one that counts if no interrupt of an IPI is recorded.
	hits    *flow
	inside  bool // an interrupt or softirq
	hotplug bool // the thread ran that takes it down and brings it up
	foreign bool // a task that is not the CPU's own runs
	tasks   tasks
	context context
	tick    lastTick
	kinds   kinds
}

// hotplugThread begins the name of the thread by which a CPU is taken down and brought
// up (kernel/cpu.c, cpuhp_threads); else it runs when the machine boots alone.
const hotplugThread = "cpuhp/"

// busy takes the beginning of an interruption.
func (c *cpu) busy(at trace.Time) { c.tell(step{at: at, is: stepBusy}) }

// calm ends an interruption, unless another one goes on.
func (c *cpu) calm(at trace.Time) {
	if c.inside || c.foreign {
		return
	}
	c.tell(step{at: at, is: stepCalm})
}

// hit takes an interruption that only a send tells of.
func (c *cpu) hit(at trace.Time) {
	s := step{at: at, is: stepHit}
	if c.inside || c.foreign {
		s.is = stepHitInside
	}
	c.tell(s)
}

// lost takes a gap.
func (c *cpu) lost(at trace.Time) {
	c.inside, c.foreign = false, false
	c.tell(step{at: at, is: stepLost})
	c.held.barrier = at
	c.tasks.lost()
	c.context.lost()
}

// end closes the last stretch at the end of the trace.
func (c *cpu) end(last trace.Time) {
	c.settle(0)
	c.flow.end(last)
	if c.hits != nil {
		c.hits.end(last)
	}
}

// tasks tells the task that a CPU is for from the others: it is the one that has
// run longest so far. Idling is nobody's work.
type tasks struct {
	ran     map[int32]int64 // ns by pid
	own     int32           // 0 if none ran yet
	current int32
	comm    trace.NameID
	since   trace.Time
	known   bool
	// until is when the foreign task that runs has run as long as the own one
	// has, and becomes it
	until trace.Time
}

// maxTasks bounds the tasks that are remembered of one CPU.
const maxTasks = 1 << 12

func (t *tasks) lost() {
	t.known = false
	if t.ran == nil {
		t.ran = map[int32]int64{}
	}
}

// next takes a switch and reports whether the task that runs from here on is a
// foreign one.
func (t *tasks) next(at, start trace.Time, prev, next int32, comm trace.NameID) bool {
	if t.ran == nil { // the first switch: its task has run since the start of the trace
		t.ran = map[int32]int64{}
		t.known, t.since = true, start
	}
	if t.known && prev != 0 {
		if len(t.ran) >= maxTasks {
			own := t.ran[t.own]
			clear(t.ran)
			t.ran[t.own] = own
		}
		t.ran[prev] += max(0, int64(at-t.since))
		if t.own == 0 || t.ran[prev] > t.ran[t.own] {
			t.own = prev
		}
	}
	t.known, t.current, t.since, t.comm = true, next, at, comm
	if t.own == 0 { // the first that runs here
		t.own = next
	}
	if next == 0 || next == t.own {
		return false
	}
	t.until = at + trace.Time(t.ran[t.own]-t.ran[next])
	return true
}

// switched takes a sched_switch of an isolated CPU.
func (s *State) switched(c *cpu, e *trace.Event) {
	schema := e.Schema()
	prev, ok := e.Uint(schema.Ref("prev_pid"))
	next, ok2 := e.Uint(schema.Ref("next_pid"))
	if !ok || !ok2 {
		return
	}
	var comm trace.NameID
	if b, ok := e.Bytes(schema.Ref("next_comm")); ok {
		comm = s.table.NameBytes(b)
		c.hotplug = c.hotplug || bytes.HasPrefix(b, []byte(hotplugThread))
	}
	c.noise.hasSwitch = true
	was := c.foreign
	if was {
		s.ranForeign(c, e.CPU, e.Time)
	}
	c.foreign = c.tasks.next(e.Time, s.start, int32(prev), int32(next), comm)
	switch {
	case c.foreign:
		c.busy(e.Time)
	case was:
		c.calm(e.Time)
	}
}

// ranForeign counts the time of the foreign task that ran up to now.
func (s *State) ranForeign(c *cpu, n int32, end trace.Time) {
	name, since := c.tasks.comm, c.tasks.since
	s.add(source{kindTask, name}, n, since, end)
	s.interrupted(kindTask, n, since, end, end, func() Culprit { return s.culprit(source{kindTask, name}) })
}

// adopt makes a foreign task that has run long enough by now the CPU's own.
func (s *State) adopt(c *cpu, n int32, now trace.Time) {
	if !c.foreign || now <= c.tasks.until {
		return
	}
	s.ranForeign(c, n, c.tasks.until)
	c.foreign, c.tasks.own = false, c.tasks.current
	c.calm(c.tasks.until)
}
