package plot

import (
	"bytes"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// A pdfCanvas gives vgpdf text in the encoding that its fonts have, Windows-1252;
// it does not encode text itself. Letters that this does not have become
// question marks.
type pdfCanvas struct {
	*vgpdf.Canvas
	encoder *encoding.Encoder
}

// FillString implements vg.Canvas.
func (c pdfCanvas) FillString(f font.Face, pt vg.Point, s string) {
	encoded, err := c.encoder.String(s)
	if err != nil {
		encoded = "?"
	}
	c.Canvas.FillString(f, pt, encoded)
}

// writePDF draws a page. vgpdf knows fonts of one weight only.
func writePDF(w io.Writer, p *page, width, height vg.Length, from string) error {
	c := pdfCanvas{vgpdf.New(width, height), encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder())}
	p.plain = true
	p.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(withPDF(b.Bytes(), from))
	return err
}
