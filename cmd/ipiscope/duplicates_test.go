package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withoutWarnings is a result without what is said of it.
func withoutWarnings(out []byte) any {
	var j map[string]any
	if json.Unmarshal(out, &j) != nil {
		return string(out)
	}
	delete(j, "warnings")
	return j
}

// TestDuplicateCountsOnce: a copy of a recording changes nothing but for a warning,
// whatever is made of it.
func TestDuplicateCountsOnce(t *testing.T) {
	dir := t.TempDir()
	text := printed("../../fixtures/k612s4-12b-all-stack/trace.dat")()
	text = text[:bytes.IndexByte(text[1<<17:], '\n')+1<<17+1]
	file, again := filepath.Join(dir, "first.txt"), filepath.Join(dir, "copy.txt")
	for _, path := range []string{file, again} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{
		"report --by sender --spark --what-if deferral --format json", "stacks --format json", "latency --format json", "quiet --format json", "check --max all:10 --format json",
		"explain reschedule --format json", "plot timeline --data csv", "plot hist --of quiet --data csv", "plot hist --of gaps --data csv", "plot cdf --of delivery --data csv",
	} {
		args := append(strings.Fields(command), "--isolated", "0-3", file)
		once, said, _ := invoke(nil, args...)
		twice, warned, _ := invoke(nil, append(args, again)...)
		if len(once) == 0 {
			t.Errorf("%s: nothing: %s", command, said)
		}
		if diff := cmp.Diff(withoutWarnings(once), withoutWarnings(twice)); diff != "" {
			t.Errorf("%s: with a copy of the recording -want +got:\n%s", command, diff)
		}
		if !strings.Contains(string(warned), "copy.txt: holds the same sends as "+file+": it is left out") {
			t.Errorf("%s: said %q", command, warned)
		}
	}
	for _, command := range []string{"diff", "diff --of quiet", "plot diff --of delivery"} {
		args := append(strings.Fields(command), "--isolated", "0-3", file, again)
		if out, said, status := invoke(nil, args...); status != 2 || len(out) > 0 || !strings.Contains(string(said), "--allow-duplicates takes it all the same") {
			t.Errorf("%s: status %d, %q, said %q", command, status, out, said)
		}
		if _, said, _ := invoke(nil, append(args, "--allow-duplicates")...); strings.Contains(string(said), "same sends") {
			t.Errorf("%s --allow-duplicates: said %q", command, said)
		}
	}
	if _, said, _ := invoke(nil, "export", "--isolated", "0-3", file, again); !strings.Contains(string(said), "copy.txt: holds the same sends as") {
		t.Errorf("export: said %q", said)
	}
}

// TestTextIsItsRecording: a text that lost targets or CPUs when it was printed is
// the recording that it was printed of all the same.
func TestTextIsItsRecording(t *testing.T) {
	const fixtures = "../../fixtures/"
	dir := t.TempDir()
	raw, _, _ := invoke(nil, "cat", "-R", fixtures+"k612s4-02-zlib-mono/trace.dat") // its masks are the numbers of their places
	noCPU := replaced(` \[\d{3}\] `, " ", 1)(nil, whole(fixtures+"k612s4-40-perf/script.txt.gz")())
	for name, tt := range map[string]struct {
		recording string
		text      []byte
		hits      string // shared/traces: callbacks.txt, and perf script counted
	}{
		"report -R":    {fixtures + "k612s4-02-zlib-mono/trace.dat", raw, "CPUs 2-3: 1647 hits"},
		"perf without": {fixtures + "k612s4-40-perf/script.txt.gz", noCPU, "CPUs 2-3: 1587 hits"},
	} {
		path := filepath.Join(dir, "text.txt")
		if err := os.WriteFile(path, tt.text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, said, _ := invoke(nil, "report", "--isolated", "2-3", tt.recording, path)
		if !strings.HasPrefix(string(out), tt.hits) || !strings.Contains(string(said), "text.txt: holds the same sends") {
			t.Errorf("%s: %.80s, said %s", name, out, said)
		}
	}
}
