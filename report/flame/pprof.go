package flame

import (
	"compress/gzip"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Fields of the messages of profile.proto
// (https://github.com/google/pprof/blob/main/proto/profile.proto).
const (
	profileSampleType        = 1
	profileSample            = 2
	profileLocation          = 4
	profileFunction          = 5
	profileString            = 6
	profileDuration          = 10
	profilePeriodType        = 11
	profilePeriod            = 12
	profileComment           = 13
	profileDefaultSampleType = 14

	typeType, typeUnit                       = 1, 2
	sampleLocation, sampleValue, sampleLabel = 1, 2, 3
	labelKey, labelText                      = 1, 2
	locationID, locationLine                 = 1, 4
	lineFunction                             = 1
	functionID, functionName, functionSystem = 1, 2, 3
)

// WritePprof writes a profile in the form of google/pprof. Its sample types are
// the values, of a comparison also their difference, which is then what go tool
// pprof shows unless told otherwise (-sample_index). Keys and labels are labels
// of the samples (-tagfocus, -tags).
func WritePprof(w io.Writer, s *result.Set) error {
	if s.Stacks == nil {
		return errNoStacks
	}
	z := gzip.NewWriter(w)
	if _, err := z.Write(newProfile(s)); err != nil {
		return err
	}
	return z.Close()
}

// newProfile is the profile's bytes, as google/pprof's own writer puts them.
func newProfile(s *result.Set) []byte {
	st := s.Stacks
	p := &pprofWriter{strings: map[string]uint64{}, functions: map[string]uint64{}}
	p.text("")
	shown := st.Values[0].Name
	for _, v := range st.Values {
		p.message(profileSampleType, p.valueType(v.Name))
	}
	if st.Compares {
		shown = "difference"
		p.message(profileSampleType, p.valueType(shown))
	}
	for _, x := range st.Samples {
		p.message(profileSample, p.sample(st, &x))
	}
	for i := range p.names {
		id := uint64(i + 1)
		line := number(nil, lineFunction, id)
		p.message(profileLocation, message(number(nil, locationID, id), locationLine, line))
	}
	for i, name := range p.names {
		at := p.text(name)
		p.message(profileFunction, number(number(number(nil, functionID, uint64(i+1)), functionName, at), functionSystem, at))
	}
	period := p.valueType("hits")
	var comments []uint64
	for _, x := range s.Warnings {
		comments = append(comments, p.text(x.Code+": "+x.Text))
	}
	shownAt := p.text(shown)
	for _, text := range p.texts {
		p.out = protowire.AppendString(protowire.AppendTag(p.out, profileString, protowire.BytesType), text)
	}
	p.out = number(p.out, profileDuration, uint64(s.Total("duration_ns")))
	p.message(profilePeriodType, period)
	p.out = number(p.out, profilePeriod, 1)
	p.out = numbers(p.out, profileComment, comments)
	return protowire.AppendVarint(protowire.AppendTag(p.out, profileDefaultSampleType, protowire.VarintType), shownAt)
}

// A pprofWriter is a profile that is being written: the message so far, and its texts and
// functions, which other messages name by number.
type pprofWriter struct {
	out       []byte
	texts     []string
	strings   map[string]uint64
	names     []string // of functions; a function and its location are one
	functions map[string]uint64
}

// text is the number of a text.
func (p *pprofWriter) text(s string) uint64 {
	at, ok := p.strings[s]
	if !ok {
		at = uint64(len(p.texts))
		p.strings[s] = at
		p.texts = append(p.texts, s)
	}
	return at
}

// location is the number of a function, counted from 1.
func (p *pprofWriter) location(name string) uint64 {
	at, ok := p.functions[name]
	if !ok {
		p.names = append(p.names, name)
		at = uint64(len(p.names))
		p.functions[name] = at
	}
	return at
}

// valueType is a kind of number that is counted.
func (p *pprofWriter) valueType(name string) []byte {
	b := number(nil, typeType, p.text(name))
	return number(b, typeUnit, p.text("count"))
}

func (p *pprofWriter) sample(st *result.Stacks, x *result.Sample) []byte {
	var locations, values []uint64
	for _, f := range x.Frames {
		locations = append(locations, p.location(f))
	}
	for _, v := range x.Values {
		values = append(values, uint64(v))
	}
	if st.Compares {
		values = append(values, uint64(x.Values[1]-x.Values[0]))
	}
	b := numbers(nil, sampleLocation, locations)
	b = numbers(b, sampleValue, values)
	labels := map[string]string{}
	addLabels(labels, st.Keys, x.Key)
	addLabels(labels, st.Labels, x.Labels)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		label := number(nil, labelKey, p.text(name))
		b = message(b, sampleLabel, number(label, labelText, p.text(labels[name])))
	}
	return b
}

// addLabels labels a sample. Numbers are words too: a numeric label of 0, such as
// CPU 0, would not be written.
func addLabels(labels map[string]string, cols []result.Col, words []string) {
	for i, word := range words {
		if word != "" {
			labels[labelName(cols[i].Name)] = word
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

func (p *pprofWriter) message(field protowire.Number, m []byte) { p.out = message(p.out, field, m) }

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

// number appends a field, unless it is 0: that is what a field is that is not there.
func number(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// numbers appends a field of several numbers, packed where there are more than two.
func numbers(b []byte, field protowire.Number, all []uint64) []byte {
	if len(all) > 2 {
		var packed []byte
		for _, v := range all {
			packed = protowire.AppendVarint(packed, v)
		}
		return message(b, field, packed)
	}
	for _, v := range all {
		b = protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	return b
}
