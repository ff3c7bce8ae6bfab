package parser

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDamagedTexts: a text that was cut within a line, whose parts changed places
// or that stands there twice gives the events of the whole one, or it is said that
// something is wrong.
func TestDamagedTexts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	read := func(text string) ([]string, bool) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return what(t, path)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	damage := map[string]func(text string) string{
		"cut": func(text string) string {
			n := len(text)/3 + rng.IntN(2*len(text)/3)
			return text[:n]
		},
		"cut behind a digit": func(text string) string {
			n := strings.LastIndex(text[:len(text)/2+rng.IntN(len(text)/2)], "cpu=")
			return text[:max(n, 0)+len("cpu=1")]
		},
		"cut and ended": func(text string) string {
			n := strings.LastIndex(text[:len(text)/2+rng.IntN(len(text)/2)], " callsite=")
			return text[:max(n, 0)] + "\n"
		},
		"twice": func(text string) string { return text + text },
		"halves exchanged": func(text string) string {
			lines := strings.SplitAfter(text, "\n")
			var events []int
			for i, line := range lines {
				if _, ok := findHeader([]byte(line)); ok {
					events = append(events, i)
				}
			}
			a, b := events[0], events[1+rng.IntN(len(events)-1)]
			return strings.Join(lines[:a], "") + strings.Join(lines[b:], "") + strings.Join(lines[a:b], "")
		},
	}
	for file, text := range texts(t) {
		want, _ := read(text)
		for name, f := range damage {
			for range 12 {
				in := f(text)
				got, said := read(in)
				if name == "cut" && (in == "" || in[len(in)-1] == '\n') {
					continue // whole lines: nothing tells that others are missing
				}
				if !said && !cmp.Equal(want, got) {
					t.Fatalf("%s, %s, to %d of %d bytes: nothing said; %s", file, name, len(in), len(text), firstDiff(want, got))
				}
			}
		}
	}
}

// TestCutInPrefix cuts texts within the blanks that stand before each of their lines:
// that is a cut as any other.
func TestCutInPrefix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	for _, name := range []string{"k612s4-06-multi/report-t.txt.gz", "k612s4-02-zlib-mono/report-t.txt.gz"} {
		text := unpacked(t, name)
		text = text[:bytes.LastIndexByte(text[:len(text)/2], '\n')+1]
		for n := range 20 {
			if err := os.WriteFile(path, append(bytes.Clone(text), bytes.Repeat([]byte{' '}, n+1)...), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, said := what(t, path); !said {
				t.Errorf("%s, %d blanks behind its last line: nothing said", name, n+1)
			}
		}
	}
}
