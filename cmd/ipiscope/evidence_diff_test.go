package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// A comparison is one of recordings that are taken from fixtures. before and after
// are whole; evidence is taken away from one of them.
type comparison struct {
	name          string
	before, after []string // paths
	bytes         [2][]func() []byte
	files         bool // their bytes are those of a trace.dat, not text
	rows          func(by string) map[string]string
}

// keysCompared are the keys by which rows are compared.
func keysCompared() []string { return []string{"function", "class", "function,cause", "callsite"} }

// rowsOf are the verdicts of a comparison's rows and of all hits; none if there
// is no comparison.
func rowsOf(t failer, by string, before, after []string) map[string]string {
	args := []string{"diff", "--isolated", "2-3", "--allow-duplicates", "--by", by, "--format", "json"}
	for _, path := range before {
		args = append(args, "-b", path)
	}
	for _, path := range after {
		args = append(args, "-a", path)
	}
	out, said, status := invoke(nil, args...)
	type row struct {
		Key     map[string]string
		Verdict string
	}
	var got struct{ Rows, Total []row }
	if err := json.Unmarshal(out, &got); err != nil {
		if status == 0 {
			t.Fatalf("diff: no result (%v), exit 0: %s", err, said)
		}
		return nil
	}
	rows := map[string]string{}
	for _, r := range slices.Concat(got.Rows, got.Total) {
		rows[fmt.Sprint(r.Key)] = r.Verdict
	}
	return rows
}

// comparisons are those of two runs a side of a patch, in both directions, and of
// each recording with itself, of which nothing is gone, reduced or new.
func comparisons(t *testing.T) []comparison {
	dir := t.TempDir()
	write := func(name string, get func() []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, get(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var list []comparison
	add := func(c comparison, runs [2][]func() []byte) {
		c.bytes = runs
		for side := range runs {
			for j, get := range runs[side] {
				path := write(fmt.Sprintf("%d-%d-%d", len(list), side, j), get)
				if side == 0 {
					c.before = append(c.before, path)
				} else {
					c.after = append(c.after, path)
				}
			}
		}
		bases := map[string]map[string]string{}
		c.rows = func(by string) map[string]string {
			if bases[by] == nil {
				bases[by] = rowsOf(t, by, c.before, c.after)
			}
			return bases[by]
		}
		list = append(list, c)
	}
	patch := func(side string) (runs []func() []byte) {
		for run := range 2 {
			runs = append(runs, whole(fmt.Sprintf("../../fixtures/k612s4-51-statickey-%s-%d/report-t.txt.gz", side, run+1)))
		}
		return runs
	}
	add(comparison{name: "a patch"}, [2][]func() []byte{patch("before"), patch("after")})
	add(comparison{name: "a patch, backwards"}, [2][]func() []byte{patch("after"), patch("before")})
	for _, w := range witnesses() {
		get := w.text
		if get == nil {
			get = w.bytes
		}
		if get != nil {
			add(comparison{name: w.name, files: w.text == nil}, [2][]func() []byte{{get}, {get}})
		}
	}
	return list
}

// less compares with evidence taken away from one side.
func (c *comparison) less(t *rapid.T, s theft, side int, by, dir string) map[string]string {
	use := [2][]string{c.before, c.after}
	use[side] = nil
	for j, get := range c.bytes[side] {
		steal := s.edit
		if c.files {
			steal = s.patch
		}
		path, left := filepath.Join(dir, fmt.Sprint("less-", j)), steal(t, get())
		if bytes.Equal(left, get()) {
			return nil
		}
		if err := os.WriteFile(path, left, 0o600); err != nil {
			t.Fatal(err)
		}
		use[side] = append(use[side], path)
	}
	return rowsOf(t, by, use[0], use[1])
}

// canBe reports whether a theft can be done to the recordings of a comparison.
func (c *comparison) canBe(s theft) bool {
	return c.files && s.patch != nil || !c.files && s.edit != nil
}

// holdRows holds the law: no row becomes gone, reduced or unchanged that was not
// so. A row that had no counterpart, as its key is told by other evidence now, was
// none of these.
func holdRows(t failer, before, after map[string]string, what string) {
	for key, verdict := range after {
		switch verdict {
		case "gone", "reduced", "unchanged":
			if was := before[key]; was != verdict {
				t.Errorf("%s: row %s was %q and is %s", what, key, was, verdict)
			}
		}
	}
}

// TestEvidenceLawOfRows takes evidence away from one side of a comparison.
func TestEvidenceLawOfRows(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	draws(t, "24")
	all, dir := comparisons(t), t.TempDir()
	possible := sync.OnceValue(func() (list [][2]int) {
		for i := range all {
			for j, s := range thefts() {
				if all[i].canBe(s) {
					list = append(list, [2]int{i, j})
				}
			}
		}
		return list
	})
	law.Check(t, func(t *rapid.T) {
		which := possible()[rapid.IntRange(0, len(possible())-1).Draw(t, "theft")]
		c, s := &all[which[0]], thefts()[which[1]]
		side, by := rapid.IntRange(0, 1).Draw(t, "side"), rapid.SampledFrom(keysCompared()).Draw(t, "by")
		holdRows(t, c.rows(by), c.less(t, s, side, by, dir), fmt.Sprintf("%s, side %d without %s, by %s", c.name, side, s.name, by))
	})
}
