package live

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"gopkg.in/yaml.v3"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// measured are the Metrics of a script and of a view of it.
func measured(t *testing.T, script string) *Metrics {
	t.Helper()
	c, iso := catalogAndIsolated(t)
	src := tracetest.Parse(script)
	m := NewMetrics(src.Table(), c, iso)
	if _, err := analysis.Run(t.Context(), src, analysis.Options{}, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMetrics: the figures are those of the view; the quiet times are those between
// the hits of a CPU: 9 of 10 us.
func TestMetrics(t *testing.T) {
	m := measured(t, sent(10))
	if n := testutil.CollectAndCount(m); n != 0 {
		t.Errorf("%d figures before there is a view", n)
	}
	s, st := overviewed(t, sent(10))
	at := moment(st, 2*sec)
	at.Input.Lost, at.OwnHits = 3, 2
	meter := &Meter{Isolated: []int{2, 3}}
	m.Update(meter.viewed(s, at))
	want := `
# HELP ipiscope_events_total Trace events that were read.
# TYPE ipiscope_events_total counter
ipiscope_events_total 21
# HELP ipiscope_function_hits_total IPIs that hit isolated CPUs, by what they made them run and what can be done about it.
# TYPE ipiscope_function_hits_total counter
ipiscope_function_hits_total{class="avoidable",function="ipi_mb"} 10
ipiscope_function_hits_total{class="avoidable",function="reschedule"} 1
# HELP ipiscope_hits_total IPIs that hit an isolated CPU.
# TYPE ipiscope_hits_total counter
ipiscope_hits_total{cpu="2"} 10
ipiscope_hits_total{cpu="3"} 1
# HELP ipiscope_lost_events_total Trace events that were lost: where there are any all counts are lower bounds.
# TYPE ipiscope_lost_events_total counter
ipiscope_lost_events_total 3
# HELP ipiscope_own_cpu_seconds_total CPU time of ipiscope itself.
# TYPE ipiscope_own_cpu_seconds_total counter
ipiscope_own_cpu_seconds_total 0.005
# HELP ipiscope_own_hits_total Hits on isolated CPUs by ipiscope itself.
# TYPE ipiscope_own_hits_total counter
ipiscope_own_hits_total 2
# HELP ipiscope_watched_seconds The time that was counted.
# TYPE ipiscope_watched_seconds gauge
ipiscope_watched_seconds 1
`
	names := []string{"ipiscope_events_total", "ipiscope_function_hits_total", "ipiscope_hits_total", "ipiscope_lost_events_total", "ipiscope_own_cpu_seconds_total", "ipiscope_own_hits_total", "ipiscope_watched_seconds"}
	if err := testutil.CollectAndCompare(m, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	q := m.quietCopy[2]
	if q.n != 9 || q.buckets[0] != 0 || q.buckets[1] != 9 || q.buckets[10] != 9 || m.quietCopy[3].n != 0 {
		t.Errorf("quiet times of CPU 2 %+v, of CPU 3 %+v", q, m.quietCopy[3])
	}
	if problems, err := testutil.CollectAndLint(m); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	// a reset of what is shown is none of counters
	meter.Reset()
	m.Update(meter.viewed(s, at))
	if m.cpus[2] != 10 {
		t.Errorf("a counter went back to %d", m.cpus[2])
	}
}

// TestMetricsAcrossLosses: the time across a gap was not quiet for certain.
func TestMetricsAcrossLosses(t *testing.T) {
	m := measured(t, sent(2)+"lost cpu 0 at 2.0 n 3\nat 2.5 cpu 1 task e-9 flags d..1 ipi_send_cpu cpu=2 callsite=resched_curr+0x1 callback=0x0\n")
	if n := m.quiet[2].n; n != 1 {
		t.Errorf("%d quiet times", n)
	}
}

// TestMetricsAreBounded: a program of ever new functions does not make ever new series.
func TestMetricsAreBounded(t *testing.T) {
	m := measured(t, sent(1))
	groups := map[string]uint64{}
	v := &View{raw: reading{groups: groups}}
	for i := range 1000 {
		groups[fmt.Sprintf("class=unknown\x00function=f%04d\x00", i)] = 2
		groups[fmt.Sprintf("function=f%04d\x00", i)] = 2
		m.Update(v)
	}
	sum := uint64(0)
	for _, n := range m.functions {
		sum += n
	}
	if len(m.functions) != maxFunctions+1 || sum != 2000 || m.functions[function{otherFunctions, otherFunctions}] != 1600 {
		t.Errorf("%d series, %d hits", len(m.functions), sum)
	}
}

func TestCheckAddress(t *testing.T) {
	for addr, want := range map[string][2]bool{
		"localhost:9750": {true, true}, "127.0.0.1:9750": {true, true}, "[::1]:9750": {true, true}, "127.8.8.8:1": {true, true},
		":9750": {false, true}, "0.0.0.0:9750": {false, true}, "10.0.0.1:9750": {false, true}, "example.com:9750": {false, true}, "[::]:9750": {false, true},
		"localhost": {false, false}, "localhost:http": {false, false}, "localhost:0": {false, false}, "localhost:99999": {false, false}, "": {false, false},
	} {
		for i, remote := range []bool{false, true} {
			if err := CheckAddress(addr, remote); (err == nil) != want[i] {
				t.Errorf("%q, remote %v: %v", addr, remote, err)
			}
		}
	}
}

// TestExamplesOfMetrics: the alert rules and the panel in docs ask for series that
// there are.
func TestExamplesOfMetrics(t *testing.T) {
	m := measured(t, sent(10))
	s, st := overviewed(t, sent(10))
	m.Update((&Meter{Isolated: []int{2, 3}}).viewed(s, moment(st, 2*sec)))
	for name, parse := range map[string]func([]byte, any) error{"alert.yaml": yaml.Unmarshal, "grafana.json": json.Unmarshal} {
		text, err := os.ReadFile("../../../docs/live/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var any map[string]any
		if err := parse(text, &any); err != nil || len(any) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		series := regexp.MustCompile(`ipiscope_[a-z_]+`).FindAllString(string(text), -1)
		if len(series) < 2 {
			t.Errorf("%s asks for %v", name, series)
		}
		for _, name := range series {
			if testutil.CollectAndCount(m, name) == 0 {
				t.Errorf("there is no %s", name)
			}
		}
	}
}
