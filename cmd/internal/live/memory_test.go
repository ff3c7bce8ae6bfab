package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/ringlive"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/report/json"
)

// pages are those of a recording, in the order in which they began. They are a Feed
// that brings a few at a time.
type pages struct{ list []fedPage }

type fedPage struct {
	begin trace.Time
	cpu   int
	data  []byte
}

func (p *pages) Look(take func(int, []byte)) (ringlive.Looked, error) {
	for range min(5, len(p.list)) {
		take(p.list[0].cpu, p.list[0].data)
		p.list = p.list[1:]
	}
	if len(p.list) == 0 {
		return ringlive.Looked{}, io.EOF
	}
	looked := ringlive.Looked{Begun: p.list[0].begin, Names: map[int32]string{}}
	for pid := range int32(500) { // tasks have other names each time
		looked.Names[pid+1] = fmt.Sprintf("t%d-%d", pid%7, len(p.list))
	}
	return looked, nil
}

// A tidied source calls a function between records.
type tidied struct {
	*ringlive.Source
	n    int
	tidy func()
}

func (s *tidied) Scan() bool {
	if s.n++; s.n%3 == 0 {
		s.tidy()
	}
	return s.Source.Scan()
}

// fed is a live source of a fixture.
func fed(t *testing.T, fixture string) *ringlive.Source {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "fixtures", fixture, "trace.dat"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := tracedat.OpenRecords(bytes.NewReader(b), int64(len(b)), fixture)
	if err != nil {
		t.Fatal(err)
	}
	feed := &pages{}
	var p ringbuf.Page
	if err := d.EachPage(func(cpu int, data []byte) {
		p.Reset(d.Layout(), data)
		feed.list = append(feed.list, fedPage{trace.Time(p.Time()), cpu, slices.Clone(data)})
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(feed.list, func(a, b fedPage) int { return int(a.begin - b.begin) })
	feed.list = feed.list[:min(60, len(feed.list))]
	src := ringlive.New(d, feed)
	t.Cleanup(func() { src.Close() })
	return src
}

// told is all that live's states say of a fixture.
func told(t *testing.T, fixture string, by []ipi.Key, tidy bool) (text string, gone int) {
	t.Helper()
	c, iso := catalogAndIsolated(t)
	iso.SetRange(0, 3)
	src := fed(t, fixture)
	tab := src.Table()
	hits := ipi.New(tab, ipi.Config{Isolated: iso, By: by, Also: Groupings(), Catalog: c})
	times := latency.New(tab, latency.Config{Isolated: iso, By: by[:2], Catalog: c, Window: latency.DefaultWindow})
	calm := quiet.New(tab, quiet.Config{Isolated: iso, Catalog: c})
	states := []analysis.State{hits, times, calm, NewMetrics(tab, c, iso)}
	m := NewMemory(tab, src, states...)
	m.bound, m.next = 0, 0
	all := &tidied{Source: src, tidy: func() {
		had := tab.Forgettable()
		if tidy {
			m.Tidy()
			m.next = 0
		}
		gone += had - tab.Forgettable()
	}}
	st, err := analysis.Run(context.Background(), all, analysis.Options{}, states...)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&tab.Meta, nil)
	var b bytes.Buffer
	sets := []*result.Set{times.Counts(in).Result(), calm.Counts(in).Result()}
	for _, v := range hits.Views(in) {
		sets = append(sets, v.Result())
	}
	for _, set := range sets {
		if err := json.Write(&b, set); err != nil {
			t.Fatal(err)
		}
	}
	return b.String(), gone
}

// TestMemory: forgetting all that may be forgotten, all the time, changes nothing that
// is told, whatever hits are grouped by.
func TestMemory(t *testing.T) {
	for fixture, by := range map[string]string{"k612s4-12b-all-stack": "stack,comm,pid", "karm64s4-21-ipi-all": "function,comm"} {
		keys, err := ipi.ParseKeys(by)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := told(t, fixture, keys, false)
		got, gone := told(t, fixture, keys, true)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s by %s: -kept +forgotten:\n%s", fixture, by, diff)
		}
		if gone == 0 {
			t.Errorf("%s by %s: nothing was forgotten", fixture, by)
		}
	}
}

// A hoarder does not say what it keeps.
type hoarder struct{ analysis.State }

// TestMemoryHoarder: where a state does not say what it keeps nothing is forgotten.
func TestMemoryHoarder(t *testing.T) {
	tab := trace.NewTable()
	tab.TaskName("a")
	for _, tt := range []struct {
		states []analysis.State
		want   int
	}{{[]analysis.State{hoarder{}}, 1}, {nil, 0}} {
		m := NewMemory(tab, &Guard{sends: track.NewSends(tab, track.Config{})}, tt.states...)
		m.next = 0
		m.Tidy()
		if got := tab.Forgettable(); got != tt.want {
			t.Errorf("%d names are left with %d states", got, len(tt.states))
		}
	}
}
