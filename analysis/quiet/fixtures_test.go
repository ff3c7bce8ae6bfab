package quiet_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// stretch is a time in which something else than the CPU's own task ran.
type stretch struct{ from, to trace.Time }

// slowQuiet is another reading of a recording, made to be read: it lists what
// interrupted each CPU. The own tasks are the busy loops that the recordings'
// README names, spin/2 and spin/3.
type slowQuiet struct {
	list    map[int32][]stretch
	open    map[string]trace.Time
	foreign map[int32]trace.Time
	first   trace.Time
	last    trace.Time
}

func (s *slowQuiet) Event(e *trace.Event) {
	if s.first == 0 {
		s.first = e.Time
	}
	s.last = e.Time
	if e.CPU != 2 && e.CPU != 3 {
		return
	}
	sc := e.Schema()
	id := func(field string) uint64 {
		n, _ := e.Uint(sc.Ref(field))
		return n
	}
	if sc.Name == "sched_switch" {
		comm, _ := e.Bytes(sc.Ref("next_comm"))
		if from, ok := s.foreign[e.CPU]; ok {
			s.list[e.CPU] = append(s.list[e.CPU], stretch{from, e.Time})
			delete(s.foreign, e.CPU)
		}
		if id("next_pid") != 0 && !strings.HasPrefix(string(comm), "spin/") {
			s.foreign[e.CPU] = e.Time
		}
		return
	}
	name, entry := strings.CutSuffix(sc.Name, "_entry")
	name, exit := strings.CutSuffix(name, "_exit")
	if !entry && !exit || name == "csd_function" || strings.HasPrefix(sc.Name, "user_") {
		return
	}
	k := fmt.Sprint(e.CPU, name, id("irq"), id("vec"))
	if entry {
		s.open[k] = e.Time
	} else if from, ok := s.open[k]; ok {
		delete(s.open, k)
		s.list[e.CPU] = append(s.list[e.CPU], stretch{from, e.Time})
	}
}
func (s *slowQuiet) Lost(*trace.Lost)  {}
func (s *slowQuiet) End(analysis.Span) {}

// sums are the time stolen, the longest quiet stretch and the time stolen in the
// worst second of a CPU.
func (s *slowQuiet) sums(cpu int32) (stolen, longest, worst int64) {
	if from, ok := s.foreign[cpu]; ok {
		s.list[cpu] = append(s.list[cpu], stretch{from, s.last})
	}
	slices.SortFunc(s.list[cpu], func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	seconds := map[int64]int64{}
	until := s.first
	for _, x := range s.list[cpu] {
		longest = max(longest, int64(x.from-until))
		x.from = max(x.from, until)
		for x.from < x.to {
			second := int64(x.from-s.first) / 1e9
			end := min(x.to, s.first+trace.Time(second+1)*1e9)
			stolen += int64(end - x.from)
			seconds[second] += int64(end - x.from)
			x.from = end
		}
		until = max(until, x.to)
	}
	for _, n := range seconds {
		worst = max(worst, n)
	}
	return stolen, max(longest, int64(s.last-until)), worst
}

func TestRecordings(t *testing.T) {
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat"} {
		src, err := parser.Open("../../fixtures/"+path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		slow := &slowQuiet{list: map[int32][]stretch{}, open: map[string]trace.Time{}, foreign: map[int32]trace.Time{}}
		s := quiet.New(src.Table(), quiet.Config{Isolated: &m, Catalog: cat})
		st, err := analysis.Run(context.Background(), src, analysis.Options{}, s, slow)
		if err != nil {
			t.Fatal(err)
		}
		set := s.Counts(st.Input(&src.Table().Meta, nil)).Result()
		var want []string
		for _, cpu := range []int32{2, 3} {
			stolen, longest, worst := slow.sums(cpu)
			want = append(want, fmt.Sprint(cpu, stolen, longest, worst))
		}
		if got := rows(t, set, "cpus", "cpu", "stolen_ns", "longest_quiet_ns", "worst_second.stolen_ns"); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, a slow reading says %q", path, got, want)
		}
	}
}
