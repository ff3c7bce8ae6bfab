package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/plot"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const hostile = "<b onload=\"x\">&'\x1b[31m\x00\u202e\xff"

func timeAxis() result.Axis {
	return result.Axis{Name: "time", Label: "time since the first event", Unit: "ns", Max: 4_000_000_000}
}

func hits() result.Axis { return result.Axis{Name: "hits", Label: "hits"} }

// figures are small ones of every form.
func figures() []*result.Figure {
	cpus := []string{"2", "3"}
	return []*result.Figure{
		{
			Name: "hist", Form: result.FormBins, Title: "Delivery, by function", By: "function",
			X:     result.Axis{Name: "time", Label: "time to arrive", Unit: "ns", Log: true, Min: 1000, Max: 12589},
			Value: result.Axis{Name: "count", Label: "hits"},
			Series: []result.Series{
				{Name: "do_sync_core", Points: []result.Point{{From: 1000, To: 1259, Value: 3}, {From: 1259, To: 1585, Value: 9}, {From: 10000, To: 12589, Value: 1}}},
				{Name: hostile, Points: []result.Point{{From: 1259, To: 1585, Value: 2}}},
			},
			Source: "trace.dat · Linux 6.12 · isolated CPUs 2-3 · no events lost",
		},
		{
			Name: "cdf", Form: result.FormCurve, Title: "Targets of a send", X: result.Axis{Name: "targets", Label: "isolated CPUs", Min: 1, Max: 8},
			Value:  result.Axis{Name: "share", Label: "share of the sends", Unit: "1"},
			Series: []result.Series{{Points: []result.Point{{To: 1, Value: 0.25}, {From: 1, To: 8, Value: 1}}}},
		},
		{
			Name: "rate", Form: result.FormSteps, Title: "Rate of hits over time, by function", By: "function", X: timeAxis(),
			Value: result.Axis{Name: "rate_hz", Label: "hits per second", Unit: "Hz"},
			Series: []result.Series{
				{Name: "reschedule", Points: []result.Point{{From: 0, To: 2e9, Value: 100}, {From: 2e9, To: 4e9, Value: 12.5}}},
				{Name: "other (3)", Rest: true, Points: []result.Point{{From: 0, To: 2e9, Value: 0}, {From: 2e9, To: 4e9, Value: 1}}},
			},
		},
		{
			Name: "timeline", Form: result.FormLanes, Title: "Hits of each CPU over time, by function", By: "function", X: timeAxis(),
			Y: result.Axis{Name: "cpu", Label: "CPU"}, Value: hits(), Rows: cpus, Gaps: []result.Span{{From: 1e9, To: 2e9}},
			Series: []result.Series{
				{Name: "reschedule", Points: []result.Point{{Row: 0, From: 0, To: 1e9, Value: 3}, {Row: 1, From: 3e9, To: 4e9, Value: 1}}},
				{Name: hostile, Points: []result.Point{{Row: 0, From: 0, To: 1e9, Value: 2}}},
			},
			Source: "trace.dat · 7 events lost",
		},
		{
			Name: "heatmap", Form: result.FormHeat, Title: "Hits of each CPU over time", X: timeAxis(), Y: result.Axis{Name: "cpu", Label: "CPU"},
			Value: hits(), Rows: cpus, Gaps: []result.Span{{From: 1e9, To: 2e9}},
			Series: []result.Series{{Points: []result.Point{{Row: 0, From: 0, To: 1e9, Value: 3}, {Row: 0, From: 1e9, To: 2e9, Value: 3}, {Row: 1, From: 3e9, To: 4e9, Value: 50}}}},
		},
		{
			Name: "matrix", Form: result.FormHeat, Title: "Who interrupts whom", X: result.Axis{Name: "target", Label: "target CPU"}, Cols: cpus,
			Y: result.Axis{Name: "sender", Label: "sending CPU"}, Rows: []string{"0", "1"}, Value: hits(),
			Series: []result.Series{{Points: []result.Point{{Row: 0, From: 0, To: 1, Value: 971}, {Row: 1, From: 1, To: 2, Value: 3}}}},
		},
		{
			Name: "bars", Form: result.FormBars, Title: "Hits by function and class", By: "class", Y: result.Axis{Name: "function", Label: "function"},
			Value: hits(), Rows: []string{"do_sync_core", hostile},
			Series: []result.Series{
				{Name: "deferrable", Points: []result.Point{{Row: 0, Value: 90}}},
				{Name: "unknown", Points: []result.Point{{Row: 0, Value: 5}, {Row: 1, Value: 5}}},
			},
		},
		{
			Name: "diff", Form: result.FormIntervals, Title: "Before and after, by function", By: "side", Y: result.Axis{Name: "function", Label: "function"},
			Value: result.Axis{Name: "rate", Label: "hits per isolated CPU and hour", Unit: "1/h"}, Rows: []string{"all hits", "do_sync_core"},
			Series: []result.Series{
				{Name: "before", Points: []result.Point{{Row: 0, Value: 1000, Lo: 900, Hi: 1100}, {Row: 1, Value: 900, Lo: 800, Hi: 1000}}},
				{Name: "after", Points: []result.Point{{Row: 0, Value: 100, Lo: 80, Hi: 120, Note: "reduced"}, {Row: 1, Value: 0, Lo: 0, Hi: 5, Note: "gone"}}},
			},
		},
	}
}

