package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// rowsOverX draws rows of cells or of bars over time, or over columns.
func (p *page) rowsOverX(b *plot.Plot) {
	f := p.f
	p.rowAxis(&b.Y)
	b.Y.Label.Text = f.Y.Label
	x := newRuler(&f.X, float64(f.X.Min), float64(f.X.Max))
	if f.Cols != nil {
		x = newRuler(&f.X, 0, float64(len(f.Cols)))
		p.columnAxis(&b.X)
		b.X.Label.Text = f.X.Label
	} else {
		x.setUp(&b.X, 9)
		b.X.Label.Text = x.title(&f.X)
	}
	b.Add(p.gaps(x))
	if f.Form == result.FormHeat {
		b.Add(p.heat(x))
		if f.Cols != nil {
			b.Add(p.cellLabels(x))
		}
	} else {
		b.Add(p.lanes(x))
	}
}

// columnAxis names the columns of a matrix, and leaves some out where they would
// not fit.
func (p *page) columnAxis(a *plot.Axis) {
	n := len(p.f.Cols)
	a.Min, a.Max = 0, float64(max(n, 1))
	a.Tick.Length = 0
	longest := 1
	for _, c := range p.f.Cols {
		longest = max(longest, len(c))
	}
	every := 1
	for n/every*(longest+1) > 80 {
		every *= 2
	}
	var ticks []plot.Tick
	for i := 0; i < n; i += every {
		ticks = append(ticks, plot.Tick{Value: float64(i) + 0.5, Label: p.f.Cols[i]})
	}
	a.Tick.Marker = plot.ConstantTicks(ticks)
}

// heat draws the cells, those of one colour as one path. Neighbours in a row
// that have the same colour are one rectangle.
func (p *page) heat(x *ruler) plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		values := p.values()
		steps := len(p.t.heat)
		paths := make([]vg.Path, steps)
		n := len(p.f.Rows)
		// as wide as anything that a picture shows
		widest := (float64(p.f.X.Max) - float64(p.f.X.Min)) / float64(c.Size().X/px)
		add := func(step, row int, from, to int64) {
			y1 := c.Y(b.Y.Norm(float64(n - row)))
			y0 := c.Y(b.Y.Norm(float64(n - row - 1)))
			x1 := math.Max(float64(to), float64(from)+widest)
			paths[step] = pixels(paths[step], c.X(b.X.Norm(x.at(float64(from)))), y0, min(c.Max.X, c.X(b.X.Norm(x.at(x1)))), y1)
		}
		for _, s := range p.f.Series {
			for i := 0; i < len(s.Points); {
				q, step := s.Points[i], values.step(s.Points[i].Value, steps)
				to := q.To
				for i++; i < len(s.Points); i++ {
					next := s.Points[i]
					if next.Row != q.Row || next.From != to || values.step(next.Value, steps) != step {
						break
					}
					to = next.To
				}
				add(step, q.Row, q.From, to)
			}
		}
		for step, path := range paths {
			if len(path) > 0 {
				c.SetColor(p.t.heat[step])
				c.Fill(path)
			}
		}
	}
}

// cellLabels writes the values into the cells of a matrix if they all fit.
func (p *page) cellLabels(x *ruler) plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		sty := p.style(tickSize, nil)
		sty.XAlign, sty.YAlign = -0.5, -0.5
		n := len(p.f.Rows)
		width, height := c.Size().X/vg.Length(max(len(p.f.Cols), 1)), c.Size().Y/vg.Length(max(n, 1))
		values := p.values()
		if sty.Width(amount(&p.f.Value, values.max))+8*px > width || sty.FontExtents().Height+4*px > height {
			return
		}
		for _, s := range p.f.Series {
			for _, q := range s.Points {
				sty.Color = readable(p.t.heat[values.step(q.Value, len(p.t.heat))])
				at := vg.Point{X: c.X(b.X.Norm(x.at(float64(q.From) + 0.5))), Y: c.Y(b.Y.Norm(float64(n-q.Row) - 0.5))}
				c.FillText(sty, at, amount(&p.f.Value, q.Value))
			}
		}
	}
}

// laneMax is the largest sum over the series in one row and stretch.
func laneMax(f *result.Figure) float64 {
	most := 0.0
	for _, x := range stacked(f) {
		most = max(most, x.sum)
	}
	return most
}

// A stack is the values of all series in one row and stretch.
type stack struct {
	row      int
	from, to int64
	sum      float64
	parts    []part
}

type part struct {
	series int
	value  float64
}

// stacked puts the points of all series on top of one another.
func stacked(f *result.Figure) []stack {
	type place struct {
		row  int
		from int64
	}
	index := map[place]int{}
	var stacks []stack
	for i, s := range f.Series {
		for _, q := range s.Points {
			at, ok := index[place{q.Row, q.From}]
			if !ok {
				at = len(stacks)
				index[place{q.Row, q.From}] = at
				stacks = append(stacks, stack{row: q.Row, from: q.From, to: q.To})
			}
			stacks[at].sum += q.Value
			stacks[at].parts = append(stacks[at].parts, part{i, q.Value})
		}
	}
	return stacks
}

// lanes draws the stacks of each row; those of a series are one path.
func (p *page) lanes(x *ruler) plotted {
	return func(c draw.Canvas, b *plot.Plot) {
		n := len(p.f.Rows)
		for i := 1; i < n; i++ {
			y := c.Y(b.Y.Norm(float64(i)))
			c.StrokeLine2(draw.LineStyle{Color: p.t.grid, Width: 1 * px}, c.Min.X, y, c.Max.X, y)
		}
		height := scale{min: 0, max: laneMax(p.f)}
		if p.f.Value.Log { // nothing is 0, and one hit can be seen
			height = scale{min: 0.5, max: height.max, log: true}
		}
		paths := make([]vg.Path, len(p.f.Series))
		for _, s := range stacked(p.f) {
			base := float64(n - s.row - 1)
			x0, x1 := c.X(b.X.Norm(x.at(float64(s.from)))), c.X(b.X.Norm(x.at(float64(s.to))))
			x1 = min(c.Max.X, max(x1, x0+1*px))
			full := 0.92 * height.at(s.sum)
			below := 0.0
			for _, q := range s.parts {
				y0, y1 := base+full*below/s.sum, base+full*(below+q.value)/s.sum
				below += q.value
				paths[q.series] = pixels(paths[q.series], x0, c.Y(b.Y.Norm(y0)), x1, c.Y(b.Y.Norm(y1)))
			}
		}
		for i, path := range paths {
			if len(path) > 0 {
				c.SetColor(p.colour(i))
				c.Fill(path)
			}
		}
	}
}
