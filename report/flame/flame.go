// Package flame writes stacks for flame-graph tools and for pprof.
package flame

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/google/pprof/profile"

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

// WritePprof writes a profile in the form of google/pprof. Its sample types are
// the values, of a comparison also their difference, which is then what go tool
// pprof shows unless told otherwise (-sample_index). Keys and labels are labels
// of the samples (-tagfocus, -tags).
//
// Comments hold the warnings, and origin in front of them, if it is not empty.
func WritePprof(w io.Writer, s *result.Set, origin string) error {
	st := s.Stacks
	if st == nil {
		return errNoStacks
	}
	p := &profile.Profile{
		PeriodType: &profile.ValueType{Type: "hits", Unit: "count"}, Period: 1,
		DurationNanos: s.Total("duration_ns"),
	}
	for _, v := range st.Values {
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: v.Name, Unit: "count"})
	}
	p.DefaultSampleType = st.Values[0].Name
	if st.Compares {
		p.DefaultSampleType = "difference"
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: p.DefaultSampleType, Unit: "count"})
	}
	if origin != "" {
		p.Comments = append(p.Comments, "origin: "+origin)
	}
	for _, x := range s.Warnings {
		p.Comments = append(p.Comments, x.Code+": "+x.Text)
	}
	locations := map[string]*profile.Location{}
	for _, x := range st.Samples {
		sample := &profile.Sample{Value: slices.Clone(x.Values), Label: map[string][]string{}}
		if st.Compares {
			sample.Value = append(sample.Value, x.Values[1]-x.Values[0])
		}
		for _, f := range x.Frames {
			sample.Location = append(sample.Location, location(p, locations, f))
		}
		addLabels(sample, st.Keys, x.Key)
		addLabels(sample, st.Labels, x.Labels)
		p.Sample = append(p.Sample, sample)
	}
	if err := p.CheckValid(); err != nil {
		return err
	}
	return p.Write(w)
}

// addLabels labels a sample. Numbers are words too: a numeric label of 0, such as
// CPU 0, would not be written.
func addLabels(s *profile.Sample, cols []result.Col, words []string) {
	for i, word := range words {
		if word != "" {
			s.Label[labelName(cols[i].Name)] = []string{word}
		}
	}
}

// labelName calls the CPU that was hit by the name that people of profiles
// expect.
func labelName(key string) string {
	if key == "target" {
		return "cpu"
	}
	return key
}

// location returns the location of a function, made when first needed.
func location(p *profile.Profile, known map[string]*profile.Location, name string) *profile.Location {
	if l := known[name]; l != nil {
		return l
	}
	f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name, SystemName: name}
	l := &profile.Location{ID: uint64(len(p.Location) + 1), Line: []profile.Line{{Function: f}}}
	p.Function = append(p.Function, f)
	p.Location = append(p.Location, l)
	known[name] = l
	return l
}
