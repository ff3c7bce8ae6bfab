package track_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/internal/golden"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A transcript keeps all that is told of a recording, as text.
type transcript struct {
	*track.Records
	table                                *trace.Table
	hits, sends, requests, runs, unsents []string
	noises, reports                      []string
}

func (r *transcript) End(analysis.Span) { r.Records.End() }

// told shows the fields of a record, names in place of their numbers, which depend
// on what is read ahead.
func (r *transcript) told(v reflect.Value) string {
	var b strings.Builder
	for f, x := range v.Fields() {
		if !f.IsExported() {
			continue
		}
		text := fmt.Sprint(x.Interface())
		switch id := x.Interface().(type) {
		case trace.NameID:
			text = r.table.NameOf(id)
		case trace.StackID:
			text = r.stack(id)
		case trace.EventID:
			continue
		case track.Request:
			text = r.told(x)
		case []track.HitRecord:
			text = ""
			for i := range id {
				text += "{" + r.told(reflect.ValueOf(id[i])) + "}"
			}
		}
		fmt.Fprintf(&b, " %s=%s", f.Name, text)
	}
	return b.String()
}

func (r *transcript) stack(id trace.StackID) string {
	if id == 0 {
		return "none"
	}
	pcs := r.table.StackOf(id)
	return fmt.Sprintf("%d frames from %s", len(pcs), r.table.SymbolOf(pcs[0]).Name)
}

// keep returns a function that adds what it is told to lines.
func keep[T any](r *transcript, lines *[]string) func(*T) error {
	return func(x *T) error {
		*lines = append(*lines, r.told(reflect.ValueOf(*x)))
		return nil
	}
}

func newTranscript(table *trace.Table, isolated *cpumask.Mask, cat *catalog.Catalog) *transcript {
	r := &transcript{table: table}
	r.Records = track.NewRecords(table, track.RecordsConfig{
		Config: track.Config{Isolated: isolated, Attribution: track.NewAttributor(cat, table)},
		Hit:    keep[track.HitRecord](r, &r.hits), Send: keep[track.SendRecord](r, &r.sends), Request: keep[track.RequestRecord](r, &r.requests),
		Run: keep[track.Run](r, &r.runs), Unsent: keep[track.Delivery](r, &r.unsents),
		Noise:  func(n *track.Noise) { r.noises = append(r.noises, r.told(reflect.ValueOf(*n))) },
		Report: func(n *track.NoiseReport) { r.reports = append(r.reports, r.told(reflect.ValueOf(*n))) },
	})
	return r
}

// TestGolden holds all hits, sends, requests and noises of each recording. The tests beside
// it and those of the commands compare them with other programs.
func TestGolden(t *testing.T) {
	isolated := golden.Isolated()
	cat := catalogtest.Load(t)
	for name, fixture := range golden.Recordings() {
		var all []*transcript
		in := golden.Read(t, fixture, func(table *trace.Table) []analysis.State {
			all = []*transcript{newTranscript(table, isolated, cat), newTranscript(table, nil, cat)}
			return []analysis.State{all[0], all[1]}
		})
		text := fmt.Sprintf("%+v\n", in)
		for _, r := range all {
			slices.Sort(r.runs)
			slices.Sort(r.unsents)
			text += golden.Lines("hit", r.hits) + golden.Lines("send", r.sends) + golden.Lines("request", r.requests) +
				golden.Lines("run", r.runs) + golden.Lines("unsent", r.unsents) + golden.Lines("noise", r.noises) + golden.Lines("report", r.reports)
		}
		golden.CheckText(t, name, text)
	}
}
