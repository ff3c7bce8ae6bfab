package flame

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/ipiscope/ipiscope/analysis/result"
)

func comparison() *result.Set {
	return &result.Set{Tables: []*result.Table{{Name: "rows",
		Cols: []result.Col{{Name: "stack", Key: true}, {Name: "before.hits"}, {Name: "after.hits"}},
		Rows: [][]result.Value{
			{result.Str("smp_call < text_poke < static_key"), result.Int(30), result.Int(0)},
			{result.Str("smp_call < a;b c"), result.Int(2), result.Int(5)},
		}}}}
}

// The form is that of difffolded.pl's output: root first, two counts.
func TestWriteFolded(t *testing.T) {
	var b strings.Builder
	if err := WriteFolded(&b, comparison()); err != nil {
		t.Fatal(err)
	}
	want := "static_key;text_poke;smp_call 30 0\na,b_c;smp_call 2 5\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The profile is read back by the library that go tool pprof is made of.
func TestWritePprof(t *testing.T) {
	var b bytes.Buffer
	if err := WritePprof(&b, comparison()); err != nil {
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
	set := &result.Set{Tables: []*result.Table{{Name: "rows", Cols: []result.Col{{Name: "function", Key: true}}}}}
	if err := WriteFolded(&strings.Builder{}, set); err == nil || !strings.Contains(err.Error(), "by stack") {
		t.Errorf("error %v, want one that asks for a comparison by stack", err)
	}
}
