package track

import "github.com/ipiscope/ipiscope/parser/trace"

// A Mode is what a CPU was doing when it was interrupted.
type Mode uint8

const (
	ModeUnknown Mode = iota
	ModeUser
	ModeKernel
	ModeIdle
	NumModes
)

func (m Mode) String() string { return [...]string{"unknown", "user", "kernel", "idle"}[m] }

// maxEntry is how long entering the kernel by an interrupt takes at most, ns:
// from user_exit to the interrupt's own entry event there is nothing but
// irq_enter. A system call that runs without any recorded event looks the same;
// what takes longer may be one.
const maxEntry = 50_000

// Modes follows what CPUs are doing: by context tracking (user_enter, user_exit)
// where it is recorded and active, by the idle task's pid and by the flags of
// the events.
type Modes struct {
	roles []modeRole // by EventID
	cpus  []modeCPU
}

type modeRole uint8

const (
	modeUnseen modeRole = iota
	modeOther
	modeUserEnter
	modeUserExit
)

type modeCPU struct {
	last modeRole
	at   trace.Time
	// state is modeUserEnter or modeUserExit, the last of both, modeUnseen if
	// there was none
	state modeRole
}

func (m *Modes) role(e *trace.Event) modeRole {
	for int(e.ID) >= len(m.roles) {
		m.roles = append(m.roles, modeUnseen)
	}
	r := &m.roles[e.ID]
	if *r == modeUnseen {
		switch e.Schema().Name {
		case "user_enter":
			*r = modeUserEnter
		case "user_exit":
			*r = modeUserExit
		default:
			*r = modeOther
		}
	}
	return *r
}

func (m *Modes) cpu(n int32) *modeCPU {
	for int(n) >= len(m.cpus) {
		m.cpus = append(m.cpus, modeCPU{})
	}
	return &m.cpus[n]
}

// Event takes an event, after Interrupted was asked about it.
func (m *Modes) Event(e *trace.Event) {
	r := m.role(e)
	if e.CPU < 0 || e.Schema().IsStack {
		return
	}
	c := m.cpu(e.CPU)
	c.last, c.at = r, e.Time
	if r != modeOther {
		c.state = r
	}
}

// Lost forgets what a CPU did before a gap.
func (m *Modes) Lost(l *trace.Lost) {
	if l.CPU >= 0 {
		*m.cpu(l.CPU) = modeCPU{}
	}
}

// Interrupted tells what the CPU did that e, the entry event of an outermost
// interrupt, interrupted.
func (m *Modes) Interrupted(e *trace.Event) Mode {
	c := m.cpu(e.CPU)
	switch {
	case e.HasFlags && e.Flags&(trace.FlagSoftIRQ|trace.FlagNMI) != 0:
		return ModeKernel
	case e.PID == 0:
		return ModeIdle
	case c.last == modeUserEnter:
		return ModeUser
	case c.last == modeUserExit && e.Time-c.at <= maxEntry:
		return ModeUser
	case e.HasFlags && e.Depth() > 0:
		return ModeKernel
	case c.last == modeUserExit, c.state == modeUnseen:
		return ModeUnknown
	case c.state == modeUserExit:
		return ModeKernel
	}
	return ModeUnknown
}
