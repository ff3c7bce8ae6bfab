package lines

import (
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// TestLines compares with strings.Split, whatever the sizes of the reads are.
func TestLines(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(a|b\n|\r\n|c{0,50}|\n)*`).Draw(t, "text")
		want := strings.Split(text, "\n")
		if n := len(want) - 1; want[n] == "" {
			want = want[:n]
		}
		r := New(iotest.HalfReader(strings.NewReader(text)))
		off := 0
		for i, w := range want {
			peek := rapid.Bool().Draw(t, "peek")
			r.Begin()
			if int(r.Off()) != off || r.First() != i+1 {
				t.Fatalf("record %d at %d, want %d at %d", r.First(), r.Off(), i+1, off)
			}
			if peek {
				line, next, ok := r.Peek(0)
				if !ok || string(line) != strings.TrimSuffix(w, "\r") {
					t.Fatalf("peek %q, want %q", line, w)
				}
				r.Take(next, 1)
			} else if line, st := r.Next(); st != OK || string(line) != strings.TrimSuffix(w, "\r") {
				t.Fatalf("line %q, want %q", line, w)
			}
			off += len(r.Raw())
			if r.Line() != i+1 {
				t.Fatalf("line %d, want %d", r.Line(), i+1)
			}
		}
		r.Begin()
		if _, st := r.Next(); st != End || r.Err() != nil || off != len(text) {
			t.Fatalf("status %d, error %v, %d of %d bytes", st, r.Err(), off, len(text))
		}
	})
}

func TestLong(t *testing.T) {
	r := New(strings.NewReader("a\n" + strings.Repeat("x", 3*MaxLine) + "\nb"))
	var got []string
	for {
		r.Begin()
		line, st := r.Next()
		if st == End {
			break
		}
		if st == Long {
			line = []byte("long")
		}
		got = append(got, string(line))
	}
	if want := "a long b"; strings.Join(got, " ") != want || r.Line() != 3 || r.Buffer() > 4*MaxLine {
		t.Errorf("%q, line %d, buffer %d", got, r.Line(), r.Buffer())
	}
}

func TestAhead(t *testing.T) {
	r := New(iotest.OneByteReader(strings.NewReader("ab\ncd\n")))
	if got := string(r.Ahead(4)); got != "ab\nc" {
		t.Errorf("%q", got)
	}
	if got := string(r.Ahead(100)); got != "ab\ncd\n" {
		t.Errorf("%q", got)
	}
}
