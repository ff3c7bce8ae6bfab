package main

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// An example is one event of a group.
type example struct {
	time  trace.Time
	file  string
	lines []string
	hit   bool // it hits an isolated CPU
	stack bool // a stack is among the lines
	sends uint64
	first trace.Time // of all sends of the group
	hits  uint64
}

// before says which of two events is shown: one that hits an isolated CPU, then one with
// a stack, then the earlier one.
// What they are read from and their text decide last, so that the order in which
// traces are read does not.
func (x *example) before(y *example) bool {
	if x.rank() != y.rank() {
		return x.rank() > y.rank()
	}
	return cmp.Or(cmp.Compare(x.time, y.time), strings.Compare(x.file, y.file), slices.Compare(x.lines, y.lines)) < 0
}

func (x *example) rank() (n int) {
	if x.hit {
		n = 2
	}
	if x.stack {
		n++
	}
	return n
}

// examples are those of the groups of all traces.
type examples struct {
	sends  *cli.Sends
	by     []key.Key
	max    int // groups of a trace, 0 for no limit
	groups map[string]*example
	files  int
}

// newExamples finds an event for each group of keys.
func newExamples(sends *cli.Sends, by []key.Key, maxGroups int) *examples {
	return &examples{sends: sends, by: by, max: maxGroups, groups: map[string]*example{}}
}

// reading is the further analysis that does.
func (x *examples) reading(addTo func(*result.Set)) states.Supplement {
	return states.Supplement{
		Start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			name := filepath.Base(src.Table().Meta.Path)
			lines, err := newSendLines(src, tracecmd.NewReport(), name, "", tracecmd.Options{})
			if err != nil { // a source that nothing prints: no group has an example
				lines = &sendLines{event: func(dst []byte, _ *trace.Event) []byte { return dst }}
			}
			s := &exampleState{examples: x, table: src.Table(), attr: track.NewAttributor(x.sends.Catalog, src.Table()), lines: lines, groups: key.NewGroups[example](len(x.by), x.max), counted: map[*example]struct{}{}}
			s.records = track.NewRecords(src.Table(), track.RecordsConfig{
				Config: track.Config{Isolated: x.sends.Isolated.Targets(), Attribution: s.attr, Counts: counts, Began: lines.began, Stacked: lines.stacked},
				Send:   s.send,
			})
			return s, func(in result.Input) { s.take(in) }
		},
		AddTo: addTo,
	}
}

// An exampleState finds the examples of one trace.
type exampleState struct {
	*examples
	table   *trace.Table
	attr    *track.Attributor
	records *track.Records
	lines   *sendLines
	groups  key.Groups[example]
	counted map[*example]struct{} // groups that have it already
}

var _ analysis.Selective = (*exampleState)(nil)

// Wants implements analysis.Selective.
func (s *exampleState) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (s *exampleState) Event(e *trace.Event) { s.lines.take(s.records, e) }

// Lost implements analysis.State.
func (s *exampleState) Lost(l *trace.Lost) { s.records.Lost(l) }

// End implements analysis.State.
func (s *exampleState) End(analysis.Span) { s.records.End() }

// send looks whether a send is the first of its groups, or their first with a stack.
func (s *exampleState) send(w *track.SendRecord) error {
	s.lines.pass(w.Serial-1, false, func(*sendText) {})
	s.lines.pass(w.Serial, true, func(text *sendText) {
		clear(s.counted)
		for i := range w.Hits {
			s.see(w, &w.Hits[i], text)
		}
		if len(w.Hits) == 0 {
			s.see(w, noHit(w), text)
		}
	})
	return nil
}

// noHit stands for the hits of a send that has none.
func noHit(w *track.SendRecord) *track.HitRecord {
	return &track.HitRecord{
		Sender: w.CPU, Target: -1, PID: w.PID, Comm: w.Comm, Instance: w.Instance, Event: w.Event,
		Callback: w.Callback, Callsite: w.Callsite, Function: w.Function, Evidence: w.Evidence, Stack: w.Stack,
	}
}

func (s *exampleState) see(w *track.SendRecord, h *track.HitRecord, text *sendText) {
	sub := key.RecordSubject(h)
	x, isNew := s.groups.Get(key.Of(s.by, &sub, s.attr))
	if h.Target >= 0 {
		x.hits++
	}
	if _, seen := s.counted[x]; !seen {
		s.counted[x] = struct{}{}
		x.sends++
	}
	this := example{time: w.Time, hit: h.Target >= 0, stack: len(text.stack) > 0}
	if isNew {
		x.first = w.Time
	} else if this.rank() <= x.rank() {
		return
	}
	x.time, x.hit, x.stack, x.lines = this.time, this.hit, this.stack, exampleLines(text)
}

// exampleLines are the event and the frames of its stack, without the line that says
// that a stack follows.
func exampleLines(text *sendText) []string {
	lines := strings.Split(strings.TrimRight(string(text.line), "\n"), "\n")
	for i, line := range strings.Split(strings.TrimRight(string(text.stack), "\n"), "\n") {
		if line != "" && (i > 0 || !strings.Contains(line, "<stack trace")) {
			lines = append(lines, strings.TrimRight(line, "\r"))
		}
	}
	return lines
}

