package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// rowsOf are the verdicts of a comparison's rows and of all hits; none if there
// is no comparison.
func rowsOf(t interface{ Fatalf(string, ...any) }, before, after []string) map[string]string {
	args := []string{"diff", "--isolated", "2-3", "--format", "json"}
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

// comparisons are those of two runs a side: before against after, and after
// against before. A recording against itself is refused.
func comparisons() [][2]string {
	return [][2]string{{"before", "after"}, {"after", "before"}}
}

// TestEvidenceLawOfRows takes evidence away from one side of a comparison: no row
// becomes gone, reduced or unchanged that was not so.
func TestEvidenceLawOfRows(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	dir := t.TempDir()
	write := func(t interface{ Fatalf(string, ...any) }, name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
		return path
	}
	texts, paths := map[string][2][]byte{}, map[string][]string{}
	for _, side := range []string{"before", "after"} {
		var runs [2][]byte
		for j := range runs {
			runs[j] = whole(fmt.Sprintf("../../fixtures/k612s4-51-statickey-%s-%d/report-t.txt.gz", side, j+1))()
			paths[side] = append(paths[side], write(t, fmt.Sprintf("%s-%d", side, j), runs[j]))
		}
		texts[side] = runs
	}
	bases := map[[2]string]map[string]string{}
	for _, c := range comparisons() {
		bases[c] = rowsOf(t, paths[c[0]], paths[c[1]])
		if len(bases[c]) < 5 {
			t.Fatalf("%v: rows %v", c, bases[c])
		}
	}
	steps := slices.DeleteFunc(thefts(), func(s theft) bool { return s.edit == nil })
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := flag.Set("rapid.checks", "12"); err != nil {
			t.Fatal(err)
		}
		defer flag.Set("rapid.checks", f.DefValue)
	}
	law.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(comparisons()).Draw(t, "comparison")
		side := rapid.IntRange(0, 1).Draw(t, "side")
		step := rapid.SampledFrom(steps).Draw(t, "theft")
		use := [2][]string{paths[c[0]], paths[c[1]]}
		use[side] = nil
		for j, text := range texts[c[side]] {
			use[side] = append(use[side], write(t, fmt.Sprintf("less-%d", j), step.edit(t, text)))
		}
		for key, verdict := range rowsOf(t, use[0], use[1]) {
			switch verdict {
			case "gone", "reduced", "unchanged":
				if was := bases[c][key]; was != verdict {
					t.Errorf("%v, side %d without %s: row %s was %q and is %s", c, side, step.name, key, was, verdict)
				}
			}
		}
	})
}
