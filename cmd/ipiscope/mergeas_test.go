package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mergedTraces are recordings as different as they come: of several kernels and
// architectures, with losses, text that is read as far as somebody asks, no send at all,
// and one that is cut.
func mergedTraces(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range []string{
		"k612s4-02-zlib-mono/trace.dat", "k612s4-06-multi/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-32-trace_pipe/trace_pipe-lost.txt.gz",
		"k612s4-30-native-ipi-stack/fmt/default.txt.gz", "k612s4-12b-all-stack/trace.dat",
	} {
		all = append(all, "../../fixtures/"+name)
	}
	data, err := os.ReadFile("../../fixtures/k612s4-07-lost/trace.dat")
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.dat")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	return append(all, cut)
}

// madeStates makes a state of each trace, in a folder of its own, and returns their paths.
func madeStates(t *testing.T, traces []string, flags ...string) (made []string) {
	t.Helper()
	dir := t.TempDir()
	for i, trace := range traces {
		out := filepath.Join(dir, fmt.Sprint(i)+stateSuffix)
		if _, errs, status := said(t, slices.Concat([]string{"state", "-o", out}, flags, []string{trace})...); status != 0 {
			t.Fatalf("exit %d: %s", status, errs)
		}
		made = append(made, out)
	}
	return made
}

// TestMergeAs: merging states as another command prints what that command prints of the
// traces, in any order, in steps, with a trace twice.
func TestMergeAs(t *testing.T) {
	if testing.Short() {
		t.Skip("reads fixtures some ten times")
	}
	flags := []string{"--isolated", "2-3"}
	traces := mergedTraces(t)
	made := madeStates(t, traces, append(flags, "--for", "latency,quiet,diff")...)
	same := func(command, format string, places []int, merged ...string) {
		t.Helper()
		args := slices.Concat([]string{command, "--format", format}, flags)
		for _, k := range places {
			args = append(args, traces[k])
		}
		want, warned, status := said(t, args...)
		if status > 1 || want == "" {
			t.Fatalf("%q: exit %d: %s", args, status, warned)
		}
		got, errs, status := said(t, slices.Concat([]string{"merge", "--as", command, "--format", format}, merged)...)
		if d := cmp.Diff(commandLine.ReplaceAllString(want, ""), commandLine.ReplaceAllString(got, "")); d != "" || status != 0 {
			t.Errorf("%q: exit %d: -command +merged: %.2000s %s", args, status, d, errs)
		}
	}
	for _, command := range []string{"latency", "quiet"} {
		for _, format := range []string{"json", "table", "html"} {
			same(command, format, []int{0, 1, 2, 3, 4, 5, 6}, made...)
		}
	}
	draw := rand.New(rand.NewPCG(5, 6))
	for i := range 3 {
		places := draw.Perm(len(traces))[:4]
		places = append(places, places[0]) // once more
		at := 1 + draw.IntN(3)
		var parts, rest []string
		for j, k := range places {
			if j < at {
				parts = append(parts, made[k])
			} else {
				rest = append(rest, made[k])
			}
		}
		// of what is there twice, one is in the sum and the other beside it, or both are in it
		if i%2 > 0 {
			parts, rest = append(parts, rest...), nil
		}
		sum := filepath.Join(t.TempDir(), "sum"+stateSuffix)
		if _, errs, status := said(t, slices.Concat([]string{"merge", "--partial", sum}, parts)...); status != 0 {
			t.Fatal(errs)
		}
		for _, command := range []string{"latency", "quiet", "report"} {
			same(command, "json", places, append([]string{sum}, rest...)...)
		}
	}
	for _, format := range []string{"json", "table", "html", "mail"} {
		want, _, status := said(t, slices.Concat([]string{"diff", "--format", format, "--margin", "1.1"}, flags, []string{"a=" + traces[0], "a=" + traces[1], "b=" + traces[6], "b=" + traces[5]})...)
		if status > 1 || want == "" {
			t.Fatalf("exit %d", status)
		}
		got, errs, status := said(t, "merge", "--as", "diff", "--format", format, "--margin", "1.1", "a="+made[0], "a="+made[1], "b="+made[6], "b="+made[5])
		if d := cmp.Diff(commandLine.ReplaceAllString(want, ""), commandLine.ReplaceAllString(got, "")); d != "" || status != 0 {
			t.Errorf("diff %s: exit %d: -command +merged: %.2000s %s", format, status, d, errs)
		}
	}
}

// TestMergeAsRefused: what states do not hold is not made up.
func TestMergeAsRefused(t *testing.T) {
	traces := mergedTraces(t)[:2]
	plain := madeStates(t, traces, "--isolated", "2-3")
	rich := madeStates(t, traces, "--isolated", "2-3", "--for", "latency,diff")
	folded := madeStates(t, traces, "--isolated", "2-3", "--for", "diff", "--max-groups", "2")
	sum := filepath.Join(t.TempDir(), "sum"+stateSuffix)
	if _, errs, status := said(t, "merge", "--partial", sum, rich[0], rich[1]); status != 0 {
		t.Fatal(errs)
	}
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"holds what report prints", []string{"merge", "--as", "latency", plain[0]}},
		{"holds what report prints", []string{"merge", "--as", "diff", plain[0], plain[1]}},
		{"holds what report, diff, latency prints", []string{"merge", "--as", "quiet", rich[0]}},
		{plain[1] + " do not add up: they were made for different commands", []string{"merge", "--as", "latency", rich[0], plain[1]}},
		{"some of its groups share one", []string{"merge", "--as", "diff", folded[0], folded[1]}},
		{"the sum of 2 recordings", []string{"merge", "--as", "diff", sum, rich[1]}},
		{"holds the same sends", []string{"merge", "--as", "diff", rich[1], rich[1]}},
		{"name two states", []string{"merge", "--as", "diff", rich[1]}},
		{"--margin goes with --as diff", []string{"merge", "--margin", "2", rich[0]}},
		{"--sort is of a report", []string{"merge", "--as", "latency", "--sort", "hits", rich[0]}},
		{"no such format", []string{"merge", "--as", "latency", "--format", "mail", rich[0]}},
		{"goes without --as", []string{"merge", "--as", "latency", "--partial", "x", rich[0]}},
		{"unknown command", []string{"merge", "--as", "noise", rich[0]}},
		{"unknown form", []string{"state", "--for", "noise", "-o", "x", traces[0]}},
		{"--kind goes with --for latency", []string{"state", "--kind", "csd", "-o", "x", traces[0]}},
		{"quiet takes interruptions of every kind", []string{"state", "--for", "quiet", "--filter", "cpu == 2", "-o", "x", traces[0]}},
		{"standard input is read once", []string{"state", "--for", "quiet", "-o", "x", "-"}},
		{"times have no", []string{"state", "--for", "latency", "--by", "event", "-o", "x", traces[0]}},
	} {
		if _, errs, status := said(t, tt.args...); status != 2 || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: exit %d, %s, want %q", tt.args, status, errs, tt.want)
		}
	}
}
