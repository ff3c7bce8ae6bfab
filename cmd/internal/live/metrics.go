package live

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Metrics are the figures of the newest view in the form of Prometheus. It is a
// prometheus.Collector, which others may ask at any time, and an analysis.State that
// measures the quiet between hits.
type Metrics struct {
	sends *track.Sends
	quiet map[int32]*quietTimes // of the state

	mu        sync.Mutex
	any       bool
	at        Moment
	cpus      map[int]uint64
	functions map[function]uint64
	quietCopy map[int32]quietTimes
}

type function struct{ class, name string }

// maxFunctions bounds the label sets of functions: those that come first have their
// own, the rest has one.
const maxFunctions = 200

// otherFunctions is the label of the rest.
const otherFunctions = "(other)"

// quietBounds are the buckets of quiet times, seconds.
func quietBounds() []float64 {
	return []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600}
}

// quietTimes are the stretches between two hits of a CPU.
type quietTimes struct {
	last    trace.Time
	any     bool
	n       uint64
	sum     float64
	buckets [11]uint64
}

// NewMetrics returns Metrics of the events of a table.
func NewMetrics(t *trace.Table, c *catalog.Catalog, isolated *cpumask.Mask) *Metrics {
	m := &Metrics{quiet: map[int32]*quietTimes{}, functions: map[function]uint64{}}
	m.sends = track.NewSends(t, track.Config{Isolated: isolated, Attribution: track.NewAttributor(c, t), Send: m.send})
	for cpu := range isolated.All() {
		m.quiet[int32(cpu)] = &quietTimes{}
	}
	return m
}

// Event implements analysis.State.
func (m *Metrics) Event(e *trace.Event) { m.sends.Event(e) }

// Lost implements analysis.State: what was quiet before a gap may not have been in it.
func (m *Metrics) Lost(l *trace.Lost) {
	m.sends.Lost(l)
	for _, q := range m.quiet {
		q.any = false
	}
}

// Now implements analysis.Waiter.
func (m *Metrics) Now(t trace.Time) { m.sends.Now(t) }

// End implements analysis.State.
func (m *Metrics) End(analysis.Span) { m.sends.End() }

func (m *Metrics) send(w *track.Send) {
	for i := range w.Hits {
		if q := m.quiet[w.Hits[i].Target]; q != nil {
			q.hit(w.Time)
		}
	}
}

func (q *quietTimes) hit(at trace.Time) {
	if q.any && at >= q.last {
		s := float64(at-q.last) / 1e9
		q.n++
		q.sum += s
		for i, bound := range quietBounds() {
			if s <= bound {
				q.buckets[i]++
			}
		}
	}
	q.last, q.any = at, true
}

// Update makes a view the newest. It belongs to who reads the events.
func (m *Metrics) Update(v *View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.any, m.at, m.cpus = true, v.at, v.raw.cpus
	other := uint64(0)
	for _, key := range slices.Sorted(maps.Keys(v.raw.groups)) {
		f, ok := functionOf(key)
		if !ok {
			continue
		}
		hits := v.raw.groups[key]
		if _, known := m.functions[f]; known || len(m.functions) < maxFunctions {
			m.functions[f] = hits
		} else {
			other += hits
		}
	}
	if other > 0 {
		m.functions[function{otherFunctions, otherFunctions}] = other
	}
	m.quietCopy = map[int32]quietTimes{}
	for cpu, q := range m.quiet {
		m.quietCopy[cpu] = *q
	}
}

// functionOf takes the key of a row by class and function apart.
func functionOf(key string) (f function, ok bool) {
	parts := strings.Split(strings.TrimSuffix(key, "\x00"), "\x00")
	if len(parts) != 2 {
		return f, false
	}
	class, isClass := strings.CutPrefix(parts[0], "class=")
	name, isName := strings.CutPrefix(parts[1], "function=")
	return function{strings.ToValidUTF8(class, "?"), strings.ToValidUTF8(name, "?")}, isClass && isName
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ipiscope_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. What there is shows with the first view.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. Before the first view there is nothing.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.any {
		return
	}
	number := func(kind prometheus.ValueType, v float64, name, help string, labels ...string) {
		var names, values []string
		for i := 0; i < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(desc(name, help, names...), kind, v, values...)
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	number(counter, float64(m.at.Input.Events), "events_total", "Trace events that were read.")
	number(counter, float64(m.at.Input.Lost), "lost_events_total", "Trace events that were lost: where there are any all counts are lower bounds.")
	number(counter, float64(m.at.Late), "late_events_total", "Trace events that came out of their order.")
	number(counter, m.at.OwnCPU.Seconds(), "own_cpu_seconds_total", "CPU time of ipiscope itself.")
	number(counter, float64(m.at.OwnHits), "own_hits_total", "Hits on isolated CPUs by ipiscope itself.")
	number(gauge, float64(m.at.Waiting), "waiting_sends", "Sends that came and are not counted yet.")
	number(gauge, float64(m.at.elapsed())/1e9, "watched_seconds", "The time that was counted.")
	dropped := 0.0
	if m.at.arrivalsUntil().Kind != result.KindNone {
		dropped = 1
	}
	number(gauge, dropped, "arrivals_dropped", "1 if there were too many events, and arrivals are not recorded any more.")
	for cpu, hits := range m.cpus {
		number(counter, float64(hits), "hits_total", "IPIs that hit an isolated CPU.", "cpu", strconv.Itoa(cpu))
	}
	for f, hits := range m.functions {
		number(counter, float64(hits), "function_hits_total", "IPIs that hit isolated CPUs, by what they made them run and what can be done about it.", "class", f.class, "function", f.name)
	}
	for cpu, q := range m.quietCopy {
		buckets := map[float64]uint64{}
		for i, bound := range quietBounds() {
			buckets[bound] = q.buckets[i]
		}
		ch <- prometheus.MustNewConstHistogram(desc("quiet_seconds", "Time between two hits of an isolated CPU.", "cpu"), q.n, q.sum, buckets, strconv.Itoa(int(cpu)))
	}
}

// CheckAddress says what is wrong with an address to serve on: other machines must not
// get what the kernel does unless that is wanted.
func CheckAddress(addr string, remote bool) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q: want HOST:PORT, such as localhost:9750: %w", addr, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: %q is no port", addr, port)
	} else if n == 0 {
		return fmt.Errorf("%q: want a port that is not 0: nobody would know which", addr)
	}
	ip := net.ParseIP(host)
	if remote || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%q: is not an address of this machine alone, such as localhost: --metrics-allow-remote allows it", addr)
}

var (
	_ prometheus.Collector = (*Metrics)(nil)
	_ analysis.Waiter      = (*Metrics)(nil)
)