// take adds the examples of a trace that counts.
func (s *exampleState) take(in result.Input) {
	s.files++
	for ids, x := range s.groups.All() {
		names := make([]string, len(s.by))
		for i, k := range s.by {
			if names[i] = k.Text(ids[i], s.table, s.attr); k == key.Target && x.hits == 0 {
				names[i] = ""
			}
		}
		x.file = in.Path
		name := strings.Join(names, "\x00")
		old := s.examples.groups[name]
		if old == nil {
			s.examples.groups[name] = x
			continue
		}
		hits, sends, first := old.hits+x.hits, old.sends+x.sends, min(old.first, x.first)
		if x.before(old) {
			*old = *x
		}
		old.hits, old.sends, old.first = hits, sends, first
	}
}

// note says which event of its group the example is, and what is missing. requests are
// those of the group.
func (x *examples) note(e *example, requests int64) string {
	switch {
	case e == nil && requests > 0:
		return "no event, its " + strconv.FormatInt(requests, 10) + " requests sent no IPI"
	case e == nil:
		return "no event of its own"
	}
	which := fmt.Sprintf("the first of %d sends", e.sends)
	switch {
	case e.sends == 1:
		which = "its only send"
	case e.first == e.time:
	case e.hit && e.stack:
		which += " that hits an isolated CPU and has a stack"
	case e.hit:
		which += " that hits an isolated CPU"
	case e.stack:
		which += " that has a stack"
	}
	if x.files > 1 {
		which += ", in " + e.file
	}
	if !e.hit {
		which += "; no isolated CPU is known as its target"
	}
	if !e.stack {
		which += "; no stack was recorded with it"
	}
	return which
}

// exampleColumns hold an example in a row of a table for machines.
func exampleColumns() []result.Col {
	return []result.Col{
		{Name: "example.time_ns", Head: "example at", Unit: "ns", Help: "when an event of the row was sent: the first that hits an isolated CPU and has a stack, else the first that does either, else the first"},
		{Name: "example.file", Head: "example in", Help: "the input that it is from"},
		{Name: "example.text", Head: "example", Help: "the event as it was recorded, and the frames of its stack, in lines"},
		{Name: "example.note", Head: "example is", Help: "which event of the row it is, and what is missing"},
	}
}

// values are the cells of exampleColumns.
func (x *examples) values(e *example, note string) []result.Value {
	if e == nil {
		return []result.Value{result.None(), result.None(), result.None(), result.Str(note)}
	}
	return []result.Value{result.Int(e.time), result.Str(e.file), result.Str(strings.Join(e.lines, "\n")), result.Str(note)}
}

// addToGroups adds an example to each row of a report.
func (x *examples) addToGroups(set *result.Set) {
	t := set.Table("groups")
	t.Cols = append(t.Cols, exampleColumns()...)
	hits, requests := t.Index("hits"), t.Index("requests")
	for i, row := range t.Rows {
		names := make([]string, len(x.by))
		for k := range x.by {
			names[k] = row[k].Str
		}
		e := x.groups[strings.Join(names, "\x00")]
		note := x.note(e, row[requests].Int)
		if slices.Contains(names, key.Other) {
			e, note = nil, "no event: rows beyond --max-groups share this one"
		}
		t.Rows[i] = append(row, x.values(e, note)...)
		x.show(set, names, e, note, row[hits].Int == 0)
	}
}

// addTable adds a table of the examples, those with the most hits first: machines see
// it, people the examples themselves.
func (x *examples) addTable(set *result.Set) {
	t := &result.Table{Name: "examples", Detail: true}
	for _, k := range x.by {
		t.Cols = append(t.Cols, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc(), Key: true})
	}
	t.Cols = append(t.Cols, exampleColumns()...)
	order := slices.SortedFunc(maps.Keys(x.groups), func(a, b string) int {
		g, h := x.groups[a], x.groups[b]
		return cmp.Or(cmp.Compare(h.hits, g.hits), cmp.Compare(h.sends, g.sends), strings.Compare(a, b))
	})
	for _, name := range order {
		e, names := x.groups[name], strings.Split(name, "\x00")
		note, row := x.note(e, 0), make([]result.Value, 0, len(t.Cols))
		for _, n := range names {
			row = append(row, result.Str(n))
		}
		t.Rows = append(t.Rows, append(row, x.values(e, note)...))
		x.show(set, names, e, note, e.hits == 0)
	}
	set.Tables = append(set.Tables, t)
}

// show adds what people see of an example, which may be nil.
func (x *examples) show(set *result.Set, names []string, e *example, note string, idle bool) {
	words := make([]string, len(names))
	for i, k := range x.by {
		words[i] = k.String() + " " + names[i]
	}
	shown := result.Example{Row: strings.Join(words, ", "), Note: note, Idle: idle}
	if e != nil {
		shown.Lines = e.lines
	}
	set.Examples = append(set.Examples, shown)
}
