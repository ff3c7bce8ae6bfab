package plot_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"image/png"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/plot"
)

// TestOrigin: a picture holds where it comes from, is the same picture otherwise, and
// holds nothing if nothing is known.
func TestOrigin(t *testing.T) {
	from := origin.Text("ipiscope plot 'a<b'", "1.0", []result.Input{{Path: "d/é.dat", Bytes: 7, Events: 3, Identity: result.Identity{Sends: 2, Rounded: 1, Cut: 0xff}}})
	for _, want := range []string{`"command":"ipiscope plot 'a\u003cb'"`, `"version":"1.0"`, `"path":"d/é.dat","bytes":7`, `"identity":"2-0000000000000001-00000000000000ff"`} {
		if !strings.Contains(from, want) {
			t.Errorf("%s is not in %s", want, from)
		}
	}
	f := &result.Figure{Name: "x", Title: "x", Form: result.FormBars}
	for _, format := range plot.Formats() {
		plain, told := draw(t, f, plot.Options{Format: format}), draw(t, f, plot.Options{Format: format, Origin: from})
		if got := held(t, format, told); got != from {
			t.Errorf("%s holds %q", format, got)
		}
		if got := held(t, format, plain); got != "" {
			t.Errorf("%s holds %q though nothing is known", format, got)
		}
		if format == "png" {
			if _, err := png.Decode(bytes.NewReader(told)); err != nil {
				t.Error(err)
			}
		}
	}
}

// held finds the text in a picture, by the rules of its format.
func held(t *testing.T, format string, data []byte) string {
	switch format {
	case "png":
		i := bytes.Index(data, []byte("iTXt"+origin.Key+"\x00\x00\x00\x00\x00"))
		if i < 0 {
			return ""
		}
		n := int(data[i-4])<<24 | int(data[i-3])<<16 | int(data[i-2])<<8 | int(data[i-1])
		if sum := fmt.Sprintf("%x", data[i+4+n:i+8+n]); sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(data[i:i+4+n])) {
			t.Errorf("checksum %s", sum)
		}
		return string(data[i+4+len(origin.Key)+5 : i+4+n])
	case "svg":
		var svg struct {
			Metadata string `xml:"metadata"`
		}
		if err := xml.Unmarshal(data, &svg); err != nil {
			t.Error(err)
		}
		return svg.Metadata
	}
	return subject(t, data)
}

// subject reads a PDF from its end: the last table of objects leads to the dictionary.
func subject(t *testing.T, data []byte) string {
	m := regexp.MustCompile(`startxref\s+(\d+)\s+%%EOF\s*$`).FindSubmatch(data)
	if m == nil {
		t.Fatal("no end of a PDF")
	}
	var at, object, n int
	if _, err := fmt.Sscan(string(m[1]), &at); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(data[at:at+40]), "xref\n%d %d\n", &object, &n); err != nil || n != 1 {
		return "" // not an update
	}
	table := regexp.MustCompile(`^xref\n\d+ 1\n(\d{10}) 00000 n `).FindSubmatch(data[at:])
	var where int
	if _, err := fmt.Sscan(strings.TrimLeft(string(table[1]), "0"), &where); err != nil {
		t.Fatal(err)
	}
	info := regexp.MustCompile(fmt.Sprintf(`^%d 0 obj\n<< .*/Subject <FEFF([0-9A-F]*)> >>`, object)).FindSubmatch(data[where:])
	if info == nil || !bytes.Contains(data[at:], fmt.Appendf(nil, "/Info %d 0 R", object)) {
		t.Fatal("the update leads to no information dictionary")
	}
	var units []uint16
	for i := 0; i < len(info[1]); i += 4 {
		var u uint16
		if _, err := fmt.Sscanf(string(info[1][i:i+4]), "%X", &u); err != nil {
			t.Fatal(err)
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
