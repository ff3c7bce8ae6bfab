package plot

import (
	"fmt"
	"image/color"
	"math"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	plottext "gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// Sizes of text.
const (
	titleSize  = 15 * px
	labelSize  = 12 * px
	tickSize   = 11 * px
	sourceSize = 10.5 * px
)

// Lengths.
const (
	margin  = 10 * px
	line    = 17 * px // of text in the legend
	swatch  = 10 * px
	between = 14 * px // two entries of the legend
)

// longestName is how many characters of a name are shown beside a row or in the
// legend.
const longestName = 36

// A page is a figure on its way to a picture: a title, a legend, the plot and
// the source, from top to bottom. Nothing lies over anything else.
type page struct {
	f     *result.Figure
	t     *theme
	plain bool // there is no bold text
	// loose leaves room in the legend for fonts that are wider than those that
	// are measured, as browsers may take.
	loose bool
}

func newPage(f *result.Figure, themeName string) *page { return &page{f: f, t: themeOf(themeName)} }

// style is that of text of a size.
func (p *page) style(size vg.Length, c color.Color) plottext.Style {
	return plottext.Style{
		Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: plottext.XLeft, YAlign: plottext.YTop, Handler: plot.DefaultTextHandler,
	}
}

func (p *page) draw(c draw.Canvas) {
	c.SetColor(p.t.background)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c = p.top(c)
	c = p.bottom(c)
	body := p.body()
	body.Draw(c)
	if p.f.IsEmpty() {
		sty := p.style(labelSize, p.t.dim)
		sty.XAlign, sty.YAlign = plottext.XCenter, plottext.YCenter
		c.FillText(sty, body.DataCanvas(c).Rectangle.Min.Add(body.DataCanvas(c).Size().Scale(0.5)), "nothing to show")
	}
}

// top draws the title and the legend and returns what is left.
func (p *page) top(c draw.Canvas) draw.Canvas {
	sty := p.style(titleSize, p.t.ink)
	if !p.plain {
		sty.Font.Weight = xfont.WeightBold
	}
	for _, l := range wrapped(text.Clean(p.f.Title), sty, c.Size().X, 2) {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Max.Y}, l)
		c.Max.Y -= sty.FontExtents().Height + 2*px
	}
	c.Max.Y -= 4 * px
	before := c.Max.Y
	if p.f.Form == result.FormHeat {
		c = p.heatLegend(c)
	} else {
		c = p.legend(c)
	}
	if c.Max.Y < before {
		c.Max.Y -= 4 * px
	}
	return c
}

