// Package flame writes stacks for flame-graph tools and for pprof.
package flame

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

var errNoStacks = errors.New("a flame graph needs a result by stack")

// WriteFolded writes a line for each stack: its frames from the outermost one,
// a semicolon between two, then a blank and the first value. It is the input of
// flamegraph.pl and of speedscope. A group's key is the outermost frame of its
// stacks. Of a comparison both values are written, as difffolded.pl does for
// differential graphs. Stacks of which nothing is shown are left out.
func WriteFolded(w io.Writer, s *result.Set) error {
	if s.Stacks == nil {
		return errNoStacks
	}
	b := bufio.NewWriter(w)
	shown := 1
	if s.Stacks.Compares {
		shown = 2
	}
	for _, x := range s.Stacks.Merge().Samples {
		values := x.Values[:shown]
		if !slices.ContainsFunc(values, func(v int64) bool { return v != 0 }) {
			continue
		}
		frames := slices.Clone(x.Frames)
		if len(x.Key) > 0 {
			frames = append(frames, keyText(s.Stacks.Keys, x.Key))
		}
		for i, f := range slices.Backward(frames) {
			b.WriteString(foldedName(f))
			if i > 0 {
				b.WriteByte(';')
			}
		}
		for _, v := range values {
			b.WriteByte(' ')
			b.WriteString(strconv.FormatInt(v, 10))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

// foldedName is a name without what ends a frame or a line.
func foldedName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ';':
			return ','
		case r <= ' ' || r >= 0x7f && r < 0xa0:
			return '_'
		}
		return r
	}, s)
}

// keyText names a group: "target=2 comm=mix".
func keyText(cols []result.Col, key []string) string {
	words := make([]string, len(key))
	for i, k := range key {
		words[i] = cols[i].Name + "=" + k
	}
	return strings.Join(words, " ")
}
