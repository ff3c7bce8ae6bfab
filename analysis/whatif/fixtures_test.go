package whatif_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A moment is something that happens on or to an isolated CPU.
type moment struct {
	what       string // enter, exit, reason or hit
	function   string
	deferrable bool
	self       bool
}

// listing is a whole recording as lists of moments, by CPU.
type listing struct {
	attr  *track.Attributor
	sends *track.Sends
	cpus  map[int32][]moment
	where map[uint64][][2]int // CPU and index of the hits of a send
}

func list(t *testing.T, src trace.Source) *listing {
	t.Helper()
	cat := catalogtest.Load(t)
	m, _ := cpumask.ParseList([]byte("2-3"))
	l := &listing{attr: track.NewAttributor(cat, src.Table()), cpus: map[int32][]moment{}, where: map[uint64][][2]int{}}
	l.sends = track.NewSends(src.Table(), track.Config{Isolated: &m, Attribution: l.attr,
		Early: func(w *track.Send) {
			for i := range w.Hits {
				cpu := w.Hits[i].Target
				l.where[w.Serial] = append(l.where[w.Serial], [2]int{int(cpu), len(l.cpus[cpu])})
				l.cpus[cpu] = append(l.cpus[cpu], moment{what: "hit"})
			}
		},
		Send: func(w *track.Send) {
			for i, at := range l.where[w.Serial] {
				x, h := &l.cpus[int32(at[0])][at[1]], &w.Hits[i]
				x.function = src.Table().NameOf(h.Function)
				class := l.attr.Class(h.Function, w.Stack, w.Callsite).Class
				x.self = h.Target == w.CPU
				x.deferrable = h.Target != w.CPU && (class == catalog.Deferrable || class == catalog.Candidate)
				if w.Raise { // the recording has ipi_send events
					x.what = "nothing"
				}
			}
		}})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, l); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *listing) Event(e *trace.Event) {
	l.sends.Event(e)
	if e.CPU != 2 && e.CPU != 3 {
		return
	}
	name, _ := e.Bytes(e.Schema().Ref("name"))
	what := ""
	switch s := e.Schema().Name; {
	case s == "user_enter":
		what = "enter"
	case s == "user_exit":
		what = "exit"
	case s == "sched_switch", s == "local_timer_entry", s == "irq_handler_entry" && string(name) != "IPI", strings.HasPrefix(s, "sys_enter"):
		what = "reason"
	}
	if what != "" {
		l.cpus[e.CPU] = append(l.cpus[e.CPU], moment{what: what})
	}
}
func (l *listing) Lost(*trace.Lost)  {}
func (l *listing) End(analysis.Span) { l.sends.End() }

// fates decides stay by stay, with all of the list at hand: what was sent while
// the CPU was in user mode, and whether it entered the kernel for that alone.
func fates(list []moment) string {
	border := func(m moment) bool { return m.what == "enter" || m.what == "exit" }
	var hits, deferred, coalesced, stay, unknown, entries, paying int
	waiting := map[string]bool{}
	enter := func() {
		entries++
		if len(waiting) > 0 {
			paying++
		}
		clear(waiting)
	}
	put := func(m moment) {
		if waiting[m.function] {
			coalesced++
		} else {
			deferred++
		}
		waiting[m.function] = true
	}
	first := slices.IndexFunc(list, border)
	for _, m := range list[:first] {
		if m.what == "hit" && m.deferrable {
			unknown++
		} else if m.what == "hit" {
			stay++
		}
	}
	sent := false  // the CPU will enter the kernel for what was deferred
	other := false // or for something that was sent all the same
	for list = list[first:]; len(list) > 0; {
		n := slices.IndexFunc(list[1:], border) + 1
		if n == 0 {
			n = len(list)
		}
		within := list[1:n]
		if list[0].what == "enter" {
			for _, m := range within {
				switch {
				case m.what == "hit" && m.deferrable:
					put(m)
					sent = true
				case m.what == "hit":
					stay++
					other = true
				}
			}
			sent = sent && !other
		} else {
			vanished := sent
			sent, other = false, false
			if !vanished {
				enter()
			}
			for _, m := range within {
				switch {
				case m.what == "reason" && vanished:
					vanished, sent, other = false, false, false
					enter()
				case m.what == "hit" && m.deferrable && vanished:
					put(m)
					sent = true
				case m.what == "hit":
					stay++
					other = other || vanished && !m.self
				}
			}
		}
		list = list[n:]
	}
	hits = deferred + coalesced + stay + unknown
	return fmt.Sprint(hits, deferred, coalesced, stay, unknown, entries, paying)
}

func TestRecordings(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat"} {
		open := func() trace.Source {
			src, err := parser.Open("../../fixtures/"+path, parser.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { src.Close() })
			return src
		}
		slow := list(t, open())
		cat := catalogtest.Load(t)
		m, _ := cpumask.ParseList([]byte("2-3"))
		src := open()
		s := whatif.New(src.Table(), whatif.Config{Isolated: &m, Catalog: cat})
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
			t.Fatal(err)
		}
		var set result.Set
		s.Counts().AddTo(&set)
		for _, row := range set.Table("what_if_cpus").Rows {
			want := fates(slow.cpus[int32(row[0].Int)])
			if got := fmt.Sprint(row[1].Int, row[2].Int, row[3].Int, row[4].Int, row[5].Int, row[6].Int, row[7].Int); got != want {
				t.Errorf("%s, CPU %d: got %s, a slow reading says %s", path, row[0].Int, got, want)
			}
		}
	}
}
