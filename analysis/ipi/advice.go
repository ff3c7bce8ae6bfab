package ipi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// adviceTotal is one thing to do and the interference it would remove.
type adviceTotal struct {
	class     *catalog.Classification
	hits      uint64
	functions tallies
	roots     tallies
	// what belongs to it: the same thing to do may have several grounds
	whys, limits, sources tallies
}

// newAdvice is what is to be done about hits of a function.
func newAdvice(class *catalog.Classification, function string, hits uint64) adviceTotal {
	one := func(text string) tallies {
		if text == "" {
			return nil
		}
		return tallies{text: hits}
	}
	return adviceTotal{
		class: class, hits: hits, functions: one(function), roots: one(class.Root),
		whys: one(class.Why), limits: one(class.Limit), sources: one(class.Source),
	}
}

// addAdvice adds hits to what is to be done about them. One mitigation may
// answer several functions.
func (c *Counts) addAdvice(a adviceTotal) {
	key := a.key()
	old := c.advice[key]
	if old == nil {
		old = &adviceTotal{class: a.class, functions: tallies{}, roots: tallies{}, whys: tallies{}, limits: tallies{}, sources: tallies{}}
		c.advice[key] = old
	}
	old.hits += a.hits
	old.functions.add(a.functions)
	old.roots.add(a.roots)
	old.whys.add(a.whys)
	old.limits.add(a.limits)
	old.sources.add(a.sources)
}

// key tells what is to be done from other things.
func (a *adviceTotal) key() string {
	key := a.class.Class.String() + "\x00" + a.class.Do
	if a.isUnknown() {
		key += "\x00" + track.Unknown
	}
	return key
}

// isUnknown reports whether it is not known what the hits run.
func (a *adviceTotal) isUnknown() bool {
	_, is := a.functions[track.Unknown]
	return is
}

// recordMore is what to do about hits that nothing is known of.
const recordMore = "record csd:csd_queue_cpu, or stacks: nothing in the recording tells what these hits run"

// maxAdvice is how many things to do a person is shown.
const maxAdvice = 5

// adviceTable lists the mitigations that the catalogue knows, by the hits each
// would remove. Hits that nothing is known about have a row that says so.
func (c *Counts) adviceTable() *result.Table {
	t := &result.Table{Name: "advice", Title: "What to do", Cols: []result.Col{
		{Name: "hits", Head: "removes"},
		{Name: "share", Head: "share", Unit: "1"},
		{Name: "function", Head: "function", Help: "what the hits run, the most frequent first"},
		{Name: "root", Head: "from", Help: "the frames that decided the class"},
		{Name: "class", Head: "class"},
		{Name: "mitigation", Head: "what to do"},
		{Name: "reason", Head: "because"},
		{Name: "limit", Head: "limit", Help: "what doing so costs, risks or leaves"},
		{Name: "source", Head: "source", Help: "where that is written"},
	}, Show: []string{"hits", "share", "class", "function", "mitigation"}, Prose: "mitigation", Brief: maxAdvice}
	for _, a := range c.advice {
		text := a.class.Do
		switch {
		case a.isUnknown():
			text = recordMore
		case text == "":
			text = a.class.Class.Meaning()
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(a.hits), result.Float(ratio(float64(a.hits), float64(c.totals.hits))), result.Str(strings.Join(a.functions.sorted(), ", ")), result.Str(strings.Join(a.roots.sorted(), ", ")),
			result.Str(a.class.Class.String()), result.Str(text), result.Str(strings.Join(a.whys.sorted(), " ")), result.Str(strings.Join(a.limits.sorted(), " ")), result.Str(strings.Join(a.sources.sorted(), "; ")),
		})
	}
	t.SortDown(0)
	return t
}

// notes are sentences about the hits as a whole.
func (c *Counts) notes(set *result.Set) []string {
	var notes []string
	if c.totals.self+c.totals.noise > 0 {
		notes = append(notes, fmt.Sprintf("interference: %d hits; not in it: %d self-IPIs, %d caused by the recorder",
			c.totals.hits-c.totals.self-c.totals.noise, c.totals.self, c.totals.noise))
	}
	if c.splits() && c.isTooMany() {
		notes = append(notes, fmt.Sprintf("%d traces, more than --by-file-max %d: no column for each; --by file has rows of them", len(c.inputs), c.maxFiles))
	}
	if p := c.patching; p.rounds > p.operations {
		notes = append(notes, fmt.Sprintf("%d %s sends are %d text-patching operations of up to %d rounds each", p.rounds, syncCore, p.operations, maxRounds))
	}
	if n := c.causedBy(track.NoStack); n > 0 {
		why := "no stack was recorded with them"
		if slices.ContainsFunc(set.Inputs, func(in result.Input) bool { return in.FramesLeft > 0 }) {
			why = "they have no stack, but frames that could not be told apart"
		}
		notes = append(notes, fmt.Sprintf("%d hits have no known cause: %s, and their callsite does not tell", n, why))
	}
	if n := c.causedBy(track.Unknown); n > 0 {
		notes = append(notes, fmt.Sprintf("%d hits have no known cause: no frame of their stack tells", n))
	}
	return notes
}

// causedBy is the number of hits with this cause.
func (c *Counts) causedBy(cause string) uint64 {
	var n uint64
	for _, g := range c.groups {
		n += g.causes[cause]
	}
	return n
}
