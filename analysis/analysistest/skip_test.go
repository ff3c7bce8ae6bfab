package analysistest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/inventory"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/analysis/steady"
	"github.com/ipiscope/ipiscope/analysis/timeline"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// deaf is a Source that takes no hint.
type deaf struct{ trace.Source }

// TestSkipping: an analyzer that says what it wants finds the same in what a
// source then delivers as in all of the trace.
func TestSkipping(t *testing.T) {
	cat := catalogtest.Load(t)
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"k612s4-12b-all-stack/trace.dat", "k612s4-07-lost/trace.dat", "k612s4-06-multi/trace.dat", "karm64s4-21-ipi-all/trace.dat",
		"k612s4-30-native-ipi-stack/fmt/default.txt.gz", "k612s4-05-date/report-t.txt.gz", "k612s4-40-perf/script.txt.gz",
	} {
		path := "../../fixtures/" + name
		t.Run(name, func(t *testing.T) {
			for name, analyze := range alone(t, cat, &isolated) {
				all := run(t, path, analyze, func(s trace.Source) trace.Source { return deaf{s} })
				some := run(t, path, analyze, func(s trace.Source) trace.Source { return s })
				if all != some {
					t.Errorf("%s, -all +what it wants:\n%s", name, cmp.Diff(all, some))
				}
			}
		})
	}
}

// A subject is a State, and what it found as text.
type subject struct {
	analysis.State
	found func(result.Input) string
}

// alone makes each analyzer that does not look at everything.
func alone(t *testing.T, cat *catalog.Catalog, isolated *cpumask.Mask) map[string]func(*trace.Table) subject {
	by := []key.Key{key.Function, key.Cause, key.Stack, key.Sender}
	list := func(rows listing.Rows) func(*trace.Table) subject {
		return func(table *trace.Table) subject {
			var out strings.Builder
			s := listing.New(table, listing.Config{Isolated: isolated, Catalog: cat, Rows: rows, Row: func(row []result.Value) error {
				_, err := fmt.Fprintln(&out, row)
				return err
			}})
			return subject{s, func(result.Input) string { return out.String() }}
		}
	}
	return map[string]func(*trace.Table) subject{
		"ipi": func(table *trace.Table) subject {
			s := ipi.New(table, ipi.Config{Isolated: isolated, By: by, Catalog: cat, Timeline: true})
			return subject{s, func(in result.Input) string {
				c := s.Counts(in)
				return text(t, c.Result()) + text(t, c.Groups())
			}}
		},
		"hits": list(listing.Hits), "sends": list(listing.Sends), "requests": list(listing.Requests),
		"timeline": func(table *trace.Table) subject {
			var out strings.Builder
			s := timeline.New(table, timeline.Config{Isolated: isolated, Catalog: cat, Mark: func(m *result.Mark) error {
				_, err := fmt.Fprintf(&out, "%+v\n", *m)
				return err
			}})
			return subject{s, func(result.Input) string { return out.String() }}
		},
		"stacks": func(table *trace.Table) subject {
			s := stacks.New(table, stacks.Config{Isolated: isolated, Catalog: cat})
			return subject{s, func(in result.Input) string { return text(t, s.Counts(in).Result()) }}
		},
		"latency": func(table *trace.Table) subject {
			s := latency.New(table, latency.Config{Isolated: isolated, By: by, Catalog: cat, Window: latency.DefaultWindow})
			return subject{s, func(in result.Input) string { return text(t, s.Counts(in).Result()) }}
		},
		"quiet": func(table *trace.Table) subject {
			s := quiet.New(table, quiet.Config{Isolated: isolated, Catalog: cat})
			return subject{s, func(in result.Input) string { return text(t, s.Counts(in).Result()) }}
		},
		"whatif": func(table *trace.Table) subject {
			s := whatif.New(table, whatif.Config{Isolated: isolated, Catalog: cat})
			return subject{s, func(result.Input) string {
				set := &result.Set{}
				s.Counts().AddTo(set)
				return text(t, set)
			}}
		},
		"irqcount": func(table *trace.Table) subject {
			s := irqcount.New(table)
			return subject{s, func(result.Input) string {
				set := &result.Set{}
				s.Counts().AddTo(set, nil, isolated)
				return text(t, set)
			}}
		},
		"evidence": func(table *trace.Table) subject {
			s := evidence.New(table, evidence.Config{Isolated: isolated, Catalog: cat})
			return subject{s, func(in result.Input) string { return text(t, s.Result(in)) }}
		},
		"contexts": func(table *trace.Table) subject {
			s := contexts.New(table, contexts.Config{Catalog: cat})
			return subject{s, func(in result.Input) string { return text(t, s.Result(in)) }}
		},
		"inventory": func(table *trace.Table) subject {
			s := inventory.New(table)
			return subject{s, func(in result.Input) string { return text(t, s.Result(in)) }}
		},
		"steady": func(*trace.Table) subject {
			s := steady.New()
			return subject{s, func(result.Input) string { return fmt.Sprint(s.Cut()) }}
		},
	}
}

// run runs one analyzer over a trace and shows what it found and what was
// counted.
func run(t *testing.T, path string, analyze func(*trace.Table) subject, wrap func(trace.Source) trace.Source) string {
	t.Helper()
	src, err := parser.Open(path, parser.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := analyze(src.Table())
	if _, ok := s.State.(analysis.Selective); !ok {
		t.Fatal("it wants everything: this tests nothing")
	}
	st, err := analysis.Run(context.Background(), wrap(src), analysis.Options{}, s.State)
	if err != nil {
		t.Fatal(err)
	}
	return s.found(st.Input(&src.Table().Meta, nil)) + text(t, st)
}
