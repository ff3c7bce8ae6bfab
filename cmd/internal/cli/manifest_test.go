package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// TestRestore: a line that was sent as JSON has the set that it had, also where that
// depends on the number of CPUs.
func TestRestore(t *testing.T) {
	manifest := filepath.Join(t.TempDir(), "fleet.csv")
	text := "path,isolated,host,date,site\n/a,2-3,h1,2026-11-04,ams\n/b,quiet nohz_full=1-N,h2,,\n/c,,,,\n"
	if err := os.WriteFile(manifest, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	lines, err := ReadManifest(manifest)
	if err != nil || len(lines) != 3 || lines[1].Isolated.open == "" {
		t.Fatalf("%+v, %v", lines, err)
	}
	data, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	var back []ManifestLine
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	for i := range back {
		if err := back[i].Restore(); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(lines, back, cmp.AllowUnexported(Isolated{}, cpumask.Mask{})); d != "" {
		t.Error(d)
	}
}
