package whatif

import (
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// Counts are the fates of one or more traces' hits. A fresh Counts is the
// identity of Merge, which is associative and commutative.
type Counts struct {
	classes [len(classes)]fate
	cpus    map[int]cpuFate
	tracked bool
	without bool // the TLB part of the series
}

type cpuFate struct {
	fate
	entries, paying uint64
}

// NewCounts returns the sum of no traces.
func NewCounts() *Counts { return &Counts{cpus: map[int]cpuFate{}} }

// Counts returns what s found.
func (s *State) Counts() *Counts {
	c := NewCounts()
	c.classes, c.tracked, c.without = s.classes, s.tracked, s.cfg.WithoutTLB
	for n := range s.cpus {
		if x := &s.cpus[n]; x.hits+x.entries > 0 {
			c.cpus[n] = cpuFate{x.fate, x.entries, x.paying}
		}
	}
	return c
}

// Merge adds o to c; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for i := range o.classes {
		c.classes[i].add(o.classes[i])
	}
	for n, f := range o.cpus {
		old := c.cpus[n]
		old.fate.add(f.fate)
		old.entries += f.entries
		old.paying += f.paying
		c.cpus[n] = old
	}
	c.tracked = c.tracked || o.tracked
	c.without = c.without || o.without
}

func fateCols() []result.Col {
	return []result.Col{
		{Name: "hits", Head: "hits"},
		{Name: "deferred", Head: "deferred", Help: "no IPI: the target is in user mode and does the work at its next entry"},
		{Name: "coalesced", Head: "coalesced", Help: "no IPI: the same work waits already"},
		{Name: "stay", Head: "stay", Help: "sent as before: not deferrable, to itself, or the target is in the kernel"},
		{Name: "unknown", Head: "unknown", Help: "the recording does not tell whether the target was in user mode"},
	}
}

func (f *fate) values() []result.Value {
	return []result.Value{result.Int(f.hits), result.Int(f.deferred), result.Int(f.coalesced), result.Int(f.stay), result.Int(f.unknown)}
}

// AddTo adds the tables to the result of a report.
func (c *Counts) AddTo(set *result.Set) {
	byClass := &result.Table{Name: "what_if", Title: "If deferrable work waited for the next kernel entry", Cols: append([]result.Col{{Name: "class", Head: "class", Key: true}}, fateCols()...)}
	var all fate
	for i, f := range c.classes {
		if f.hits > 0 {
			byClass.Rows = append(byClass.Rows, append([]result.Value{result.Str(classes[i].String())}, f.values()...))
		}
		all.add(f)
	}
	byClass.SortDown(1)
	byCPU := &result.Table{Name: "what_if_cpus", Title: "What it would cost", Cols: append([]result.Col{{Name: "cpu", Head: "CPU"}}, fateCols()...)}
	byCPU.Cols = append(byCPU.Cols,
		result.Col{Name: "entries", Head: "entries", Help: "entries from user mode that would still happen"},
		result.Col{Name: "paying", Head: "paying", Help: "entries that would find work waiting"},
		result.Col{Name: "paying_share", Head: "share", Unit: "1"},
	)
	var cpus []int
	for n := range c.cpus {
		cpus = append(cpus, n)
	}
	slices.Sort(cpus)
	var entries, paying uint64
	for _, n := range cpus {
		f := c.cpus[n]
		entries, paying = entries+f.entries, paying+f.paying
		share := 0.0
		if f.entries > 0 {
			share = float64(f.paying) / float64(f.entries)
		}
		byCPU.Rows = append(byCPU.Rows, append(append([]result.Value{result.Int(n)}, f.values()...), result.Int(f.entries), result.Int(f.paying), result.Float(share)))
	}
	set.Tables = append(set.Tables, byClass, byCPU)
	d := c.classes[catalog.Deferrable]
	d.add(c.classes[catalog.Candidate])
	set.Notes = append(set.Notes, fmt.Sprintf("what if: of %d hits %d would vanish (%d of them coalesce), %d stay, %d cannot be told; %d of %d kernel entries would do their work",
		all.hits, all.deferred+all.coalesced, all.coalesced, all.stay, all.unknown, paying, entries))
	set.Notes = append(set.Notes, c.premise())
	if !c.tracked && d.hits > 0 {
		set.Warn("no-context-tracking", "no user_enter and user_exit events: whether the targets were in user mode is not known; record -e context_tracking as well")
	}
}

// premise says what the figures suppose: that is no kernel that can be had.
func (c *Counts) premise() string {
	text := "what if: no released kernel does this: the deferral series is posted, not merged (version 8 of March 2026 is an RFC), for x86 with nohz_full only, and its last versions need page-table isolation (pti=on); " +
		"candidates are deferred by none of its versions"
	if c.without {
		text += "; work on kernel text alone is deferred here, as in version 5, and TLB flushes stay"
	}
	return text
}
