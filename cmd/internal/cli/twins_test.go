package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// TestTwins: what holds the same sends is found by them, and a file by whatever name;
// others are not, though they have as many sends or the same size.
func TestTwins(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(path(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(path("a"), path("link")); err != nil {
		t.Fatal(err)
	}
	sends := func(name string, rounded, cut uint64) result.Input {
		return result.Input{Path: path(name), Identity: result.Identity{Sends: 3, Rounded: rounded, Cut: cut}}
	}
	var twins Twins
	for _, tt := range []struct {
		name string
		in   result.Input
		of   string
	}{
		{"the first", sends("a", 7, 8), ""},
		{"other sends", sends("b", 1, 2), ""},
		{"a copy", sends("copy", 7, 8), "a"},
		{"a text with times that are cut", sends("text", 0, 2), "b"},
		{"the file by another name, cut off", sends("link", 5, 6), "a"},
		{"nothing in it", result.Input{Path: path("none")}, ""},
		{"nothing in it either", result.Input{Path: path("nothing")}, ""},
	} {
		want := tt.of
		if want != "" {
			want = path(want)
		}
		if got := twins.Find(tt.in); got != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
	}
}
