package main

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// profileOf writes the profile of a fixture.
func profileOf(t *testing.T, fixture string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.pb.gz")
	var out, errs bytes.Buffer
	args := []string{"stacks", "--isolated", "2-3", "--format", "pprof", "-o", path, "../../fixtures/" + fixture}
	if code := run(context.Background(), args, nil, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs.String())
	}
	return path
}

// pprof runs go tool pprof and returns what a regular expression finds in it.
func pprof(t *testing.T, find string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"tool", "pprof"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool pprof %v: %v\n%s", args, err, out)
	}
	m := regexp.MustCompile(find).FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("go tool pprof %v: no %s in\n%s", args, find, out)
	}
	return m
}

// TestPprofReadsBack: go tool pprof takes the profile, its total is the number
// of hits (report-table.txtar has it counted from what trace-cmd prints), its
// labels select, and a difference to itself is nothing.
func TestPprofReadsBack(t *testing.T) {
	path := profileOf(t, "k612s4-12b-all-stack/trace.dat")
	if m := pprof(t, `of (\d+) total`, "-top", path); m[1] != "1223" {
		t.Errorf("%s hits, want 1223", m[1])
	}
	if m := pprof(t, `Type: (\w+)\n(?s:.*)of (\d+) total`, "-top", "-sample_index=sends", path); m[1] != "sends" || m[2] != "1045" {
		t.Errorf("%s %s, want 1045 sends", m[2], m[1])
	}
	for focus, want := range map[string]string{"cpu=^2$": "612", "cpu=^3$": "611", "function=^do_sync_core$": "1176", "class=noise": "2"} {
		if m := pprof(t, `accounting for (\d+),`, "-top", "-nodefraction=0", "-tagfocus="+focus, path); m[1] != want {
			t.Errorf("%s: %s hits, want %s", focus, m[1], want)
		}
	}
	if m := pprof(t, `accounting for (\d+),`, "-top", "-diff_base="+path, path); m[1] != "0" {
		t.Errorf("the difference to itself is %s", m[1])
	}
}
