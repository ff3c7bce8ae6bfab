package plot

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// unlimited is the width of bars where the output is no terminal.
const unlimited = 100

// textRows is how many lines the histogram of a series has at most.
const textRows = 18

// WriteText draws a figure with characters, width columns wide; 0 is a file.
func WriteText(w io.Writer, f *result.Figure, width int) error {
	if width <= 0 {
		width = unlimited
	}
	d := &textDrawing{f: f, width: width}
	d.printf("%s\n", text.Clean(f.Title))
	switch {
	case f.IsEmpty():
		d.printf("  nothing to show\n")
	case f.Form == result.FormBins:
		d.bins()
	case f.Form == result.FormCurve:
		d.quantiles()
	case f.Cols != nil:
		d.matrix()
	case f.Form == result.FormBars:
		d.bars()
	case f.Form == result.FormIntervals:
		d.intervals()
	default:
		d.overTime()
	}
	if f.Source != "" {
		if caveats := Caveats(f); caveats != "" {
			d.printf("%s\n", caveats)
		}
		d.printf("%s\n", text.Shorten(text.Clean(f.Source), width))
	}
	_, err := io.WriteString(w, d.b.String())
	return err
}

type textDrawing struct {
	f     *result.Figure
	width int
	b     strings.Builder
}

func (d *textDrawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// A textBar is one line: a name, a bar and what it stands for.
type textBar struct {
	name  string
	share float64 // of the longest bar
	label string
}

// write aligns bars below one another.
func (d *textDrawing) write(bars []textBar, right bool) {
	names, labels := 0, 0
	for i, b := range bars {
		bars[i].name = text.Shorten(text.Clean(b.name), min(longestName, d.width/3))
		names, labels = max(names, runewidth.StringWidth(bars[i].name)), max(labels, runewidth.StringWidth(b.label))
	}
	room := max(d.width-names-labels-6, 8)
	for _, b := range bars {
		pad := strings.Repeat(" ", names-runewidth.StringWidth(b.name))
		if right {
			b.name = pad + b.name
		} else {
			b.name += pad
		}
		d.printf("  %s  %s %s\n", b.name, barOf(b.share, room), b.label)
	}
}

// barOf is a bar of eighths of a character, never nothing for something.
func barOf(share float64, room int) string {
	eighths := int(math.Round(share * float64(8*room)))
	if share > 0 {
		eighths = max(eighths, 1)
	}
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return bar
}

// head names a series above its bars.
func (d *textDrawing) head(s *result.Series, n float64) {
	if d.f.By != "" {
		d.printf("\n%s %s: %.0f\n", d.f.By, shown(s.Name), n)
	}
}

// bins draws one histogram after the other. Ranges are put together so that
// each has few lines.
func (d *textDrawing) bins() {
	d.printf("%s\n", d.f.X.Label)
	edges := map[int64]int64{}
	for _, s := range d.f.Series {
		for _, p := range s.Points {
			edges[p.From] = p.To
		}
	}
	var froms []int64
	for from := range edges {
		froms = append(froms, from)
	}
	slices.Sort(froms)
	every := (len(froms) + textRows - 1) / textRows
	if d.f.Pooled {
		every = 1 // medians and extremes of ranges do not add up
	}
	for i := range d.f.Series {
		s := &d.f.Series[i]
		var sums []result.Point
		last, total, most := -1, 0.0, 0.0
		for _, p := range s.Points {
			at, _ := slices.BinarySearch(froms, p.From)
			if at/every != last {
				last = at / every
				sums = append(sums, result.Point{From: froms[last*every]})
			}
			sum := &sums[len(sums)-1]
			sum.To, sum.Value = p.To, sum.Value+p.Value
			total += p.Value
			most = max(most, sum.Value)
		}
		if d.f.Pooled {
			d.printf("\n%s\n", shown(s.Name))
		} else {
			d.head(s, total)
		}
		var bars []textBar
		for _, p := range sums {
			bars = append(bars, textBar{d.spanOf(p.From, p.To), p.Value / most, fmt.Sprintf("%.0f", p.Value)})
		}
		d.write(bars, true)
	}
}

// spanOf is a range of x; whole numbers need no range of one.
func (d *textDrawing) spanOf(from, to int64) string {
	if d.f.X.Unit == "" && to == from+1 {
		return fmt.Sprint(from)
	}
	if d.f.X.Unit == "" {
		return fmt.Sprintf("%d-%d", from, to-1)
	}
	return amount(&d.f.X, float64(from)) + " - " + amount(&d.f.X, float64(to))
}

// quantiles draws for each series what a share of it does not exceed.
func (d *textDrawing) quantiles() {
	d.printf("%s\n", d.f.X.Label)
	scale := scale{min: float64(d.f.X.Min), max: float64(d.f.X.Max), log: d.f.X.Log}
	if scale.log {
		scale.min = max(scale.min, 1) / 2
	} else {
		scale.min = 0
	}
	for i := range d.f.Series {
		s := &d.f.Series[i]
		if d.f.By != "" {
			d.printf("\n%s %s\n", d.f.By, shown(s.Name))
		}
		var bars []textBar
		for _, q := range []float64{0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
			at := slices.IndexFunc(s.Points, func(p result.Point) bool { return p.Value >= q-1e-12 })
			v := float64(s.Points[max(at, 0)].To)
			bars = append(bars, textBar{fmt.Sprintf("%g %%", q*100), scale.at(v), amount(&d.f.X, v)})
		}
		d.write(bars, true)
	}
}

// bars draws stacked bars by their sums and says what they are made of.
func (d *textDrawing) bars() {
	sums, total := rowSums(d.f)
	parts := make([][]string, len(d.f.Rows))
	for _, s := range d.f.Series {
		for _, p := range s.Points {
			parts[p.Row] = append(parts[p.Row], shown(s.Name))
		}
	}
	most := slices.Max(sums)
	var bars []textBar
	for i, name := range shortNames(d.f.Rows, longestName) {
		label := amountLabel(&d.f.Value, sums[i], total)
		if d.f.Y.Name != d.f.By {
			label += " " + strings.Join(parts[i], "+")
		}
		bars = append(bars, textBar{name, sums[i] / most, label})
	}
	d.write(bars, false)
}

// intervals draws the sides of a comparison below one another.
func (d *textDrawing) intervals() {
	d.printf("%s\n", d.f.Value.Label)
	type bar struct {
		row, side int
		p         result.Point
	}
	var all []bar
	most := 0.0
	before := make([]float64, len(d.f.Rows))
	for i, s := range d.f.Series {
		for _, p := range s.Points {
			all = append(all, bar{p.Row, i, p})
			most = max(most, p.Value)
			if i == 0 {
				before[p.Row] = p.Value
			}
		}
	}
	slices.SortStableFunc(all, func(a, b bar) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.side, b.side)) })
	names := shortNames(d.f.Rows, longestName)
	var bars []textBar
	for _, x := range all {
		label := fmt.Sprintf("%s [%s, %s]", intervalLabel(x.p, before[x.row]), text.Significant(x.p.Lo), text.Significant(x.p.Hi))
		bars = append(bars, textBar{text.Shorten(names[x.row], longestName-10) + " " + d.f.Series[x.side].Name, x.p.Value / max(most, 1e-300), label})
	}
	d.write(bars, false)
}

