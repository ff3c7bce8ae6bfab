// Package calltree writes stacks as call trees for the terminal.
package calltree

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// Options of Write.
type Options struct {
	Width    int     // columns available, 0 for no limit
	Colour   bool    // ANSI colours may be used
	Top      int     // groups to show, 0 for all
	Callers  bool    // callers below the frame that sent, in place of callees below their caller
	Depth    int     // levels to show, 0 for all; a chain of single calls is one
	MinShare float64 // part of the group's hits that a call needs to be shown, 0 to 1
}

// Write writes the verdict, then a tree for each group. The numbers of a tree's
// branches add up: what a limit leaves out is summed up in a line.
func Write(w io.Writer, s *result.Set, o Options) error {
	p := &printer{o: o}
	if s.Verdict != "" {
		p.b.WriteString(text.Heading(text.Clean(s.Verdict), o.Colour) + "\n")
	}
	if s.Stacks == nil || len(s.Stacks.Samples) == 0 {
		_, err := io.WriteString(w, p.b.String())
		return err
	}
	p.label = slices.IndexFunc(s.Stacks.Labels, func(c result.Col) bool { return c.Name == "class" })
	groups := slices.DeleteFunc(s.Stacks.Groups(), func(g result.Group) bool { return g.Values[0] == 0 })
	p.total = s.Stacks.Total()[0]
	p.digits = max(len("hits"), len(strconv.FormatInt(p.total, 10)))
	for i, g := range groups {
		if o.Top > 0 && i == o.Top {
			fmt.Fprintf(&p.b, "\n… and %d more groups (--top 0 shows all)\n", len(groups)-i)
			break
		}
		p.group(s.Stacks, &g)
	}
	p.legend(s.Stacks)
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return err
	}
	return text.WriteExamples(w, s.Examples, text.Options{Width: o.Width, Colour: o.Colour, Top: o.Top})
}

type printer struct {
	b      strings.Builder
	o      Options
	label  int   // index of the class among the labels, -1 if there is none
	total  int64 // hits of all groups
	digits int   // width of the column of hits
}

// group writes the tree of one group.
func (p *printer) group(st *result.Stacks, g *result.Group) {
	p.b.WriteByte('\n')
	if len(g.Key) > 0 {
		words := make([]string, len(g.Key))
		for i, k := range g.Key {
			words[i] = st.Keys[i].Head + " " + text.Clean(k)
		}
		p.b.WriteString(text.Heading(strings.Join(words, ", "), p.o.Colour) + "\n")
	}
	head := "from the entry of the kernel inwards"
	if p.o.Callers {
		head = "from the send outwards"
	}
	fmt.Fprintf(&p.b, "%*s  %7s  %s\n", p.digits, st.Values[0].Head, "share", head)
	hit := slices.DeleteFunc(slices.Clone(g.Samples), func(x result.Sample) bool { return x.Values[0] == 0 })
	root := result.Tree(hit, len(st.Values), p.o.Callers, p.label)
	p.line(root.Values[0], "", "all", "")
	p.children(root, "", 1, root.Values[0])
}

// line writes one line of the tree with its numbers.
func (p *printer) line(hits int64, guide, name, class string) {
	share := 0.0
	if p.total > 0 {
		share = float64(hits) / float64(p.total)
	}
	fmt.Fprintf(&p.b, "%*d  %7s  %s%s\n", p.digits, hits, text.Percent(share), guide, p.paint(name, class))
}

// children writes what is below n. guide is what the lines of n's children
// begin with; of is the hits that MinShare is a part of.
func (p *printer) children(n *result.Node, guide string, level int, of int64) {
	shown := withOwn(n)
	large := shown // they are sorted
	if i := slices.IndexFunc(shown, func(c *result.Node) bool { return float64(c.Values[0]) < p.o.MinShare*float64(of) }); i >= 0 {
		large = shown[:i]
	}
	for i, c := range large {
		end := p.node(c, guide, i == len(shown)-1, p.o.Depth == 0 || level < p.o.Depth)
		if end != nil {
			p.children(end, guide+bar(i == len(shown)-1), level+1, of)
		}
	}
	switch small := shown[len(large):]; len(small) {
	case 0:
	case 1: // its name takes the line that would say that there is one
		p.node(small[0], guide, true, false)
	default:
		var rest int64
		for _, c := range small {
			rest += c.Values[0]
		}
		p.line(rest, p.guide(guide)+"└─ ", fmt.Sprintf("… %d more", len(small)), "")
	}
}

