package quiet

import (
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// second is one second of a trace, counted from its start.
type second struct {
	index int64
	count uint64
	taken int64 // ns
}

// worse orders seconds by the time taken, then by interruptions, then the
// earliest first.
func (a *second) worse(b *second) bool {
	if a.taken != b.taken {
		return a.taken > b.taken
	}
	if a.count != b.count {
		return a.count > b.count
	}
	return a.index < b.index && a.count > 0
}

const nsPerSecond = 1_000_000_000

// cpu is what is kept of one isolated CPU.
type cpu struct {
	interruptions uint64
	taken         int64 // ns
	quiet         stat.Dist
	longest       int64
	longestAt     trace.Time
	censored      uint64 // quiet stretches that a gap in the events ends
	since         trace.Time
	isBusy        bool
	inside        bool // an interrupt or softirq
	foreign       bool // a task that is not the CPU's own runs
	worst, now    second
	tasks         tasks
	context       context
}

// busy ends a quiet stretch.
func (c *cpu) busy(at, start trace.Time) {
	c.interruptions++
	c.at(at, start).count++
	if c.isBusy {
		return
	}
	c.stretch(at)
	c.isBusy, c.since = true, at
}

// calm ends an interruption, unless another one goes on.
func (c *cpu) calm(at, start trace.Time) {
	if !c.isBusy || c.inside || c.foreign {
		return
	}
	took := max(0, int64(at-c.since))
	c.taken += took
	c.spread(c.since, at, start)
	c.isBusy, c.since = false, at
}

// stretch counts the quiet up to now.
func (c *cpu) stretch(at trace.Time) {
	q := int64(at - c.since)
	if q < 0 {
		return // clocks differ, or text is out of order
	}
	c.quiet.Add(q)
	if q > c.longest {
		c.longest, c.longestAt = q, c.since
	}
}

// at returns the second that a time lies in; the one before it is over.
func (c *cpu) at(t, start trace.Time) *second {
	i := int64(t-start) / nsPerSecond
	if i > c.now.index {
		if c.now.worse(&c.worst) {
			c.worst = c.now
		}
		c.now = second{index: i}
	}
	return &c.now
}

// spread gives the seconds that an interruption lies in their part of it.
func (c *cpu) spread(from, to, start trace.Time) {
	for from < to {
		edge := start + trace.Time(int64(from-start)/nsPerSecond+1)*nsPerSecond
		end := min(edge, to)
		c.at(from, start).taken += int64(end - from)
		from = end
	}
}

// lost takes a gap: the stretch that it ends does not count.
func (c *cpu) lost(at trace.Time) {
	c.censored++
	c.isBusy, c.inside, c.foreign = false, false, false
	c.since = at
	c.tasks.lost()
	c.context.lost()
}

// end closes the last stretch at the end of the trace.
func (c *cpu) end(last trace.Time) {
	if c.isBusy {
		c.taken += max(0, int64(last-c.since))
	} else {
		c.stretch(last)
	}
	if c.now.worse(&c.worst) {
		c.worst = c.now
	}
}

// tasks tells the task that a CPU is for from the others: it is the one that has
// run longest so far. Idling is nobody's work.
type tasks struct {
	ran     map[int32]int64 // ns by pid
	own     int32
	current int32
	comm    trace.NameID
	since   trace.Time
	known   bool
}

// maxTasks bounds the tasks that are remembered of one CPU.
const maxTasks = 1 << 12

func (t *tasks) lost() { t.known = false }

// next takes a switch and reports whether the task that runs from here on is a
// foreign one.
func (t *tasks) next(at trace.Time, prev, next int32, comm trace.NameID) bool {
	if t.ran == nil {
		t.ran = map[int32]int64{}
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
	if !t.known && t.own == 0 {
		t.own = prev
	}
	t.known, t.current, t.since, t.comm = true, next, at, comm
	return next != 0 && next != t.own
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
	}
	was := c.foreign
	before, since := c.tasks.comm, c.tasks.since
	foreign := c.tasks.next(e.Time, int32(prev), int32(next), comm)
	if was {
		s.add(source{kindTask, before}, e.CPU, since, e.Time)
		s.gaps.add(e.CPU, since, e.Time, func() Culprit { return Culprit{Kind: kindTask, Name: s.table.NameOf(before), Sender: -1} })
	}
	c.foreign = foreign
	switch {
	case foreign:
		c.busy(e.Time, s.start)
	case was:
		c.calm(e.Time, s.start)
	}
}

// context checks the context tracking of one CPU: user_enter and user_exit take
// turns, and an interrupt comes after user_exit.
type context struct {
	enters, exits           uint64
	doubleEnter, doubleExit uint64
	inUser                  uint64 // interrupts while still marked as in user mode
	last                    role
	at                      trace.Time
	user, kernel            int64 // ns
	fresh                   bool  // the next event says why the kernel was entered
	causes                  map[trace.EventID]uint64
}

func (x *context) event(e *trace.Event, r role) {
	if x.fresh && r != roleUserExit {
		if x.causes == nil {
			x.causes = map[trace.EventID]uint64{}
		}
		x.causes[e.ID]++
		x.fresh = false
	}
	switch r {
	case roleUserEnter:
		x.enters++
		if x.last == roleUserEnter {
			x.doubleEnter++
		} else if x.last == roleUserExit {
			x.kernel += max(0, int64(e.Time-x.at))
		}
	case roleUserExit:
		x.exits++
		x.fresh = true
		if x.last == roleUserExit {
			x.doubleExit++
		} else if x.last == roleUserEnter {
			x.user += max(0, int64(e.Time-x.at))
		}
	default:
		return
	}
	x.last, x.at = r, e.Time
}

// interrupted takes the beginning of an interrupt. NMIs have no events here.
func (x *context) interrupted(b *track.Bracket) {
	if x.last == roleUserEnter && b.Kind != track.BracketSoftirq {
		x.inUser++
	}
}

func (x *context) lost() { x.last, x.fresh = roleUnseen, false }
