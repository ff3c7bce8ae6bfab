package main

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// stdoutOf runs a command line and returns what it printed.
func stdoutOf(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(context.Background(), args, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("%q: status %d: %s", args, status, errs.String())
	}
	return out.String()
}

// reportedGroup is a row of report.
type reportedGroup struct {
	Key     map[string]string
	Sends   int
	Hits    int
	Example struct {
		File, Text, Note string
		Time             int64 `json:"time_ns"`
	}
}

func reportRows(t *testing.T, args ...string) []reportedGroup {
	t.Helper()
	var r struct{ Groups []reportedGroup }
	if err := json.Unmarshal([]byte(stdoutOf(t, append([]string{"report", "--format", "json"}, args...)...)), &r); err != nil {
		t.Fatal(err)
	}
	return r.Groups
}

// TestCatRows: behind a row of report there are as many events as it says, whichever
// evidence its function is known by.
func TestCatRows(t *testing.T) {
	sent := regexp.MustCompile(`(?m)^.*(ipi_send_cpu|ipi_send_cpumask|ipi_raise): .*$`)
	for _, tt := range []struct {
		file, key string
		rows      int // that are looked at
	}{
		{"k612s4-12b-all-stack/trace.dat", "function", 2}, // csd, callback
		{"k612s4-12b-all-stack/trace.dat", "class", 1},
		{"karm64s4-21-ipi-all/trace.dat", "cause", 1},   // with ipi_raise, which does not count
		{"k612s4-40-perf/script.txt.gz", "function", 1}, // stacks
	} {
		path := "../../fixtures/" + tt.file
		for i, g := range reportRows(t, "--isolated", "2-3", "--by", tt.key, path) {
			if i == tt.rows {
				break
			}
			name := g.Key[tt.key]
			if got := len(sent.FindAllString(stdoutOf(t, "cat", "--isolated", "2-3", "--"+tt.key, name, path), -1)); got != g.Sends || got == 0 {
				t.Errorf("%s: %d events behind %s %s, report says %d sends", tt.file, got, tt.key, name, g.Sends)
			}
		}
	}
	got := strings.Count(stdoutOf(t, "cat", "--isolated", "2-3", "--function", "nohz_csd_func", "../../fixtures/k61s4-11-function/trace.dat"), ": function: ")
	if got != 41 {
		t.Errorf("%d calls behind nohz_csd_func, report says 41", got)
	}
}

// TestExampleOrder: which event stands for a row does not depend on the order in which
// traces are read; it hits somebody of the row if one does, and has a stack if one has.
func TestExampleOrder(t *testing.T) {
	a, b := "../../fixtures/k612s4-51-statickey-after-1/report-t.txt.gz", "../../fixtures/k612s4-51-statickey-after-2/report-t.txt.gz"
	one, other := reportRows(t, "--isolated", "2-3", "--example", a, b), reportRows(t, "--isolated", "2-3", "--example", "--jobs", "2", b, a)
	if !reflect.DeepEqual(one, other) {
		t.Errorf("in the other order the examples are others:\n%v\n%v", one, other)
	}
	for _, g := range one {
		if (g.Example.Text == "") != (g.Sends == 0) || g.Example.Note == "" {
			t.Errorf("%s: %d sends and the example %+v", g.Key["function"], g.Sends, g.Example)
		}
	}
}
