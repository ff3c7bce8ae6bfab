package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/parser/ringlive"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestFallbackDecides: arrivals are given up above the rate, or where events are lost
// for two stretches on end, once.
func TestFallbackDecides(t *testing.T) {
	type look struct {
		until        trace.Time
		events, lost uint64
	}
	const s = trace.Time(1e9)
	for _, tt := range []struct {
		name  string
		max   float64
		looks []look
		why   string
	}{
		{"as many as allowed", 1000, []look{{0, 0, 0}, {s, 1000, 0}, {2 * s, 2000, 0}}, ""},
		{"more than that", 1000, []look{{0, 0, 0}, {s, 1000, 0}, {2 * s, 2100, 0}}, "there were 1100 events a second, --max-rate allows 1000"},
		{"a burst that is over within a second", 1000, []look{{0, 0, 0}, {s / 10, 900, 0}, {s, 990, 0}}, ""},
		{"any rate", 0, []look{{0, 0, 0}, {s, 1e9, 5}, {2 * s, 2e9, 9}, {3 * s, 3e9, 99}}, ""},
		{"losses in one second", 1000, []look{{0, 0, 0}, {s, 10, 5}, {2 * s, 20, 5}, {3 * s, 30, 6}}, ""},
		{"losses in two", 1000, []look{{0, 0, 0}, {s, 10, 5}, {2 * s, 30, 6}}, "events were lost for 2 seconds on end, of 20 a second"},
	} {
		drops := 0
		f := NewFallback(tt.max, nil, func() (trace.Time, error) { drops++; return 7 * s, nil })
		for _, l := range append(tt.looks, look{9 * s, 1e12, 1e6}) {
			if l.until == 9*s && tt.why == "" {
				break
			}
			if err := f.Look(ringlive.Stats{Until: l.until, Events: l.events}, func() (uint64, error) { return l.lost, nil }); err != nil {
				t.Fatal(err)
			}
		}
		at, why, ok := f.Dropped()
		if ok != (tt.why != "") || why != tt.why || ok && (at != 7*s || drops != 1) || !ok && drops != 0 {
			t.Errorf("%s: %v at %d, %q, %d times", tt.name, ok, at, why, drops)
		}
	}
}

// TestFallbackFails: what the kernel refuses is an error, and nothing is taken for
// given up.
func TestFallbackFails(t *testing.T) {
	gone := errors.New("the instance is gone")
	f := NewFallback(1, nil, func() (trace.Time, error) { return 0, gone })
	none := func() (uint64, error) { return 0, nil }
	err := errors.Join(f.Look(ringlive.Stats{Until: 0}, none), f.Look(ringlive.Stats{Until: 2e9, Events: 10}, none))
	if _, _, ok := f.Dropped(); ok || !errors.Is(err, gone) {
		t.Errorf("dropped %v: %v", ok, err)
	}
}

// isArrival are the events of a recording that the isolated CPUs record.
func isArrival(name string) bool {
	system, _, _ := strings.Cut(name, ":")
	return system == "irq_vectors" || system == "sched" || strings.HasPrefix(name, "csd:csd_function_")
}

// givenUp is what is counted and measured of a recording whose arrivals are given up at
// a time, and how many arrivals there were behind it.
func givenUp(t *testing.T, at trace.Time) (hits *ipi.Counts, times *latency.Counts, f *Fallback) {
	t.Helper()
	c, iso := catalogAndIsolated(t)
	iso.SetRange(0, 3)
	src := fed(t, "k612s4-12b-all-stack")
	f = NewFallback(1, isArrival, nil)
	f.at, f.why = at, "it is a test"
	cfg := latency.Config{Isolated: iso, By: []latency.Key{key.Target}, Catalog: c, Window: latency.DefaultWindow}
	h, l := ipi.New(src.Table(), ipi.Config{Isolated: iso, By: []ipi.Key{key.Function, key.Evidence}, Catalog: c}), latency.New(src.Table(), cfg)
	measured := f.Until(l)
	st, err := analysis.Run(context.Background(), f.Source(src), analysis.Options{}, h, measured)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&src.Table().Meta, nil)
	hits, times = ipi.NewCounts(iso, []ipi.Key{key.Function, key.Evidence}), latency.NewCounts(cfg)
	hits.Merge(h.Counts(in))
	times.Merge(l.Counts(measured.Input(in)))
	return hits, times, f
}

// deliveriesOf are how many were measured.
func deliveriesOf(c *latency.Counts) (n uint64) {
	for _, g := range c.Groups() {
		n += g.Times[latency.Delivery].Count()
	}
	return n
}

// TestFallback: where arrivals are given up no hit is missing, and nothing is measured
// of what comes behind.
func TestFallback(t *testing.T) {
	whole, all, _ := givenUp(t, never)
	in := whole.Inputs()[0]
	middle := trace.Time(in.First + (in.Last-in.First)/2)
	part, half, f := givenUp(t, middle)
	none, nothing, _ := givenUp(t, trace.Time(in.First-1))
	for _, x := range []*ipi.Counts{part, none} {
		if want, got := whole.Total().Hits, x.Total().Hits; got != want {
			t.Errorf("%d hits, want %d", got, want)
		}
	}
	if a, b, c := deliveriesOf(all), deliveriesOf(half), deliveriesOf(nothing); b == 0 || b >= a || c != 0 {
		t.Errorf("%d, %d and %d deliveries", a, b, c)
	}
	set := half.Result()
	if last := set.Inputs[0].Last; last != int64(middle) {
		t.Errorf("measured up to %d, want %d", last, middle)
	}
	f.Warn(set)
	if w := set.Warnings[len(set.Warnings)-1]; w.Code != "arrivals-dropped" || !strings.Contains(w.Text, "it is a test") {
		t.Errorf("%+v", w)
	}
}

// TestFallbackShows: every form of output says that arrivals are not recorded any more.
func TestFallbackShows(t *testing.T) {
	s, st := counted(t, sent(3))
	c, iso := catalogAndIsolated(t)
	for _, at := range []trace.Time{never, 1_500_000_000} {
		moment := moment(st, 2*sec)
		moment.Deliveries, moment.Fallback = true, NewFallback(1, nil, nil)
		moment.Fallback.at, moment.Fallback.why = at, "there were too many"
		v := (&Meter{Isolated: []int{2, 3}}).viewed(s, moment)
		dropped := at != never
		if got := strings.Contains(strings.Join(v.Notes, "\n"), "arrivals are not recorded since 1.500000: there were too many"); got != dropped {
			t.Errorf("notes %q", v.Notes)
		}
		for _, f := range v.Set.Totals {
			if f.Name == "arrivals_until_ns" && (f.Value.Int == int64(at)) != dropped {
				t.Errorf("%s is %v", f.Name, f.Value)
			}
		}
		m := NewMetrics(trace.NewTable(), c, iso)
		m.Update(v)
		want := fmt.Sprintf("# HELP ipiscope_arrivals_dropped 1 if there were too many events, and arrivals are not recorded any more.\n# TYPE ipiscope_arrivals_dropped gauge\nipiscope_arrivals_dropped %d\n",
			map[bool]int{true: 1}[dropped])
		if err := testutil.CollectAndCompare(m, strings.NewReader(want), "ipiscope_arrivals_dropped"); err != nil {
			t.Error(err)
		}
	}
}
