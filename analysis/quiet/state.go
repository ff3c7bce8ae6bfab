package quiet

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// StateVersion is that of the form of Counts.State.
const StateVersion = 2

// The form of Counts in a state. What hit gaps is not in it: they are times of one
// trace.
type (
	stored struct {
		Isolated *cpumask.Mask   `json:"isolated,omitzero"` // nil: every CPU
		Unlike   bool            `json:"unlike,omitzero"`
		CPUs     []storedCPU     `json:"cpus,omitzero"`
		Sources  []storedSource  `json:"sources,omitzero"`
		Causes   []storedCause   `json:"causes,omitzero"`
		Odd      []storedAnomaly `json:"odd,omitzero"`
		Points   uint64          `json:"points,omitzero"`
		Offset   int64           `json:"offset,omitzero"`
		Bad      uint64          `json:"bad,omitzero"`
		Duration int64           `json:"duration"`
		Time     track.CPUTime   `json:"cpu_time"`
		Unseen   []state.Remark  `json:"unseen,omitzero"`
		Away     []state.Remark  `json:"away,omitzero"`
		Seen     cpumask.Mask    `json:"seen"`
		Has      []string        `json:"has,omitzero"`
		Lacks    []string        `json:"lacks,omitzero"`
		NoEntry  uint64          `json:"no_entry,omitzero"`
		Offline  bool            `json:"offline,omitzero"`
	}
	storedCPU struct {
		CPU           int                           `json:"cpu"`
		Watched       int64                         `json:"watched,omitzero"`
		Interruptions uint64                        `json:"interruptions,omitzero"`
		Taken         int64                         `json:"taken,omitzero"`
		Quiet         stat.Dist                     `json:"quiet,omitzero"`
		Longest       [2]int64                      `json:"longest,omitzero"` // ns, from
		AtOnce        [2]int64                      `json:"at_once,omitzero"`
		Kinds         []storedKind                  `json:"kinds,omitzero"`
		Censored      uint64                        `json:"censored,omitzero"`
		Worst         [4]int64                      `json:"worst,omitzero"` // index, count, taken, from
		Enters        uint64                        `json:"enters,omitzero"`
		Exits         uint64                        `json:"exits,omitzero"`
		Odd           [numOddities]uint64           `json:"odd,omitzero"`
		User          int64                         `json:"user,omitzero"`
		Kernel        int64                         `json:"kernel,omitzero"`
		Exit          stat.Dist                     `json:"exit,omitzero"`
		Observed      int64                         `json:"observed,omitzero"`
		Sampled       bool                          `json:"sampled,omitzero"`
		LongestRun    int64                         `json:"longest_run,omitzero"`
		Unpaired      [track.NumBracketKinds]uint64 `json:"unpaired,omitzero"`
		Shorter       bool                          `json:"shorter,omitzero"`
		Lossy         bool                          `json:"lossy,omitzero"`
	}
	storedKind struct {
		Kind  string `json:"kind"`
		Count uint64 `json:"count"`
	}
	storedSource struct {
		Kind    string       `json:"kind"`
		Name    state.Text   `json:"name"`
		Count   uint64       `json:"count"`
		Taken   stat.Dist    `json:"taken,omitzero"`
		Total   int64        `json:"total,omitzero"`
		ByNoise uint64       `json:"by_noise,omitzero"`
		CPUs    cpumask.Mask `json:"cpus"`
		Longest *storedPeak  `json:"longest,omitzero"`
	}
	storedPeak struct {
		NS   int64      `json:"ns"`
		At   int64      `json:"at"`
		CPU  int32      `json:"cpu"`
		File state.Text `json:"file"`
	}
	storedCause struct {
		Event state.Text `json:"event"`
		Count uint64     `json:"count"`
		After stat.Dist  `json:"after,omitzero"`
	}
	storedAnomaly struct {
		What   oddity     `json:"what"`
		At     int64      `json:"at"`
		CPU    int        `json:"cpu"`
		File   state.Text `json:"file"`
		Event  state.Text `json:"event"`
		Comm   state.Text `json:"comm"`
		PID    int32      `json:"pid"`
		Vector int64      `json:"vector"`
		After  int64      `json:"after"`
	}
)

// State returns the sums as they are kept in a state (package state). Those of gaps and
// the worst, which are single interruptions, cannot be.
func (c *Counts) State() (json.RawMessage, error) {
	if len(c.cfg.Gaps) > 0 {
		return nil, errors.New("gaps are times of one trace: what hit them is in no state")
	}
	if c.cfg.Worst > 0 {
		return nil, errors.New("the worst are single interruptions of one trace: they are in no state")
	}
	x := stored{
		Isolated: c.cfg.Isolated, Unlike: c.unlike, Points: c.points, Offset: c.offset, Bad: c.bad, Duration: c.duration, Time: c.time,
		Unseen: state.RemarksOf(c.unseen), Away: state.RemarksOf(c.away), Seen: c.seen,
		Has: slices.Sorted(maps.Keys(c.has)), Lacks: slices.Sorted(maps.Keys(c.lacks)), NoEntry: c.noEntry, Offline: c.offline,
	}
	for _, n := range c.sortedCPUs() {
		x.CPUs = append(x.CPUs, c.cpus[n].stored(n))
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.sources), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		t := c.sources[key]
		y := storedSource{key[0], state.TextOf(key[1]), t.count, t.taken, t.total, t.byNoise, t.cpus, nil}
		if p := &t.longest; p.ns >= 0 {
			y.Longest = &storedPeak{p.ns, int64(p.at), p.cpu, state.TextOf(p.file)}
		}
		x.Sources = append(x.Sources, y)
	}
	for _, name := range slices.Sorted(maps.Keys(c.causes)) {
		x.Causes = append(x.Causes, storedCause{state.TextOf(name), c.causes[name].count, c.causes[name].after})
	}
	for _, a := range c.odd {
		x.Odd = append(x.Odd, storedAnomaly{a.what, int64(a.at), a.cpu, state.TextOf(a.file), state.TextOf(a.event), state.TextOf(a.comm), a.pid, a.vector, a.after})
	}
	return json.Marshal(x)
}