// structure lists what an SVG is made of: its texts where they stand, and how
// many paths there are of each colour, with the number of their areas.
func structure(t *testing.T, svg []byte) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	var lines, order []string
	paths := map[string]int{}
	inText := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			inText = e.Name.Local == "text" || e.Name.Local == "title"
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
				if strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("%s has %s", e.Name.Local, a.Name.Local)
				}
			}
			switch e.Name.Local {
			case "svg":
				lines = append(lines, "svg "+attr["width"]+"x"+attr["height"]+" "+attr["role"])
			case "path":
				colour := attr["style"]
				if paths[colour] == 0 {
					order = append(order, colour)
				}
				paths[colour] += strings.Count(attr["d"], "M")
			case "text", "title", "g":
			default:
				t.Errorf("element %s", e.Name.Local)
			}
		case xml.CharData:
			if s := string(e); inText && strings.TrimSpace(s) != "" {
				lines = append(lines, "text "+s)
			}
		case xml.EndElement:
			inText = false
		}
	}
	for _, colour := range order {
		lines = append(lines, fmt.Sprintf("path %d %s", paths[colour], colour))
	}
	return strings.Join(lines, "\n") + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (-want +got):\n%s", path, cmp.Diff(string(want), got))
	}
}

func draw(t *testing.T, f *result.Figure, o plot.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := plot.Write(&b, f, o); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.Bytes()
}

func TestStructure(t *testing.T) {
	for _, f := range figures() {
		golden(t, f.Name+".svg.txt", structure(t, draw(t, f, plot.Options{Format: "svg"})))
		var b bytes.Buffer
		if err := plot.WriteText(&b, f, 60); err != nil {
			t.Fatal(err)
		}
		golden(t, f.Name+".txt", b.String())
	}
}

