package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// writeNone writes a recording of CPUs 2-3 with no event, and the note r.
func writeNone(t *testing.T, version int, r *trace.Recorded) string {
	t.Helper()
	const native = "testdata/native"
	page, err := os.ReadFile(filepath.Join(native, "formats/header_page"))
	if err != nil {
		t.Fatal(err)
	}
	note, err := datfile.Note(r)
	if err != nil {
		t.Fatal(err)
	}
	d := &datfile.Description{HeaderPage: page, CPUs: 4, Options: []datfile.Option{
		datfile.Text(datfile.OptTraceClock, "[mono]"),
		{ID: datfile.OptCPUCount, Data: []byte{4, 0, 0, 0}},
		datfile.Text(datfile.OptRecorded, string(note)),
	}}
	for _, e := range r.Events {
		system, name, _ := strings.Cut(e.Name, ":")
		text, err := os.ReadFile(filepath.Join(native, "formats", system, name+".format"))
		if err != nil {
			t.Fatal(err)
		}
		d.Systems = append(d.Systems, datfile.System{Name: system, Formats: [][]byte{text}})
	}
	file := filepath.Join(t.TempDir(), "x.dat")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := datfile.New(out, datfile.Header{Version: version, Long: 8, PageSize: 4096})
	w.Describe(d)
	w.BeginBuffer(datfile.Buffer{Clock: "[mono]", PageSize: 4096})
	for cpu := range 4 {
		w.BeginCPU(cpu)
		w.EndCPU()
	}
	w.EndBuffer()
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNoneIsNone: a recording without an event passes a check if its recorder
// vouches for all of it. Whatever part of the evidence is missing leaves it
// undecided, and report says that nothing can be said.
func TestNoneIsNone(t *testing.T) {
	whole := func() *trace.Recorded {
		targets, err := cpumask.ParseList([]byte("2-3"))
		if err != nil {
			t.Fatal(err)
		}
		return &trace.Recorded{
			Targets: targets,
			Events:  []trace.RecordedEvent{{Name: "ipi:ipi_send_cpu", Filter: "cpu & CPUS{2-3}"}, {Name: "ipi:ipi_send_cpumask", Filter: "cpumask & CPUS{2-3}"}},
			Covered: &trace.Covered{Window: trace.Window{From: 5e9, To: 7e9}},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*trace.Recorded)
		more   []string // arguments
		pass   bool
	}{
		{name: "whole", pass: true},
		{name: "a part of the time", more: []string{"--from", "5.5"}, pass: true},
		{name: "one of the CPUs", more: []string{"--isolated", "3"}, pass: true},
		{name: "killed", change: func(r *trace.Recorded) { r.Covered = nil }},
		{name: "events are missing", change: func(r *trace.Recorded) { r.Covered.Count = 1 }},
		{name: "a filter leaves IPIs out", change: func(r *trace.Recorded) { r.Events[0].Filter = "cpu == 2" }},
		{name: "an event was off", change: func(r *trace.Recorded) { r.Events = r.Events[:1] }},
		{name: "senders are left out", more: []string{"--cpu", "0"}},
		{name: "an event is left out", more: []string{"--events", "ipi_send_cpu"}},
		{name: "outside of the time", more: []string{"--from", "8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []int{6, 7} {
				r := whole()
				if tt.change != nil {
					tt.change(r)
				}
				file := writeNone(t, version, r)
				isolated := []string{"--isolated", "2-3"}
				status, out := quietly(append([]string{"check", "--max", "all:5500", file}, append(isolated, tt.more...)...)...)
				if tt.pass != (status == 0) || !tt.pass && (status != 4 || !strings.Contains(out, "undecided")) {
					t.Errorf("v%d: exit status %d:\n%s", version, status, out)
				}
				_, out = quietly(append([]string{"report", file}, append(isolated, tt.more...)...)...)
				if tt.pass != strings.Contains(out, ": 0 hits in ") || tt.pass == strings.Contains(out, "nothing can be said about IPIs") {
					t.Errorf("v%d:\n%s", version, out)
				}
			}
		})
	}
	// the bound of none in two seconds on one CPU: 3/2 s is 5400 an hour (rule of three)
	if status, out := quietly("check", "--isolated", "2-3", "--max", "all:1", writeNone(t, 7, whole())); status != 0 || !strings.Contains(out, "below 5400") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}

// quietly runs a command and returns all that it said.
func quietly(args ...string) (status int, said string) {
	var out bytes.Buffer
	status = run(context.Background(), args, nil, &out, &out)
	return status, out.String()
}