func (t *cpuTotal) stored(n int) storedCPU {
	x := storedCPU{
		CPU: n, Watched: t.watched, Interruptions: t.interruptions, Taken: t.taken, Quiet: t.quiet,
		Longest: [2]int64{t.longest, int64(t.longestAt)}, AtOnce: [2]int64{t.atOnce, int64(t.atOnceAt)}, Censored: t.censored,
		Worst: [4]int64{t.worst.index, int64(t.worst.count), t.worst.taken, int64(t.worstAt)}, Enters: t.enters, Exits: t.exits,
		Odd: t.odd, User: t.user, Kernel: t.kernel, Exit: t.exit, Observed: t.observed, Sampled: t.sampled, LongestRun: t.longestRun,
		Unpaired: t.unpaired, Shorter: t.doubt.shorter, Lossy: t.doubt.lossy,
	}
	for _, k := range t.kinds {
		x.Kinds = append(x.Kinds, storedKind(k))
	}
	slices.SortFunc(x.Kinds, func(a, b storedKind) int { return strings.Compare(a.Kind, b.Kind) })
	return x
}

func (x *storedCPU) total() *cpuTotal {
	t := &cpuTotal{
		watched: x.Watched, interruptions: x.Interruptions, taken: x.Taken, quiet: x.Quiet,
		longest: x.Longest[0], longestAt: trace.Time(x.Longest[1]), atOnce: x.AtOnce[0], atOnceAt: trace.Time(x.AtOnce[1]), censored: x.Censored,
		worst: second{x.Worst[0], uint64(x.Worst[1]), x.Worst[2]}, worstAt: trace.Time(x.Worst[3]), enters: x.Enters, exits: x.Exits,
		odd: x.Odd, user: x.User, kernel: x.Kernel, exit: x.Exit, observed: x.Observed, sampled: x.Sampled, longestRun: x.LongestRun,
		unpaired: x.Unpaired, doubt: doubt{x.Shorter, x.Lossy},
	}
	for _, k := range x.Kinds {
		t.kinds = append(t.kinds, KindCount(k))
	}
	return t
}

// Decode returns the sums that State made, of these inputs.
func Decode(sums json.RawMessage, inputs []result.Input) (*Counts, error) {
	var x stored
	if err := json.Unmarshal(sums, &x); err != nil {
		return nil, err
	}
	c := NewCounts(Config{Isolated: x.Isolated})
	c.unlike, c.points, c.offset, c.bad, c.duration, c.time = x.Unlike, x.Points, x.Offset, x.Bad, x.Duration, x.Time
	c.unseen, c.away = state.RemarksTo[track.Unwatched](x.Unseen), state.RemarksTo[track.Unwatched](x.Away)
	c.seen, c.inputs, c.noEntry, c.offline = x.Seen, inputs, x.NoEntry, x.Offline
	for _, name := range x.Has {
		c.has[name] = true
	}
	for _, name := range x.Lacks {
		c.lacks[name] = true
	}
	for i := range x.CPUs {
		n := x.CPUs[i].CPU
		if n < 0 || n >= cpumask.MaxCPUs || c.cpus[n] != nil {
			return nil, fmt.Errorf("CPU %d twice, or none", n)
		}
		c.cpus[n] = x.CPUs[i].total()
	}
	for i := range x.Sources {
		y := &x.Sources[i]
		t := &tally{count: y.Count, taken: y.Taken, total: y.Total, byNoise: y.ByNoise, cpus: y.CPUs, longest: peak{ns: -1}}
		if p := y.Longest; p != nil {
			t.longest = peak{p.NS, trace.Time(p.At), p.CPU, p.File.String()}
		}
		c.addSource([2]string{y.Kind, y.Name.String()}, t)
	}
	for i := range x.Causes {
		y := &x.Causes[i]
		c.addEntry(y.Event.String(), &entry{y.Count, y.After})
	}
	for _, a := range x.Odd {
		if a.What >= numOddities {
			return nil, fmt.Errorf("oddity %d of %d", a.What, numOddities)
		}
		c.odd = append(c.odd, anomaly{
			what: a.What, at: trace.Time(a.At), cpu: a.CPU, file: a.File.String(), sight: sight{pid: a.PID, vector: a.Vector}, after: a.After,
			event: a.Event.String(), comm: a.Comm.String(),
		})
	}
	return c, nil
}

// RenameTasks replaces the names of tasks; those that are the same then become one.
func (c *Counts) RenameTasks(name func(string) string) {
	old := c.sources
	c.sources = map[[2]string]*tally{}
	for key, t := range old {
		if key[0] == kindTask {
			key[1] = name(key[1])
		}
		c.addSource(key, t)
	}
}
