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
	pending       bool // the last of list waits for the next event
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
	sight
	// after is the time to the next event of the CPU, ns, -1 if there is none or what
	// is odd is no user_exit: user_exit itself took no longer.
	after int64
	// event and comm are the names of those of sight.
	event, comm string
}

// A sight is what is seen of the event that shows an anomaly.
type sight struct {
	known   bool // which event it is
	eventID trace.EventID
	commID  trace.NameID
	pid     int32
	vector  int64 // or the number of an interrupt, -1: neither
}

// sightOf is that of an event.
func sightOf(e *trace.Event) sight { return sight{true, e.ID, e.Comm, e.PID, -1} }

// sightOfInterrupt is that of the beginning of an interrupt; e is the event that is being
// taken, which tells of it unless something else does, as noise.
func sightOfInterrupt(e *trace.Event, b *track.Bracket) sight {
	if e == nil || e.CPU != b.CPU || e.Time != b.Start {
		return sight{pid: b.PID, vector: -1}
	}
	seen := sightOf(e)
	if b.Kind == track.BracketIRQ {
		seen.vector = int64(b.ID)
	} else if ref := e.Schema().Ref("vector"); ref != trace.NoField {
		if v, ok := e.Uint(ref); ok {
			seen.vector = int64(v)
		}
	}
	return seen
}

// maxAnomalies bounds what is listed of one CPU; all are counted.
const maxAnomalies = 1000

// entry is how often an event came first behind user_exit, and how long after it.
type entry struct {
	count uint64
	after stat.Dist
}

func (x *context) event(e *trace.Event, r role) {
	if x.pending {
		x.pending = false
		x.list[len(x.list)-1].after = int64(e.Time - x.list[len(x.list)-1].at)
	}
	if x.fresh && r != roleUserExit {
		x.enteredFor(e)
	}
	switch r {
	case roleUserEnter:
		x.enters++
		if x.last == roleUserEnter {
			x.note(doubleEnter, e.Time, sightOf(e))
		} else if x.last == roleUserExit {
			x.kernel += max(0, int64(e.Time-x.at))
		}
	case roleUserExit:
		x.exits++
		x.fresh = true
		if x.last == roleUserExit {
			x.note(doubleExit, e.Time, sightOf(e))
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

func (x *context) note(what oddity, at trace.Time, seen sight) {
	x.odd[what]++
	if len(x.list) < maxAnomalies {
		x.list = append(x.list, anomaly{what: what, at: at, sight: seen, after: -1})
		x.pending = what == doubleExit
	}
}

// interrupted takes the beginning of an interrupt. e is the event that is being taken.
// NMIs have no events here.
func (x *context) interrupted(b *track.Bracket, e *trace.Event) {
	if x.last == roleUserEnter && b.Kind != track.BracketSoftirq {
		x.note(irqInUser, b.Start, sightOfInterrupt(e, b))
	}
}

func (x *context) lost() { x.last, x.fresh, x.pending = roleUnseen, false, false }

// exit is how long after user_exit the next event came.
func (x *context) exit() *stat.Dist {
	d := &stat.Dist{}
	for _, e := range x.causes {
		d.Merge(&e.after)
	}
	return d
}
