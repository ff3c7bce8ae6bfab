package ipi_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Hits of a recording by function, most first.
func Example() {
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()

	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		log.Fatal(err)
	}
	state := ipi.New(src.Table(), ipi.Config{Isolated: &isolated, By: []ipi.Key{key.Function}})
	stats, err := analysis.Run(context.Background(), src, analysis.Options{}, state)
	if err != nil {
		log.Fatal(err)
	}
	rows := state.Counts(stats.Input(&src.Table().Meta, err)).Result().Table("groups")
	hits, function := rows.Index("hits"), rows.Index("function")
	for _, row := range rows.Rows[:3] {
		fmt.Println(row[hits].Int, row[function].Str)
	}
	// Output:
	// 1176 do_sync_core
	// 12 ipi_mb
	// 12 ipi_rseq
}
