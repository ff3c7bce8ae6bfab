package flame

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/text"
)

// SVGOptions say what a flame graph shows.
type SVGOptions struct {
	Callers bool // the functions that sent are on top, and their callers below them
	// Origin is what the picture holds of where it comes from, unseen; empty is nothing.
	Origin string
}

// Sizes of the picture, in units of SVG.
const (
	svgWidth  = 1200
	svgMargin = 12
	svgRow    = 18   // a frame with the line below it
	svgLetter = 7.25 // a letter of 12 px in fonts whose letters have one width, the wider ones
	// svgLeast is the width of the narrowest frame that is drawn.
	svgLeast = 0.25
)

// svgStyle has the colours of report/plot: of classes those of Okabe and Ito. What a
// picture looks like in a program that knows nothing of themes is the light one.
const svgStyle = `
.ground{fill:#fff}text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1f2328}
text.head{font:600 15px "Liberation Sans",Arial,Helvetica,sans-serif}text.said{font:12px "Liberation Sans",Arial,Helvetica,sans-serif;fill:#59636e}text.doubt{font:12px "Liberation Sans",Arial,Helvetica,sans-serif}
.c rect{fill:#8c959f;fill-opacity:.45}.c:hover rect{fill-opacity:.8}
.c.deferrable rect{fill:#009e73}.c.candidate rect{fill:#56b4e9}.c.self-filtered rect{fill:#0072b2}.c.avoidable rect{fill:#e69f00}
.c.returnable rect{fill:#cc79a7}.c.unavoidable rect{fill:#d55e00}.c.noise rect{fill:#8c959f;fill-opacity:.2}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}text.said{fill:#9da7b3}.c.self-filtered rect{fill:#3d9be0}}
`

// svgClasses are the names that svgStyle has a colour for.
func svgClasses() []string {
	return []string{"deferrable", "candidate", "self-filtered", "avoidable", "returnable", "unavoidable", "noise"}
}

