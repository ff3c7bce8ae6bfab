package quiet

import (
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// context checks the context tracking of one CPU: user_enter and user_exit take
// turns, and an interrupt comes after user_exit.
type context struct {
	enters, exits uint64
	odd           [numOddities]uint64
	list          []anomaly
	last          role
	at            trace.Time
	user, kernel  int64 // ns
	fresh         bool  // the next event says why the kernel was entered
	causes        map[trace.EventID]*entry
}

// An oddity is something that context tracking should not show.
type oddity uint8

const (
	doubleEnter oddity = iota // user_enter while marked as in user mode
	doubleExit                // user_exit while not marked so
	irqInUser                 // an interrupt while still marked so
	numOddities
)

func (o oddity) String() string {
	return [...]string{"user_enter while in user mode", "user_exit while in the kernel", "interrupt while still in user mode"}[o]
}

// An anomaly is one of them.
type anomaly struct {
	what oddity
	at   trace.Time
	cpu  int
	file string
}

// maxAnomalies bounds what is listed of one CPU; all are counted.
const maxAnomalies = 1000

// entry is how often an event came first behind user_exit, and how long after it.
type entry struct {
	count uint64
	after stat.Dist
}

func (x *context) event(e *trace.Event, r role) {
	if x.fresh && r != roleUserExit {
		x.enteredFor(e)
	}
	switch r {
	case roleUserEnter:
		x.enters++
		if x.last == roleUserEnter {
			x.note(doubleEnter, e.Time)
		} else if x.last == roleUserExit {
			x.kernel += max(0, int64(e.Time-x.at))
		}
	case roleUserExit:
		x.exits++
		x.fresh = true
		if x.last == roleUserExit {
			x.note(doubleExit, e.Time)
		} else if x.last == roleUserEnter {
			x.user += max(0, int64(e.Time-x.at))
		}
	default:
		return
	}
	x.last, x.at = r, e.Time
}

// enteredFor takes the first event behind user_exit.
func (x *context) enteredFor(e *trace.Event) {
	x.fresh = false
	if x.causes == nil {
		x.causes = map[trace.EventID]*entry{}
	}
	c := x.causes[e.ID]
	if c == nil {
		c = &entry{}
		x.causes[e.ID] = c
	}
	c.count++
	c.after.Add(int64(e.Time - x.at))
}

func (x *context) note(what oddity, at trace.Time) {
	x.odd[what]++
	if len(x.list) < maxAnomalies {
		x.list = append(x.list, anomaly{what: what, at: at})
	}
}

// interrupted takes the beginning of an interrupt. NMIs have no events here.
func (x *context) interrupted(b *track.Bracket) {
	if x.last == roleUserEnter && b.Kind != track.BracketSoftirq {
		x.note(irqInUser, b.Start)
	}
}

func (x *context) lost() { x.last, x.fresh = roleUnseen, false }
