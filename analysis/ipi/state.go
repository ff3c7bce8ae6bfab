package ipi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// StateVersion is that of the form of Overview.State.
const StateVersion = 1

// The form of Counts in a state: what is in a map or has an order of its own is a
// list in the order of its names. Names are in a table, as most of them are there many
// times; tallies are places in it, each followed by the hits of that name.
type (
	storedCounts struct {
		Names    state.Texts          `json:"names"`
		By       []string             `json:"by"`
		Isolated *cpumask.Mask        `json:"isolated,omitzero"`
		Unlike   bool                 `json:"unlike,omitzero"`
		Totals   storedSums           `json:"totals"`
		Groups   []*storedGroup       `json:"groups,omitzero"`
		CPUs     []storedCPU          `json:"cpus,omitzero"`
		Function state.Numbers        `json:"function,omitzero"`
		Advice   []storedAdvice       `json:"advice,omitzero"`
		Patching [2]uint64            `json:"patching,omitzero"` // rounds, operations
		Seen     cpumask.Mask         `json:"seen"`
		Watched  [numUnits]storedTime `json:"watched"`
		Unseen   []state.Remark       `json:"unseen,omitzero"`
		Away     []state.Remark       `json:"away,omitzero"`
		Dups     []state.Text         `json:"dups,omitzero"`
		Late     []storedLate         `json:"late,omitzero"`
		Missed   uint64               `json:"missed,omitzero"`
		Excluded uint64               `json:"excluded,omitzero"`
		Named    uint64               `json:"named,omitzero"`
		Cut      uint64               `json:"cut,omitzero"`
		Folded   []int                `json:"folded,omitzero"` // inputs
		Regime   Regime               `json:"regime,omitzero"`
		Extent   *storedExtent        `json:"extent,omitzero"`
		Cells    []uint32             `json:"cells,omitzero"`
		Gaps     []uint32             `json:"gaps,omitzero"`
		groups   []byte               // Groups as JSON
	}
	storedSums struct {
		Sends        uint64 `json:"sends,omitzero"`
		Requests     uint64 `json:"requests,omitzero"`
		Hits         uint64 `json:"hits,omitzero"`
		Self         uint64 `json:"self,omitzero"`
		Noise        uint64 `json:"noise,omitzero"`
		Unattributed uint64 `json:"unattributed,omitzero"`
	}
	storedGroup struct {
		Key state.Numbers `json:"key"` // names
		storedSums
		CPUs     cpumask.Mask  `json:"on"`
		Inputs   [][2]uint64   `json:"inputs,omitzero"` // input, hits
		Causes   state.Numbers `json:"causes,omitzero"`
		Classes  state.Numbers `json:"classes,omitzero"`
		Evidence state.Numbers `json:"evidence,omitzero"`
		Cells    []uint32      `json:"cells,omitzero"`
	}
	storedCPU struct {
		CPU   int                 `json:"cpu"`
		Units [numUnits][3]uint64 `json:"units"` // hits, longest quiet, time
	}
	storedAdvice struct {
		Class     string        `json:"class"`
		Do        uint64        `json:"do"` // name
		Hits      uint64        `json:"hits"`
		Functions state.Numbers `json:"functions,omitzero"`
		Roots     state.Numbers `json:"roots,omitzero"`
		Whys      state.Numbers `json:"whys,omitzero"`
		Limits    state.Numbers `json:"limits,omitzero"`
		Sources   state.Numbers `json:"sources,omitzero"`
	}
	storedTime struct {
		Traces   int           `json:"traces,omitzero"`
		Duration int64         `json:"duration,omitzero"`
		CPUs     track.CPUTime `json:"cpu_time,omitzero"`
		Hits     uint64        `json:"hits,omitzero"`
	}
	storedLate struct {
		Path   state.Text `json:"path"`
		First  string     `json:"first"`
		Before uint64     `json:"before"`
		Hits   uint64     `json:"hits"`
	}
	storedExtent struct {
		Width  int64    `json:"width"`
		Lead   int64    `json:"lead,omitzero"`
		To     int64    `json:"to"`
		Origin int64    `json:"origin,omitzero"`
		Ends   []int64  `json:"ends"`
		Early  [2]int64 `json:"early,omitzero"`
	}
)

// State returns the sums as they are kept in a state (package state). Those of
// Config.Spread are not.
func (o *Overview) State() (json.RawMessage, error) {
	var views []storedCounts
	for _, c := range o.views {
		views = append(views, c.stored())
	}
	return marshal(views)
}

// marshal is json.Marshal with "<" as it is.
func marshal(v any) (json.RawMessage, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), err
}

// naming makes the table of names.
type naming struct {
	names  state.Texts
	places map[string]uint64
}

