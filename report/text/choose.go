package text

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A choice is the rows of a table that people are shown.
type choice struct {
	rows [][]result.Value
	more int // rows that were cut off
	idle int // rows that tell of nothing (result.Table.Idle)
}

// choose leaves out idle rows and puts rows together that differ in the CPU alone,
// unless all are wanted, and keeps at most top of the rest, 0 for no limit.
func choose(t *result.Table, top int, all bool) choice {
	c := choice{rows: t.Rows}
	if !all {
		c.rows = t.Busy()
		c.idle = len(t.Rows) - len(c.rows)
		if by := t.Index(t.Fold); by >= 0 {
			c.rows = fold(c.rows, by, t.Shown())
		}
	}
	if top > 0 && top < len(c.rows) {
		c.more = len(c.rows) - top
		c.rows = foremost(c.rows, t.Index(t.Rank), top)
	}
	return c
}

// fold puts rows together that differ in column by alone, which holds numbers of
// CPUs, of those that are shown; the row has their list.
func fold(rows [][]result.Value, by int, shown []int) [][]result.Value {
	var folded [][]result.Value
	var cpus [][]int
	for _, row := range rows {
		cpu, err := strconv.Atoi(row[by].Text())
		if err != nil {
			return rows
		}
		i := slices.IndexFunc(folded, func(o []result.Value) bool {
			return !slices.ContainsFunc(shown, func(c int) bool { return c != by && o[c] != row[c] })
		})
		if i < 0 {
			folded, cpus = append(folded, row), append(cpus, []int{cpu})
			continue
		}
		cpus[i] = append(cpus[i], cpu)
	}
	for i, list := range cpus {
		if len(list) > 1 {
			folded[i] = slices.Clone(folded[i])
			folded[i][by] = result.Str(cpuList(list))
		}
	}
	return folded
}

// cpuList writes numbers as the kernel writes a list of CPUs: 0-3,64.
func cpuList(cpus []int) string {
	slices.Sort(cpus)
	var words []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		word := strconv.Itoa(cpus[i])
		if j > i {
			word += "-" + strconv.Itoa(cpus[j])
		}
		words = append(words, word)
		i = j + 1
	}
	return strings.Join(words, ",")
}

// foremost are the n rows with the most in column rank, in their order; the first n
// if there is no such column.
func foremost(rows [][]result.Value, rank, n int) [][]result.Value {
	if rank < 0 {
		return rows[:n]
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rows[b][rank].Compare(rows[a][rank]) })
	slices.Sort(order[:n])
	kept := make([][]result.Value, n)
	for i, r := range order[:n] {
		kept[i] = rows[r]
	}
	return kept
}

// rest says how many rows are not shown, and how to see them; it is empty if all
// are.
func (c *choice) rest() string {
	var left, flags []string
	if c.more > 0 {
		left, flags = append(left, fmt.Sprintf("%d more", c.more)), append(flags, "--top 0")
	}
	if c.idle > 0 {
		left, flags = append(left, fmt.Sprintf("%d without a hit", c.idle)), append(flags, "--all-rows")
	}
	if left == nil {
		return ""
	}
	shows := " shows all)"
	if len(flags) > 1 {
		shows = " show all)"
	}
	what := strings.Join(left, ", ")
	if len(c.rows) > 0 {
		what = "… and " + what
	}
	return what + " (" + strings.Join(flags, " and ") + shows
}
