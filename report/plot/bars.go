package plot

import (
	"fmt"

	"gonum.org/v1/plot"
	plottext "gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// bars draws a bar for each row: the series behind one another, or below one
// another with their intervals.
func (p *page) bars(b *plot.Plot) {
	f := p.f
	p.rowAxis(&b.Y)
	b.Y.Label.Text = f.Y.Label
	tick := p.style(tickSize, p.t.ink)
	labels := p.barLabels()
	x := newRuler(&f.Value, 0, p.room(labels, tick, p.size.X-p.rowWidth(tick)))
	x.setUp(&b.X, 7)
	b.X.Label.Text = x.title(&f.Value)
	b.Add(p.grid(true, false))
	if f.Form == result.FormBars {
		b.Add(p.stackedBars())
	} else {
		b.Add(p.intervals())
	}
	b.Add(plotted(func(c draw.Canvas, b *plot.Plot) {
		for _, l := range labels {
			tick.YAlign = -0.5
			c.FillText(tick, vg.Point{X: c.X(b.X.Norm(l.end)) + labelGap, Y: c.Y(b.Y.Norm(l.y)) + 1*px}, l.text)
		}
	}))
}

func (p *page) stackedBars() plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		n := len(p.f.Rows)
		ends := make([]float64, n)
		for i, s := range p.f.Series {
			var path vg.Path
			for _, q := range s.Points {
				y := float64(n-q.Row) - 0.5
				path = rectangle(path, c.X(b.X.Norm(ends[q.Row])), c.Y(b.Y.Norm(y-0.36)), c.X(b.X.Norm(ends[q.Row]+q.Value)), c.Y(b.Y.Norm(y+0.36)))
				ends[q.Row] += q.Value
			}
			if len(path) > 0 {
				c.SetColor(p.colour(i))
				c.Fill(path)
			}
		}
	}
}

// intervals draws the bars of a comparison.
func (p *page) intervals() plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		height := p.sideHeight()
		for i, s := range p.f.Series {
			for _, q := range s.Points {
				y := p.sideAt(i, q.Row)
				fill(c, p.colour(i), c.X(b.X.Norm(0)), c.Y(b.Y.Norm(y-height*0.45)), c.X(b.X.Norm(q.Value)), c.Y(b.Y.Norm(y+height*0.45)))
				p.whisker(c, b, q, y, height*0.22)
			}
		}
	}
}

// sideHeight is the height of a side's bar in rows.
func (p *page) sideHeight() float64 { return 0.8 / float64(max(len(p.f.Series), 1)) }

// sideAt is the middle of the bar of a side in a row.
func (p *page) sideAt(side, row int) float64 {
	return float64(len(p.f.Rows)-row) - 0.1 - p.sideHeight()*(float64(side)+0.5)
}

// whisker draws the interval of a point.
func (p *page) whisker(c draw.Canvas, b *plot.Plot, q result.Point, y, half float64) {
	sty := draw.LineStyle{Color: p.t.ink, Width: 1 * px}
	lo, hi := c.X(b.X.Norm(q.Lo)), c.X(b.X.Norm(q.Hi))
	c.StrokeLine2(sty, lo, c.Y(b.Y.Norm(y)), hi, c.Y(b.Y.Norm(y)))
	for _, x := range []vg.Length{lo, hi} {
		c.StrokeLine2(sty, x, c.Y(b.Y.Norm(y-half)), x, c.Y(b.Y.Norm(y+half)))
	}
}

// A barLabel is text behind a bar that ends at a value.
type barLabel struct {
	end, y float64
	text   string
}

// labelGap is between a bar and its text.
const labelGap = 5 * px

// barLabels are the texts behind all bars.
func (p *page) barLabels() []barLabel {
	f := p.f
	var labels []barLabel
	if f.Form == result.FormIntervals {
		// behind all that the row has: a whisker of another side is close enough to
		// run through the text
		first, end := make([]float64, len(f.Rows)), make([]float64, len(f.Rows))
		for i, s := range f.Series {
			for _, q := range s.Points {
				if i == 0 {
					first[q.Row] = q.Value
				}
				end[q.Row] = max(end[q.Row], q.Value, q.Hi)
			}
		}
		for i, s := range f.Series {
			for _, q := range s.Points {
				labels = append(labels, barLabel{end[q.Row], p.sideAt(i, q.Row), intervalLabel(q, first[q.Row])})
			}
		}
		return labels
	}
	sums, total := rowSums(f)
	for row, sum := range sums {
		labels = append(labels, barLabel{sum, float64(len(sums)-row) - 0.5, amountLabel(&f.Value, sum, total)})
	}
	return labels
}

// rowSums are the sums of the rows of a figure and that of all.
func rowSums(f *result.Figure) (sums []float64, total float64) {
	sums = make([]float64, len(f.Rows))
	for _, s := range f.Series {
		for _, q := range s.Points {
			sums[q.Row] += q.Value
			total += q.Value
		}
	}
	return sums, total
}

// room is the value at the end of an axis on which all labels fit.
func (p *page) room(labels []barLabel, sty plottext.Style, width vg.Length) float64 {
	most := 0.0
	for _, l := range labels {
		bar := max(width-sty.Width(l.text)-labelGap, width/4)
		most = max(most, l.end*float64(width/bar))
	}
	return most
}

// rowWidth is the width that the axis with the names of the rows takes.
func (p *page) rowWidth(sty plottext.Style) vg.Length {
	widest := vg.Length(0)
	for _, name := range shortNames(p.f.Rows, p.longest) {
		widest = max(widest, sty.Width(name))
	}
	return widest + 2*labelSize
}

// intervalLabel is the value, and of what is compared what became of it.
func intervalLabel(q result.Point, before float64) string {
	s := text.Significant(q.Value)
	if q.Note == "" {
		return s
	}
	if before > 0 && q.Value > 0 {
		s += " (× " + amount(&result.Axis{Unit: "ratio"}, q.Value/before) + ")"
	}
	return s + " " + q.Note
}

// amountLabel is the text behind a bar.
func amountLabel(a *result.Axis, v, of float64) string {
	if of <= 0 {
		return amount(a, v)
	}
	return fmt.Sprintf("%s (%s)", amount(a, v), text.Percent(v/of))
}
