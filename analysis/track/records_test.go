package track_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// listed is what Records hands out of a trace, CPUs 2-3 being isolated.
type listed struct {
	*track.Records
	hits     []track.HitRecord
	sends    []track.SendRecord
	requests []track.RequestRecord
	runs     []track.Run
	unsent   []track.Delivery
}

func (l *listed) End(analysis.Span) { l.Records.End() }

func list(t testing.TB, src trace.Source, also ...analysis.State) *listed {
	t.Helper()
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	l := &listed{}
	l.Records = track.NewRecords(src.Table(), track.RecordsConfig{
		Config:  track.Config{Isolated: &m, Attribution: track.NewAttributor(cat, src.Table())},
		Hit:     func(h *track.HitRecord) error { l.hits = append(l.hits, *h); return nil },
		Send:    func(w *track.SendRecord) error { l.sends = append(l.sends, *w); return nil },
		Request: func(q *track.RequestRecord) error { l.requests = append(l.requests, *q); return nil },
		Run:     func(r *track.Run) error { l.runs = append(l.runs, *r); return nil },
		Unsent:  func(d *track.Delivery) error { l.unsent = append(l.unsent, *d); return nil },
	})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, append(also, l)...); err != nil {
		t.Fatal(err)
	}
	if l.Err() != nil {
		t.Fatal(l.Err())
	}
	return l
}

