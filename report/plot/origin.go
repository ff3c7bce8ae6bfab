package plot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"unicode/utf16"

	"github.com/ipiscope/ipiscope/report/origin"
)

// withPNG writes a PNG with the text of its origin behind the header chunk, as the
// specification has it (PNG, third edition, 11.3.3.3 iTXt: keyword, null, not
// compressed, method 0, no language, no translated keyword, UTF-8).
func withPNG(w io.Writer, png []byte, text string) error {
	const header = 8 + 4 + 4 + 13 + 4 // signature, and IHDR with length and checksum
	if text == "" || len(png) < header {
		_, err := w.Write(png)
		return err
	}
	chunk := append([]byte("iTXt"+origin.Key), 0, 0, 0, 0, 0)
	chunk = append(chunk, text...)
	var out bytes.Buffer
	out.Write(png[:header])
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4)))
	out.Write(chunk)
	out.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk)))
	out.Write(png[header:])
	_, err := w.Write(out.Bytes())
	return err
}

// withPDF adds the text to a PDF as the subject of the document, by an update at its end
// (ISO 32000-1, 7.5.6 and 14.3.3): a new information dictionary, a table of where it is,
// and a trailer that points to both tables.
func withPDF(pdf []byte, text string) []byte {
	trailer := regexp.MustCompile(`(?s)trailer\s*<<(.*?)>>\s*startxref\s+(\d+)\s+%%EOF\s*$`).FindSubmatch(pdf)
	if text == "" || trailer == nil {
		return pdf
	}
	size := regexp.MustCompile(`/Size (\d+)`).FindSubmatch(trailer[1])
	root := regexp.MustCompile(`/Root \d+ \d+ R`).Find(trailer[1])
	if size == nil || root == nil {
		return pdf
	}
	var n int
	if _, err := fmt.Sscan(string(size[1]), &n); err != nil {
		return pdf
	}
	subject := "FEFF" // text strings are UTF-16 with that mark
	for _, u := range utf16.Encode([]rune(text)) {
		subject += fmt.Sprintf("%04X", u)
	}
	out := bytes.TrimRight(bytes.Clone(pdf), "\n")
	out = append(out, '\n')
	at := len(out)
	out = fmt.Appendf(out, "%d 0 obj\n<< /Producer (ipiscope) /Subject <%s> >>\nendobj\n", n, subject)
	xref := len(out)
	return fmt.Appendf(out, "xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d %s /Info %d 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n", n, at, n+1, root, n, trailer[2], xref)
}
