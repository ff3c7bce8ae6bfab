package ipi

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// AddBars adds to the table of CPUs of a report the hits of each CPU over time.
// byCPU are the counts of the same trace with Config.By key.Target alone and
// Config.Timeline.
func AddBars(set *result.Set, byCPU *Counts) {
	if byCPU.extent.traces != 1 {
		set.Warn("no-bars", "--spark: several traces do not share one time: give one for the rate over time")
		return
	}
	t := set.Table("cpus")
	cells := map[string][]uint32{}
	for _, g := range byCPU.groups {
		cells[g.key[0]] = g.cells
	}
	t.Cols = append(t.Cols, result.Col{Name: "over_time", Head: "over time", Help: "hits in stretches of time of equal length"})
	start, width := byCPU.fromStart()
	for r, row := range t.Rows {
		bars := &result.Bars{Start: start, Width: width}
		for _, n := range byCPU.padded(cells[strconv.FormatInt(row[0].Int, 10)]) {
			bars.Counts = append(bars.Counts, int64(n))
		}
		t.Rows[r] = append(row, result.Over(bars))
	}
}
