package html

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/plot"
	"github.com/ipiscope/ipiscope/report/text"
)

// A figure is a plot as a part of the page, in the colours of each theme.
type figure struct{ Light, Dark template.HTML }

// The size of a plot in pixels, before the page makes it as wide as there is
// room.
const figureWidth, figureHeight = 640, 380

func newFigure(f *result.Figure) (figure, error) {
	light, err := draw(f, "light")
	if err != nil {
		return figure{}, err
	}
	dark, err := draw(f, "dark")
	return figure{light, dark}, err
}

func draw(f *result.Figure, theme string) (template.HTML, error) {
	var b bytes.Buffer
	o := plot.Options{Format: "svg", Width: figureWidth, Height: figureHeight, Theme: theme}
	if f.Form == result.FormIntervals {
		o.Height = 0 // as its rows need
	}
	if err := plot.Write(&b, f, o); err != nil {
		return "", err
	}
	return inline(b.Bytes(), text.Clean(f.Title))
}

// svgElements and svgAttributes are what a figure on the page may have. Styles
// become attributes, which the page's policy allows.
func svgElements() []string {
	return []string{"svg", "g", "path", "rect", "line", "circle", "text", "title", "desc"}
}

func svgAttributes() []string {
	return []string{
		"viewBox", "d", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "cx", "cy", "r", "transform",
		"fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
		"font-family", "font-size", "font-weight", "font-style", "textLength", "lengthAdjust", "text-anchor", "opacity",
	}
}

// inline makes a file of SVG a part of the page. Elements that a figure does not
// need are an error, attributes are left out.
func inline(file []byte, label string) (template.HTML, error) {
	dec := xml.NewDecoder(strings.NewReader(string(file)))
	var b strings.Builder
	depth := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("figure %s: %w", label, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if !slices.Contains(svgElements(), name) {
				return "", fmt.Errorf("figure %s: has an element %s", label, name)
			}
			b.WriteString("<" + name)
			if depth == 0 {
				b.WriteString(` role="img" aria-label="` + template.HTMLEscapeString(label) + `"`)
			}
			writeAttributes(&b, tok.Attr, depth)
			b.WriteString(">")
			depth++
		case xml.EndElement:
			b.WriteString("</" + tok.Name.Local + ">")
			depth--
		case xml.CharData:
			if depth > 0 {
				b.WriteString(template.HTMLEscapeString(string(tok)))
			}
		}
	}
	return template.HTML(b.String()), nil
}

func writeAttributes(b *strings.Builder, attrs []xml.Attr, depth int) {
	write := func(name, value string) {
		if depth == 0 && (name == "width" || name == "height") || !slices.Contains(svgAttributes(), name) {
			return // as wide as the page lets it be
		}
		b.WriteString(" " + name + `="` + template.HTMLEscapeString(value) + `"`)
	}
	for _, a := range attrs {
		if a.Name.Local != "style" {
			write(a.Name.Local, a.Value)
			continue
		}
		for rule := range strings.SplitSeq(a.Value, ";") {
			name, value, _ := strings.Cut(rule, ":")
			write(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
}
