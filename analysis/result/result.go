// Package result is the waist between analyzers and reports: analyzers make a
// Set, renderers see nothing else. A Set holds exact numbers with their units;
// scaling and rounding for people is the renderer's work.
package result

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Set is the result of one command over its inputs.
type Set struct {
	Schema  string   // name and version of the JSON form, "ipiscope/report/v1"
	Verdict string   // one sentence that answers the question
	Notes   []string // further sentences for people, shown below it
	Inputs  []Input
	// Sides are the inputs of a comparison, in place of Inputs.
	Sides    []Side
	Isolated string // CPU list
	By       []string
	Totals   []Field
	Objects  []Object // further sums that have a name of their own
	Tables   []*Table
	Stacks   *Stacks // nil if nothing was counted by stack
	// Examples are events behind rows, for people: machines have them in the rows.
	Examples []Example
	// Figure is what a plot shows, nil for other results.
	Figure *Figure
	// Figures are pictures beside the tables, for forms that have them.
	Figures []*Figure
	// Time is the axis of all values over time, nil if there are none or they
	// have axes of their own.
	Time     *Time
	Warnings []Warning
}

// A Side is a group of inputs that a comparison takes together. Its name is the
// JSON member that lists them.
type Side struct {
	Name   string
	Inputs []Input
}

// An Input describes one file and how much of it was read.
type Input struct {
	Path         string
	Bytes        int64 // size of the file, 0 if it is none or that is not known
	Format       string
	Tool         string
	Kernel       string
	Host         string // name of the traced machine, if the recording holds it
	Clock        string
	CPUs         int
	Events       uint64
	Lost         uint64 // events known to be lost
	LostUnknown  bool   // events were lost and the recording does not know how many
	SyntaxErrors uint64
	// Recordings is how many recordings, or parts of one, stand in the input one
	// behind the other, if that is all that is known to be missing; else 0.
	// LostUnknown is set then, as nobody knows what lies between them.
	Recordings  int
	First, Last int64 // time of the first and last event, nanoseconds
	// Ticks says that the clock does not count nanoseconds: First, Last and all
	// times of the result are in ticks of its own. Text may not name the clock.
	Ticks      bool
	Incomplete bool // damaged, cut off or interrupted: figures are partial
	// Whole says that the recorder vouches for the time from First to Last: what
	// was recorded and is not there did not happen.
	Whole bool
	// Excerpt says of an excerpt of a recording why it is one: rates and quiet times
	// cannot be told from it. It is empty for others.
	Excerpt string
	// Arch is the architecture of the traced kernel, as uname says it or as far
	// as the events tell: "x86", "arm"; empty if nothing does.
	Arch string
	// Sent are the send events that the input shows.
	Sent Sent
	// Tells are the kinds of events that hits and their functions are known by
	// and that were recorded, in the order of their names.
	Tells []string
	// Recorded is what --recorded says was on, empty without it.
	Recorded []string
	// Unrecorded are sends that the input lacks though no event of it was lost,
	// as sentences: a kind of them was off, or CPUs are left out.
	Unrecorded []string
	// Unsaid are kinds of sends of which the input does not say whether they
	// were recorded, as sentences: of a text that shows none of them.
	Unsaid []string
	// Untold are the kinds of events that end the quiet of a CPU and of which the
	// input does not say that they were recorded, by name.
	Untold []string
	// Missing are what Unrecorded and Unsaid are about: names of events, lists
	// of CPUs.
	Missing []string
	// Silent are the CPUs outside of the isolated set of which a text shows no event,
	// as a list: nothing says that they were recorded.
	Silent string
	// Identity is that of its sends, and Twin the path of an input that was read
	// before and is the same; it is empty if there is none.
	Identity Identity
	Twin     string
	// FramesLeft counts lines that look like frames of stacks and stand behind no
	// event that they could belong to.
	FramesLeft int
	// Notes are facts about the input that limit what can be said from it.
	Notes []string
}

// Sent counts the send events of an input, those that a filter leaves out too.
type Sent struct {
	CPU, Mask, Raise uint64 // ipi_send_cpu, ipi_send_cpumask, ipi_raise
	// Untargeted are sends of which the target is not known: its field is
	// missing, has another name or type, or was cut. Where there is none of those
	// events they are calls that the function tracer shows.
	Untargeted uint64
}