// TestFormats draws everything in every form and theme, also without points,
// without rows and at the least size, and twice the same.
func TestFormats(t *testing.T) {
	all := figures()
	for _, f := range figures() {
		empty, bare := *f, *f
		empty.Series, bare.Series, bare.Rows, bare.X.Max = nil, nil, nil, bare.X.Min
		if f.Cols != nil {
			bare.Cols = []string{}
		}
		all = append(all, &empty, &bare)
	}
	for _, f := range all {
		for _, format := range plot.Formats() {
			for _, theme := range plot.Themes() {
				o := plot.Options{Format: format, Width: plot.MinSize, Height: plot.MinSize, Theme: theme}
				first := draw(t, f, o)
				switch format {
				case "png":
					if img, err := png.Decode(bytes.NewReader(first)); err != nil || img.Bounds().Dx() != plot.MinSize || img.Bounds().Dy() != plot.MinSize {
						t.Errorf("%s: %v", f.Name, err)
					}
				case "pdf":
					if !bytes.HasPrefix(first, []byte("%PDF-")) {
						t.Errorf("%s: no PDF", f.Name)
					}
					continue // has the time in it
				}
				if !bytes.Equal(first, draw(t, f, o)) {
					t.Errorf("%s: two %s pictures differ", f.Name, format)
				}
			}
		}
		var b bytes.Buffer
		if err := plot.WriteText(&b, f, 0); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", f.Name, err)
		}
		if i := slices.IndexFunc(b.Bytes(), func(c byte) bool { return c < ' ' && c != '\n' }); i >= 0 {
			t.Errorf("%s: text has a control character", f.Name)
		}
	}
}

// TestInside: all text of a picture that is not turned lies within it, also where
// names are long. A character is taken for 0.42 times as wide as it is high,
// which is less than text of letters and blanks comes to.
func TestInside(t *testing.T) {
	texts := regexp.MustCompile(`(?s)(rotate[^>]*>\s*)?<text x="([^"]+)" [^>]*font-size:([0-9.]+)px[^>]*>([^<]*)</text>`)
	for n, f := range append(figures(), figures()[1:]...) {
		f.Title += strings.Repeat(" and a long title", 9)
		f.Source += strings.Repeat(" · a/long/path/trace.dat", 9)
		for i := range f.Series {
			f.Series[i].Name += strings.Repeat("_long", 8)
		}
		for i := range f.Rows {
			f.Rows[i] += strings.Repeat("_long", 8)
		}
		width := []float64{plot.MinSize, 400}[n%2]
		svg := string(draw(t, f, plot.Options{Format: "svg", Width: int(width)}))
		found := texts.FindAllStringSubmatch(svg, -1)
		for _, m := range found {
			x, err := strconv.ParseFloat(m[2], 64)
			size, err2 := strconv.ParseFloat(m[3], 64)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			s := html.UnescapeString(m[4])
			if end := x + 0.42*size*float64(len([]rune(s))); m[1] == "" && (x < 0 || end > width*0.75) {
				t.Errorf("%s: %q from %v to %v", f.Name, s, x, end)
			}
		}
		if len(found) < 5 {
			t.Errorf("%s: %d texts", f.Name, len(found))
		}
	}
}

// TestScale: a picture twice as large has everything in it twice as large.
func TestScale(t *testing.T) {
	f := &result.Figure{Name: "x", Title: "x", Form: result.FormBars, Rows: []string{"a"}, Series: []result.Series{{Points: []result.Point{{Value: 3}}}}}
	one, two := draw(t, f, plot.Options{Format: "svg"}), draw(t, f, plot.Options{Format: "svg", Scale: 2})
	size := regexp.MustCompile(` width="(\d+)" height="(\d+)"`)
	a, b := size.FindSubmatch(one), size.FindSubmatch(two)
	if string(a[1]) != "800" || string(b[1]) != "1600" || string(a[2])+"0" == string(b[2]) {
		t.Errorf("%s and %s", a[0], b[0])
	}
	if !bytes.Equal(size.ReplaceAll(one, nil), size.ReplaceAll(two, nil)) {
		t.Error("a scale changes what is drawn")
	}
	small, err := png.DecodeConfig(bytes.NewReader(draw(t, f, plot.Options{Format: "png"})))
	large, err2 := png.DecodeConfig(bytes.NewReader(draw(t, f, plot.Options{Format: "png", Scale: 2})))
	if err != nil || err2 != nil || large.Width != 2*small.Width || large.Height != 2*small.Height {
		t.Errorf("%d x %d and %d x %d: %v, %v", small.Width, small.Height, large.Width, large.Height, err, err2)
	}
}

