package main

import (
	"context"
	"os"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
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

// BenchmarkAnalyzers feeds a recording to all analyzers at once: one of all
// events with stacks, which makes them work most. Reading it is not measured.
func BenchmarkAnalyzers(b *testing.B) {
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	var events []*trace.Event
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			kept := &trace.Event{}
			e.CopyTo(kept)
			events = append(events, kept)
		}
	}
	states := allStates(b, src.Table())
	b.ReportAllocs()
	var e trace.Event
	for n := 0; b.Loop(); n++ {
		e = *events[n%len(events)] // as a source gives it: nothing was asked of it yet
		for _, s := range states {
			s.Event(&e)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// BenchmarkFile is reading and analyzing the file that IPISCOPE_TRACE names,
// all analyzers on.
func BenchmarkFile(b *testing.B) {
	path := os.Getenv("IPISCOPE_TRACE")
	if path == "" {
		b.Skip("IPISCOPE_TRACE names no file")
	}
	var events uint64
	for b.Loop() {
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			b.Fatal(err)
		}
		st, err := analysis.Run(context.Background(), src, analysis.Options{}, allStates(b, src.Table())...)
		if err != nil {
			b.Fatal(err)
		}
		events += st.Events
		src.Close()
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// allStates is every analyzer that reads all of a trace.
func allStates(b *testing.B, t *trace.Table) []analysis.State {
	b.Helper()
	cat := catalogtest.Load(b)
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		b.Fatal(err)
	}
	return []analysis.State{
		ipi.New(t, ipi.Config{Isolated: &m, By: []key.Key{key.Function, key.Cause}, Catalog: cat}),
		latency.New(t, latency.Config{Isolated: &m, By: []key.Key{key.Function}, Catalog: cat, Window: latency.DefaultWindow}),
		quiet.New(t, quiet.Config{Isolated: &m, Catalog: cat}),
		whatif.New(t, whatif.Config{Isolated: &m, Catalog: cat}),
		evidence.New(t, evidence.Config{Isolated: &m, Catalog: cat}),
		stacks.New(t, stacks.Config{Isolated: &m, Catalog: cat}),
		listing.New(t, listing.Config{Isolated: &m, Catalog: cat, Row: func([]result.Value) error { return nil }}),
		timeline.New(t, timeline.Config{Isolated: &m, Catalog: cat, Mark: func(*result.Mark) error { return nil }}),
		contexts.New(t, contexts.Config{Catalog: cat}), inventory.New(t), irqcount.New(t), steady.New(),
	}
}
