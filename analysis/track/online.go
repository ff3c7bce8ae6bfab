package track

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Online tells when the CPUs of a trace were watched: a CPU that is offline is
// neither hit nor quiet. It reads the cpuhp events (include/trace/events/cpuhp.h):
// another CPU takes a CPU down, and brings it up again until the first event that
// the CPU records itself (kernel/cpu.c, cpuhp_ap_states and cpuhp_bp_states).
type Online struct {
	roles map[trace.EventID]onlineRole
	cpus  []onlineCPU
	// seen are CPUs that show a sign of life: that recorded something, were sent
	// something, or came online
	seen cpumask.Mask
	// own are CPUs that recorded an event that was looked at
	own cpumask.Mask
	// Away is told of each stretch in which a CPU was offline, when it ends; nil
	// is told nothing.
	Away func(cpu int32, from, to trace.Time)
}

type onlineRole struct{ cpu, target, step trace.FieldRef }

type onlineCPU struct {
	down   trace.Time // it was taken down since, Never if it was not
	coming bool       // and is brought up again
	away   []trace.Time
}

// IsTold reports whether events told that CPUs were taken down or brought up.
func (o *Online) IsTold() bool { return len(o.cpus) > 0 }

// alive notes that a CPU recorded something, or was sent something: the kernel
// sends only to those that are online.
func (o *Online) alive(cpu int32) {
	if cpu >= 0 && cpu < cpumask.MaxCPUs && !o.seen.Has(int(cpu)) {
		o.seen.Set(int(cpu))
	}
}

// recorded notes that a CPU recorded something.
func (o *Online) recorded(cpu int32) {
	o.alive(cpu)
	if cpu >= 0 && cpu < cpumask.MaxCPUs && !o.own.Has(int(cpu)) {
		o.own.Set(int(cpu))
	}
}

// silent are the CPUs of a machine with n, outside of the isolated set, of which no
// event was looked at: whoever has the others' events alone cannot tell. Where
// nobody says how many CPUs there are, those up to the last one that shows are: they
// are numbered from 0 on. Isolated CPUs that are left alone record none.
func (o *Online) silent(isolated *cpumask.Mask, n int) (silent cpumask.Mask) {
	if n == 0 {
		n = o.seen.Last() + 1
	}
	if isolated == nil || n <= 0 {
		return silent
	}
	silent.SetRange(0, n-1)
	silent.AndNot(isolated)
	silent.AndNot(&o.own)
	return silent
}

// sparse is the part of its possible CPUs of which a machine shows some sign at
// least, if it has them all. Where it has them all and shows fewer, rates are too
// high, since the time of CPUs that were left alone is missing from them.
const sparse = 4

// ran notes that a CPU recorded an event, one that is looked at whatever else is
// read.
func (o *Online) ran(cpu int32, at trace.Time) {
	if cpu >= 0 && int(cpu) < len(o.cpus) && o.cpus[cpu].coming {
		o.end(cpu, at)
	}
}

func (o *Online) roleOf(e *trace.Event) onlineRole {
	r, ok := o.roles[e.ID]
	if !ok {
		s := e.Schema()
		r = onlineRole{s.Ref("cpu"), s.Ref("target"), s.Ref("idx")}
		if r.step == trace.NoField {
			r.step = s.Ref("step") // as the event is printed
		}
		if o.roles == nil {
			o.roles = map[trace.EventID]onlineRole{}
		}
		o.roles[e.ID] = r
	}
	return r
}

// hotplug takes a cpuhp event.
func (o *Online) hotplug(e *trace.Event) {
	r := o.roleOf(e)
	n, ok := e.Uint(r.cpu)
	if !ok || n >= cpumask.MaxCPUs || e.CPU < 0 {
		return
	}
	cpu := int32(n)
	for int(cpu) >= len(o.cpus) {
		o.cpus = append(o.cpus, onlineCPU{down: Never})
	}
	c := &o.cpus[cpu]
	if e.CPU == cpu {
		c.down = Never // it is a step of its own
		return
	}
	target, ok := e.Uint(r.target)
	step, ok2 := e.Uint(r.step)
	switch {
	case !ok || !ok2:
	case target < step:
		if c.down == Never {
			c.down = e.Time
		}
	case c.down != Never:
		c.coming = true
	}
}

// end closes a stretch in which a CPU was offline.
func (o *Online) end(cpu int32, at trace.Time) {
	c := &o.cpus[cpu]
	from := c.down
	c.down, c.coming = Never, false
	c.away = append(c.away, from, at)
	if o.Away != nil {
		o.Away(cpu, from, at)
	}
}

