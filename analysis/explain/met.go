package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Met says which hits of a trace an explained name has to do with: what runs, what
// is in the stack of the send, the interrupt they arrive by, or who sent them.
type Met struct {
	x       *catalog.Explanation
	table   *trace.Table
	byStack map[trace.StackID]bool
}

// NewMet returns the Met of a trace with this table.
func NewMet(x *catalog.Explanation, t *trace.Table) *Met {
	return &Met{x, t, map[trace.StackID]bool{}}
}

// Has reports whether a hit is one of them.
func (m *Met) Has(a *track.Attributor, w *track.Send, h *track.Hit) bool {
	switch x := m.x; {
	case x.Line != nil && x.Line.Function != "":
		return catalog.Holds(m.table.NameOf(h.Function), x.Line.Function)
	case x.Line != nil:
		return slices.ContainsFunc(x.Vectors, func(v *catalog.Vector) bool { return m.arrivesBy(w, v) })
	case x.Vector != nil && (x.Vector.Arch == "arm64" || x.Callback == nil):
		return m.arrivesBy(w, x.Vector)
	case x.Callback != nil:
		return m.isOf(w, h, x.Callback.Name)
	case isEmpty(x) && m.isOf(w, h, x.Name):
		return true
	}
	if m.x.Recorder != "" && m.table.NameOf(w.Comm) == m.x.Name {
		return true
	}
	if w.Stack == 0 && m.isFrame(ksym.Normalize(m.callsite(w))) {
		return true
	}
	has, ok := m.byStack[w.Stack]
	if !ok {
		for _, f := range a.Names(w.Stack, false) {
			has = has || m.isFrame(f)
		}
		m.byStack[w.Stack] = has
	}
	return has
}

// isEmpty reports a name that the catalogue does not know.
func isEmpty(x *catalog.Explanation) bool {
	return x.Frame == nil && x.Runs == nil && x.ClassFrom == nil && x.Recorder == ""
}

// isOf reports whether a hit runs, or is sent with, a callback of this name.
func (m *Met) isOf(w *track.Send, h *track.Hit, name string) bool {
	return catalog.Holds(m.table.NameOf(h.Function), name) || m.callback(w) == name
}

// arrivesBy reports whether a send goes out as the interrupt of a vector: on arm64
// of an IPI, which the reason of its events names.
func (m *Met) arrivesBy(w *track.Send, v *catalog.Vector) bool {
	switch {
	case v.Event == "":
		return false
	case v.Arch != "arm64":
		return !w.IsSecond() && w.Line.String() == v.Event
	case w.Raise:
		return m.table.NameOf(w.Callback) == v.Event
	}
	return w.Line.IsRaisedFor(v.Event)
}

// callsite is the function that sent.
func (m *Met) callsite(w *track.Send) string {
	name, _, _ := strings.Cut(m.table.NameOf(w.Callsite), "+")
	return name
}

// callback is the name of what the event itself names.
func (m *Met) callback(w *track.Send) string {
	if name := m.table.NameOf(w.Callback); name != track.Null {
		return name
	}
	return catalog.Reschedule
}

// isFrame reports whether a frame is the one that is explained: of a name that a
// prefix of the tables is for, only that name.
func (m *Met) isFrame(frame string) bool { return catalog.Matches(m.x.Name, frame) }

// Labels are what the hits are told apart by.
func Labels() []key.Key {
	return []key.Key{key.Function, key.Cause, key.Entry, key.Class, key.Comm, key.Sender}
}

// AddHits adds to an explanation what was met in recordings: st are the stacks of
// the hits that Met takes, with Labels; all is the number of hits of any kind.
func AddHits(set *result.Set, x *catalog.Explanation, met *result.Set, all int64) {
	set.Inputs, set.Isolated = met.Inputs, met.Isolated
	hits, sends := met.Total("hits"), met.Total("sends")
	set.Totals = []result.Field{
		{Name: "hits", Value: result.Int(hits)}, {Name: "sends", Value: result.Int(sends)}, {Name: "hits_all", Value: result.Int(all)},
		{Name: "duration_ns", Value: result.Int(met.Total("duration_ns"))},
	}
	set.Warnings = append(set.Warnings, met.Warnings...)
	set.Notes = append(set.Notes, fmt.Sprintf("met %d times on CPUs %s: %d of %d hits, %d sends", hits, met.Isolated, hits, all, sends))
	for _, t := range []struct {
		name, title string
		labels      []key.Key
		show        bool
	}{
		{"functions", "what they ran", []key.Key{key.Function, key.Class}, x.Callback == nil},
		{"causes", "why they were sent", []key.Key{key.Cause, key.Entry, key.Class}, true},
		{"senders", "who sent them", []key.Key{key.Comm, key.Sender}, true},
	} {
		if t.show && hits > 0 {
			set.Tables = append(set.Tables, tally(met.Stacks, t.name, t.title, t.labels, all))
		}
	}
}

// tally adds the hits up by some of their labels.
func tally(st *result.Stacks, name, title string, labels []key.Key, all int64) *result.Table {
	t := &result.Table{Name: name, Title: title, Brief: 10}
	var index []int
	for _, k := range labels {
		t.Cols = append(t.Cols, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc(), Key: true})
		for i, c := range st.Labels {
			if c.Name == k.String() {
				index = append(index, i)
			}
		}
	}
	t.Cols = append(t.Cols, result.Col{Name: "hits", Head: "hits"}, result.Col{Name: "share", Head: "share", Unit: "1", Help: "part of all hits"})
	rows := map[string]int{}
	hits := len(labels)
	for _, s := range st.Samples {
		words := make([]string, len(index))
		for i, l := range index {
			words[i] = s.Labels[l]
		}
		id := strings.Join(words, "\x00")
		r, ok := rows[id]
		if !ok {
			r = len(t.Rows)
			rows[id] = r
			row := make([]result.Value, 0, len(t.Cols))
			for _, word := range words {
				row = append(row, result.Str(word))
			}
			t.Rows = append(t.Rows, append(row, result.Int(0), result.Float(0)))
		}
		n := t.Rows[r][hits].Int + s.Values[0]
		t.Rows[r][hits], t.Rows[r][hits+1] = result.Int(n), result.Float(float64(n)/float64(max(all, 1)))
	}
	t.SortDown(hits)
	t.Show = []string{"hits", "share"}
	for _, k := range labels {
		t.Show = append(t.Show, k.String())
	}
	return t
}
