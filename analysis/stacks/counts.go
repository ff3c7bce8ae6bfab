package stacks

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/stacks/v1"

// Counts are the stacks of one or more traces with all ids resolved to text. A
// fresh Counts is the identity of Merge, which is associative, and commutative
// but for the order of the inputs.
type Counts struct {
	by, labels []key.Key
	isolated   *cpumask.Mask
	samples    map[string]*sample
	seen       cpumask.Mask // CPUs of the traced machines
	duration   int64        // ns, summed over the traces
	inputs     []result.Input
	// sends are those that count, taken those that Config.Takes takes
	sends, taken, excluded uint64
}

type sample struct {
	frames, key, labels []string
	counts
}

// NewCounts returns the sum of no traces.
func NewCounts(cfg Config) *Counts {
	return &Counts{by: cfg.By, labels: cfg.Labels, isolated: cfg.Isolated, samples: map[string]*sample{}}
}

// Counts returns what s counted. in describes the trace it came from.
func (s *State) Counts(in result.Input) *Counts {
	c := NewCounts(s.cfg)
	t := s.counted()
	c.sends, c.taken, c.excluded, c.duration, c.inputs = t.sends, t.taken, t.excluded, s.span.Duration(), []result.Input{in}
	if s.events > 0 {
		c.seen.SetRange(0, max(s.table.Meta.CPUs, int(s.maxCPU)+1)-1)
	}
	frames := map[trace.StackID][]string{}
	for id, n := range t.samples {
		if frames[id.stack] == nil {
			frames[id.stack] = s.attr.Names(id.stack, s.cfg.Whole)
		}
		c.add(&sample{frames: frames[id.stack], key: s.texts(s.cfg.By, id.by), labels: s.texts(s.cfg.Labels, id.labels), counts: *n})
	}
	return c
}

// texts are the values of keys; a send that hit nobody has no target.
func (s *State) texts(keys []key.Key, ids key.IDs) []string {
	var texts []string
	for i, k := range keys {
		text := k.Text(ids[i], s.table, s.attr)
		if k == key.Target && text == "-1" {
			text = ""
		}
		texts = append(texts, text)
	}
	return texts
}

func (c *Counts) add(x *sample) {
	id := strings.Join(x.frames, "\x00") + "\x01" + strings.Join(x.key, "\x00") + "\x01" + strings.Join(x.labels, "\x00")
	old := c.samples[id]
	if old == nil {
		old = &sample{frames: x.frames, key: x.key, labels: x.labels}
		c.samples[id] = old
	}
	old.hits += x.hits
	old.sends += x.sends
}

// Merge adds o to c. Both must have the same Config; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for _, x := range o.samples {
		c.add(x)
	}
	c.seen.Or(&o.seen)
	c.duration += o.duration
	c.sends += o.sends
	c.taken += o.taken
	c.excluded += o.excluded
	c.inputs = append(c.inputs, o.inputs...)
}

// Result makes the result.
func (c *Counts) Result() *result.Set {
	isolated := c.isolated
	if isolated == nil {
		isolated = &c.seen
	}
	set := &result.Set{Schema: Schema, Inputs: c.inputs, Isolated: isolated.String(), Stacks: c.stacks()}
	for _, k := range c.by {
		set.By = append(set.By, k.String())
	}
	var hits, unknown uint64
	stacks := map[string]bool{}
	for _, x := range c.samples {
		hits += x.hits
		if x.frames[0] == result.NoStack {
			unknown += x.hits
		} else if x.hits > 0 {
			stacks[strings.Join(x.frames, "\x00")] = true
		}
	}
	set.Totals = []result.Field{
		{Name: "sends", Value: result.Int(c.taken)},
		{Name: "hits", Value: result.Int(hits)},
		{Name: "no_stack", Value: result.Int(unknown)},
		{Name: "stacks", Value: result.Int(len(stacks))},
		{Name: "duration_ns", Value: result.Int(c.duration)},
	}
	set.Verdict = fmt.Sprintf("%s: %s from %s", cpumask.Named(cmp.Or(set.Isolated, "(none)")), plural(hits, "hit"), plural(uint64(len(stacks)), "stack"))
	c.warn(set, hits, unknown)
	return set
}

func (c *Counts) stacks() *result.Stacks {
	st := &result.Stacks{Values: []result.Col{
		{Name: "hits", Head: "hits", Help: "interruptions of isolated CPUs: one for each target of each send"},
		{Name: "sends", Head: "sends", Help: "send events; each counts once in each group it has a target in"},
	}}
	for _, k := range c.by {
		st.Keys = append(st.Keys, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc(), Key: true})
	}
	for _, k := range c.labels {
		st.Labels = append(st.Labels, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc()})
	}
	for _, x := range c.samples {
		st.Samples = append(st.Samples, result.Sample{Frames: x.frames, Key: x.key, Labels: x.labels, Values: []int64{int64(x.hits), int64(x.sends)}})
	}
	st.Sort()
	return st
}

func (c *Counts) warn(set *result.Set, hits, unknown uint64) {
	seen := track.Coverage{Sends: c.sends, Excluded: c.excluded, Isolated: c.isolated, Seen: &c.seen}
	seen.Warn(set)
	if unknown > 0 {
		set.Warn("no-stacks", fmt.Sprintf("%d of %d hits were recorded without a stack and are under %q: record with trace-cmd record -T", unknown, hits, result.NoStack))
	}
}

func plural(n uint64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
