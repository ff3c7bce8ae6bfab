package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Form says how the points of a Figure lie.
type Form string

const (
	FormBins      Form = "bins"      // how many values lie in each range of X
	FormCurve     Form = "curve"     // the share of values up to To
	FormSteps     Form = "steps"     // a value for each stretch of X
	FormLanes     Form = "lanes"     // the same in one lane for each row, the series on top of one another
	FormHeat      Form = "heat"      // a value for each row and stretch of X, or each row and column
	FormBars      Form = "bars"      // a bar for each row, made of the series
	FormIntervals Form = "intervals" // bars side by side for each row, with intervals
)

// A Figure is what a plot shows: binned exact numbers and what they mean. There
// are never more points than can be told apart, however long the trace is.
type Figure struct {
	Name  string // of the kind: "heatmap"
	Form  Form
	Title string
	// X is what From and To of the points count, Y what the rows are, Value what
	// the points' Value counts.
	X, Y, Value Axis
	By          string   // what the series are: "function"; empty if there is one without a name
	Rows        []string // names of the rows, from the top
	Cols        []string // names of the columns if X has no numbers: From is then their index
	Series      []Series
	Gaps        []Span // stretches of X in which events were lost
	// Pooled says that the series are the least, the median and the most of several.
	Pooled bool
	// Whole says that it means something only where time was recorded whole.
	Whole bool
	// Source says what the figure was made of, for people.
	Source string
	// Caveats are the doubts about it, each in a few words: a picture travels
	// without the warnings beside it.
	Caveats []string
}

// An Axis describes one of a figure's dimensions.
type Axis struct {
	Name  string // stable: "cpu", "hits"
	Label string // for people
	Unit  string // as that of a Col; also "ticks"
	Log   bool   // reads best on a logarithmic scale
	// Min and Max bound X, also where there are no points.
	Min, Max int64
	// Origin is what times on this axis count from on the trace's clock, 0 if
	// there are several traces.
	Origin int64
}

// A Series is points that belong together.
type Series struct {
	Name string
	// Rest marks the sum of what has no series of its own.
	Rest   bool
	Points []Point
}

// A Point is one number of a figure.
type Point struct {
	Row      int   // index of Rows
	From, To int64 // stretch of X, To not included
	Value    float64
	Lo, Hi   float64 // interval of Value, with FormIntervals
	Note     string  // what to say of it
}

// A Span is a stretch of X.
type Span struct{ From, To int64 }

// IsEmpty reports whether there is nothing to draw.
func (f *Figure) IsEmpty() bool {
	for _, s := range f.Series {
		if len(s.Points) > 0 {
			return false
		}
	}
	return true
}

// NeedsWhole reports whether the figure cannot be told from an excerpt.
func (f *Figure) NeedsWhole() bool { return f.Whole || isRate(f.Value.Unit) }

// Spans reports whether the largest value is at least this many times the
// smallest one.
func (f *Figure) Spans(ratio float64) bool {
	least, most := math.Inf(1), 0.0
	for _, s := range f.Series {
		for _, p := range s.Points {
			least, most = min(least, p.Value), max(most, p.Value)
		}
	}
	return most >= ratio*least
}

// Table is what the figure shows as rows, one for each point, exact.
func (f *Figure) Table() *Table {
	t := &Table{Name: "data", Title: f.Title}
	if f.By != "" {
		t.Cols = append(t.Cols, Col{Name: f.By, Head: f.By, Key: true})
	}
	if f.Rows != nil {
		t.Cols = append(t.Cols, Col{Name: f.Y.Name, Head: f.Y.Name, Key: true, Help: f.Y.Label})
	}
	switch {
	case f.Cols != nil:
		t.Cols = append(t.Cols, Col{Name: f.X.Name, Head: f.X.Name, Key: true, Help: f.X.Label})
	case f.hasX():
		t.Cols = append(t.Cols, f.rangeCols()...)
	}
	t.Cols = append(t.Cols, Col{Name: f.Value.Name, Head: f.Value.Name, Unit: f.Value.Unit, Help: f.Value.Label})
	if f.Form == FormIntervals {
		t.Cols = append(t.Cols,
			Col{Name: "lo", Head: "from", Unit: f.Value.Unit, Help: "95 % interval"},
			Col{Name: "hi", Head: "to", Unit: f.Value.Unit, Help: "95 % interval"},
			Col{Name: "verdict", Head: "verdict"})
	}
	for i := range f.Series {
		for j := range f.Series[i].Points {
			t.Rows = append(t.Rows, f.cells(&f.Series[i], &f.Series[i].Points[j]))
		}
	}
	return t
}