// TestSentInARunBefore: an IPI that was sent while osnoise measured, and of which that
// run shows no interrupt, is not what the first interrupt of the next run is for: it
// came in the pause between them, which nothing samples.
func TestSentInARunBefore(t *testing.T) {
	text := "# tracer: osnoise\n#\n" +
		"       sh-1 [000] d.... 5.000100: ipi_send_cpumask: cpumask=2 callsite=smp_call_function_many_cond+0x1/0x2 callback=generic_smp_call_function_single_interrupt+0x0/0x2\n" +
		"osnoise/2-99 [002] d.... 5.000200: 1000 50 95.00000 50 0 0 1 0 0\n" +
		"osnoise/2-99 [002] d.h.. 5.010001: irq_noise: call_function:252 start 5.010000000 duration 900 ns\n" +
		"osnoise/2-99 [002] d.... 5.020000: 1000 50 95.00000 50 0 0 1 0 0\n"
	src, err := ftext.New(strings.NewReader(text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	unsent := 0
	j := newJourney(t, src, func(d *track.Delivery) {
		if !d.HasSend {
			unsent++
		}
	})
	if j.Hits[track.NotSampled] != 1 || j.Hits.All() != 1 || unsent != 1 {
		t.Errorf("%d of %d hits were not sampled, %d interrupts had no send; want 1 of 1 and 1", j.Hits[track.NotSampled], j.Hits.All(), unsent)
	}
	if first, last := j.Noises().Watched(2); first != 5_010_000_000 || last != 5_010_001_000 {
		t.Errorf("noise was seen from %d to %d, want from the noise's begin to its record", first, last)
	}
}

// TestNoiseOfAnInterrupt: osnoise tells of an interrupt when its own events are over;
// it is the same one, and no other arrives.
func TestNoiseOfAnInterrupt(t *testing.T) {
	text := "# tracer: osnoise\n#\n" +
		"       sh-1 [000] d.... 5.000100: ipi_send_cpu: cpu=2 callsite=wakeup_preempt+0x1/0x2 callback=0x0\n" +
		"     loop-9 [002] d.h.. 5.000110: reschedule_entry: vector=253\n" +
		"     loop-9 [002] d.h.. 5.000112: reschedule_exit: vector=253\n" +
		"     loop-9 [002] d.h.. 5.000113: irq_noise: reschedule:253 start 5.000109500 duration 3000 ns\n" +
		"     loop-9 [002] d.h.. 5.000200: local_timer_entry: vector=236\n" +
		"     loop-9 [002] d.h.. 5.000202: local_timer_exit: vector=236\n" +
		"     loop-9 [002] d.h.. 5.000203: irq_noise: local_timer:236 start 5.000199500 duration 3000 ns\n"
	src, err := ftext.New(strings.NewReader(text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r := newTranscript(src.Table(), nil, nil)
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, r); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range r.noises {
		got = append(got, n[strings.Index(n, "Told="):])
	}
	if want := []string{"Told=true IPI=true Arrival=1", "Told=true IPI=false Arrival=0"}; !cmp.Equal(got, want) || len(r.hits) != 1 || len(r.unsents) != 0 {
		t.Errorf("noises %q, want %q; %d hits and %d interrupts without a send, want 1 and 0", got, want, len(r.hits), len(r.unsents))
	}
}

// TestRecordsAgree: on recordings the records are in order, and as many of them
// arrived, and ran, as Deliveries counts.
func TestRecordsAgree(t *testing.T) {
	for _, path := range []string{
		"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-07-lost/trace.dat",
		"k612s4-02-zlib-mono/trace.dat", "k612s4-06-multi/trace.dat", "k72s4-01-zstd-local/trace.dat",
	} {
		j := newJourney(t, open(t, path), func(*track.Delivery) {})
		l := list(t, open(t, path))
		matched, last := uint64(0), trace.Time(0)
		for _, h := range l.hits {
			if h.Time < last {
				t.Fatalf("%s: a hit of %d comes after one of %d", path, h.Time, last)
			}
			last = h.Time
			if h.Arrival == track.Matched {
				matched++
			}
			if (h.Arrival == track.Matched) != (h.Entry != track.Never) {
				t.Fatalf("%s: %v, entry %d", path, h.Arrival, h.Entry)
			}
		}
		if matched != j.Hits[track.Matched] || uint64(len(l.hits)) != j.Hits.All() {
			t.Errorf("%s: %d of %d hits arrived, Deliveries says %v", path, matched, len(l.hits), j.Hits)
		}
		var ran track.Account
		last = 0
		for _, q := range l.requests {
			if q.Time < last {
				t.Fatalf("%s: a request of %d comes after one of %d", path, q.Time, last)
			}
			last = q.Time
			ran[q.Arrival]++
		}
		if ran[track.Matched] != j.Requests[track.Matched] || ran[track.IRQWork] != j.Requests[track.IRQWork] || ran.All() != j.Requests.All() {
			t.Errorf("%s: requests %v, Deliveries says %v", path, ran, j.Requests)
		}
		if n := j.Arrivals[track.BracketVector].All() + j.Arrivals[track.BracketIPI].All(); n > 0 && len(l.unsent) > int(n-matched) {
			t.Errorf("%s: %d interrupts without a send, %d of %d entries are matched", path, len(l.unsent), matched, n)
		}
	}
}

// TestFirstArrival: the very first hit waits for its interrupt although none was
// seen before.
func TestFirstArrival(t *testing.T) {
	l := list(t, tracetest.Parse(`
		at 1.000001 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
		at 1.000002 cpu 0 task a-1 flags d..1 sched_switch
		at 1.000003 cpu 2 task b-2 flags d.h1 reschedule_entry vector=253
		at 1.000004 cpu 2 task b-2 flags d.h1 reschedule_exit vector=253
		at 1.000005 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0`))
	if len(l.hits) != 2 || l.hits[0].Arrival != track.Matched || l.hits[0].Entry != 1000003000 || l.hits[0].Exit != 1000004000 {
		t.Errorf("%+v", l.hits)
	}
	if h := l.hits[1]; h.Arrival == track.Matched || h.Entry != track.Never {
		t.Errorf("%+v", h)
	}
}

// TestRequests: each csd_queue_cpu to an isolated CPU is one record, in order,
// with the IPI it sent; on Linux 6.4 the call that was asked for is.
func TestRequests(t *testing.T) {
	const generic = "generic_smp_call_function_single_interrupt"
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"one sends, one does not, one is not for an isolated CPU", `
			at 1.000001 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=one csd=0x1
			at 1.000002 cpu 1 task b-2 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x1 func=two csd=0x2
			at 1.000003 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=1 callsite=f+0x1 func=three csd=0x3
			at 1.000004 cpu 0 task a-1 flags d..1 ipi_send_cpumask cpumask=1-2 callsite=f+0x1 callback=` + generic,
			[]string{"1000001000 one 0>2 ipi 1000004000", "1000002000 two 1>3"}},
		{"the newest of two sends", `
			at 1.000001 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=one csd=0x1
			at 1.000002 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=two csd=0x2
			at 1.000003 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"1000001000 one 0>2", "1000002000 two 0>2 ipi 1000003000"}},
		{"6.4: what the IPI goes to", `
			at 1.000001 cpu 0 task a-1 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=one
			at 1.000002 cpu 0 task a-1 flags d..1 ipi_send_cpumask cpumask=3 callsite=f+0x1 callback=` + generic + `
			at 1.000003 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=two`,
			[]string{"1000001000 one 0>3 ipi 1000002000", "1000003000 two 0>2"}},
	} {
		src := tracetest.Parse(c.script)
		var got []string
		for _, q := range list(t, src).requests {
			line := fmt.Sprintf("%d %s %d>%d", q.Time, src.Table().NameOf(q.Function), q.CPU, q.Target)
			if q.HasIPI {
				line += fmt.Sprintf(" ipi %d", q.Sent)
			}
			got = append(got, line)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, d)
		}
	}
}

// TestHeldRequests: a request that never learns its fate does not hold the
// others back for ever, and is not lost.
func TestHeldRequests(t *testing.T) {
	const n = 1 << 18
	src := &repeated{n: n, Source: tracetest.Parse(`
		at 1.0 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=first csd=0x1
		at 2.0 cpu 1 task b-2 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x1 func=other csd=0x2`)}
	l := list(t, src)
	if held := l.MostHeld(); held > n*3/4 {
		t.Errorf("%d requests were held", held)
	}
	if len(l.requests) != n+1 || l.requests[0].Time != 1_000_000_000 {
		t.Errorf("%d requests, the first at %d", len(l.requests), l.requests[0].Time)
	}
}

// repeated delivers the second record n times.
type repeated struct {
	*tracetest.Source
	n, at int
}

func (r *repeated) Scan() bool {
	if r.at++; r.at > 2 && r.at <= r.n+1 {
		return true
	}
	return r.Source.Scan()
}
