package quiet

import (
	"cmp"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Gap is a stretch of time in which a measuring program did not run, as it
// says: what hit its CPU then is asked for. Times are those of the trace's
// clock.
type Gap struct {
	CPU        int32 // -1: any
	Start, End trace.Time
	File       string // the trace that it is in; "" is any
}

// A Culprit is an interruption in a gap, or just before it.
type Culprit struct {
	Kind, Name  string
	Sender      int32 // -1 unknown, or nobody
	Comm, Cause string
	stack       string // of the send, "" without one
	delivery    int64  // ns from the send, -1 if not known
	gap         int
	cpu         int32
	start, end  trace.Time
}

// maxCulprits bounds what is kept for all gaps together.
const maxCulprits = 1 << 14

// gaps holds the asked-for stretches by start, and what hit them.
type gaps struct {
	list    []Gap // as asked for
	order   []int // by start
	within  trace.Time
	longest trace.Time
	found   []Culprit
	more    uint64
}

// set asks for the gaps of one trace.
func (g *gaps) set(list []Gap, within trace.Time, path string) {
	g.list, g.within = list, within
	for i := range list {
		if list[i].File != "" && list[i].File != path {
			continue
		}
		g.order = append(g.order, i)
		g.longest = max(g.longest, list[i].End-list[i].Start)
	}
	slices.SortFunc(g.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(list[a].Start, list[b].Start), cmp.Compare(a, b))
	})
}

// add notes an interruption under the gaps that it overlaps.
func (g *gaps) add(cpu int32, start, end trace.Time, describe func() Culprit) {
	if len(g.order) == 0 {
		return
	}
	if end == track.Never {
		end = start
	}
	// a gap is hit by what overlaps [Start-within, End]
	first, _ := slices.BinarySearchFunc(g.order, start-g.longest, func(i int, t trace.Time) int { return cmp.Compare(g.list[i].Start, t) })
	for _, i := range g.order[first:] {
		gap := &g.list[i]
		if gap.Start-g.within > end {
			break
		}
		if gap.End < start || gap.CPU >= 0 && gap.CPU != cpu {
			continue
		}
		if len(g.found) >= maxCulprits {
			g.more++
			continue
		}
		c := describe()
		c.gap, c.cpu, c.start, c.end = i, cpu, start, end
		g.found = append(g.found, c)
	}
}
