package quiet_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/ftext"
)

// TestNoiseTellsNothingNew: where interrupts have events of their own, quiet is what
// it is without the noise events that tell of the same ones, whether these stand
// before the exit event or behind it (the order of the probes is not fixed).
func TestNoiseTellsNothingNew(t *testing.T) {
	cat := catalogtest.Load(t)
	law.Check(t, func(r *rapid.T) {
		at := int64(5_000_000_000)
		line := func(what string) string {
			return fmt.Sprintf("          loop-9       [002] d.h..     %d.%09d: %s\n", at/1e9, at%1e9, what)
		}
		var with, without strings.Builder
		both := func(text string) {
			with.WriteString(text)
			without.WriteString(text)
		}
		for _, text := range []string{"# tracer: nop\n#\n", line("sched_wakeup: comm=x pid=3 prio=120 target_cpu=002")} {
			both(text)
		}
		for range rapid.IntRange(0, 6).Draw(r, "interrupts") {
			at += rapid.Int64Range(1, 5_000_000).Draw(r, "quiet")
			name := rapid.SampledFrom([]string{"local_timer:236", "reschedule:253", "call_function:252", "call_function_single:251", "irq_work:246"}).Draw(r, "vector")
			event, vector, _ := strings.Cut(name, ":")
			both(line(event + "_entry: vector=" + vector))
			begin, net := at+300, rapid.Int64Range(0, 50_000).Draw(r, "net")
			at += net + 800
			noise := line(fmt.Sprintf("irq_noise: %s start %d.%09d duration %d ns", name, begin/1e9, begin%1e9, net))
			early := rapid.Bool().Draw(r, "before the exit")
			if early {
				with.WriteString(noise)
			}
			both(line(event + "_exit: vector=" + vector))
			if !early && rapid.IntRange(0, 4).Draw(r, "not sampled") > 0 {
				with.WriteString(noise)
			}
		}
		at += 1_000_000
		both(line("sched_wakeup: comm=x pid=3 prio=120 target_cpu=002"))
		got, want := quietOf(t, cat, with.String()), quietOf(t, cat, without.String())
		if !slices.Equal(got, want) {
			r.Fatalf("with noise %q, without %q\n%s", got, want, with.String())
		}
	})
}

// quietOf are the interruptions of CPU 2 in a text.
func quietOf(t *testing.T, cat *catalog.Catalog, text string) []string {
	t.Helper()
	src, err := ftext.New(strings.NewReader(text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := quiet.New(src.Table(), quiet.Config{Catalog: cat})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	set := s.Counts(st.Input(&src.Table().Meta, nil)).Result()
	return append(rows(t, set, "cpus", "cpu", "interruptions", "stolen_ns", "longest_quiet_ns"), rows(t, set, "sources", "kind", "name", "count", "stolen_ns", "taken.max_ns")...)
}
