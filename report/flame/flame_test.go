package flame

import (
	"bytes"
	"encoding/xml"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/ipiscope/ipiscope/analysis/result"
)

func comparison() *result.Set {
	return &result.Set{Stacks: &result.Stacks{
		Compares: true,
		Values:   []result.Col{{Name: "before"}, {Name: "after"}},
		Samples: []result.Sample{
			{Frames: []string{"smp_call", "text_poke", "static_key"}, Values: []int64{30, 0}},
			{Frames: []string{"smp_call", "a;b c\t\x1b"}, Values: []int64{2, 5}},
		}}}
}

// grouped has two groups, labels, a hit without stack and a send without hit.
func grouped() *result.Set {
	return &result.Set{Stacks: &result.Stacks{
		Values: []result.Col{{Name: "hits"}, {Name: "sends"}},
		Keys:   []result.Col{{Name: "target"}},
		Labels: []result.Col{{Name: "class"}},
		Samples: []result.Sample{
			{Frames: []string{"send", "work"}, Key: []string{"2"}, Labels: []string{"avoidable"}, Values: []int64{4, 4}},
			{Frames: []string{"send", "work"}, Key: []string{"2"}, Labels: []string{"noise"}, Values: []int64{1, 1}},
			{Frames: []string{result.NoStack}, Key: []string{"0"}, Labels: []string{"unknown"}, Values: []int64{2, 1}},
			{Frames: []string{"send", "idle"}, Key: []string{""}, Labels: []string{"avoidable"}, Values: []int64{0, 9}},
		}}}
}

// The form is that of difffolded.pl's output: root first, two counts.
func TestWriteFolded(t *testing.T) {
	var b strings.Builder
	if err := WriteFolded(&b, comparison()); err != nil {
		t.Fatal(err)
	}
	want := "static_key;text_poke;smp_call 30 0\na,b_c__;smp_call 2 5\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Samples that differ by labels only are one line; the sum is that of the hits.
func TestWriteFoldedGroups(t *testing.T) {
	var b strings.Builder
	if err := WriteFolded(&b, grouped()); err != nil {
		t.Fatal(err)
	}
	want := "target=2;work;send 5\ntarget=0;(no_stack) 2\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWriteSVG: a flame graph is well-formed XML whatever symbols are called, has no
// script, is as wide as its hits, and holds where it comes from.
func TestWriteSVG(t *testing.T) {
	s := grouped()
	s.Verdict = `<b>]]>&amp;`
	s.Stacks.Samples[0].Frames[1] = `</title></svg><script>pwned=1</script>"'` + "\x1b\u202e"
	var b strings.Builder
	if err := WriteSVG(&b, s, SVGOptions{Origin: `{"command":"a<b"}`}); err != nil {
		t.Fatal(err)
	}
	var svg struct {
		Title    string `xml:"title"`
		Metadata string `xml:"metadata"`
		Frames   []struct {
			Class string `xml:"class,attr"`
			Title string `xml:"title"`
			Rect  struct {
				Width float64 `xml:"width,attr"`
			} `xml:"rect"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &svg); err != nil {
		t.Fatal(err)
	}
	if svg.Title != s.Verdict || svg.Metadata != `{"command":"a<b"}` || strings.Contains(b.String(), "<script") || strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("title %q, metadata %q in\n%s", svg.Title, svg.Metadata, b.String())
	}
	widths := map[string]float64{}
	for _, f := range svg.Frames {
		widths[f.Title] = f.Rect.Width
	}
	// 7 hits on 1176; sends without a hit are not there
	for title, want := range map[string]float64{"all: 7 hits, 100.0 %": 1175, "target=2: 5 hits, 71.4 %": 839, "target=0: 2 hits, 28.6 %, unknown": 335} {
		if got := widths[title]; math.Abs(got-want) > 0.01 {
			t.Errorf("%s is %v wide, want %v of %v", title, got, want, widths)
		}
	}
	if strings.Contains(b.String(), "idle") {
		t.Error("a stack without hits is shown")
	}
	b.Reset()
	if err := WriteSVG(&b, s, SVGOptions{Callers: true}); err != nil || strings.Index(b.String(), ">send: ") > strings.Index(b.String(), "pwned") {
		t.Errorf("with callers below: %v\n%s", err, b.String())
	}
	if err := WriteSVG(&b, comparison(), SVGOptions{}); err == nil {
		t.Error("a comparison is drawn as if it was one side")
	}
	b.Reset()
	if err := WriteSVG(&b, &result.Set{Stacks: &result.Stacks{Values: s.Stacks.Values}}, SVGOptions{}); err != nil || !strings.Contains(b.String(), "nothing to show") {
		t.Errorf("without hits: %v\n%s", err, b.String())
	}
}

func TestPprofLabels(t *testing.T) {
	var b bytes.Buffer
	if err := WritePprof(&b, grouped(), ""); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string][]string
	var hits, sends int64
	for _, s := range p.Sample {
		got = append(got, s.Label)
		hits, sends = hits+s.Value[0], sends+s.Value[1]
	}
	want := []map[string][]string{
		{"cpu": {"2"}, "class": {"avoidable"}}, {"cpu": {"2"}, "class": {"noise"}}, {"cpu": {"0"}, "class": {"unknown"}}, {"class": {"avoidable"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels -want +got:\n%s", diff)
	}
	if hits != 7 || sends != 15 || p.DefaultSampleType != "hits" {
		t.Errorf("%d hits, %d sends, shows %s; want 7, 15, hits", hits, sends, p.DefaultSampleType)
	}
}

// The profile is read back by the library that go tool pprof is made of.
func TestWritePprof(t *testing.T) {
	var b bytes.Buffer
	if err := WritePprof(&b, comparison(), ""); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var sums [3]int64
	for _, s := range p.Sample {
		for i, v := range s.Value {
			sums[i] += v
		}
	}
	if sums != [3]int64{32, 5, -27} {
		t.Errorf("sums %v, want before 32, after 5, difference -27", sums)
	}
	if leaf := p.Sample[0].Location[0].Line[0].Function.Name; leaf != "smp_call" {
		t.Errorf("innermost frame is %q, want smp_call", leaf)
	}
	if len(p.Function) != 4 {
		t.Errorf("%d functions, want the 4 different ones", len(p.Function))
	}
}

func TestNeedsStacks(t *testing.T) {
	set := &result.Set{}
	if err := WriteFolded(&strings.Builder{}, set); err == nil || !strings.Contains(err.Error(), "by stack") {
		t.Errorf("error %v, want one that asks for stacks", err)
	}
}
