package ipi_test

import (
	"context"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// TestCells: the hits over time of a recording add up to its hits but for those
// in the cell that the recording ends in.
func TestCells(t *testing.T) {
	src, err := parser.Open("../../fixtures/k612s4-51-statickey-before-1/report-t.txt.gz", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	s := ipi.New(src.Table(), ipi.Config{Isolated: &isolated, By: []key.Key{key.Event}, Catalog: cat, Timeline: true})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	c := s.Counts(st.Input(&src.Table().Meta, err))
	if err != nil {
		t.Fatal(err)
	}
	total := c.Total()
	if n := len(total.Cells); n < 128 || n >= 256 || c.Duration()/c.CellWidth()-int64(n) > 1 {
		t.Errorf("%d cells of %d ns in %d ns", n, c.CellWidth(), c.Duration())
	}
	var hits uint64
	sums := make([]uint32, len(total.Cells))
	for _, g := range c.Groups() {
		hits += g.Hits
		for i, n := range g.Cells {
			sums[i] += n
		}
	}
	if hits != total.Hits || c.Regime() != ipi.RegimeSend || c.Missed() != 0 {
		t.Errorf("groups have %d hits, the total %d; regime %v, %d missed", hits, total.Hits, c.Regime(), c.Missed())
	}
	var inCells uint64
	for i, n := range total.Cells {
		inCells += uint64(n)
		if n != sums[i] {
			t.Errorf("cell %d: %d hits, in groups %d", i, n, sums[i])
		}
	}
	if rest := total.Hits - inCells; rest > total.Hits/20 {
		t.Errorf("%d of %d hits are in no cell", rest, total.Hits)
	}
	c.Merge(c)
	if g := c.Groups()[0]; g.Cells != nil || c.CellWidth() != 0 {
		t.Error("merged traces have one timeline")
	}
}
