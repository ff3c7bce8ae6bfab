package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// textOfNative is what the kernel printed for the buffer whose pages are in
// testdata/native.
const textOfNative = "../../fixtures/k612s4-30-native-ipi-stack/fmt/default.txt.gz"

// groupsOf reports a trace and returns the counts of its groups.
func groupsOf(t *testing.T, path string) []map[string]any {
	t.Helper()
	var out, errw bytes.Buffer
	status := run(context.Background(), []string{"report", "--isolated", "2-3", "--by", "callback,function,cause,comm", "--format", "json", path}, nil, &out, &errw)
	if status != 0 {
		t.Fatalf("%s: exit %d: %s", path, status, &errw)
	}
	var r struct {
		Groups []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Groups { // the text's times are rounded
		for _, rate := range []string{"rate_hz", "per_cpu_hour"} {
			delete(g, rate)
		}
	}
	return r.Groups
}

// A tracefs folder gives the report of the text of the same buffer, in all the
// places where its files may be.
func TestSnapshotReport(t *testing.T) {
	want := groupsOf(t, textOfNative)
	if len(want) < 10 {
		t.Fatalf("%d groups", len(want))
	}
	kernel := t.TempDir() // as the kernel has its files
	for _, name := range slices.Concat(globAll(t, "raw/*"), globAll(t, "formats/*/*"), globAll(t, "formats/header_*"), []string{"kallsyms", "saved_cmdlines", "saved_tgids", "trace_clock"}) {
		to := name
		if cpu, ok := strings.CutPrefix(name, "raw/"); ok {
			to = "per_cpu/" + strings.TrimSuffix(cpu, ".trace_pipe_raw") + "/trace_pipe_raw"
		}
		if rest, ok := strings.CutPrefix(name, "formats/"); ok {
			to = "events/" + strings.TrimSuffix(rest, ".format")
			if to != "events/"+rest {
				to += "/format"
			}
		}
		data, err := os.ReadFile(filepath.Join("testdata/native", name))
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(kernel, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"testdata/native", kernel} {
		if d := cmp.Diff(want, groupsOf(t, dir)); d != "" {
			t.Errorf("%s: %s", dir, d)
		}
	}
}

func globAll(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata/native", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v %v", pattern, paths, err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimPrefix(path, "testdata/native/")
	}
	return paths
}

// TestSnapshotWithoutPages: the pages of a CPU that are missing or empty make the
// trace incomplete, unless the kernel's counters say that nothing was recorded.
func TestSnapshotWithoutPages(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/native")); err != nil {
		t.Fatal(err)
	}
	check := func(what string, status int) {
		t.Helper()
		var out, errw bytes.Buffer
		got := run(context.Background(), []string{"report", "--isolated", "2-3", "--by", "callback", dir}, nil, &out, &errw)
		if said := strings.Contains(errw.String(), "no pages of CPUs 2:"); got != status || said != (status != 0) {
			t.Errorf("%s: exit %d, want %d: %s", what, got, status, &errw)
		}
	}
	check("whole", 0)
	page := filepath.Join(dir, "raw/cpu2.trace_pipe_raw")
	if err := os.Truncate(page, 0); err != nil {
		t.Fatal(err)
	}
	check("empty", 1)
	if err := os.Remove(page); err != nil {
		t.Fatal(err)
	}
	check("missing", 1)
	stats := filepath.Join(dir, "per_cpu/cpu2/stats")
	if err := os.MkdirAll(filepath.Dir(stats), 0o700); err != nil {
		t.Fatal(err)
	}
	for read, status := range map[string]int{"0": 0, "7": 1} {
		text := "entries: 0\noverrun: 0\ncommit overrun: 0\nbytes: 0\ndropped events: 0\nread events: " + read + "\n"
		if err := os.WriteFile(stats, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check("read events: "+read, status)
	}
}