// hasX reports whether From and To mean something.
func (f *Figure) hasX() bool { return f.Form != FormBars && f.Form != FormIntervals }

func (f *Figure) cells(s *Series, p *Point) []Value {
	var row []Value
	if f.By != "" {
		row = append(row, Str(s.Name))
	}
	if f.Rows != nil {
		row = append(row, Str(f.Rows[p.Row]))
	}
	switch {
	case f.Cols != nil:
		row = append(row, Str(f.Cols[p.From]))
	case f.hasX():
		row = append(row, Int(p.From), Int(p.To))
	}
	if f.Value.Unit == "" {
		row = append(row, Int(int64(p.Value)))
	} else {
		row = append(row, Float(p.Value))
	}
	if f.Form == FormIntervals {
		row = append(row, Float(p.Lo), Float(p.Hi), Str(p.Note))
	}
	return row
}

// Show makes f what the set shows: its points are the set's first table, and what
// they mean an object.
func (s *Set) Show(f *Figure) {
	f.orderCPUs()
	f.Source, f.Caveats = s.Source(), s.Caveats()
	s.Figure, s.Tables = f, []*Table{f.Table()}
	if f.Gaps != nil {
		s.Tables = append(s.Tables, f.lossTable())
	}
	s.Objects = []Object{{Name: "figure", Fields: []Field{
		{"kind", Str(f.Name)}, {"title", Str(f.Title)}, {"x", Str(f.X.Label)}, {"x_unit", Str(f.X.Unit)},
		{"y", Str(f.Y.Label)}, {"value", Str(f.Value.Label)}, {"value_unit", Str(f.Value.Unit)}, {"origin_ns", Int(f.X.Origin)},
	}}}
}

// IsOfCPUs reports series that are CPUs, by number.
func (f *Figure) IsOfCPUs() bool { return f.By == "target" || f.By == "sender" }

// orderCPUs puts series that are CPUs into the order of their numbers: by their hits, as
// others are, nobody finds one.
func (f *Figure) orderCPUs() {
	if !f.IsOfCPUs() {
		return
	}
	number := func(s Series) int {
		if n, err := strconv.Atoi(s.Name); err == nil && !s.Rest {
			return n
		}
		return math.MaxInt
	}
	slices.SortStableFunc(f.Series, func(a, b Series) int { return cmp.Compare(number(a), number(b)) })
}

// lossTable lists the stretches in which events were lost.
func (f *Figure) lossTable() *Table {
	t := &Table{Name: "losses", Title: "Events were lost", Cols: f.rangeCols()}
	for _, g := range f.Gaps {
		t.Rows = append(t.Rows, []Value{Int(g.From), Int(g.To)})
	}
	return t
}

// rangeCols are the columns of a stretch of X.
func (f *Figure) rangeCols() []Col {
	suffix := ""
	if f.X.Unit == "ns" {
		suffix = "_ns"
	}
	return []Col{
		{Name: "from" + suffix, Head: "from", Unit: f.X.Unit, Help: f.X.Label},
		{Name: "to" + suffix, Head: "to", Unit: f.X.Unit, Help: f.X.Label},
	}
}

