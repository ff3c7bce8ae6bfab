package plot

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// body is the plot itself with its axes.
func (p *page) body() *plot.Plot {
	b := plot.New()
	b.BackgroundColor = nil
	for _, a := range []*plot.Axis{&b.X, &b.Y} {
		a.Padding = 0
		a.Color, a.Tick.Color = p.t.dim, p.t.dim
		a.Width, a.Tick.Width = 1*px, 1*px
		a.Tick.Length = 5 * px
		x, y := a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = p.style(tickSize, p.t.ink)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = x, y
		x, y = a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
		a.Label.TextStyle = p.style(labelSize, p.t.ink)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = x, y
		a.Label.Padding = 4 * px
	}
	switch p.f.Form {
	case result.FormBins, result.FormCurve, result.FormSteps:
		p.curves(b)
	case result.FormLanes, result.FormHeat:
		p.rowsOverX(b)
	case result.FormBars, result.FormIntervals:
		p.bars(b)
	}
	return b
}

// plotted is a function as a Plotter.
type plotted func(c draw.Canvas, p *plot.Plot)

// Plot implements plot.Plotter.
func (f plotted) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// grid draws lines at the marks of the axes that are asked for.
func (p *page) grid(vertical, horizontal bool) *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = nil, nil
	if vertical {
		g.Vertical.Color = p.t.grid
	}
	if horizontal {
		g.Horizontal.Color = p.t.grid
	}
	g.Vertical.Width, g.Horizontal.Width = 1*px, 1*px
	g.Vertical.Dashes, g.Horizontal.Dashes = nil, nil
	return g
}

// gaps shades the stretches in which events were lost.
func (p *page) gaps(x *ruler) plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		for _, g := range p.f.Gaps {
			from, to := c.X(b.X.Norm(x.at(float64(g.From)))), c.X(b.X.Norm(x.at(float64(g.To))))
			fill(c, p.t.lost, from, c.Min.Y, max(to, from+1*px), c.Max.Y)
		}
	}
}

// curves draws what has numbers on both axes.
func (p *page) curves(b *plot.Plot) {
	f := p.f
	x := newRuler(&f.X, float64(f.X.Min)-p.shift(), float64(f.X.Max)-p.shift())
	v := p.values()
	y := newRuler(&f.Value, 0, v.max*1.05)
	x.setUp(&b.X, 9)
	y.setUp(&b.Y, 6)
	b.X.Label.Text, b.Y.Label.Text = x.title(&f.X), y.title(&f.Value)
	b.Add(p.grid(false, true), p.gaps(x))
	for i := len(f.Series) - 1; i >= 0; i-- { // the first one on top
		s := &f.Series[i]
		colour := p.colour(i)
		b.Add(plotted(func(c draw.Canvas, b *plot.Plot) {
			for _, outline := range p.outlines(c, b, s, x, y) {
				if f.Form == result.FormBins {
					c.SetColor(translucent(colour, opacity(len(f.Series))))
					c.Fill(closed(outline, c.Min.Y))
				}
				c.SetLineStyle(draw.LineStyle{Color: colour, Width: 1.5 * px})
				c.Stroke(open(outline))
			}
		}))
	}
}

// opacity is that of bars that n series draw over one another.
func opacity(n int) uint8 {
	switch n {
	case 1:
		return 0xC0
	case 2:
		return 0x40
	}
	return 0x18
}

func translucent(c color.Color, opacity uint8) color.Color {
	r, g, b, _ := c.RGBA()
	return color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), opacity}
}

// outlines are the steps of a series; there is nothing between two of them.
func (p *page) outlines(c draw.Canvas, b *plot.Plot, s *result.Series, x, y *ruler) [][]vg.Point {
	at := func(xv, yv float64) vg.Point {
		return vg.Point{X: c.X(b.X.Norm(x.at(xv))), Y: max(c.Min.Y, c.Y(b.Y.Norm(y.at(yv))))}
	}
	shift := p.shift()
	var lines [][]vg.Point
	var line []vg.Point
	for i, q := range s.Points {
		from, to := float64(q.From)-shift, float64(q.To)-shift
		switch {
		case p.f.Form == result.FormBins && i > 0 && s.Points[i-1].To != q.From:
			lines = append(lines, append(line, at(float64(s.Points[i-1].To)-shift, 0)))
			line = []vg.Point{at(from, 0)}
		case p.f.Form == result.FormBins && i == 0:
			line = append(line, at(from, 0))
		case p.f.Form == result.FormCurve && i == 0:
			line = append(line, at(x.min, 0), at(to, 0))
		case p.f.Form == result.FormCurve:
			line = append(line, at(to, s.Points[i-1].Value))
		}
		if p.f.Form != result.FormCurve {
			line = append(line, at(from, q.Value))
		}
		line = append(line, at(to, q.Value))
	}
	switch last := len(s.Points) - 1; {
	case last < 0:
		return nil
	case p.f.Form == result.FormBins:
		line = append(line, at(float64(s.Points[last].To)-shift, 0))
	case p.f.Form == result.FormCurve:
		line = append(line, at(x.max, s.Points[last].Value))
	}
	return append(lines, line)
}

// shift moves bins of one whole number each to the left, so that the number is
// below their middle.
func (p *page) shift() float64 {
	f := p.f
	if f.Form != result.FormBins || f.X.Unit != "" || f.X.Log {
		return 0
	}
	for _, s := range f.Series {
		if len(s.Points) > 0 && s.Points[0].To-s.Points[0].From == 1 {
			return 0.5
		}
	}
	return 0
}

// open is a path through points.
func open(points []vg.Point) vg.Path {
	var path vg.Path
	for i, q := range points {
		if i == 0 {
			path.Move(q)
		} else {
			path.Line(q)
		}
	}
	return path
}

// closed is the area between points and a base line.
func closed(points []vg.Point, base vg.Length) vg.Path {
	if len(points) == 0 {
		return nil
	}
	path := open(points)
	path.Line(vg.Point{X: points[len(points)-1].X, Y: base})
	path.Line(vg.Point{X: points[0].X, Y: base})
	path.Close()
	return path
}

// rowAxis puts the names of the rows beside them, the first one at the top, and
// leaves some out where they would not fit. A row is one high.
func (p *page) rowAxis(a *plot.Axis) {
	n := len(p.f.Rows)
	a.Min, a.Max = 0, float64(max(n, 1))
	a.Tick.Length = 0
	every := 1
	for vg.Length(n/every)*tickSize*1.1 > p.size.Y-4*labelSize && every < n {
		every *= 2
	}
	names := shortNames(p.f.Rows, p.longest)
	var ticks []plot.Tick
	for i := 0; i < n; i += every {
		ticks = append(ticks, plot.Tick{Value: float64(n-i) - 0.5, Label: names[i]})
	}
	a.Tick.Marker = plot.ConstantTicks(ticks)
}
