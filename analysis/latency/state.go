package latency

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

// The form of Counts in a state.
type (
	stored struct {
		Isolated *cpumask.Mask                        `json:"isolated,omitzero"` // nil: every CPU
		Unlike   bool                                 `json:"unlike,omitzero"`
		Groups   []storedGroup                        `json:"groups,omitzero"`
		Chain    [track.NumLines][numLegs]stat.Dist   `json:"chain,omitzero"`
		Resched  [numFlags]stat.Dist                  `json:"resched,omitzero"`
		Arrivals [track.NumBracketKinds]track.Account `json:"arrivals,omitzero"`
		Runs     [track.NumBracketKinds]track.Account `json:"runs,omitzero"`
		Hits     track.Account                        `json:"hits,omitzero"`
		Requests track.Account                        `json:"requests,omitzero"`
		Negative uint64                               `json:"negative,omitzero"`
		Folded   bool                                 `json:"folded,omitzero"`
		Switches bool                                 `json:"switches,omitzero"`
		Duration int64                                `json:"duration"`
		Seen     cpumask.Mask                         `json:"seen"`
		Unseen   []state.Remark                       `json:"unseen,omitzero"`
		Away     []state.Remark                       `json:"away,omitzero"`
		Skewed   []state.Text                         `json:"skewed,omitzero"`
		Ticks    []state.Text                         `json:"ticks,omitzero"`
		Missing  [NumTimes]uint64                     `json:"missing,omitzero"`
		Lossy    bool                                 `json:"lossy,omitzero"`
	}
	storedGroup struct {
		Key      []state.Text           `json:"key"`
		Times    [NumTimes]stat.Dist    `json:"times,omitzero"`
		Arrived  uint64                 `json:"arrived,omitzero"`
		Joined   uint64                 `json:"joined,omitzero"`
		Modes    [track.NumModes]uint64 `json:"modes,omitzero"`
		Watched  uint64                 `json:"watched,omitzero"`
		Switched uint64                 `json:"switched,omitzero"`
		Softirq  uint64                 `json:"softirq,omitzero"`
		Tick     uint64                 `json:"tick,omitzero"`
		Need     uint64                 `json:"need,omitzero"`
		Lazy     uint64                 `json:"lazy,omitzero"`
		Longest  []storedLongest        `json:"longest,omitzero"`
	}
	storedLongest struct {
		Time Time       `json:"time"`
		NS   int64      `json:"ns"`
		At   int64      `json:"at"`
		File state.Text `json:"file"`
	}
)

// State returns the sums as they are kept in a state (package state). The worst, which
// are single IPIs, are in none.
func (c *Counts) State() (json.RawMessage, error) {
	if c.cfg.Worst > 0 {
		return nil, errors.New("the worst are single IPIs of one trace: they are in no state")
	}
	x := stored{
		Isolated: c.cfg.Isolated, Unlike: c.unlike, Chain: c.chain, Resched: c.resched, Arrivals: c.arrivals, Runs: c.runs, Hits: c.hits, Requests: c.requests,
		Negative: c.negative, Folded: c.folded, Switches: c.switches, Duration: c.duration, Seen: c.seen,
		Unseen: state.RemarksOf(c.unseen), Away: state.RemarksOf(c.away), Skewed: state.TextsOf(c.skewed), Ticks: state.TextsOf(c.ticks),
		Missing: c.missing, Lossy: c.lossy,
	}
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[name]
		o := &g.outcome
		x.Groups = append(x.Groups, storedGroup{state.TextsOf(g.key), g.times, o.arrived, o.joined, o.modes, o.watched, o.switched, o.softirq, o.tick, o.need, o.lazy, nil})
		for t, l := range g.longest {
			if l.ns >= 0 {
				y := &x.Groups[len(x.Groups)-1]
				y.Longest = append(y.Longest, storedLongest{Time(t), l.ns, int64(l.at), state.TextOf(l.file)})
			}
		}
	}
	return json.Marshal(x)
}

// Decode returns the sums that State made, of a Counts of this Config, but for the
// isolated CPUs, and of these inputs.
func Decode(sums json.RawMessage, cfg Config, inputs []result.Input) (*Counts, error) {
	var x stored
	if err := json.Unmarshal(sums, &x); err != nil {
		return nil, err
	}
	cfg.Isolated = x.Isolated
	c := NewCounts(cfg)
	c.unlike, c.chain, c.resched, c.arrivals, c.runs, c.hits, c.requests = x.Unlike, x.Chain, x.Resched, x.Arrivals, x.Runs, x.Hits, x.Requests
	c.negative, c.folded, c.switches, c.duration, c.seen, c.inputs = x.Negative, x.Folded, x.Switches, x.Duration, x.Seen, inputs
	c.unseen, c.away = state.RemarksTo[track.Unwatched](x.Unseen), state.RemarksTo[track.Unwatched](x.Away)
	c.skewed, c.ticks, c.missing, c.lossy = state.StringsOf(x.Skewed), state.StringsOf(x.Ticks), x.Missing, x.Lossy
	for i := range x.Groups {
		y := &x.Groups[i]
		g := newNamedGroup(state.StringsOf(y.Key))
		g.times = y.Times
		for _, l := range y.Longest {
			if l.Time >= NumTimes {
				return nil, fmt.Errorf("time %d of %d", l.Time, NumTimes)
			}
			g.longest[l.Time] = longest{l.NS, trace.Time(l.At), l.File.String()}
		}
		g.outcome = outcome{y.Arrived, y.Joined, y.Modes, y.Watched, y.Switched, y.Softirq, y.Tick, y.Need, y.Lazy}
		if len(g.key) != len(cfg.By) {
			return nil, fmt.Errorf("a group with %d keys, want %d", len(g.key), len(cfg.By))
		}
		name := strings.Join(g.key, "\x00")
		if c.groups[name] != nil {
			return nil, fmt.Errorf("two groups with the key %q", g.key)
		}
		c.groups[name] = g
	}
	return c, nil
}

// Rename replaces the values of a key of Config.By; groups that are the same then
// become one.
func (c *Counts) Rename(k Key, name func(string) string) {
	i := slices.Index(c.cfg.By, k)
	if i < 0 {
		return
	}
	old := c.groups
	c.groups = map[string]*namedGroup{}
	for _, id := range slices.Sorted(maps.Keys(old)) {
		g := old[id]
		g.key = slices.Clone(g.key)
		g.key[i] = name(g.key[i])
		c.addGroup(g)
	}
}