// All is the number of sends: ipi_raise and the function tracer tell of the same IPIs as
// the others.
func (s Sent) All() uint64 {
	if s.CPU+s.Mask > 0 {
		return s.CPU + s.Mask
	}
	if s.Raise > 0 {
		return s.Raise
	}
	return s.Untargeted
}

// An Identity tells one recording from others, whatever file it is in: a copy, or
// its printed text. It is made of all sends that were read, with their times
// rounded to microseconds and with them cut to microseconds: a text has either.
type Identity struct {
	Sends, Rounded, Cut    uint64
	RoundedTimes, CutTimes uint64 // of the times alone; 0 if they do not tell
	// Vague says that CPUs or targets of sends were lost when it was printed.
	Vague bool
}

// Text is the identity in a word, "" of inputs without sends: the number of sends, and
// hashes with their times rounded and cut.
func (id Identity) Text() string {
	if id.Sends == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%016x-%016x", id.Sends, id.Rounded, id.Cut)
}

// isSame reports whether two inputs hold the same sends.
func (id Identity) isSame(o Identity) bool {
	if id.Sends == 0 || id.Sends != o.Sends {
		return false
	}
	if id.Rounded == o.Rounded || id.Cut == o.Cut {
		return true
	}
	alike := func(a, b uint64) bool { return a != 0 && a == b }
	return (id.Vague || o.Vague) && (alike(id.RoundedTimes, o.RoundedTimes) || alike(id.CutTimes, o.CutTimes))
}

// IsSame reports whether two inputs hold the same sends of the same machine, or
// without a send in them as many events of the same times.
func (in Input) IsSame(o Input) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	if differ(in.Kernel, o.Kernel) || differ(in.Host, o.Host) {
		return false
	}
	if in.Identity.Sends+o.Identity.Sends == 0 {
		return in.Events > 1 && in.Events == o.Events && in.First == o.First && in.Last == o.Last && in.First < in.Last && in.Format == o.Format
	}
	return in.Identity.isSame(o.Identity)
}

// A Likeness is something that inputs which are the same have in common.
type Likeness struct {
	what string
	a, b uint64
}

// Likenesses are what whoever remembers the input finds it by, and what others that are
// the same are to be looked for by: one of these at least is one of theirs. Hosts of a
// fleet may have many sends at the same times, which tell only of inputs of which one is
// vague.
func (in Input) Likenesses() (own, others []Likeness) {
	id := in.Identity
	if id.Sends == 0 {
		own = []Likeness{{"times", in.Events, uint64(in.First) ^ uint64(in.Last)<<1}}
		return own, own
	}
	own = []Likeness{{"rounded", id.Sends, id.Rounded}, {"cut", id.Sends, id.Cut}}
	others = own
	for i, times := range [...]uint64{id.RoundedTimes, id.CutTimes} {
		what := [...]string{"rounded times", "cut times"}[i]
		if times == 0 {
			continue
		}
		vague := Likeness{"vague " + what, id.Sends, times}
		own = append(own[:len(own):len(own)], Likeness{what, id.Sends, times})
		if id.Vague {
			own = append(own, vague)
			others = append(others[:len(others):len(others)], Likeness{what, id.Sends, times})
		} else {
			others = append(others[:len(others):len(others)], vague)
		}
	}
	return own, others
}

// Unlike is said behind the CPUs of a verdict where they are those of several machines.
const Unlike = ", not the same ones on all machines"

// IsLossy reports whether the input lacks events, or targets of its sends, so
// that its counts are lower bounds.
func (in Input) IsLossy() bool { return in.LacksEvents() || in.Sent.Untargeted > 0 }

// LacksEvents reports whether events are missing.
func (in Input) LacksEvents() bool { return in.Lost > 0 || in.LostUnknown || in.Incomplete }

// TellsOfNone reports whether the input is evidence of the sends that are not in
// it: it was recorded whole, with every kind of them.
func (in Input) TellsOfNone() bool {
	return in.Whole && !in.IsLossy() && len(in.Unrecorded) == 0 && len(in.Unsaid) == 0
}

// MayLack reports whether there may be more hits than the input shows: events were
// lost, or sends were not recorded, or nothing says that they were.
func (in Input) MayLack() bool {
	return in.IsLossy() || len(in.Unrecorded) > 0 || in.Sent.All() == 0 && !in.TellsOfNone()
}

// Joined says that several recordings stand in the input, where that alone is why
// events may be missing; else it is empty.
func (in Input) Joined() string {
	if in.Recordings < 2 {
		return ""
	}
	return strconv.Itoa(in.Recordings) + " recordings stand in it, or parts of one that changed places: what lies between them is not known"
}

