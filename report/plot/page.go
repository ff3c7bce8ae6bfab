package plot

import (
	"image/color"
	"math"
	"strings"

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

// A page is a figure on its way to a picture: a title, a legend, the plot and
// the source, from top to bottom. Nothing lies over anything else.
type page struct {
	f     *result.Figure
	t     *theme
	plain bool // there is no bold text
	// longest is how many characters of a name there is room for.
	longest int
	size    vg.Point // of the plot with its axes
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
	p.longest = min(longestName, int(0.4*c.Size().X/(tickSize/2))) // of the width, for letters half as wide as high
	c = p.top(c)
	c = p.bottom(c)
	p.size = c.Size()
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

// bottom draws the source with the caveats above it and returns what is left.
func (p *page) bottom(c draw.Canvas) draw.Canvas {
	if p.f.Source == "" {
		return c
	}
	p.below(&c, p.f.Source, p.style(sourceSize, p.t.dim), 2)
	if caveats := Caveats(p.f); caveats != "" {
		p.below(&c, caveats, p.style(sourceSize, p.t.ink), 3)
	}
	c.Min.Y += 6 * px
	return c
}

// below draws lines at the bottom of c and takes them off it.
func (p *page) below(c *draw.Canvas, s string, sty plottext.Style, most int) {
	lines := wrapped(text.Clean(s), sty, c.Size().X, most)
	height := sty.FontExtents().Height
	for i := len(lines) - 1; i >= 0; i-- {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Min.Y + height}, lines[i])
		c.Min.Y += height + 1*px
	}
}

// Caveats is what is doubtful about a figure, in a line.
func Caveats(f *result.Figure) string {
	if len(f.Caveats) == 0 {
		return ""
	}
	return "Caution: " + strings.Join(f.Caveats, "; ")
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

// heightOf is the height that a figure's rows need, in pixels.
func heightOf(f *result.Figure) int {
	around := 130
	rows := len(f.Rows)
	switch f.Form {
	case result.FormLanes:
		return around + min(max(240, rows*28), 800)
	case result.FormHeat:
		return around + min(max(min(240, rows*60), rows*16), 800)
	case result.FormBars:
		return min(around+max(100, rows*24), MaxSize)
	case result.FormIntervals:
		return min(around+max(120, rows*(12+14*max(len(f.Series), 1))), MaxSize)
	}
	return 420
}