// withOwn is the children of a node, and the hits of stacks that end there if
// others go on.
func withOwn(n *result.Node) []*result.Node {
	if n.Self[0] == 0 || len(n.Children) == 0 {
		return n.Children
	}
	own := &result.Node{Name: "(ends here)", Values: n.Self, Self: n.Self, Label: n.Label}
	i := slices.IndexFunc(n.Children, func(c *result.Node) bool { return c.Values[0] < own.Values[0] })
	if i < 0 {
		i = len(n.Children)
	}
	return slices.Insert(slices.Clone(n.Children), i, own)
}

// step is the width of what a level adds to the guide.
const step = 3

// bar is what a node's guide adds to that of its parent.
func bar(last bool) string {
	if last {
		return "   "
	}
	return "│  "
}

// node writes the chain of single calls that begins at n. It returns the end of
// the chain if what is below that is to be written too: if open is set and there
// is anything.
func (p *printer) node(n *result.Node, guide string, last, open bool) *result.Node {
	names := []string{text.Clean(n.Name)}
	end := n
	for len(end.Children) == 1 && end.Self[0] == 0 && end.Children[0].Values[0] == end.Values[0] {
		end = end.Children[0]
		names = append(names, text.Clean(end.Name))
	}
	open = open && len(end.Children) > 0
	if !open && len(end.Children) > 0 {
		names = append(names, "…")
	}
	arrow, elbow := " › ", "├─ "
	if p.o.Callers {
		arrow = " ‹ "
	}
	if last {
		elbow = "└─ "
	}
	short := p.guide(guide)
	for i, part := range p.wrap(names, arrow, runewidth.StringWidth(short)+step) {
		if i == 0 {
			p.line(end.Values[0], short+elbow, part, end.Label)
			continue
		}
		p.b.WriteString(strings.Repeat(" ", p.numbers()) + short + bar(last) + bar(!open) + p.paint(part, end.Label) + "\n")
	}
	if !open {
		return nil
	}
	return end
}

// paint is text in the colour of a class.
func (p *printer) paint(s, class string) string {
	if p.o.Colour {
		return text.Coloured(s, class)
	}
	return s
}

// numbers is the width of what stands before the tree.
func (p *printer) numbers() int { return p.digits + 2 + len("100.0 %") + 2 }

// least is the width that is left for names, however deep the tree is.
const least = 24

// guide is the guide as far as there is room for it: of a deep tree the
// outermost levels are left out.
func (p *printer) guide(guide string) string {
	room := p.o.Width - p.numbers() - least - 3*step
	if p.o.Width <= 0 || runewidth.StringWidth(guide) <= room {
		return guide
	}
	runes := []rune(guide)
	keep := max(0, room/step*step-step)
	return "…  " + string(runes[len(runes)-keep:])
}

// wrap puts names one behind the other into lines that fit behind a guide of
// that width. A name that is too long is cut in the middle.
func (p *printer) wrap(names []string, arrow string, guide int) []string {
	if p.o.Width <= 0 {
		return []string{strings.Join(names, arrow)}
	}
	end := strings.TrimRight(arrow, " ") // of a line that goes on
	room := max(least, p.o.Width-p.numbers()-guide-step-runewidth.StringWidth(end))
	var lines []string
	line := ""
	for i, n := range names {
		n = text.Shorten(n, room)
		switch {
		case i == 0:
			line = n
		case runewidth.StringWidth(line)+runewidth.StringWidth(arrow)+runewidth.StringWidth(n) <= room:
			line += arrow + n
		default:
			lines = append(lines, line+end)
			line = n
		}
	}
	return append(lines, line)
}

// legend says what the colours mean.
func (p *printer) legend(st *result.Stacks) {
	if !p.o.Colour || p.label < 0 {
		return
	}
	hits := map[string]int64{}
	var classes []string
	for _, x := range st.Samples {
		class := x.Labels[p.label]
		if x.Values[0] > 0 && hits[class] == 0 {
			classes = append(classes, class)
		}
		hits[class] += x.Values[0]
	}
	slices.SortStableFunc(classes, func(a, b string) int { return int(hits[b] - hits[a]) })
	for i, class := range classes {
		classes[i] = text.Coloured(class, class)
	}
	if len(classes) > 0 {
		p.b.WriteString("\nclasses: " + strings.Join(classes, " ") + "\n")
	}
}
