package html

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// data is what the script of the page computes with, as JSON.
type data struct {
	Time  *timeAxis            `json:"time,omitempty"`
	Lines map[string]*lineData `json:"lines,omitempty"` // by table
	CPUs  int                  `json:"cpus"`            // isolated
	Flame *flame               `json:"flame,omitempty"`
}

// A timeAxis is result.Time, its cells taken together where they would be too
// many.
type timeAxis struct {
	Width  int64      `json:"width"`
	Cells  int        `json:"cells"`
	Lead   int64      `json:"lead"`
	End    int64      `json:"end"`
	Ends   []int64    `json:"ends"`
	Origin float64    `json:"origin"` // s
	Ticks  bool       `json:"ticks,omitempty"`
	Gaps   [][2]int64 `json:"gaps,omitempty"`
}

// lineData are the hits of a table's rows over time.
type lineData struct {
	// Lines has for each row the cells that are not 0: how many are skipped,
	// what the next one holds, and so on.
	Lines [][]int64 `json:"lines"`
	// Rest is the sum of the rows that are not shown.
	Rest []int64 `json:"rest,omitempty"`
}

// newData takes the lines of the rows that are shown. shown is how many of them
// each table has.
func newData(s *result.Set, shown map[string]int, callers bool, l limits) data {
	d := data{CPUs: cpuCount(s.Isolated), Flame: newFlame(s.Stacks, callers, l)}
	if s.Time == nil {
		return d
	}
	lines := map[string]lines{}
	for _, t := range s.Tables {
		if t.OverTime() >= 0 {
			lines[t.Name] = newLines(t, shown[t.Name])
		}
	}
	d.Time = newTimeAxis(s)
	fold := 1
	for count(lines, fold) > l.cells && d.Time.Cells/fold > 1 {
		fold *= 2
	}
	d.Time.Width *= int64(fold)
	d.Time.Cells = (d.Time.Cells + fold - 1) / fold
	d.Lines = map[string]*lineData{}
	for name, x := range lines {
		d.Lines[name] = x.packed(fold)
	}
	return d
}

// lines are the cells of a table's rows that are shown, and the sum of the
// others.
type lines struct {
	rows [][]int64
	rest []int64
}

func newLines(t *result.Table, shown int) lines {
	var x lines
	over := t.OverTime()
	for r, row := range t.Rows {
		counts := row[over].Bars.Counts
		if r < shown {
			x.rows = append(x.rows, counts)
			continue
		}
		if x.rest == nil {
			x.rest = make([]int64, len(counts))
		}
		for i, c := range counts {
			x.rest[i] += c
		}
	}
	return x
}

func (x lines) packed(fold int) *lineData {
	d := &lineData{Lines: [][]int64{}}
	for _, cells := range x.rows {
		d.Lines = append(d.Lines, sparse(folded(cells, fold)))
	}
	if x.rest != nil {
		d.Rest = sparse(folded(x.rest, fold))
	}
	return d
}

// cpuCount is how many CPUs a list such as "2-3,8" has.
func cpuCount(list string) int {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		a, err := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err == nil && err2 == nil && b >= a {
			n += b - a + 1
		}
	}
	return n
}

func newTimeAxis(s *result.Set) *timeAxis {
	x := &timeAxis{Width: s.Time.Width, Cells: s.Time.Cells, Lead: s.Time.Lead, End: s.Time.End, Ends: s.Time.Ends, Origin: float64(s.Time.Origin) / 1e9}
	x.Ticks = s.HasTicks()
	for _, g := range s.Time.Gaps {
		x.Gaps = append(x.Gaps, [2]int64{g.From, g.To})
	}
	return x
}

// count is how many cells are not 0 if each fold of them are taken together.
func count(all map[string]lines, fold int) int {
	n := 0
	for _, x := range all {
		for _, cells := range append(x.rows[:len(x.rows):len(x.rows)], x.rest) {
			for some := range slices.Chunk(cells, fold) {
				if slices.ContainsFunc(some, func(c int64) bool { return c > 0 }) {
					n++
				}
			}
		}
	}
	return n
}

func folded(cells []int64, fold int) []int64 {
	out := make([]int64, (len(cells)+fold-1)/fold)
	for i, c := range cells {
		out[i/fold] += c
	}
	return out
}

func sparse(cells []int64) []int64 {
	out := []int64{}
	skipped := int64(0)
	for _, c := range cells {
		if c == 0 {
			skipped++
			continue
		}
		out = append(out, skipped, c)
		skipped = 0
	}
	return out
}