// TestCPUNames: a legend says that its numbers are CPUs.
func TestCPUNames(t *testing.T) {
	f := &result.Figure{Name: "x", Title: "x", Form: result.FormCurve, By: "target", Series: []result.Series{{Name: "7", Points: []result.Point{{To: 1, Value: 1}}}, {Name: "other (2)", Rest: true}}}
	f.X.Max = 2
	if got := string(draw(t, f, plot.Options{Format: "svg"})); !strings.Contains(got, ">CPU 7<") || strings.Contains(got, "CPU other") {
		t.Errorf("the legend of CPUs: %s", got)
	}
}

func TestWriteErrors(t *testing.T) {
	f := figures()[0]
	if err := plot.Write(io.Discard, f, plot.Options{Format: "gif"}); err == nil {
		t.Error("gif can be written")
	}
	for _, format := range plot.Formats() {
		if err := plot.Write(failing{}, f, plot.Options{Format: format}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if err := plot.WriteText(failing{}, f, 80); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

// TestManyRows: every row has its name if the picture may be as high as it needs
// to be, and thousands do not make it higher than a picture may be.
func TestManyRows(t *testing.T) {
	f := *figures()[6]
	f.Rows, f.Series = nil, []result.Series{{Name: "unknown"}}
	for row := range 5000 {
		f.Rows = append(f.Rows, fmt.Sprintf("row-%d", row))
		f.Series[0].Points = append(f.Series[0].Points, result.Point{Row: row, Value: 1})
		if row == 99 {
			svg := string(draw(t, &f, plot.Options{Format: "svg"}))
			for _, name := range f.Rows {
				if !strings.Contains(svg, ">"+name+"</text>") {
					t.Errorf("%s has no name", name)
				}
			}
		}
	}
	if svg := string(draw(t, &f, plot.Options{Format: "svg"})); !strings.Contains(svg, `height="10000"`) {
		t.Error(svg[:200])
	}
}

// TestManyPoints: what a figure of 64 rows takes in a page stays small.
func TestManyPoints(t *testing.T) {
	f := *figures()[4]
	f.Rows = nil
	var points []result.Point
	for row := range 64 {
		f.Rows = append(f.Rows, fmt.Sprint(row))
		for i := range int64(256) {
			points = append(points, result.Point{Row: row, From: i << 24, To: (i + 1) << 24, Value: float64((row*7+int(i)*13)%97 + 1)})
		}
	}
	f.X.Max = 256 << 24
	f.Series = []result.Series{{Points: points}}
	if n := len(draw(t, &f, plot.Options{Format: "svg"})); n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
}

// TestCaveats: a picture says what is doubtful about it, as text too.
func TestCaveats(t *testing.T) {
	set := &result.Set{Inputs: []result.Input{{Path: "trace.dat"}}}
	for _, code := range []string{"single-run", "clock", "half-recorded", "note", "clock"} {
		set.Warn(code, code+" "+strconv.Itoa(len(set.Warnings)))
	}
	f := &result.Figure{Name: "bars", Form: result.FormBars, Title: "t"}
	set.Show(f)
	const want = "Caution: one run on a side; the clocks of CPUs are not comparable; not all sends were recorded"
	if got := plot.Caveats(f); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var b strings.Builder
	if err := plot.WriteText(&b, f, 80); err != nil || !strings.Contains(b.String(), want) {
		t.Errorf("%v: %s", err, b.String())
	}
	var with, without bytes.Buffer
	if err := plot.Write(&with, f, plot.Options{Format: "svg", Width: 640}); err != nil {
		t.Fatal(err)
	}
	f.Caveats = nil
	if err := plot.Write(&without, f, plot.Options{Format: "svg", Width: 640}); err != nil || plot.Caveats(f) != "" {
		t.Fatal(err)
	}
	if !strings.Contains(with.String(), "Caution: ") || strings.Contains(without.String(), "Caution: ") {
		t.Error("the caveats are not in the picture, or in one without any")
	}
}
