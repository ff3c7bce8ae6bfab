package plot

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// overTime draws a line of small bars for each row, or for each series where
// there are no rows. Times are put together to fit the width.
func (d *textDrawing) overTime() {
	f := d.f
	names := f.Rows
	if f.Rows == nil {
		names = seriesNames(f)
	}
	names = shortNames(names, longestName)
	longest := len("lost")
	for i, n := range names {
		names[i] = text.Shorten(n, min(longestName, d.width/3))
		longest = max(longest, runewidth.StringWidth(names[i]))
	}
	cols := max(d.width-longest-4, 10)
	span := max(float64(f.X.Max-f.X.Min), 1)
	col := func(t int64) int { return min(max(int(float64(t-f.X.Min)/span*float64(cols)), 0), cols-1) }
	sums := make([][]float64, len(names))
	for i := range sums {
		sums[i] = make([]float64, cols)
	}
	for i, s := range f.Series {
		for _, p := range s.Points {
			row := p.Row
			if f.Rows == nil {
				row = i
			}
			at := col((p.From + p.To) / 2)
			if f.Form == result.FormSteps { // rates do not add up
				sums[row][at] = max(sums[row][at], p.Value)
			} else {
				sums[row][at] += p.Value
			}
		}
	}
	s := scale{min: 0, log: f.Value.Log}
	for _, row := range sums {
		for _, v := range row {
			s.max = max(s.max, v)
		}
	}
	if s.log {
		s.min = 0.5
	}
	for i, row := range sums {
		d.printf("  %s%s  %s\n", strings.Repeat(" ", longest-runewidth.StringWidth(names[i])), names[i], smallBars(s, row))
	}
	if len(f.Gaps) > 0 {
		marks := []rune(strings.Repeat(" ", cols))
		for _, g := range f.Gaps {
			for i := col(g.From); i <= col(g.To-1); i++ {
				marks[i] = '!'
			}
		}
		d.printf("  %*s  %s\n", longest, "lost", strings.TrimRight(string(marks), " "))
	}
	end := amount(&f.X, float64(f.X.Max))
	d.printf("  %*s  0%*s\n", longest, "", cols-1, end)
	d.printf("  full height: %s %s in one column", amount(&f.Value, s.max), f.Value.Label)
	if s.log {
		d.printf(", logarithmic")
	}
	d.printf("\n")
	if f.Form == result.FormLanes {
		d.seriesSums()
	}
}

// smallBars is a value in each column.
func smallBars(s scale, row []float64) string {
	var b strings.Builder
	for _, v := range row {
		if v == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[s.step(v, 8)])
	}
	return strings.TrimRight(b.String(), " ")
}

// seriesSums says how much each series has in all.
func (d *textDrawing) seriesSums() {
	var bars []textBar
	var sums []float64
	most, total := 0.0, 0.0
	for _, s := range d.f.Series {
		sum := 0.0
		for _, p := range s.Points {
			sum += p.Value
		}
		sums = append(sums, sum)
		most, total = max(most, sum), total+sum
	}
	names := shortNames(seriesNames(d.f), longestName)
	for i := range d.f.Series {
		bars = append(bars, textBar{names[i], sums[i] / most, amountLabel(&d.f.Value, sums[i], total)})
	}
	d.write(bars, false)
}