// legend names the series, one entry after the other, in as many lines as it
// takes.
func (p *page) legend(c draw.Canvas) draw.Canvas {
	sty := p.style(labelSize, p.t.ink)
	x := c.Min.X
	entry := func(colour color.Color, name string) {
		width := swatch + 5*px + p.width(sty, name)
		if x > c.Min.X && x+width > c.Max.X {
			x = c.Min.X
			c.Max.Y -= line
		}
		top := c.Max.Y - 3*px
		fill(c, colour, x, top-swatch, x+swatch, top)
		c.FillText(sty, vg.Point{X: x + swatch + 5*px, Y: c.Max.Y - 1*px}, name)
		x += width + between
	}
	for i, s := range p.f.Series {
		if p.f.By != "" {
			entry(p.colour(i), p.name(s.Name))
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

// width is the room that text takes in a line with other text.
func (p *page) width(sty plottext.Style, s string) vg.Length {
	if p.loose {
		return sty.Width(s) * 1.15
	}
	return sty.Width(s)
}

// colour is that of a series.
func (p *page) colour(i int) color.Color {
	if p.f.Series[i].Rest {
		return p.t.rest
	}
	return p.t.colour(i)
}

// name is that of a series or a row as it is shown.
func (p *page) name(s string) string {
	if s == "" {
		return "(none)"
	}
	return text.Shorten(text.Clean(s), longestName)
}

// heatLegend shows which colour stands for how much.
func (p *page) heatLegend(c draw.Canvas) draw.Canvas {
	sty := p.style(labelSize, p.t.ink)
	x, y := c.Min.X, c.Max.Y-1*px
	say := func(s string) {
		c.FillText(sty, vg.Point{X: x, Y: y}, s)
		x += p.width(sty, s) + 6*px
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

// bottom draws the source and returns what is left.
func (p *page) bottom(c draw.Canvas) draw.Canvas {
	if p.f.Source == "" {
		return c
	}
	sty := p.style(sourceSize, p.t.dim)
	lines := wrapped(text.Clean(p.f.Source), sty, c.Size().X, 2)
	height := sty.FontExtents().Height
	for i := len(lines) - 1; i >= 0; i-- {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Min.Y + height}, lines[i])
		c.Min.Y += height + 1*px
	}
	c.Min.Y += 6 * px
	return c
}

// wrapped breaks a line at blanks so that it is no wider than width, into most
// lines at most; what does not fit is cut.
func wrapped(s string, sty plottext.Style, width vg.Length, most int) []string {
	var lines []string
	for s != "" {
		end := len(s)
		for sty.Width(s[:end]) > width && end > 0 {
			end = lastBlank(s[:end])
		}
		if end == 0 || len(lines) == most-1 {
			cut := s
			for n := len([]rune(s)); sty.Width(cut) > width && n > 1; n-- {
				cut = text.Shorten(s, n)
			}
			return append(lines, cut)
		}
		lines = append(lines, s[:end])
		s = s[end:]
		for s != "" && s[0] == ' ' {
			s = s[1:]
		}
	}
	return lines
}

// lastBlank is the index of the last blank in s, 0 if there is none.
func lastBlank(s string) int {
	for i := len(s) - 1; i > 0; i-- {
		if s[i] == ' ' {
			return i
		}
	}
	return 0
}

// fill fills a rectangle.
func fill(c draw.Canvas, colour color.Color, x0, y0, x1, y1 vg.Length) {
	c.SetColor(colour)
	c.Fill(rectangle(nil, x0, y0, x1, y1))
}

// rectangle adds a rectangle to a path.
func rectangle(path vg.Path, x0, y0, x1, y1 vg.Length) vg.Path {
	path.Move(vg.Point{X: x0, Y: y0})
	path.Line(vg.Point{X: x1, Y: y0})
	path.Line(vg.Point{X: x1, Y: y1})
	path.Line(vg.Point{X: x0, Y: y1})
	path.Close()
	return path
}

// pixels adds a rectangle of whole pixels, so that no line shows between two
// that touch.
func pixels(path vg.Path, x0, y0, x1, y1 vg.Length) vg.Path {
	whole := func(l vg.Length) vg.Length { return vg.Length(math.Round(float64(l/px))) * px }
	return rectangle(path, whole(x0), whole(y0), whole(x1), whole(y1))
}

// values is the scale of the points' values.
func (p *page) values() scale {
	s := scale{log: p.f.Value.Log}
	first := true
	for _, series := range p.f.Series {
		for _, x := range series.Points {
			if first {
				s.min, s.max, first = x.Value, x.Value, false
			}
			s.min, s.max = min(s.min, x.Value), max(s.max, x.Value)
		}
	}
	return s
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
	width := p.f.Series[0].Points[0]
	return fmt.Sprintf("full height: %.0f hits in %s%s", laneMax(p.f), amount(&p.f.X, float64(width.To-width.From)), kind)
}

// heightOf is the height that a figure's rows need, in pixels.
func heightOf(f *result.Figure) int {
	around := 130
	rows := len(f.Rows)
	switch f.Form {
	case result.FormLanes:
		return around + min(max(240, rows*28), 800)
	case result.FormHeat:
		return around + min(max(240, rows*16), 800)
	case result.FormBars:
		return around + max(100, rows*24)
	case result.FormIntervals:
		return around + max(120, rows*(12+14*max(len(f.Series), 1)))
	}
	return 420
}
