package budget

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Group is CPUs with limits of their own.
type Group struct {
	Name   string
	CPUs   cpumask.Mask
	Limits Budget
}

// readGroups reads the groups of a file: names with "cpus" and limits. No CPU may be in
// two of them, as nothing says which counts.
func readGroups(v *yaml.Node, b *Budget) error {
	if v.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: want names, each with cpus and limits", shown(v))
	}
	var seen cpumask.Mask
	return pairs(v, func(key, value *yaml.Node) error {
		g := Group{Name: key.Value}
		if value.Kind != yaml.MappingNode {
			return fmt.Errorf("%s: want cpus and limits", shown(value))
		}
		if err := readKeys(value, &g.Limits, groupKeys(&g)); err != nil {
			return err
		}
		if g.CPUs.IsEmpty() {
			return fmt.Errorf("it has no cpus")
		}
		for n := range g.CPUs.All() {
			if seen.Has(n) {
				return fmt.Errorf("CPU %d is in another group", n)
			}
		}
		seen.Or(&g.CPUs)
		b.Groups = append(b.Groups, g)
		return nil
	})
}

// groupKeys are what a group may hold: its CPUs, and what is measured of each CPU.
func groupKeys(g *Group) []key {
	list := []key{{"cpus", func(_ *Budget, v *yaml.Node) error {
		m, err := cpumask.ParseList([]byte(v.Value))
		if err != nil || v.Kind != yaml.ScalarNode || m.IsEmpty() {
			return fmt.Errorf("%s: want CPUs such as 2-3,8", shown(v))
		}
		g.CPUs = m
		return nil
	}}}
	return append(list, limitKeys()...)
}

// of is the budget of one CPU: that of its group in front of that of all.
func (b *Budget) of(cpu int) *Budget {
	for i := range b.Groups {
		if g := &b.Groups[i]; g.CPUs.Has(cpu) {
			return b.with(&g.Limits)
		}
	}
	return b
}

// with is b with the limits of o in place of its own. A name that only one of them
// limits stays limited.
func (b *Budget) with(o *Budget) *Budget {
	all := *b
	for _, x := range []struct{ to, from **float64 }{
		{&all.MaxHits, &o.MaxHits}, {&all.MaxStolen, &o.MaxStolen}, {&all.MinAvailable, &o.MinAvailable},
	} {
		override(x.to, *x.from)
	}
	override(&all.MaxHandler, o.MaxHandler)
	override(&all.MinQuiet, o.MinQuiet)
	override(&all.MaxInterruption, o.MaxInterruption)
	override(&all.MaxDelivery, o.MaxDelivery)
	override(&all.MaxUntraced, o.MaxUntraced)
	override(&all.MaxSample, o.MaxSample)
	override(&all.MaxRest, o.MaxRest)
	override(&all.MaxLatency, o.MaxLatency)
	limitName := func(l Limit) string { return l.Name }
	all.Classes = merged(b.Classes, o.Classes, limitName)
	all.Functions = merged(b.Functions, o.Functions, limitName)
	all.Interruptions = merged(b.Interruptions, o.Interruptions, limitName)
	all.MaxNoise = merged(b.MaxNoise, o.MaxNoise, func(l NoiseLimit) string { return l.Name })
	return &all
}

func override[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// merged are a CPU's own limits, and of all CPUs those of other names.
func merged[T any](all, own []T, name func(T) string) []T {
	list := slices.Clone(own)
	for _, l := range all {
		if !slices.ContainsFunc(own, func(o T) bool { return name(o) == name(l) }) {
			list = append(list, l)
		}
	}
	return list
}

// absent finds CPUs of groups that were not looked at: they cannot pass.
func (b *Budget) absent(m *Measured) []rule {
	var list []rule
	for _, g := range b.Groups {
		rest := g.CPUs
		var there cpumask.Mask
		for i := range m.CPUs {
			there.Set(m.CPUs[i].CPU)
		}
		if rest.AndNot(&there); !rest.IsEmpty() {
			list = append(list, rule{
				name: "CPUs of group " + strconv.Quote(g.Name), limit: g.CPUs.String(), outcome: Undecided,
				reason: rest.Named() + ": not among the isolated CPUs of the recording",
			})
		}
	}
	return list
}

// AllFunctions are the limits of functions of all CPUs and of the groups.
func (b *Budget) AllFunctions() []Limit {
	return b.every(func(b *Budget) []Limit { return b.Functions })
}

// AllClasses are the limits of classes.
func (b *Budget) AllClasses() []Limit { return b.every(func(b *Budget) []Limit { return b.Classes }) }

func (b *Budget) every(of func(*Budget) []Limit) []Limit {
	list := of(b)
	for i := range b.Groups {
		list = append(list[:len(list):len(list)], of(&b.Groups[i].Limits)...)
	}
	return list
}

// LimitsNoise reports whether anything that osnoise or timerlat measure is limited.
func (b *Budget) LimitsNoise() bool {
	return !b.NoiseBudget.IsEmpty() || slices.ContainsFunc(b.Groups, func(g Group) bool { return !g.Limits.NoiseBudget.IsEmpty() })
}
