package live

import (
	"fmt"
	"math"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/ringlive"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Fallback gives up the events of arrivals, which are most of all, where there are
// more than can be carried: those of sends go on. What needs arrivals is measured until
// then and not beyond.
type Fallback struct {
	// Max is how many events there may be a second; 0 is any number.
	Max float64
	// Drop lets the kernel record no arrivals any more. It returns a time before
	// which all of them were recorded.
	Drop func() (trace.Time, error)
	// IsArrival says of the name of an event ("system:name") whether it is given up.
	IsArrival func(name string) bool

	began    bool
	since    trace.Time // of the stretch that is measured
	events   uint64     // that there were by then
	lost     uint64
	lossy    int // stretches in a row in which events were lost
	at       trace.Time
	why      string
	arrivals []int8 // by EventID: 0 not looked up
}

// never is when nothing was given up.
const never = trace.Time(math.MaxInt64)

// stretch is how long events are counted for their rate.
const stretch = trace.Time(1e9)

// lossyStretches are how many stretches in a row lose events where there are too many.
const lossyStretches = 2

// NewFallback returns a Fallback that gives nothing up yet.
func NewFallback(most float64, isArrival func(name string) bool, drop func() (trace.Time, error)) *Fallback {
	return &Fallback{Max: most, Drop: drop, IsArrival: isArrival, at: never}
}

// Look decides. It is called between two looks at the buffers; counted tells how many
// events the kernel has lost by then.
func (f *Fallback) Look(st ringlive.Stats, counted func() (uint64, error)) error {
	if f.Max == 0 || f.at != never || st.Until == math.MinInt64 {
		return nil
	}
	if !f.began {
		f.began, f.since, f.events = true, st.Until, st.Events
	}
	took := st.Until - f.since
	if took < stretch {
		return nil
	}
	lost, err := counted()
	if err != nil {
		return err
	}
	rate := float64(st.Events-f.events) * 1e9 / float64(took)
	if f.lossy++; lost == f.lost {
		f.lossy = 0
	}
	f.since, f.events, f.lost = st.Until, st.Events, lost
	switch {
	case rate > f.Max:
		f.why = fmt.Sprintf("there were %.0f events a second, --max-rate allows %.0f", rate, f.Max)
	case f.lossy >= lossyStretches:
		f.why = fmt.Sprintf("events were lost for %d seconds on end, of %.0f a second", lossyStretches, rate)
	default:
		return nil
	}
	at, err := f.Drop()
	if err == nil {
		f.at = at
	}
	return err
}

// Dropped is since when arrivals are not recorded, and why; not known if they are.
func (f *Fallback) Dropped() (at trace.Time, why string, ok bool) {
	return f.at, f.why, f.at != never
}

// Note says what is missing; "" if nothing is.
func (f *Fallback) Note() string {
	if f.at == never {
		return ""
	}
	return fmt.Sprintf("arrivals are not recorded since %.6f: %s; deliveries and handlers are those until then, and of hits since then only what their sends tell is known", float64(f.at)/1e9, f.why)
}

// Warn says in a result what is missing in it.
func (f *Fallback) Warn(set *result.Set) {
	if note := f.Note(); note != "" {
		set.Warn("arrivals-dropped", note)
	}
}

// over reports whether an event tells of an arrival behind the time up to which all
// were recorded: some of these are missing, and those that are not would be joined with
// others than their own.
func (f *Fallback) over(e *trace.Event) bool {
	if e.Time <= f.at {
		return false
	}
	for int(e.ID) >= len(f.arrivals) {
		f.arrivals = append(f.arrivals, 0)
	}
	is := &f.arrivals[e.ID]
	if *is == 0 {
		*is = -1
		if s := e.Schema(); f.IsArrival(s.System + ":" + s.Name) {
			*is = 1
		}
	}
	return *is > 0
}

// Source is a source without the arrivals that were given up.
func (f *Fallback) Source(src trace.Source) trace.Source { return &fallen{src, f} }

type fallen struct {
	trace.Source
	f *Fallback
}

func (s *fallen) Scan() bool {
	for s.Source.Scan() {
		if e, ok := s.Record().(*trace.Event); !ok || !s.f.over(e) {
			return true
		}
	}
	return false
}

// An Arriving is a state that needs arrivals.
type Arriving interface {
	analysis.Waiter
	trace.Holder
}

// An Until is a state that needs arrivals: it ends when they do.
type Until struct {
	Arriving
	f     *Fallback
	began bool
	first trace.Time
	ended bool
}

// Until lets a state end when arrivals do.
func (f *Fallback) Until(s Arriving) *Until { return &Until{Arriving: s, f: f} }

// Since says when the time of the state began.
func (u *Until) Since(t trace.Time) { u.first, u.began = t, true }

// reach ends the state if its time is over.
func (u *Until) reach(t trace.Time) (over bool) {
	if !u.began {
		u.Since(t)
	}
	if t > u.f.at && !u.ended {
		u.ended = true
		u.Arriving.End(analysis.Span{First: u.first, Last: u.f.at})
	}
	return u.ended
}

// Event implements analysis.State.
func (u *Until) Event(e *trace.Event) {
	if !u.reach(e.Time) {
		u.Arriving.Event(e)
	}
}

// Lost implements analysis.State.
func (u *Until) Lost(l *trace.Lost) {
	if !u.reach(l.Time) {
		u.Arriving.Lost(l)
	}
}

// Now implements analysis.Waiter.
func (u *Until) Now(t trace.Time) {
	if !u.reach(t) {
		u.Arriving.Now(t)
	}
}

// End implements analysis.State.
func (u *Until) End(span analysis.Span) {
	if !u.reach(span.Last) {
		u.ended = true
		u.Arriving.End(span)
	}
}

// Input is what a state's counts are of.
func (u *Until) Input(in result.Input) result.Input {
	if u.f.at != never {
		in.Last, in.Whole = max(min(in.Last, int64(u.f.at)), in.First), false
	}
	return in
}

var _ Arriving = (*Until)(nil)
