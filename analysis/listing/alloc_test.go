package listing_test

import (
	"testing"

	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestAllocations: a hit or a request that arrives costs no memory of its own.
// The events of a recording are gone through again and again, so that all that
// is kept has its size.
func TestAllocations(t *testing.T) {
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	events := make([]trace.Event, 60000)
	n := 0
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			e.CopyTo(&events[n])
			n++
		}
	}
	isolated, _ := cpumask.ParseList([]byte("2-3"))
	cat := catalogtest.Load(t)
	for _, rows := range []listing.Rows{listing.Hits, listing.Requests} {
		got := 0
		s := listing.New(src.Table(), listing.Config{Isolated: &isolated, Catalog: cat, Rows: rows, Row: func([]result.Value) error { got++; return nil }})
		round := func() {
			for i := range events[:n] {
				s.Event(&events[i])
			}
		}
		round()
		round()
		got = 0
		allocs := testing.AllocsPerRun(1, round)
		if per := allocs / float64(got/2); got < 2000 || per > 0.01 {
			t.Errorf("%v: %v allocations for each of %d rows", rows, per, got/2)
		}
	}
}
