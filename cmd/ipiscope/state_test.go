package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordings are all fixtures that open, one of each folder and form.
func recordings(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir("../../fixtures", func(path string, d fs.DirEntry, err error) error {
		if err == nil && regexp.MustCompile(`(trace\.dat|\.data|\.dat)(\.zst)?$|-(lost|t)\.txt\.gz$|script\.txt\.gz$`).MatchString(path) {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) < 15 {
		t.Fatalf("%d recordings: %v", len(all), err)
	}
	slices.Sort(all)
	return all
}

// said is what the program prints and says.
func said(t *testing.T, args ...string) (out, err string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), args, nil, &o, &e)
	return o.String(), e.String(), status
}

// commandLine is what a page says of how it was made.
var commandLine = regexp.MustCompile(`ipiscope (merge|report|latency|quiet|diff) [^<]*`)

// TestMergeIsReport: merging the states of traces prints what report prints of the
// traces, in each form: whatever the order, in steps, from a folder, a list, or with
// several jobs.
func TestMergeIsReport(t *testing.T) {
	if testing.Short() {
		t.Skip("reads all fixtures some ten times")
	}
	traces := recordings(t)
	dir := filepath.Join(t.TempDir(), "states")
	flags := []string{"--isolated", "2-3", "--by", "function,cause,sender,file"}
	if _, errs, status := said(t, slices.Concat([]string{"state", "--for", "html", "--jobs", "2", "-o", dir}, flags, traces)...); status != 0 {
		t.Fatalf("exit %d: %s", status, errs)
	}
	states, err := filepath.Glob(filepath.Join(dir, "*"+stateSuffix))
	if err != nil || len(states) != len(traces) {
		t.Fatalf("%d states of %d traces: %v", len(states), len(traces), err)
	}
	for _, format := range []string{"json", "csv", "table", "markdown", "html"} {
		want, _, status := said(t, slices.Concat([]string{"report", "--format", format}, flags, traces)...)
		if status > 1 {
			t.Fatalf("%s: exit %d", format, status)
		}
		got, errs, status := said(t, "merge", "--format", format, dir)
		if status != 0 {
			t.Fatalf("%s: exit %d: %s", format, status, errs)
		}
		if d := cmp.Diff(commandLine.ReplaceAllString(want, ""), commandLine.ReplaceAllString(got, "")); d != "" {
			t.Errorf("%s: -report +merge: %.2000s", format, d)
		}
	}
	of := map[string]string{}
	for _, s := range states {
		out, _, _ := said(t, "merge", "--format", "json", s)
		of[regexp.MustCompile(`"path": "([^"]*)"`).FindStringSubmatch(out)[1]] = s
	}
	draw := rand.New(rand.NewPCG(3, 4))
	for i := range 5 {
		var few []string
		for _, k := range draw.Perm(len(traces)) {
			if len(few) < 6 { // copies too, in the sum or beside it
				few = append(few, traces[k])
			}
		}
		want, _, _ := said(t, slices.Concat([]string{"report", "--format", "json", "--jobs", fmt.Sprint(1 + i%3)}, flags, few)...)
		at := 1 + draw.IntN(4)
		left, right := filepath.Join(t.TempDir(), "l"+stateSuffix), filepath.Join(t.TempDir(), "list")
		var parts, rest []string
		for j, trace := range few {
			if j < at {
				parts = append(parts, of[trace])
			} else {
				rest = append(rest, of[trace])
			}
		}
		if err := os.WriteFile(right, []byte("# a list\n"+strings.Join(rest, "\n")), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, errs, status := said(t, slices.Concat([]string{"merge", "--partial", left}, parts)...); status != 0 {
			t.Fatal(errs)
		}
		if got, errs, _ := said(t, "merge", "--format", "json", left, right); got != want {
			t.Errorf("%q: -report +merged in steps: %.2000s %s", few, cmp.Diff(want, got), errs)
		}
	}
}

// TestJobs: what is printed and said does not depend on how many traces are read at
// once, nor on damage of one of them.
func TestJobs(t *testing.T) {
	traces := recordings(t)
	cut := filepath.Join(t.TempDir(), "cut.dat")
	data, err := os.ReadFile("../../fixtures/k612s4-06-multi/trace.dat")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	if traces = traces[:12]; testing.Short() {
		traces = traces[:6]
	}
	var sides []string
	for i, trace := range traces[:6] {
		sides = append(sides, []string{"-b", "-a"}[i/3], trace)
	}
	traces = slices.Insert(traces, 3, cut, "absent.dat", traces[0])
	for _, flags := range [][]string{
		{"report", "--isolated", "2-3"}, {"report", "--isolated", "2-3", "--strict", "--filter", "!(cpumask & CPUS{9})"}, {"report", "--cpu", "0", "--from", "+0.1", "--format", "json"},
		{"report", "--isolated", "0", "--instance", "nosuch"}, {"latency", "--isolated", "2-3"}, {"check", "--isolated", "2-3", "--max-hits-per-cpu-hour", "5000"},
		{"diff", "--isolated", "2-3", "--format", "json"}, {"diff", "--isolated", "2-3", "--of", "delivery", "--by", "function", "-a", cut, "-b", "absent.dat"}, {"diff", "--isolated", "2-3", "-a", traces[0]},
	} {
		args := slices.Concat(flags, traces)
		if flags[0] == "diff" {
			args = slices.Concat(flags, sides)
		}
		out, errs, status := said(t, append(args, "--jobs", "1")...)
		for _, jobs := range []string{"2", "7", "0"} {
			o, e, s := said(t, append(args, "--jobs", jobs)...)
			if o != out || e != errs || s != status {
				t.Errorf("%q --jobs %s: exit %d, want %d: %s%s", flags, jobs, s, status, cmp.Diff(out, o), cmp.Diff(errs, e))
			}
		}
	}
}

// TestRowsOfSeveral: what writes while it reads, reads one trace after the other however
// many there are.
func TestRowsOfSeveral(t *testing.T) {
	traces := recordings(t)[:6]
	all, _, _ := said(t, slices.Concat([]string{"export", "--isolated", "2-3"}, traces)...)
	var want strings.Builder
	for i, trace := range traces {
		one, _, _ := said(t, "export", "--isolated", "2-3", trace)
		if i > 0 {
			_, one, _ = strings.Cut(one, "\n")
		}
		want.WriteString(one)
	}
	if all != want.String() {
		t.Error("the rows of several traces are not those of one after the other")
	}
}

// TestStateAgain: a state that is there is not made again, and nothing of the trace is
// read; one of another trace, other flags, or cut, is.
func TestStateAgain(t *testing.T) {
	dir := t.TempDir()
	trace, out := filepath.Join(dir, "trace.dat"), filepath.Join(dir, "a"+stateSuffix)
	data, err := os.ReadFile("../../fixtures/k612s4-02-zlib-mono/trace.dat")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trace, data, 0o666); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(trace)
	if err != nil {
		t.Fatal(err)
	}
	make := func(flags ...string) string {
		t.Helper()
		if _, errs, status := said(t, slices.Concat([]string{"state", "--isolated", "2-3", "-o", out}, flags, []string{trace})...); status != 0 {
			t.Fatalf("exit %d: %s", status, errs)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := make()
	// a trace of the same name, size and time: whoever reads it would see that it is none
	if err := os.WriteFile(trace, bytes.Repeat([]byte("x"), len(data)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(trace, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if make() != first {
		t.Error("a state that was there was made again")
	}
	if err := os.WriteFile(trace, data, 0o666); err != nil { // another time
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{"by": {"--by", "cause"}, "filter": {"--filter", "cpumask & CPUS{2}"}, "host": {"--host", "h"}, "group": {"--group", "site=a"}, "page": {"--for", "html"}, "time": {"--from", "+1"}} {
		if other := make(flags...); other == first {
			t.Errorf("%s: the state of other flags was left", name)
		}
	}
	make()
	if err := os.Truncate(out, 100); err != nil {
		t.Fatal(err)
	}
	if text := make(); len(text) < 500 {
		t.Error("a cut state was left")
	}
}

// TestGoldenStates holds the states that docs/fleet.md shows against those that are
// made today: whoever changes what is counted raises state.Counting, so that sums of
// both are never added.
func TestGoldenStates(t *testing.T) {
	for name, recording := range map[string]string{
		"a1": "k612s4-02-zlib-mono", "b1": "k612s4-06-multi", "b2": "karm64s4-21-ipi-all", "a2": "k72s4-01-zstd-local",
	} {
		trace, err := os.Open("../../fixtures/" + recording + "/trace.dat")
		if err != nil {
			t.Fatal(err)
		}
		defer trace.Close()
		made := filepath.Join(t.TempDir(), "made"+stateSuffix)
		site := map[byte]string{'a': "site=ams", 'b': "site=fra"}[name[0]]
		var out, errs bytes.Buffer
		args := []string{"state", "--isolated", "2-3", "--by", "function,cause", "--as", "/traces/" + name + ".dat", "--host", name, "--group", site, "-o", made, "-"}
		if status := run(context.Background(), args, trace, &out, &errs); status != 0 {
			t.Fatalf("exit %d: %s", status, &errs)
		}
		got, err := os.ReadFile(made)
		if err != nil {
			t.Fatal(err)
		}
		golden := "../../docs/fleet/states/" + name + stateSuffix
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s is not what is made today (-update writes it)", golden)
		}
	}
}
