package irqcount

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Row is what both sides counted of one kind of interrupt on one CPU.
type Row struct {
	CPU     int
	Kind    string   // the events that tell of it
	Lines   []string // of /proc/interrupts
	Texts   []string // what they say
	Counted uint64   // by /proc/interrupts
	Traced  uint64
}

// Compare returns one row for each CPU and kind that either side counted, in
// order; isolated is nil for all CPUs.
func (c *Counts) Compare(deltas []Delta, isolated *cpumask.Mask) []Row {
	rows := map[seenKey]*Row{}
	at := func(k seenKey) *Row {
		if rows[k] == nil {
			rows[k] = &Row{CPU: k.cpu, Kind: k.kind, Traced: c.seen[k]}
		}
		return rows[k]
	}
	for _, d := range deltas {
		if isolated != nil && !isolated.Has(d.CPU) {
			continue
		}
		kind := kindOf(d.Name, d.Text)
		if kind == "" {
			kind = "(no event) " + d.Name
		}
		r := at(seenKey{d.CPU, kind})
		if !isPart(d, deltas) {
			r.Counted += d.Count
		}
		r.Lines = append(r.Lines, d.Name)
		r.Texts = append(r.Texts, d.Text)
	}
	for k := range c.seen {
		if isolated == nil || isolated.Has(k.cpu) {
			at(k)
		}
	}
	var list []Row
	for _, r := range rows {
		if r.Counted+r.Traced > 0 {
			list = append(list, *r)
		}
	}
	slices.SortFunc(list, func(a, b Row) int { return cmp.Or(cmp.Compare(a.CPU, b.CPU), cmp.Compare(a.Kind, b.Kind)) })
	return list
}

// isPart reports a count that another line of the same CPU has in it: TLB is some
// of CAL.
func isPart(d Delta, all []Delta) bool {
	return d.Name == "TLB" && slices.ContainsFunc(all, func(o Delta) bool { return o.Name == "CAL" && o.CPU == d.CPU })
}

// AddTo adds the comparison to a result.
func (c *Counts) AddTo(set *result.Set, deltas []Delta, isolated *cpumask.Mask) {
	t := &result.Table{Name: "interrupts", Title: "What /proc/interrupts counted, and what the trace saw", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"},
		{Name: "kind", Head: "kind", Help: "the events that tell of it"},
		{Name: "line", Head: "line", Help: "of /proc/interrupts"},
		{Name: "counted", Head: "counted"},
		{Name: "traced", Head: "traced", Keep: true},
		{Name: "missing", Head: "not traced", Help: "counted but not seen; negative if the copies span less than the trace"},
		{Name: "text", Head: "what"},
	}}
	var untraced uint64
	for _, r := range c.Compare(deltas, isolated) {
		if r.Traced == 0 {
			untraced += r.Counted
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(r.CPU), result.Str(r.Kind), result.Str(strings.Join(r.Lines, "+")), result.Int(r.Counted), result.Int(r.Traced),
			result.Int(int64(r.Counted) - int64(r.Traced)), result.Str(strings.Join(r.Texts, " + ")),
		})
	}
	set.Tables = append(set.Tables, t)
	if untraced > 0 {
		set.Warn("not-traced", fmt.Sprintf("/proc/interrupts counted %d interrupts of kinds that the trace has no event of", untraced))
	}
}