// matrix draws numbers if they fit, else shades.
func (d *textDrawing) matrix() {
	f := d.f
	cells := make([][]float64, len(f.Rows))
	for i := range cells {
		cells[i] = make([]float64, len(f.Cols))
	}
	wide, names := 0, len(f.Y.Name)
	for _, p := range f.Series[0].Points {
		cells[p.Row][p.From] = p.Value
		wide = max(wide, len(amount(&f.Value, p.Value)))
	}
	for _, c := range f.Cols {
		wide = max(wide, len(c))
	}
	for _, r := range f.Rows {
		names = max(names, len(r))
	}
	numbers := (wide+1)*len(f.Cols)+names+4 <= d.width
	d.printf("rows: %s, columns: %s\n", f.Y.Label, f.X.Label)
	if numbers {
		d.printf("  %*s ", names, "")
		for _, c := range f.Cols {
			d.printf(" %*s", wide, c)
		}
		d.printf("\n")
	}
	values := (&page{f: f}).values()
	for i, row := range cells {
		d.printf("  %*s  ", names, f.Rows[i])
		for j, v := range row {
			switch {
			case numbers && j > 0:
				d.printf(" %*s", wide, blank(amount(&f.Value, v), v))
			case numbers:
				d.printf("%*s", wide, blank(amount(&f.Value, v), v))
			default:
				d.printf("%s", shade(values, v))
			}
		}
		d.printf("\n")
	}
	if !numbers {
		d.shadeLegend(values)
	}
}

// blank leaves out what is nothing.
func blank(s string, v float64) string {
	if v == 0 {
		return "."
	}
	return s
}

func shade(s scale, v float64) string {
	if v == 0 {
		return " "
	}
	return string([]rune("░▒▓█")[s.step(v, 4)])
}

func (d *textDrawing) shadeLegend(s scale) {
	kind := ""
	if s.log {
		kind = " (logarithmic)"
	}
	d.printf("  ░ %s to █ %s %s%s\n", amount(&d.f.Value, s.min), amount(&d.f.Value, s.max), d.f.Value.Label, kind)
}