// Caveats are the set's warnings that change what its numbers mean, each in a few
// words. Losses are part of the Source.
func (s *Set) Caveats() []string {
	var list []string
	for _, w := range s.Warnings {
		if text := caveat(w.Code); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if s.isUndecided() {
		list = append(list, "some rows are undecided, as not all was seen")
	}
	return list
}

// isUndecided reports a comparison with rows whose verdict is withheld for want of
// evidence.
func (s *Set) isUndecided() bool {
	t := s.Table("rows")
	if t == nil || t.Index("reason") < 0 {
		return false
	}
	return slices.ContainsFunc(t.Rows, func(row []Value) bool {
		switch row[t.Index("reason")].Str {
		case "unknown", "lost", "excerpt", "not-recorded", "machines", "clock", "means", "missing", "no-values":
			return true
		}
		return false
	})
}

func caveat(code string) string {
	switch code {
	case "clock", "negative":
		return "the clocks of CPUs are not comparable"
	case "clock-ticks", "clock-differ":
		return "times and rates are in ticks or of different clocks"
	case "excerpt":
		return "an input is an excerpt"
	case "half-recorded":
		return "not all sends were recorded"
	case "no-entries":
		return "known by sends alone"
	case "not-recorded":
		return "some kinds of interruptions were not recorded"
	case "not-measured":
		return "some times could not be measured"
	case "quiet-bound":
		return "quiet may have been shorter"
	case "syntax-errors":
		return "parts of the input were not understood"
	case "sends-without-target":
		return "some sends have no known target"
	case "unattributed":
		return "what some hits run is not known"
	case "maybe-no-ipi":
		return "some sends may have sent no IPI"
	case "mixed-clocks":
		return "not all inputs are in the rates"
	case "cpu-offline":
		return "CPUs were offline for a while"
	case "duplicate-buffers":
		return "some sends count twice"
	case "single-run":
		return "one run on a side"
	case "few-runs", "too-short", "few-events":
		return "too few data"
	case "different-machines", "isolated-differ", "duration-differ", "filters-differ":
		return "the sides differ in machine or recording"
	case "evidence-differ":
		return "functions are not known alike on both sides"
	case "isolated-beyond":
		return "isolated CPUs are missing from the trace"
	}
	return ""
}

// shownFiles is how many files a source line names.
const shownFiles = 2

// Source says in one line which files, kernels and CPUs the set is made of, and
// what they lack.
func (s *Set) Source() string {
	inputs := s.AllInputs()
	files := ShortPaths(inputs)
	var kernels, parts []string
	var lost, untargeted uint64
	unknown, incomplete := false, false
	for _, in := range inputs {
		if in.Kernel != "" && !slices.Contains(kernels, in.Kernel) {
			kernels = append(kernels, in.Kernel)
		}
		lost += in.Lost
		untargeted += in.Sent.Untargeted
		unknown = unknown || in.LostUnknown
		incomplete = incomplete || in.Incomplete
	}
	if len(files) > shownFiles {
		files = []string{fmt.Sprintf("%d files", len(files))}
	}
	parts = append(parts, strings.Join(files, ", "))
	if len(kernels) > 0 {
		parts = append(parts, "Linux "+strings.Join(kernels, ", "))
	}
	if s.Isolated != "" {
		noun := "isolated CPU "
		if strings.ContainsAny(s.Isolated, ",-") {
			noun = "isolated CPUs "
		}
		parts = append(parts, noun+s.Isolated)
	}
	switch {
	case unknown && lost > 0:
		parts = append(parts, fmt.Sprintf("at least %d events lost", lost))
	case unknown:
		parts = append(parts, "events lost, number unknown")
	case lost > 0:
		parts = append(parts, fmt.Sprintf("%d events lost", lost))
	default:
		parts = append(parts, "no events lost")
	}
	if incomplete {
		parts = append(parts, "not read to its end")
	}
	if untargeted > 0 {
		parts = append(parts, fmt.Sprintf("%d sends without a known target", untargeted))
	}
	return strings.Join(parts, " · ")
}
