package main

import (
	"fmt"
	"runtime"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/live"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A timekeeper measures what a budget limits besides hits, as check does. Only a
// longest handler is broken for good while it runs: a quiet time may still come, a
// share or a quantile change.
type timekeeper struct {
	budget    *budget.Budget
	gauges    *gauges
	table     *trace.Table
	hits      *ipi.State
	times     *latency.State
	calm      *quiet.State
	present   *budget.Presence
	fallback  *live.Fallback
	toArrive  *live.Until // times
	toBeQuiet *live.Until // calm
}

func newTimekeeper(t *trace.Table, b *budget.Budget, isolated *cpumask.Mask, cat *catalog.Catalog, f *live.Fallback) *timekeeper {
	g := newGauges(isolated, cat, false)
	k := &timekeeper{budget: b, gauges: g, table: t, hits: ipi.New(t, g.hits), times: latency.New(t, g.times), calm: quiet.New(t, g.quiet), present: budget.NewPresence(t), fallback: f}
	k.toArrive, k.toBeQuiet = f.Until(k.times), f.Until(k.calm)
	return k
}

// needs is what has to be recorded for a budget, as values of --for.
func needs(b *budget.Budget) []string {
	switch t := b.Times(); {
	case t == nil:
		return nil
	case t.NeedsQuiet(), runtime.GOARCH != "amd64" && runtime.GOARCH != "386": // there an IPI's interrupt is one like any other
		return []string{"latency", "quiet"}
	}
	return []string{"latency"}
}

// states begin at a time.
func (k *timekeeper) states(since trace.Time) []analysis.State {
	k.toArrive.Since(since)
	k.toBeQuiet.Since(since)
	return []analysis.State{k.hits, k.toArrive, k.toBeQuiet, k.present}
}

// broken tells of a handler that ran for too long so far; "" if none did.
func (k *timekeeper) broken(in result.Input) string {
	if k.budget.MaxHandler == nil {
		return ""
	}
	limit := int64(*k.budget.MaxHandler)
	for _, g := range k.times.Counts(k.toArrive.Input(in)).Groups() {
		if ns := longestRun(&g); ns > limit {
			return fmt.Sprintf("CPU %s: %s ran for %s, %s allowed", g.Key[0], g.Key[1], result.Duration(ns), result.Duration(limit))
		}
	}
	return ""
}

// check holds all of the time against the budget.
func (k *timekeeper) check(in result.Input) (*result.Set, string) {
	c := k.gauges.sums()
	c.hits.Merge(k.hits.Counts(in))
	c.times.Merge(k.times.Counts(k.toArrive.Input(in)))
	c.quiet.Merge(k.calm.Counts(k.toBeQuiet.Input(in)))
	c.note(&in, k.table, k.present, track.NewRecording(k.table, &trace.Selection{}, nil))
	if why := k.fallback.Note(); why != "" {
		c.EndsEarly(why)
	}
	c.fill()
	return k.budget.Check(&c.Measured)
}

// checkLines are the checks that did not pass, for people.
func checkLines(set *result.Set) (lines []string) {
	t := set.Table("checks")
	cell := func(row []result.Value, name string) string { return row[t.Index(name)].Text() }
	for _, row := range t.Rows {
		if cell(row, "result") == budget.Pass {
			continue
		}
		line := fmt.Sprintf("%s: CPU %s: %s: %s, limit %s", cell(row, "result"), cell(row, "cpu"), cell(row, "check"), cell(row, "measured"), cell(row, "limit"))
		if why := cell(row, "reason"); why != "" {
			line += ": " + why
		}
		lines = append(lines, line)
	}
	return lines
}