// Untargeted says how many sends of the input have no known target; it is empty
// if all have.
func (in Input) Untargeted() string {
	if in.Sent.Untargeted == 0 {
		return ""
	}
	return strconv.FormatUint(in.Sent.Untargeted, 10) + " of " + strconv.FormatUint(in.Sent.All(), 10) + " sends have no known target: hits are a lower bound"
}

// HasTicks reports whether the clock of an input does not count nanoseconds, so
// that the times of the result are in ticks.
func (s *Set) HasTicks() bool {
	return slices.ContainsFunc(s.AllInputs(), func(in Input) bool { return in.Ticks })
}

// NameTicks gives the columns of times the unit "ticks" where times are in
// ticks: nobody is to read them as nanoseconds. Where all clocks count ticks, rates
// are said to be per so many ticks and not per second or hour.
func (s *Set) NameTicks() {
	if !s.HasTicks() {
		return
	}
	onlyTicks := !slices.ContainsFunc(s.AllInputs(), func(in Input) bool { return !in.Ticks })
	perTicks := strings.NewReplacer("per second", "per 1e9 ticks", "/hour", "/3.6e12 ticks", "and hour", "and 3.6e12 ticks")
	for _, t := range s.Tables {
		over := t.OverTime()
		for i := range t.Cols {
			if t.Cols[i].Unit == "ns" || i == over {
				t.Cols[i].Unit = "ticks"
			}
			if c := &t.Cols[i]; onlyTicks && (c.Unit == "Hz" || c.Unit == "1/h") {
				c.Head, c.Help = perTicks.Replace(c.Head), perTicks.Replace(c.Help)
			}
		}
	}
}

// A Warning is a doubt about the result. Code is stable and meant for programs,
// Text is a sentence for people.
type Warning struct {
	Code string
	Text string
}

// HasRate reports whether rates can be had of the input: its clock counts nanoseconds,
// and it is no excerpt.
func (in Input) HasRate() bool { return !in.Ticks && in.Excerpt == "" }

// With describes two recordings of one machine that were added up, by the first: what
// one of them lacks, the sum lacks.
func (in Input) With(o Input) Input {
	in.Events += o.Events
	in.Lost += o.Lost
	in.SyntaxErrors += o.SyntaxErrors
	in.LostUnknown = in.LostUnknown || o.LostUnknown
	in.Incomplete = in.Incomplete || o.Incomplete
	in.Ticks = in.Ticks || o.Ticks
	in.Excerpt = cmp.Or(in.Excerpt, o.Excerpt)
	in.Whole = in.Whole && o.Whole
	in.Sent.CPU += o.Sent.CPU
	in.Sent.Mask += o.Sent.Mask
	in.Sent.Raise += o.Sent.Raise
	in.Sent.Untargeted += o.Sent.Untargeted
	in.Unrecorded = slices.Concat(in.Unrecorded, o.Unrecorded)
	in.Unsaid = slices.Concat(in.Unsaid, o.Unsaid)
	in.Missing = slices.Concat(in.Missing, o.Missing)
	return in
}

// Excerpt says that inputs are excerpts of recordings; it is empty if none is.
func (s *Set) Excerpt() string {
	var paths []string
	why := ""
	for _, in := range s.AllInputs() {
		if in.Excerpt == "" {
			continue
		}
		if paths = append(paths, in.Path); why == "" {
			why = in.Excerpt
		}
	}
	switch len(paths) {
	case 0:
		return ""
	case 1:
		return paths[0] + " is an excerpt: " + why
	}
	return fmt.Sprintf("%d inputs are excerpts, as %s: %s", len(paths), paths[0], why)
}

// WithholdRates takes away what can only be told of time that was recorded whole, if
// an input is an excerpt: rates, quiet times, and the figures of them.
func (s *Set) WithholdRates() {
	excerpt := s.Excerpt()
	if excerpt == "" {
		return
	}
	s.Warn("excerpt", excerpt+": there are no rates and no quiet times in it, as what else happened meanwhile is not known")
	for _, t := range s.Tables {
		for i := range t.Cols {
			if !t.Cols[i].NeedsWhole() {
				continue
			}
			for _, row := range t.Rows {
				row[i] = None()
			}
		}
	}
	s.Figures = slices.DeleteFunc(s.Figures, (*Figure).NeedsWhole)
}

