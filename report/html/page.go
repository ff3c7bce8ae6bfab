package html

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// A page is what page.tmpl fills in.
type page struct {
	Title, Kind, Verdict string
	Notes                []string
	Doubts               []result.Warning
	Facts                []fact
	Sections             []section
	source
	Data   data
	Style  template.CSS
	Script template.JS
	Policy string
	limits limits
}

// A fact is a named value, as text.
type fact struct{ Name, Text string }

// A section is one part of the page; one of its last five members is set.
type section struct {
	ID, Title, Short, Doc string

	Advice  *advice
	Table   *table
	Figures []figure
	Live    string // what the script puts there; without one it is not shown
	// Examples are events as they were recorded.
	Examples []shownExample
}

// A shownExample is an event of a row.
type shownExample struct{ Row, Note, Text string }

func newPage(s *result.Set, o Options, l limits) (*page, error) {
	p := &page{Kind: l.shown(kind(s)), Verdict: l.shown(s.Verdict), Facts: facts(s), source: newSource(s, o, l), limits: l}
	if p.Verdict == "" {
		p.Verdict = p.Kind
	}
	p.Title = "ipiscope: " + p.Verdict
	for _, n := range s.Notes {
		p.Notes = append(p.Notes, l.shown(n))
	}
	for i, w := range s.Warnings {
		if i == l.doubts {
			p.Doubts = append(p.Doubts, result.Warning{Code: "more", Text: fmt.Sprintf("and %d more warnings; --format json has all of them", len(s.Warnings)-i)})
			break
		}
		p.Doubts = append(p.Doubts, result.Warning{Code: w.Code, Text: l.shown(w.Text)})
	}
	p.addTables(s)
	p.addExamples(s)
	shown := map[string]int{}
	for _, x := range p.Sections {
		if x.Table != nil {
			shown[x.Table.ID] = len(x.Table.Rows)
		}
	}
	if err := p.addFigures(s); err != nil {
		return nil, err
	}
	p.Data = newData(s, shown, o.Callers, l)
	if p.Data.Flame != nil {
		first := "outermost frame on top"
		if o.Callers {
			first = "the function that sent on top, its callers below it"
		}
		p.Sections = append(p.Sections, section{ID: "flame", Title: "Flame graph of the stacks that sent", Short: "Flame graph",
			Doc: first + "; all of the time; the colour is the class of the hits, grey where they differ", Live: "flame"})
	}
	return p, nil
}

// addExamples adds the events behind rows.
func (p *page) addExamples(s *result.Set) {
	if len(s.Examples) == 0 {
		return
	}
	x := section{ID: "examples", Title: "Examples", Short: "Examples", Doc: "one event of each row, as it was recorded"}
	for i, e := range s.Examples {
		if i == p.limits.advice {
			x.Doc += fmt.Sprintf("; %d more rows are left out", len(s.Examples)-i)
			break
		}
		var lines []string
		for _, line := range e.Lines {
			lines = append(lines, p.limits.shown(text.ExampleLine(line)))
		}
		x.Examples = append(x.Examples, shownExample{p.limits.shown(e.Row), p.limits.shown(e.Note), strings.Join(lines, "\n")})
	}
	p.Sections = append(p.Sections, x)
}

// addFigures draws the plots that the page has room for.
func (p *page) addFigures(s *result.Set) error {
	var all []figure
	source, caveats := s.Source(), s.Caveats()
	for _, f := range s.Figures {
		f.Source, f.Caveats = source, caveats // a figure may be copied out of its page
		svg, err := newFigure(f)
		if err != nil {
			return err
		}
		if len(svg.Light) <= p.limits.figure {
			all = append(all, svg)
		}
	}
	if len(s.Figures) == 0 {
		return nil
	}
	doc := ""
	if n := len(s.Figures) - len(all); n > 0 {
		doc = fmt.Sprintf("%d left out, which would make the page too large: see ipiscope plot", n)
	}
	at := len(p.Sections)
	if s.Sides != nil {
		at = 0 // of a comparison the picture says the most
	}
	p.Sections = slices.Insert(p.Sections, at, section{ID: "plots", Title: "Plots", Short: "Plots", Doc: doc, Figures: all})
	return nil
}