func (n *naming) place(name string) uint64 {
	place, ok := n.places[name]
	if !ok {
		place = uint64(len(n.names))
		n.places[name] = place
		n.names = append(n.names, state.TextOf(name))
	}
	return place
}

func (n *naming) tallies(t tallies) state.Numbers {
	list := make(state.Numbers, 0, 2*len(t))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		list = append(list, n.place(name), t[name])
	}
	return list
}

func (c *Counts) stored() storedCounts {
	n := naming{places: map[string]uint64{}}
	x := storedCounts{
		Isolated: c.isolated, Unlike: c.unlike, Totals: c.totals.exported(), Function: n.tallies(c.function),
		Patching: [2]uint64{c.patching.rounds, c.patching.operations}, Seen: c.seen,
		Missed: c.missed, Excluded: c.excluded, Named: c.named, Cut: c.cut, Regime: c.regime, Cells: c.cells, Gaps: c.gaps,
	}
	for _, k := range c.by {
		x.By = append(x.By, k.String())
	}
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		x.Groups = append(x.Groups, c.groups[name].stored(&n))
	}
	for _, cpu := range slices.Sorted(maps.Keys(c.cpus)) {
		s := storedCPU{CPU: cpu}
		for u, t := range c.cpus[cpu] {
			s.Units[u] = [3]uint64{t.hits, uint64(t.quiet), uint64(t.time)}
		}
		x.CPUs = append(x.CPUs, s)
	}
	for _, name := range slices.Sorted(maps.Keys(c.advice)) {
		a := c.advice[name]
		x.Advice = append(x.Advice, storedAdvice{a.class.Class.String(), n.place(a.class.Do), a.hits, n.tallies(a.functions), n.tallies(a.roots), n.tallies(a.whys), n.tallies(a.limits), n.tallies(a.sources)})
	}
	for u, w := range c.watched {
		x.Watched[u] = storedTime{w.traces, w.duration, w.cpus, w.hits}
	}
	x.Unseen, x.Away = state.RemarksOf(c.unseen), state.RemarksOf(c.away)
	for _, d := range c.dups {
		x.Dups = append(x.Dups, state.TextOf(d))
	}
	for _, l := range c.late {
		x.Late = append(x.Late, storedLate{state.TextOf(l.path), l.first, l.before, l.hits})
	}
	for i, folded := range c.folded {
		if folded {
			x.Folded = append(x.Folded, i)
		}
	}
	if e := &c.extent; e.traces > 0 {
		x.Extent = &storedExtent{e.width, e.lead, e.to, e.origin, e.ends, [2]int64{e.early.From, e.early.To}}
	}
	x.Names = n.names
	return x
}

func (g *namedGroup) stored(n *naming) *storedGroup {
	x := storedGroup{storedSums: g.counts.exported(), CPUs: g.cpus, Causes: n.tallies(g.causes), Classes: n.tallies(g.classes), Evidence: n.tallies(g.evidence), Cells: g.cells}
	for _, k := range g.key {
		x.Key = append(x.Key, n.place(k))
	}
	for _, f := range g.byFile {
		x.Inputs = append(x.Inputs, [2]uint64{uint64(f.input), f.hits})
	}
	return &x
}

func (c counts) exported() storedSums {
	return storedSums{c.sends, c.requests, c.hits, c.self, c.noise, c.unattributed}
}

func (s storedSums) counts() counts {
	return counts{s.Sends, s.Requests, s.Hits, s.Self, s.Noise, s.Unattributed}
}

// DecodeOverview returns the sums that State made, of these inputs; main leaves out all
// but those by Config.By.
func DecodeOverview(sums json.RawMessage, inputs []result.Input, main bool) (*Overview, error) {
	o := &Overview{}
	for name, text := range state.Members(sums) {
		if name != "" {
			return nil, fmt.Errorf("a member %q where a view should be", name)
		}
		var x storedCounts
		c := (*Counts)(nil)
		err := x.decode(text)
		if err == nil {
			c, err = x.counts(inputs)
		}
		if err != nil {
			return nil, fmt.Errorf("view %d: %w", len(o.views), err)
		}
		if o.views = append(o.views, c); main {
			break
		}
	}
	if len(o.views) == 0 {
		return nil, errors.New("no view in it")
	}
	return o, nil
}

// decode reads a view. Lists of groups and of numbers are most of it: encoding/json
// looks at them three times, and by reflection.
func (x *storedCounts) decode(text []byte) error {
	rest := []byte{'{'}
	for name, value := range state.Members(text) {
		var err error
		switch name {
		case "names":
			err = x.Names.UnmarshalJSON(value)
		case "function":
			err = x.Function.UnmarshalJSON(value)
		case "groups":
			x.groups = value
		case "advice":
			for _, text := range state.Members(value) {
				var a storedAdvice
				if err := a.decode(text); err != nil {
					return err
				}
				x.Advice = append(x.Advice, a)
			}
		default:
			if len(rest) > 1 {
				rest = append(rest, ',')
			}
			rest = append(append(fmt.Appendf(rest, "%q", name), ':'), value...)
		}
		if err != nil {
			return err
		}
	}
	return json.Unmarshal(append(rest, '}'), x)
}

