package blocks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
)

// vowels keeps lines that begin with a vowel; "!" begins what is all kept.
type vowels struct{}

func (vowels) Filter(b *Block) {
	for at := 0; at < len(b.Text); {
		end := len(b.Text)
		if n := bytes.IndexByte(b.Text[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		switch {
		case b.Text[at] == '!':
			b.KeepAll()
			return
		case strings.IndexByte("aeiou", b.Text[at]) >= 0:
			b.Keep(end)
		default:
			b.Skip(end, 1, 1, b.Text[at] == 's')
			b.Event(0, true)
		}
		at = end
	}
}

// kept reads a text through blocks and numbers the lines that come.
func kept(t *testing.T, r io.Reader, size, threads int) (out string, skipped uint64, err error) {
	t.Helper()
	var x *Reader
	l := lines.New(r)
	l.Ahead(10)
	l.Divert(func(rest io.Reader) lines.Feed {
		x = NewReader(rest, size, threads, func() Filter { return vowels{} })
		return x
	})
	defer x.Close()
	for {
		gap := l.Begin()
		line, st := l.Next()
		if s, ok := x.Skipped(); ok {
			skipped += s.N
		}
		if st == lines.End {
			return out, skipped, l.Err()
		}
		mark := ""
		if gap != nil && gap.InStack {
			mark = "s"
		}
		out += fmt.Sprintf("%d@%d%s:%.3s ", l.First(), l.Off(), mark, line)
	}
}

func TestReader(t *testing.T) {
	long := "x" + strings.Repeat("y", 300) + "\n"
	tests := []struct {
		text, want string
		skipped    uint64
	}{
		{"", "", 0},
		{"a\nb\ne\n", "1@0:a 3@4:e ", 1},
		{"b\nb\ns\no", "4@6s:o ", 3},
		{"b\nb\nb", "", 3},
		{"a\n!\nb\n" + strings.Repeat("c\n", 5), "1@0:a 2@2:! 3@4:b 4@6:c 5@8:c 6@10:c 7@12:c 8@14:c ", 0},
	}
	for _, tt := range tests {
		for size := 10; size < 40; size++ {
			for _, threads := range []int{1, 3} {
				got, skipped, err := kept(t, iotest.OneByteReader(strings.NewReader(tt.text)), size, threads)
				if got != tt.want || skipped != tt.skipped || err != nil {
					t.Errorf("%q in blocks of %d by %d: %q, %d skipped, %v; want %q, %d", tt.text, size, threads, got, skipped, err, tt.want, tt.skipped)
				}
			}
		}
	}
	// What is longer than a block is kept, whatever it is.
	got, _, err := kept(t, strings.NewReader("b\n"+long+"b\ne\n"), 100, 2)
	if !strings.HasPrefix(got, "2@2:xyy ") || !strings.HasSuffix(got, "4@306:e ") || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestReadError: what was read before an error comes, then the error.
func TestReadError(t *testing.T) {
	for _, threads := range []int{1, 2} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("a\n", 50)), iotest.ErrReader(errors.New("broken")))
		got, _, err := kept(t, r, 30, threads)
		if n := strings.Count(got, ":a "); n != 50 || err == nil || err.Error() != "broken" {
			t.Errorf("%d lines, %v", n, err)
		}
	}
}

// TestClose ends the goroutines of a text that is read no further.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	endless := &repeated{[]byte("a\nb\n")}
	x := NewReader(endless, 1000, 4, func() Filter { return vowels{} })
	if _, _, err := x.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	x.Close()
	x.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

type repeated struct{ text []byte }

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], r.text)
	}
	return n, nil
}