// WriteSVG draws the flame graph of stacks: the outermost frame on top, each as wide
// as its share of the hits. The picture needs nothing else, no script and no font; the
// pointer over a frame shows its name, hits and share. Names are text wherever they
// come from.
func WriteSVG(w io.Writer, s *result.Set, o SVGOptions) error {
	if s.Stacks == nil || s.Stacks.Compares {
		return errNoStacks
	}
	p := &svg{callers: o.Callers}
	p.head(s)
	if root := s.Stacks.Graph(o.Callers); root == nil {
		p.text("said", svgMargin, p.y+svgRow, "no hits: nothing to show")
		p.y += svgRow
	} else {
		p.graph(root)
	}
	p.foot(s)
	title := escaped(text.Clean(s.Verdict))
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="%.0f" viewBox="0 0 %d %.0f">
<title>%s</title>%s
<style>%s</style>
<rect class="ground" width="100%%" height="100%%"/>
%s</svg>
`, title, svgWidth, p.y, svgWidth, p.y, title, origin.SVG(o.Origin), svgStyle, p.b.String())
	return err
}

// An svg is a picture on its way: y is where the next line of it begins.
type svg struct {
	b       strings.Builder
	y       float64
	callers bool
	total   int64
	thin    int64 // hits of the frames that are too narrow to be drawn
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

func (p *svg) text(class string, x, y float64, s string) {
	fmt.Fprintf(&p.b, `<text class="%s" x="%.5g" y="%.5g">%s</text>`+"\n", class, x, y, escaped(s))
}

// head writes the verdict and which class has which colour.
func (p *svg) head(s *result.Set) {
	p.text("head", svgMargin, 26, fitted("Flame graph of the stacks that sent: "+text.Clean(s.Verdict), 140))
	p.y = 34
	hits := map[string]int64{}
	for _, x := range s.Stacks.Samples {
		hits[className(s.Stacks, x)] += x.Values[0]
	}
	x := float64(svgMargin)
	entry := func(class, name string) {
		fmt.Fprintf(&p.b, `<g class="c %s"><rect x="%.5g" y="%.5g" width="10" height="10"/></g>`, class, x, p.y+4)
		p.text("said", x+15, p.y+13, name)
		x += 15 + svgLetter*float64(len(name)) + 12
	}
	for _, class := range svgClasses() {
		if hits[class] > 0 {
			entry(class, class)
		}
	}
	if x > svgMargin {
		entry("", "several classes, or none is known")
		p.y += svgRow
	}
	p.y += 6
}

// className is the class of a sample's hits, "" where there is none.
func className(st *result.Stacks, x result.Sample) string {
	isClass := func(c result.Col) bool { return c.Name == "class" }
	if i := slices.IndexFunc(st.Labels, isClass); i >= 0 {
		return x.Labels[i]
	}
	if i := slices.IndexFunc(st.Keys, isClass); i >= 0 {
		return x.Key[i]
	}
	return ""
}

// graph draws the frames.
func (p *svg) graph(root *result.Node) {
	p.total = root.Values[0]
	deepest := p.frames(root, svgMargin, 0)
	p.y += float64(deepest+1) * svgRow
}

// frames draws a frame and those below it, and says how deep they go.
func (p *svg) frames(n *result.Node, x float64, depth int) int {
	const inner = svgWidth - 2*svgMargin
	width := inner * float64(n.Values[0]) / float64(p.total)
	if width < svgLeast {
		p.thin += n.Values[0]
		return depth - 1
	}
	name := "all"
	if depth > 0 {
		name = text.Clean(n.Name)
	}
	class := ""
	if slices.Contains(svgClasses(), n.Label) {
		class = " " + n.Label
	}
	y := p.y + float64(depth)*svgRow
	said := fmt.Sprintf("%s: %d hits, %s", name, n.Values[0], text.Percent(float64(n.Values[0])/float64(p.total)))
	if n.Label != "" {
		said += ", " + text.Clean(n.Label)
	}
	fmt.Fprintf(&p.b, `<g class="c%s"><title>%s</title><rect x="%.6g" y="%.6g" width="%.6g" height="%d" rx="2"/>`,
		class, escaped(said), x, y, max(width-1, svgLeast), svgRow-1)
	if room := int((width - 8) / svgLetter); room >= 3 {
		fmt.Fprintf(&p.b, `<text x="%.6g" y="%.6g">%s</text>`, x+4, y+13, escaped(fitted(name, room)))
	}
	p.b.WriteString("</g>\n")
	deepest := depth
	for _, c := range n.Children {
		deepest = max(deepest, p.frames(c, x, depth+1))
		x += inner * float64(c.Values[0]) / float64(p.total)
	}
	return deepest
}

// fitted is a name that is no longer than there is room; its beginning stays, which
// tells functions of one kind apart less often than the whole does, but can be read.
func fitted(name string, room int) string {
	if runewidth.StringWidth(name) <= room {
		return name
	}
	return runewidth.Truncate(name, room, "…")
}

// foot says what is not drawn, what is doubtful, and where the stacks come from.
func (p *svg) foot(s *result.Set) {
	p.y += 4
	line := func(class, text string) {
		p.y += svgRow
		p.text(class, svgMargin, p.y-4, fitted(text, (svgWidth-2*svgMargin)/6))
	}
	first := "Outermost frame on top; each frame is as wide as its share of the hits."
	if p.callers {
		first = "The function that sent on top, its callers below it; each frame is as wide as its share of the hits."
	}
	line("said", first)
	if p.thin > 0 {
		line("said", fmt.Sprintf("Too narrow to be drawn: frames of %d hits.", p.thin))
	}
	if caveats := s.Caveats(); len(caveats) > 0 {
		line("doubt", "Caution: "+text.Clean(strings.Join(caveats, "; ")))
	}
	line("said", text.Clean(s.Source()))
	p.y += 6
}