// WarnNotes adds the notes of all inputs.
func (s *Set) WarnNotes() {
	for _, in := range s.AllInputs() {
		if in.FramesLeft > 0 {
			s.Warn("frames-left", in.Path+": "+strconv.Itoa(in.FramesLeft)+" lines look like frames of stacks but come after no event: what they tell is not known")
		}
	}
	for _, in := range s.AllInputs() {
		for _, n := range in.Notes {
			s.Warn("note", in.Path+": "+n)
		}
	}
}

// Warn adds a warning unless the same one is there already.
func (s *Set) Warn(code, text string) {
	w := Warning{code, text}
	if !slices.Contains(s.Warnings, w) {
		s.Warnings = append(s.Warnings, w)
	}
}

// WarnSends warns of inputs that lack sends, or targets of them, though no event
// was lost.
func (s *Set) WarnSends() {
	for _, in := range s.AllInputs() {
		if text := in.Untargeted(); text != "" {
			s.Warn("sends-without-target", in.Path+": "+text)
		}
		if in.Sent.All() == 0 {
			continue // which is said
		}
		for _, what := range in.Unrecorded {
			s.Warn("half-recorded", in.Path+": "+what+": hits are a part of all")
		}
	}
}

// AllInputs are the inputs of all sides.
func (s *Set) AllInputs() []Input {
	all := slices.Clone(s.Inputs)
	for _, side := range s.Sides {
		all = append(all, side.Inputs...)
	}
	return all
}

// IsLossy reports whether any input lacks events.
func (s *Set) IsLossy() bool {
	return slices.ContainsFunc(s.AllInputs(), Input.IsLossy)
}

