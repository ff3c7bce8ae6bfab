// Package plot draws the figures of results: as PNG, SVG and PDF, and as bars of
// characters for a terminal.
package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"math"
	"regexp"
	"strconv"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/text"
)

// Options say how a figure is drawn.
type Options struct {
	Format string // one of Formats
	// Width and Height are those of the picture in pixels, 96 to the inch; 0 is
	// the width that reads well in a document, and what height the rows need.
	Width, Height int
	// Scale is how many pixels of the picture one of these takes each way: of a PNG for
	// slides 2, so that nothing but its sharpness changes. 0 is 1.
	Scale float64
	Theme string // one of Themes; empty is the first
	// Origin is what the picture holds of where it comes from, unseen; empty is nothing.
	Origin string
}

// The sizes that pictures may have, in pixels.
const (
	DefaultWidth = 800
	MinSize      = 320
	MaxSize      = 10000
	MaxScale     = 8
)

// Formats are the forms of pictures; they are the endings of file names, too.
func Formats() []string { return []string{"png", "svg", "pdf"} }

// IsBinary reports whether a form is not for a terminal.
func IsBinary(format string) bool { return format == "png" || format == "pdf" }

// px is a pixel.
const px = vg.Inch / dpi

const dpi = 96

// Write draws a figure. Figures without a Source have none below them.
func Write(w io.Writer, f *result.Figure, o Options) error {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if o.Height == 0 {
		o.Height = min(heightOf(f), int(MaxSize/o.Scale))
	}
	width, height := vg.Length(o.Width)*px, vg.Length(o.Height)*px
	switch o.Format {
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(int(math.Round(dpi*o.Scale))))
		newPage(f, o.Theme).draw(draw.New(c))
		var b bytes.Buffer
		if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
			return err
		}
		return withPNG(w, b.Bytes(), o.Origin)
	case "pdf":
		return writePDF(w, newPage(f, o.Theme), width, height, o.Origin)
	case "svg":
		return writeSVG(w, f, o, width, height)
	}
	return fmt.Errorf("no picture format %q", o.Format)
}

// writeSVG writes an svg element without an XML declaration, so that it can
// stand in a page as it is, with the title for those who do not see it.
func writeSVG(w io.Writer, f *result.Figure, o Options, width, height vg.Length) error {
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	p := newPage(f, o.Theme)
	p.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, body, ok := bytes.Cut(b.Bytes(), []byte("<svg "))
	if !ok {
		return fmt.Errorf("the drawing of %s is no svg element", f.Name)
	}
	_, body, _ = bytes.Cut(body, []byte(">"))
	var title bytes.Buffer
	if err := xml.EscapeText(&title, []byte(text.Clean(f.Title))); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%.6g" height="%.6g" viewBox="0 0 %.6g %.6g">
<title>%s</title>%s%s`, &title, float64(o.Width)*o.Scale, float64(o.Height)*o.Scale, width.Points(), height.Points(), title.String(), origin.SVG(o.Origin), p.svgTexts(body))
	return err
}

// svgTexts lets a browser without the fonts that were measured take similar
// ones, as wide as what was measured: labels end where they should.
func (p *page) svgTexts(body []byte) []byte {
	body = bytes.ReplaceAll(body, []byte("font-family:Liberation Sans;font-variant:normal;"), []byte("font-family:Liberation Sans,Arimo,Arial,Helvetica,sans-serif;"))
	text := regexp.MustCompile(`style="[^"]*font-weight:([a-z]+);[^"]*font-size:([0-9.]+)px;[^"]*">([^<]+)</text>`)
	return text.ReplaceAllFunc(body, func(found []byte) []byte {
		m := text.FindSubmatch(found)
		size, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return found
		}
		sty := p.style(vg.Length(size), p.t.ink)
		if string(m[1]) == "bold" {
			sty.Font.Weight = xfont.WeightBold
		}
		width := sty.Width(html.UnescapeString(string(m[3])))
		return append(fmt.Appendf(nil, `textLength="%.4g" lengthAdjust="spacingAndGlyphs" `, width.Points()), found...)
	})
}
