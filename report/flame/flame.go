// Package flame writes the stacks of a comparison for flame-graph tools.
package flame

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// frameSep stands between the frames of a stack as results hold it, innermost
// frame first.
const frameSep = " < "

// A sample is one stack, innermost frame first, with its hits on both sides.
type sample struct {
	frames        []string
	before, after int64
}

// samples takes the rows of a comparison by stack.
func samples(s *result.Set) ([]sample, error) {
	t := s.Table("rows")
	if t == nil || t.Index("stack") < 0 {
		return nil, errors.New("a flame graph needs a comparison by stack")
	}
	stack, before, after := t.Index("stack"), t.Index("before.hits"), t.Index("after.hits")
	var out []sample
	for _, row := range t.Rows {
		out = append(out, sample{strings.Split(row[stack].Str, frameSep), row[before].Int, row[after].Int})
	}
	return out, nil
}

// WriteFolded writes a line for each stack: its frames from the outermost one,
// a semicolon between two, then the hits before and after. It is the input of
// flamegraph.pl for differential graphs, as difffolded.pl makes it.
func WriteFolded(w io.Writer, s *result.Set) error {
	all, err := samples(s)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	clean := strings.NewReplacer(";", ",", "\n", " ", " ", "_")
	for _, x := range all {
		frames := slices.Clone(x.frames)
		slices.Reverse(frames)
		for i, f := range frames {
			if i > 0 {
				b.WriteByte(';')
			}
			b.WriteString(clean.Replace(f))
		}
		fmt.Fprintf(b, " %d %d\n", x.before, x.after)
	}
	return b.Flush()
}

// WritePprof writes a profile with three values for each stack: hits before,
// hits after, and their difference, which is what go tool pprof shows unless
// told otherwise (-sample_index).
func WritePprof(w io.Writer, s *result.Set) error {
	all, err := samples(s)
	if err != nil {
		return err
	}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "before", Unit: "count"}, {Type: "after", Unit: "count"}, {Type: "difference", Unit: "count"}},
		PeriodType: &profile.ValueType{Type: "hits", Unit: "count"}, Period: 1,
		DefaultSampleType: "difference",
	}
	locations := map[string]*profile.Location{}
	for _, x := range all {
		sample := &profile.Sample{Value: []int64{x.before, x.after, x.after - x.before}}
		for _, f := range x.frames {
			sample.Location = append(sample.Location, location(p, locations, f))
		}
		p.Sample = append(p.Sample, sample)
	}
	if err := p.CheckValid(); err != nil {
		return err
	}
	return p.Write(w)
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
