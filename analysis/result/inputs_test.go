package result_test

import (
	"slices"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// TestIsSame: one recording in whatever file, never two of one kind.
func TestIsSame(t *testing.T) {
	whole := result.Input{Kernel: "6.12", Host: "lab", Format: "trace.dat v7", Events: 9, First: 1, Last: 5, Identity: result.Identity{Sends: 3, Rounded: 7, Cut: 8}}
	with := func(change func(*result.Input)) result.Input {
		in := whole
		change(&in)
		return in
	}
	vague := func(in *result.Input) {
		in.Identity = result.Identity{Sends: 3, Rounded: 1, Cut: 2, RoundedTimes: 5, CutTimes: 6, Vague: true}
	}
	whole.Identity.RoundedTimes, whole.Identity.CutTimes = 5, 6
	none := func(in *result.Input) { in.Identity = result.Identity{} }
	for name, tt := range map[string]struct {
		a, b result.Input
		same bool
	}{
		"a copy":                                {whole, whole, true},
		"its text, which names neither machine": {whole, with(func(in *result.Input) { in.Kernel, in.Host, in.Format, in.Identity.Cut = "", "", "ftrace text", 0 }), true},
		"a text with times that are cut":        {whole, with(func(in *result.Input) { in.Identity.Rounded = 0 }), true},
		"other sends":                           {whole, with(func(in *result.Input) { in.Identity.Rounded, in.Identity.Cut = 1, 2 }), false},
		"the same hash of more sends":           {whole, with(func(in *result.Input) { in.Identity.Sends = 4 }), false},
		"a text that lost the targets":          {whole, with(vague), true},
		"the same, with times that are cut":     {whole, with(func(in *result.Input) { vague(in); in.Identity.RoundedTimes = 9 }), true},
		"a text that lost them, other times":    {whole, with(func(in *result.Input) { vague(in); in.Identity.RoundedTimes, in.Identity.CutTimes = 9, 9 }), false},
		"a text that lost them, no times":       {with(func(in *result.Input) { vague(in); in.Identity.RoundedTimes, in.Identity.CutTimes = 0, 0 }), with(func(in *result.Input) { in.Identity.RoundedTimes, in.Identity.CutTimes = 0, 0 }), false},
		"the same times, other targets":         {whole, with(func(in *result.Input) { vague(in); in.Identity.Vague = false }), false},
		"another kernel":                        {whole, with(func(in *result.Input) { in.Kernel = "6.1" }), false},
		"another host":                          {whole, with(func(in *result.Input) { in.Host = "prod" }), false},
		"no sends, the same events":             {with(none), with(none), true},
		"no sends, other times":                 {with(none), with(func(in *result.Input) { none(in); in.Last++ }), false},
		"no sends, more events":                 {with(none), with(func(in *result.Input) { none(in); in.Events++ }), false},
		"no sends in one":                       {whole, with(none), false},
		"one event each tells of nothing":       {with(func(in *result.Input) { none(in); in.Events = 1 }), with(func(in *result.Input) { none(in); in.Events = 1 }), false},
	} {
		if got := tt.a.IsSame(tt.b); got != tt.same {
			t.Errorf("%s: %v, want %v", name, got, tt.same)
		}
		own, _ := tt.a.Likenesses()
		_, others := tt.b.Likenesses()
		alike := slices.ContainsFunc(own, func(l result.Likeness) bool { return slices.Contains(others, l) })
		if tt.same && !alike {
			t.Errorf("%s: nothing to find one by the other", name)
		}
		if got := tt.b.IsSame(tt.a); got != tt.same {
			t.Errorf("%s, the other way round: %v, want %v", name, got, tt.same)
		}
	}
}

// TestWith: whatever is wrong with the second of two recordings that were added up is
// wrong with both, and what vouches for the first one alone does not vouch for them.
func TestWith(t *testing.T) {
	whole := result.Input{Path: "a", Whole: true, Sent: result.Sent{CPU: 1}}
	if got := whole.With(whole); got.MayLack() || !got.HasRate() || !got.TellsOfNone() || got.Sent.All() != 2 {
		t.Errorf("two whole ones: %+v", got)
	}
	for name, change := range map[string]func(*result.Input){
		"lost": func(in *result.Input) { in.Lost = 1 }, "lost unknown": func(in *result.Input) { in.LostUnknown = true },
		"incomplete": func(in *result.Input) { in.Incomplete = true }, "no targets": func(in *result.Input) { in.Sent.Untargeted = 1 },
		"a kind of sends": func(in *result.Input) { in.Unrecorded = []string{"x"} }, "nothing vouches": func(in *result.Input) { in.Whole = false },
		"unsaid": func(in *result.Input) { in.Unsaid = []string{"x"} }, "ticks": func(in *result.Input) { in.Ticks = true },
		"an excerpt": func(in *result.Input) { in.Excerpt = "x" },
	} {
		other := whole
		change(&other)
		ab, ba := whole.With(other), other.With(whole)
		for _, got := range []result.Input{ab, ba} {
			if got.MayLack() != other.MayLack() || got.HasRate() != other.HasRate() || got.TellsOfNone() != other.TellsOfNone() {
				t.Errorf("%s: %+v of %+v", name, got, other)
			}
		}
	}
}

// TestLosses: numbers add up, and one that is not known makes the sum a lower bound.
func TestLosses(t *testing.T) {
	for want, inputs := range map[string][]result.Input{
		"none":           {{}, {}},
		"5":              {{Lost: 2}, {Lost: 3}},
		"2 or more":      {{Lost: 2}, {LostUnknown: true}},
		"unknown number": {{Incomplete: true}, {}},
	} {
		got := result.Losses(func(yield func(*result.Input) bool) {
			for i := range inputs {
				if !yield(&inputs[i]) {
					return
				}
			}
		})
		if got != want {
			t.Errorf("%+v: %q, want %q", inputs, got, want)
		}
	}
	if got := result.Common(slices.Values([]string{"mono", "", "local", "mono"})); got != "mono, local" {
		t.Errorf("common: %q", got)
	}
}