// kind is the name of the result: "report" of ipiscope/report/v1.
func kind(s *result.Set) string {
	parts := strings.Split(s.Schema, "/")
	return parts[min(1, len(parts)-1)]
}

// addTables adds the answer for each CPU, what to do about it, and behind the
// timeline all other tables.
func (p *page) addTables(s *result.Set) {
	leading := []string{"cpus", "verdicts", "advice"}
	for _, name := range leading {
		if t := s.Table(name); t != nil {
			p.addTable(s, t)
		}
	}
	if s.Time != nil {
		p.Sections = append(p.Sections, section{ID: "timeline", Title: "Hits over time", Short: "Timeline", Live: "timeline"})
	}
	for _, t := range s.Tables {
		if !slices.Contains(leading, t.Name) {
			p.addTable(s, t)
		}
	}
}

func (p *page) addTable(s *result.Set, t *result.Table) {
	if len(t.Rows) == 0 {
		return
	}
	x := section{ID: t.Name, Title: p.limits.shown(title(t)), Short: p.limits.shown(short(t))}
	if t.Prose != "" {
		x.Advice = newAdvice(t, p.limits)
		x.Doc = "hits that each would remove, of all the time"
	} else {
		x.Table = newTable(s, t, p.limits)
	}
	p.Sections = append(p.Sections, x)
}

// title is what people call a table.
func title(t *result.Table) string {
	name := t.Title
	if name == "" {
		name = strings.ReplaceAll(t.Name, "_", " ")
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// short is the title for the list of the page's parts.
func short(t *result.Table) string {
	names := map[string]string{"cpus": "CPUs", "rows": "Rows", "explain": "Factors", "sides": "Sides"}
	if name, ok := names[t.Name]; ok {
		return name
	}
	return title(t)
}

// facts are the totals worth a look, in this order; those that are 0 left out.
func facts(s *result.Set) []fact {
	if total := s.Table("total"); total != nil && len(total.Rows) == 1 {
		return changes(total)
	}
	var out []fact
	for _, x := range []struct{ name, head, unit string }{
		{"hits", "hits", ""}, {"self", "self-IPIs", ""}, {"noise", "by the recorder", ""}, {"unattributed", "unattributed", ""},
		{"sends", "sends", ""}, {"requests", "requests", ""}, {"duration_ns", "duration", "ns"}, {"events", "events", ""},
	} {
		i := slices.IndexFunc(s.Totals, func(f result.Field) bool { return f.Name == x.name })
		if i < 0 || s.Totals[i].Value.Int == 0 && x.name != "hits" {
			continue
		}
		out = append(out, fact{x.head, human(s, s.Totals[i].Value, x.unit)})
	}
	return out
}

// human is a value as a person reads it. Where a clock does not count nanoseconds
// times are in its ticks.
func human(s *result.Set, v result.Value, unit string) string {
	if unit == "ns" && s.HasTicks() {
		unit = "ticks"
	}
	return text.Human(v, unit)
}

// changes are the facts of a comparison of two sides.
func changes(total *result.Table) []fact {
	value := func(name string) string {
		i := total.Index(name)
		if i < 0 {
			return ""
		}
		return text.Human(total.Rows[0][i], total.Cols[i].Unit)
	}
	head := func(name string) string {
		if i := total.Index(name); i >= 0 {
			return text.Clean(total.Cols[i].Head)
		}
		return name
	}
	hits := []fact{{"hits " + head("before.hits"), value("before.hits")}, {"hits " + head("after.hits"), value("after.hits")}}
	if i := total.Index("before.rate"); i >= 0 && total.Rows[0][i].Kind == result.KindNone { // there are no rates
		return append(hits, fact{"verdict", value("says")})
	}
	return append(hits, []fact{
		{head("before.rate"), value("before.rate")}, {head("after.rate"), value("after.rate")},
		{"ratio of the rates", value("ratio")}, {"95 % interval", value("ci.lo") + " to " + value("ci.hi")}, {"verdict", value("says")},
	}...)
}