// End closes the stretches of the CPUs that are offline when the trace ends.
func (o *Online) End(last trace.Time) {
	for i := range o.cpus {
		if c := &o.cpus[i]; c.down != Never {
			o.end(int32(i), max(last, c.down))
		}
	}
}

// Offline is how long a CPU was offline in the time from first to last, in units of
// the trace's clock.
func (o *Online) Offline(cpu int, first, last trace.Time) (sum int64) {
	if cpu >= len(o.cpus) {
		return 0
	}
	for away := o.cpus[cpu].away; len(away) > 0; away = away[2:] {
		if from, to := max(away[0], first), min(away[1], last); from < to {
			sum += int64(to - from)
		}
	}
	return sum
}

// CPUs are those of the isolated set (nil: of all) that were watched, of a
// machine with n. A machine may have room for many more CPUs than it has: one of
// which less than a quarter showed a sign of life, an event of theirs or something
// sent to them. There the others are unseen, and in no table and no rate, unless
// nothing was seen of any of the set. Else nothing tells them from CPUs that were
// left alone.
func (o *Online) CPUs(isolated *cpumask.Mask, n int) (watched, unseen cpumask.Mask) {
	if n > 0 {
		watched.SetRange(0, n-1)
	}
	if isolated != nil {
		watched.And(isolated)
	}
	unseen.CopyFrom(&watched)
	unseen.AndNot(&o.seen)
	if sparse*o.seen.Count() < n && !unseen.Equal(&watched) {
		watched.AndNot(&unseen)
	} else {
		unseen.Reset()
	}
	return watched, unseen
}

// An Unwatched is what was not seen of the CPUs of one input.
type Unwatched struct{ Path, Text string }

// Unwatched says which CPUs of the isolated set were offline, and when.
func (o *Online) Unwatched(path string, isolated *cpumask.Mask, first, last trace.Time) []Unwatched {
	var list []Unwatched
	for cpu := range o.cpus {
		if isolated != nil && !isolated.Has(cpu) {
			continue
		}
		if away := o.Offline(cpu, first, last); away > 0 {
			list = append(list, Unwatched{path, fmt.Sprintf("CPU %d was offline for %.3g %% of the time", cpu, 100*float64(away)/(float64(last)-float64(first)))})
		}
	}
	return list
}

// WarnUnwatched says in a result what was not watched.
func WarnUnwatched(set *result.Set, unseen, away []Unwatched) {
	for _, u := range unseen {
		text := " show no sign of being online, no event of theirs and nothing sent to them: they are in no table and no rate"
		cpus := cpumask.Named(u.Text)
		if strings.HasPrefix(cpus, "CPU ") {
			text = " shows no sign of being online, no event of its own and nothing sent to it: it is in no table and no rate"
		}
		set.Warn("cpus-unseen", u.Path+": "+cpus+text)
	}
	for _, u := range away {
		set.Warn("cpu-offline", u.Path+": "+u.Text+": that time is neither quiet nor in any rate")
	}
}

// CPUTime is a sum of times of CPUs in units of a clock. 2^63 ns on 8192 CPUs do
// not fit into 64 bits. The zero CPUTime is none.
type CPUTime struct{ hi, lo uint64 }

// Add adds a time, which is not negative.
func (t *CPUTime) Add(d int64) { t.AddAll(CPUTime{0, uint64(max(d, 0))}) }

// AddAll adds another sum.
func (t *CPUTime) AddAll(o CPUTime) {
	var carry uint64
	t.lo, carry = bits.Add64(t.lo, o.lo, 0)
	t.hi, _ = bits.Add64(t.hi, o.hi, carry)
}

// MarshalJSON implements json.Marshaler: an array of the upper and the lower 64 bits.
func (t CPUTime) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint64{t.hi, t.lo}) }

// UnmarshalJSON implements json.Unmarshaler.
func (t *CPUTime) UnmarshalJSON(data []byte) error {
	var v [2]uint64
	err := json.Unmarshal(data, &v)
	*t = CPUTime{v[0], v[1]}
	return err
}

// IsZero reports whether there is none.
func (t CPUTime) IsZero() bool { return t == CPUTime{} }

// Float is the sum as a number to divide by.
func (t CPUTime) Float() float64 { return float64(t.hi)*(1<<64) + float64(t.lo) }

// Int is the sum, or the largest integer if it is more.
func (t CPUTime) Int() int64 {
	if t.hi > 0 || t.lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(t.lo)
}
