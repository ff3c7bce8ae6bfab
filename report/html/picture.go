package html

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// The pictures in cells are drawn by attributes, which the page's policy allows,
// and coloured by style.css. Whoever does not see them has the numbers.

// pictures are what a table has a column of besides its own: hits over time, or
// ratios with their intervals.
type pictures struct {
	table  *result.Table
	over   int // column of hits over time, -1 if there is none
	forest *forest
	behind int // the column that they stand behind, -1 if there are none
}

func newPictures(t *result.Table) *pictures {
	p := &pictures{t, t.OverTime(), nil, -1}
	if p.over >= 0 {
		p.behind = max(t.Index("hits"), t.Index("share"))
	} else if p.forest = newForest(t); p.forest != nil {
		p.behind = p.forest.hi
	}
	return p
}

// head is the head of the pictures, which stand behind column i if ok.
func (p *pictures) head(i int) (h head, ok bool) {
	switch {
	case i != p.behind:
		return head{}, false
	case p.over >= 0:
		return head{Name: "over", Text: "over time", Help: "hits over the time of the trace, each row to its own scale"}, true
	}
	return head{Name: "interval", Text: "ratio, 95 % interval", Help: p.forest.help()}, true
}

func (p *pictures) draw(row int) template.HTML {
	if p.over >= 0 {
		return sparkline(p.table.Rows[row][p.over].Bars.Counts)
	}
	return p.forest.draw(p.table.Rows[row])
}

// barWidth is that of a bar; tables.js knows it too.
const barWidth = 48

// bar draws a share.
func bar(share float64) template.HTML {
	share = min(1, max(0, share))
	return template.HTML(`<svg class="cell" viewBox="0 0 48 16" width="48" height="16" aria-hidden="true"><rect class="track" y="4" width="48" height="8"/><rect class="part" y="4" width="` +
		coordinate(barWidth*share) + `" height="8"/></svg>`)
}

// sparkPoints is how many points a line over time has.
const sparkPoints = 48

// sparkline draws counts over time to their own scale.
func sparkline(cells []int64) template.HTML {
	points := make([]int64, min(sparkPoints, len(cells)))
	var most int64
	for i, c := range cells {
		p := &points[i*len(points)/len(cells)]
		*p += c
		most = max(most, *p)
	}
	const width, height = 96.0, 16.0
	var d strings.Builder
	for i, p := range points {
		y := height - 1
		if p > 0 {
			// one hit can be seen beside any number of them
			y -= 2 + (height-4)*float64(p)/float64(most)
		}
		x := width * float64(i) / float64(len(points))
		next := width * float64(i+1) / float64(len(points))
		if i == 0 {
			fmt.Fprintf(&d, "M%s %s", coordinate(x), coordinate(y))
		} else if points[i-1] != p {
			fmt.Fprintf(&d, "V%s", coordinate(y))
		}
		if i == len(points)-1 || points[i+1] != p {
			fmt.Fprintf(&d, "H%s", coordinate(next))
		}
	}
	return template.HTML(`<svg class="cell" viewBox="0 0 96 16" width="96" height="16" aria-hidden="true"><path class="over" d="` + d.String() + `"/></svg>`)
}

// coordinate is a number as SVG takes it, with one digit behind the point.
func coordinate(f float64) string {
	return strconv.FormatFloat(math.Round(10*f)/10, 'f', -1, 64)
}

// A forest draws ratios with their intervals on one logarithmic scale.
type forest struct {
	ratio, lo, hi int // columns
	decades       float64
}

// newForest returns nil for a table without ratios and intervals.
func newForest(t *result.Table) *forest {
	f := &forest{ratio: t.Index("ratio"), lo: t.Index("ci.lo"), hi: t.Index("ci.hi"), decades: 1}
	if f.ratio < 0 || f.lo < 0 || f.hi < 0 || saysNothing(t, f.ratio) && saysNothing(t, f.hi) {
		return nil
	}
	for _, row := range t.Rows {
		for _, i := range []int{f.ratio, f.lo, f.hi} {
			if v := row[i].Float; v > 0 && !math.IsInf(v, 0) {
				f.decades = max(f.decades, math.Ceil(math.Abs(math.Log10(v))))
			}
		}
	}
	f.decades = min(f.decades, 3)
	return f
}

func (f *forest) help() string {
	return fmt.Sprintf("ratio of the rates with its 95 %% interval, logarithmic from 1/%g to %g; the line in the middle is 1", math.Pow(10, f.decades), math.Pow(10, f.decades))
}

const forestWidth = 160

// x is where a ratio lies; what is beyond the scale lies at its end.
func (f *forest) x(ratio float64) float64 {
	at := math.Log10(ratio) / f.decades // -1 to 1
	return forestWidth / 2 * (1 + min(1, max(-1, at)))
}

func (f *forest) draw(row []result.Value) template.HTML {
	ratio, lo, hi := row[f.ratio].Float, row[f.lo].Float, row[f.hi].Float
	if math.IsNaN(lo) || math.IsNaN(hi) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="cell" viewBox="0 0 %d 16" width="%d" height="16" aria-hidden="true"><path class="axis" d="M%d 1V15"/>`, forestWidth, forestWidth, forestWidth/2)
	from, to := f.x(lo), f.x(hi)
	fmt.Fprintf(&b, `<path class="over" d="M%s 8H%s"/>`, coordinate(from), coordinate(to))
	if !math.IsNaN(ratio) {
		fmt.Fprintf(&b, `<rect class="part" x="%s" y="5" width="6" height="6"/>`, coordinate(f.x(ratio)-3))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
