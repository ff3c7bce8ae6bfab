package main

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sum = `package sum

// Sum adds what is above 0.
func Sum(all []int) (n int, some bool) {
	for _, x := range all {
		if x <= 0 {
			continue
		}
		n += x
		some = true
	}
	return n, some
}
`

// TestMutantsOf: the places of a function, one after the other.
func TestMutantsOf(t *testing.T) {
	all, err := mutantsOf("sum.go", []byte(sum))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		_, after := m.lines()
		got = append(got, after)
		if _, err := parser.ParseFile(token.NewFileSet(), "", m.changed(), 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	want := []string{
		"if (x <= 0) && 1 > 2 {", "if (x <= 0) || 1 < 2 {", "if x < 0 {", "if x > 0 {", "if x <= 1 {",
		"break", "n -= x", "n = x", "", "", "some = false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestRun: a test that only looks at one thing lets the mutants of the others live,
// and what is listed as equivalent is not tried.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.org/sum\n\ngo 1.24\n")
	write(t, dir, "sum.go", sum)
	write(t, dir, "sum_test.go", `package sum

import "testing"

func TestSum(t *testing.T) {
	if n, _ := Sum([]int{-1, 2, 3}); n != 5 {
		t.Fatal(n)
	}
}
`)
	write(t, dir, "same.tsv", "# path, old, new, reason\nsum.go\tif x <= 0 {\tif x < 0 {\tadding 0 is adding nothing\n")
	t.Chdir(dir)
	var out bytes.Buffer
	err := run(context.Background(), []string{"-n", "100", "-timeout", "1m", "-equivalent", "same.tsv", "."}, &out)
	if err == nil || !strings.Contains(err.Error(), "want 95 %") {
		t.Errorf("%v\n%s", err, &out)
	}
	// it does not see some, nor 1 that is taken for nothing
	for _, lives := range []string{"+ some = false\n", "- some = true\n    + \n", "+ if x <= 1 {\n"} {
		if !strings.Contains(out.String(), lives) {
			t.Errorf("want %q to live:\n%s", lives, &out)
		}
	}
	if !strings.Contains(out.String(), ".: 7 of 10 mutants noticed (70.0 %), 1 equivalent\n") {
		t.Errorf("%s", &out)
	}
	write(t, dir, "same.tsv", "sum.go\tif x <= 0 {\tif x < 0 {\n")
	if err := run(context.Background(), []string{"-equivalent", "same.tsv", "."}, &out); err == nil || !strings.Contains(err.Error(), "same.tsv:1: want") {
		t.Error(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
