package plot

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// legend names the series, one entry after the other, in as many lines as it
// takes.
func (p *page) legend(c draw.Canvas) draw.Canvas {
	sty := p.style(labelSize, p.t.ink)
	x := c.Min.X
	entry := func(colour color.Color, name string) {
		width := swatch + 5*px + sty.Width(name)
		if x > c.Min.X && x+width > c.Max.X {
			x = c.Min.X
			c.Max.Y -= line
		}
		top := c.Max.Y - 3*px
		fill(c, colour, x, top-swatch, x+swatch, top)
		c.FillText(sty, vg.Point{X: x + swatch + 5*px, Y: c.Max.Y - 1*px}, name)
		x += width + between
	}
	if p.f.By != "" {
		for i, name := range shortNames(seriesNames(p.f), p.longest) {
			entry(p.colour(i), name)
		}
	}
	if len(p.f.Gaps) > 0 {
		entry(p.t.lost, "events lost")
	}
	if note := p.note(); note != "" {
		sty.Color = p.t.dim
		if x > c.Min.X && x+sty.Width(note) > c.Max.X {
			x = c.Min.X
			c.Max.Y -= line
		}
		c.FillText(sty, vg.Point{X: x, Y: c.Max.Y - 1*px}, note)
		x += sty.Width(note)
	}
	if x > c.Min.X {
		c.Max.Y -= line
	}
	return c
}

// colour is that of a series.
func (p *page) colour(i int) color.Color {
	switch s := &p.f.Series[i]; {
	case s.Rest:
		return p.t.rest
	case p.f.By == "class":
		return p.t.class(s.Name)
	}
	return p.t.colour(i)
}

// heatLegend shows which colour stands for how much.
func (p *page) heatLegend(c draw.Canvas) draw.Canvas {
	sty := p.style(labelSize, p.t.ink)
	x, y := c.Min.X, c.Max.Y-1*px
	say := func(s string) {
		c.FillText(sty, vg.Point{X: x, Y: y}, s)
		x += sty.Width(s) + 6*px
	}
	if s := p.values(); !p.f.IsEmpty() {
		say(p.f.Value.Label + ":")
		say(amount(&p.f.Value, s.min))
		if s.max > s.min {
			for _, colour := range p.t.heat {
				fill(c, colour, x, c.Max.Y-14*px, x+6*px+0.3, c.Max.Y-3*px)
				x += 6 * px
			}
			x += 6 * px
			say(amount(&p.f.Value, s.max))
		} else {
			fill(c, p.t.heat[len(p.t.heat)-1], x, c.Max.Y-13*px, x+swatch, c.Max.Y-3*px)
			x += swatch + 6*px
		}
		sty.Color = p.t.dim
		if s.log {
			say("(logarithmic)")
		}
	}
	if len(p.f.Gaps) > 0 {
		x += between
		fill(c, p.t.lost, x, c.Max.Y-13*px, x+swatch, c.Max.Y-3*px)
		x += swatch + 5*px
		sty.Color = p.t.ink
		say("events lost")
	}
	if x > c.Min.X {
		c.Max.Y -= line
	}
	return c
}

// note says what the legend does not.
func (p *page) note() string {
	if p.f.Form != result.FormLanes || p.f.IsEmpty() {
		return ""
	}
	kind := ""
	if p.f.Value.Log {
		kind = ", logarithmic"
	}
	var width int64 // all but the last stretch have the same
	for _, s := range p.f.Series {
		for _, q := range s.Points {
			width = max(width, q.To-q.From)
		}
	}
	return fmt.Sprintf("full height: %.0f hits in %s%s", laneMax(p.f), amount(&p.f.X, float64(width)), kind)
}