// Table returns the table of that name, nil if there is none.
func (s *Set) Table(name string) *Table {
	for _, t := range s.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Total returns a field of Totals as an integer, 0 if there is none.
func (s *Set) Total(name string) int64 {
	for _, f := range s.Totals {
		if f.Name == name {
			return f.Value.Int
		}
	}
	return 0
}

// An Object is named values under a name: a JSON member of its own.
type Object struct {
	Name   string
	Fields []Field
}

// A Field is a named value.
type Field struct {
	Name  string
	Value Value
}

// A Table is rows of values. Rows are in the order in which they should be
// shown.
type Table struct {
	Name  string // "groups"; the JSON member
	Title string // for people
	Cols  []Col
	Rows  [][]Value
	// Show names the columns to show to people, in that order; nil shows all.
	// Where they do not fit, the last ones that are no keys are left out first.
	Show []string
	// Prose names a column of sentences, which are wrapped below their row.
	Prose string
	// Wrap names a last column of sentences, which are wrapped within it.
	Wrap string
	// Spare names columns that people miss least: where there is no room they
	// are left out before names are cut short, the first one first.
	Spare []string
	// SpareFirst says that they all are, before the first name is: the names are what
	// the table is about.
	SpareFirst bool
	// Brief is how many rows people are shown unless they ask for more, 0 for
	// all.
	Brief int
	// Entire says that people are shown all rows: they said how many there are to be.
	Entire bool
	// Rank names the column whose largest values decide which rows stay where not all
	// are shown; the first ones stay if it names none.
	Rank string
	// Idle names columns of counts and words: a row in which all of them are 0 or empty
	// tells of nothing, and people are not shown it unless they ask for all rows.
	Idle []string
	// Fold names a column of CPU numbers: people are shown rows that differ in it
	// alone as one.
	Fold string
	// Detail says that another table says the same in short: people see that one.
	Detail bool
}

// Busy are the rows that are not idle.
func (t *Table) Busy() [][]Value { return slices.DeleteFunc(slices.Clone(t.Rows), t.isIdle) }

func (t *Table) isIdle(row []Value) bool {
	if len(t.Idle) == 0 {
		return false
	}
	return !slices.ContainsFunc(t.Idle, func(name string) bool {
		i := t.Index(name)
		return i >= 0 && (row[i].Int != 0 || row[i].Float != 0 || row[i].Str != "")
	})
}

// A Col describes one column. Key columns identify a row: machine formats put
// them together under "key". A dot in the name of any other column makes a
// nested object, or with Array set an array of values without names.
type Col struct {
	Name string // stable: "hits"
	Head string // for people: "hits"
	Unit string // "ns", "ticks", "Hz", "1" for a share; empty for counts and names
	Help string
	Key  bool
	// Keep shows the column to people where all of it is zero, which is left
	// out else: that there was none is an answer.
	Keep bool
	// To names the column that ends the range which begins here: people are
	// shown both in one.
	To string
	// Whole says that the column means something only where time was recorded whole,
	// as all rates do.
	Whole bool
	// Array makes the columns that share the part of their name before the dot
	// one JSON array.
	Array bool
	// Kind is that of the column's values where rows are written as they come
	// (report/rows), Optional that they may be None instead.
	Kind     Kind
	Optional bool
}

// OverTime returns the position of the first column of values over time, -1 if
// there is none.
func (t *Table) OverTime() int {
	if len(t.Rows) == 0 {
		return -1
	}
	return slices.IndexFunc(t.Rows[0], func(v Value) bool { return v.Kind == KindBars })
}

// Index returns the position of a column, -1 if there is none.
func (t *Table) Index(name string) int {
	return slices.IndexFunc(t.Cols, func(c Col) bool { return c.Name == name })
}

// Shown are the positions of the columns that people are shown, in that order.
func (t *Table) Shown() []int {
	var cols []int
	for i := range t.Cols {
		if t.Show == nil {
			cols = append(cols, i)
		}
	}
	for _, name := range t.Show {
		cols = append(cols, t.Index(name))
	}
	return cols
}

// SortDown orders the rows by the columns at these indexes, largest first, and
// where all of them are equal by the columns from left to right, smallest
// first, so that the order is total.
func (t *Table) SortDown(cols ...int) {
	slices.SortStableFunc(t.Rows, func(a, b []Value) int {
		for _, i := range cols {
			if c := b[i].Compare(a[i]); c != 0 {
				return c
			}
		}
		for i := range a {
			if c := a[i].Compare(b[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

// NeedsWhole reports whether the column cannot be told from an excerpt.
func (c *Col) NeedsWhole() bool { return c.Whole || isRate(c.Unit) }

func isRate(unit string) bool { return unit == "Hz" || unit == "1/h" }

// SortUp orders the rows by the column at index col, smallest first, and where
// it is equal leaves them in their order.
func (t *Table) SortUp(col int) {
	slices.SortStableFunc(t.Rows, func(a, b []Value) int { return a[col].Compare(b[col]) })
}

// Kind is the type of a Value.
type Kind uint8

const (
	KindString Kind = iota
	KindInt
	KindFloat
	KindNone // not known
	KindBars
	KindRows
)

// A Value is one cell.
type Value struct {
	Kind  Kind
	Int   int64
	Float float64
	Str   string
	// Void says that the number stands for none: people are shown nothing.
	Void bool
	// Bars are the value over time.
	Bars *Bars
	// Rows is a table within the cell, for machines: people are shown nothing.
	Rows *Table
}

// Bars are counts in stretches of time of equal length.
type Bars struct {
	Start  int64 // ns on the trace's clock, or its ticks
	Width  int64 // of each stretch
	Counts []int64
}

func Int[T ~int | ~int32 | ~int64 | ~uint64 | ~uint32](n T) Value {
	return Value{Kind: KindInt, Int: int64(n)}
}
func Float(f float64) Value { return Value{Kind: KindFloat, Float: f} }
func Str(s string) Value    { return Value{Kind: KindString, Str: s} }

// None is the cell of which nothing is known: empty as text, null in JSON.
func None() Value { return Value{Kind: KindNone} }

// Over is a value over time.
func Over(s *Bars) Value { return Value{Kind: KindBars, Bars: s} }

// RowsOf is a cell that holds a table.
func RowsOf(t *Table) Value { return Value{Kind: KindRows, Rows: t, Void: true} }

// Text is the value as a machine reads it back, all digits.
func (v Value) Text() string {
	switch v.Kind {
	case KindInt:
		return strconv.FormatInt(v.Int, 10)
	case KindFloat:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case KindBars:
		words := make([]string, len(v.Bars.Counts))
		for i, n := range v.Bars.Counts {
			words[i] = strconv.FormatInt(n, 10)
		}
		return strings.Join(words, " ")
	}
	return v.Str
}

// Compare orders values of one kind.
func (v Value) Compare(w Value) int {
	return cmp.Or(cmp.Compare(v.Kind, w.Kind), cmp.Compare(v.Int, w.Int), cmp.Compare(v.Float, w.Float), cmp.Compare(v.Str, w.Str))
}