func (g *storedGroup) decode(text []byte) error {
	for name, value := range state.Members(text) {
		var err error
		switch name {
		case "key":
			err = g.Key.UnmarshalJSON(value)
		case "causes":
			err = g.Causes.UnmarshalJSON(value)
		case "classes":
			err = g.Classes.UnmarshalJSON(value)
		case "evidence":
			err = g.Evidence.UnmarshalJSON(value)
		case "on":
			err = g.CPUs.UnmarshalText(bytes.Trim(value, `"`))
		case "inputs":
			err = g.decodeInputs(value)
		case "cells":
			err = json.Unmarshal(value, &g.Cells)
		case "sends":
			g.Sends, err = strconv.ParseUint(string(value), 10, 64)
		case "requests":
			g.Requests, err = strconv.ParseUint(string(value), 10, 64)
		case "hits":
			g.Hits, err = strconv.ParseUint(string(value), 10, 64)
		case "self":
			g.Self, err = strconv.ParseUint(string(value), 10, 64)
		case "noise":
			g.Noise, err = strconv.ParseUint(string(value), 10, 64)
		case "unattributed":
			g.Unattributed, err = strconv.ParseUint(string(value), 10, 64)
		default:
			err = fmt.Errorf("a member %q of a group", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *storedGroup) decodeInputs(text []byte) error {
	var n state.Numbers
	for _, pair := range state.Members(text) {
		if err := n.UnmarshalJSON(pair); err != nil {
			return err
		}
		if len(n) != 2 {
			return fmt.Errorf("%d numbers in place of an input and its hits", len(n))
		}
		g.Inputs = append(g.Inputs, [2]uint64(n))
	}
	return nil
}

func (a *storedAdvice) decode(text []byte) error {
	for name, value := range state.Members(text) {
		var err error
		switch name {
		case "class":
			err = json.Unmarshal(value, &a.Class)
		case "do":
			a.Do, err = strconv.ParseUint(string(value), 10, 64)
		case "hits":
			a.Hits, err = strconv.ParseUint(string(value), 10, 64)
		case "functions":
			err = a.Functions.UnmarshalJSON(value)
		case "roots":
			err = a.Roots.UnmarshalJSON(value)
		case "whys":
			err = a.Whys.UnmarshalJSON(value)
		case "limits":
			err = a.Limits.UnmarshalJSON(value)
		case "sources":
			err = a.Sources.UnmarshalJSON(value)
		default:
			err = fmt.Errorf("a member %q of something to do", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named is the name at a place of the table.
func (x *storedCounts) named(place uint64) (string, error) {
	if place >= uint64(len(x.Names)) {
		return "", fmt.Errorf("name %d of %d", place, len(x.Names))
	}
	return x.Names[place].String(), nil
}

// tallies reads lists of naming.tallies, each into the place behind it.
func (x *storedCounts) tallies(lists ...any) error {
	for ; len(lists) > 0; lists = lists[2:] {
		list, into := lists[0].(state.Numbers), lists[1].(*tallies)
		if len(list)%2 != 0 {
			return fmt.Errorf("a tally of %d numbers, want pairs", len(list))
		}
		*into = make(tallies, len(list)/2)
		for i := 0; i < len(list); i += 2 {
			name, err := x.named(list[i])
			if err != nil {
				return err
			}
			(*into)[name] = list[i+1]
		}
	}
	return nil
}

func (x *storedCounts) counts(inputs []result.Input) (*Counts, error) {
	var by []Key
	if len(x.By) > 0 {
		var err error
		if by, err = ParseKeys(strings.Join(x.By, ",")); err != nil {
			return nil, err
		}
	}
	c := NewCounts(x.Isolated, by)
	c.unlike, c.totals, c.seen = x.Unlike, x.Totals.counts(), x.Seen
	c.patching = patching{x.Patching[0], x.Patching[1]}
	c.missed, c.excluded, c.named, c.cut, c.regime, c.inputs = x.Missed, x.Excluded, x.Named, x.Cut, x.Regime, inputs
	c.unseen, c.away = state.RemarksTo[track.Unwatched](x.Unseen), state.RemarksTo[track.Unwatched](x.Away)
	for u, w := range x.Watched {
		c.watched[u] = watched{w.Traces, w.Duration, w.CPUs, w.Hits}
	}
	for _, d := range x.Dups {
		c.dups = append(c.dups, d.String())
	}
	for _, l := range x.Late {
		c.late = append(c.late, lateCalls{l.Path.String(), l.First, l.Before, l.Hits})
	}
	c.folded = make([]bool, len(inputs))
	for _, i := range x.Folded {
		if i < 0 || i >= len(inputs) {
			return nil, fmt.Errorf("input %d of %d", i, len(inputs))
		}
		c.folded[i] = true
	}
	for _, s := range x.CPUs {
		var t cpuTotal
		for u, v := range s.Units {
			t[u].hits, t[u].quiet, t[u].time = v[0], int64(v[1]), int64(v[2])
		}
		c.cpus[s.CPU] = t
	}
	if err := x.tallies(x.Function, &c.function); err != nil {
		return nil, err
	}
	for i := range x.Advice {
		if err := x.advice(c, &x.Advice[i]); err != nil {
			return nil, err
		}
	}
	if err := x.cells(c, len(inputs)); err != nil {
		return nil, err
	}
	var g storedGroup // of which nothing is kept
	if x.groups == nil {
		return c, nil
	}
	for _, text := range state.Members(x.groups) {
		g = storedGroup{Key: g.Key[:0], Causes: g.Causes[:0], Classes: g.Classes[:0], Evidence: g.Evidence[:0], Inputs: g.Inputs[:0]}
		err := g.decode(text)
		if err == nil {
			err = x.group(c, &g)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// advice takes something to do about hits.
func (x *storedCounts) advice(c *Counts, a *storedAdvice) error {
	class := slices.Index(catalog.ClassNames(), a.Class)
	if class < 0 {
		return fmt.Errorf("no class is called %q", a.Class)
	}
	do, err := x.named(a.Do)
	if err != nil {
		return err
	}
	t := adviceTotal{class: &catalog.Classification{Class: catalog.Class(class), Do: do}, hits: a.Hits}
	err = x.tallies(a.Functions, &t.functions, a.Roots, &t.roots, a.Whys, &t.whys, a.Limits, &t.limits, a.Sources, &t.sources)
	if key := t.key(); c.advice[key] == nil {
		c.advice[key] = &t // whose tallies nobody else has
	} else {
		c.addAdvice(t)
	}
	return err
}

// cells takes what there is over time.
func (x *storedCounts) cells(c *Counts, inputs int) error {
	e := x.Extent
	if e == nil {
		return nil
	}
	c.extent = extent{width: e.Width, lead: e.Lead, to: e.To, origin: e.Origin, traces: len(e.Ends), ends: e.Ends, early: result.Span{From: e.Early[0], To: e.Early[1]}}
	if e.Width <= 0 || e.Width&(e.Width-1) != 0 || e.Lead < 0 || e.To < 0 || len(e.Ends) != inputs || e.To/e.Width >= 2*maxShown {
		return fmt.Errorf("the time of cells is not possible: %+v", *e)
	}
	c.cells, c.gaps = x.Cells, x.Gaps
	if n := c.extent.cells(); len(c.cells) != n || len(c.gaps) != n {
		return fmt.Errorf("%d and %d cells over time, want %d", len(c.cells), len(c.gaps), n)
	}
	return nil
}

// group takes a group.
func (x *storedCounts) group(c *Counts, y *storedGroup) error {
	g := &namedGroup{counts: y.counts(), cpus: y.CPUs, cells: y.Cells, key: make([]string, 0, len(y.Key))}
	if err := x.tallies(y.Causes, &g.causes, y.Classes, &g.classes, y.Evidence, &g.evidence); err != nil {
		return err
	}
	for _, k := range y.Key {
		name, err := x.named(k)
		if err != nil {
			return err
		}
		g.key = append(g.key, name)
	}
	if len(g.key) != len(c.by) {
		return fmt.Errorf("a group with %d keys, want %d", len(g.key), len(c.by))
	}
	last := -1
	for _, f := range y.Inputs {
		if f[0] >= uint64(len(c.inputs)) || int(f[0]) <= last {
			return fmt.Errorf("a group with hits in input %d of %d, behind input %d", f[0], len(c.inputs), last)
		}
		last = int(f[0])
		g.byFile = append(g.byFile, fileHits{last, f[1]})
	}
	if len(g.cells) > c.extent.cells() {
		return fmt.Errorf("a group with %d cells over time, want at most %d", len(g.cells), c.extent.cells())
	}
	name := strings.Join(g.key, "\x00")
	if c.groups[name] != nil {
		return fmt.Errorf("two groups with the key %q", g.key)
	}
	c.groups[name] = g
	return nil
}

// Merge adds an overview of the same views.
func (o *Overview) Merge(p *Overview) error {
	if len(o.views) != len(p.views) {
		return fmt.Errorf("%d views, want %d", len(p.views), len(o.views))
	}
	for i, c := range p.views {
		if !slices.Equal(o.views[i].by, c.by) {
			return fmt.Errorf("view %d: other keys", i)
		}
	}
	o.Add(p.views)
	return nil
}
