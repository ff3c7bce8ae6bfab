package quiet

import (
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// lastTick is when the tick's own timer expired last on a CPU.
type lastTick struct {
	any bool
	at  trace.Time
	fn  trace.NameID
}

// expired takes a timer that expires on an isolated CPU. The tick's function is
// tick_nohz_handler since about Linux 6.9, tick_sched_timer before
// (kernel/time/tick-sched.c).
func (s *State) expired(c *cpu, e *trace.Event) {
	id, ok := e.Symbol(e.Schema().Ref("function"))
	if !ok {
		return
	}
	switch fn := s.table.SymbolName(id); s.table.NameOf(fn) {
	case "tick_nohz_handler", "tick_sched_timer":
		c.tick = lastTick{true, e.Time, fn}
	}
}

// timer tells a tick from other interrupts of the local timer: its own function
// has expired since the interrupt came. Without hrtimer_expire_entry nothing tells.
func (c *cpu) timer(src source, since trace.Time) source {
	src.kind = kindTimer
	if c.tick.any && since != track.Never && c.tick.at >= since {
		src.kind, src.name = kindTick, c.tick.fn
	}
	return src
}
