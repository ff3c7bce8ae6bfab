package names_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/internal/law"
)

func TestMatch(t *testing.T) {
	if names.Unknown != track.Unknown {
		t.Errorf("the unknown function is %q", track.Unknown)
	}
	for _, tt := range []struct {
		value, name string
		want        names.Answer
	}{
		{"do_sync_core", "do_sync_core", names.Is},
		{"do_sync_core", "do_sync_cor", names.No},
		{"a|b|c", "b", names.May},
		{"a|b|c", "d", names.No},
		{"a|b", "a|b", names.Is},
		{"a|b", "b|a|c", names.Is},
		{"a|b|c", "c|d", names.May},
		{"a", "a|b", names.Is},
		{names.Unknown, "a", names.May},
		{names.Unknown, names.Unknown, names.Is},
		{result.NoStack, "a", names.May},
		{"", "a", names.May},
		{"(other)", "a", names.May},
		{"0xffffffff81bc5c10", "a", names.May},
		{"0x0", "a", names.No},
		{"Function call interrupts", "a", names.May},
		{"Rescheduling interrupts", "a", names.No},
		{"Rescheduling interrupts", "reschedule", names.Is},
		{"(none)", "a", names.No},
		{"a", names.Unknown, names.No},
	} {
		if got := names.Match(tt.value, tt.name); got != tt.want {
			t.Errorf("%q for %q: %d, want %d", tt.value, tt.name, got, tt.want)
		}
	}
}

func TestMatchFunc(t *testing.T) {
	flush := func(s string) bool { return strings.HasPrefix(s, "do_flush_") }
	for value, want := range map[string]names.Answer{
		"do_flush_tlb_all": names.Is, "do_flush_a|do_flush_b": names.Is, "do_flush_a|ipi_mb": names.May, "ipi_mb": names.No, names.Unknown: names.May,
	} {
		if got := names.MatchFunc(value, flush); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
}

// Knowing less never makes a No of what may be, nor an Is of what is not.
func TestLess(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	set := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "members"), "|") })
	law.Check(t, func(t *rapid.T) {
		value, wanted := name.Draw(t, "value"), set.Draw(t, "wanted")
		known := names.Match(value, wanted)
		less := value + "|" + set.Draw(t, "or")
		if rapid.Bool().Draw(t, "unknown") {
			less = names.Unknown
		}
		got := names.Match(less, wanted)
		if known == names.Is && got == names.No || known == names.No && got == names.Is && less == names.Unknown {
			t.Fatalf("%q for %q is %d, %q is %d", value, wanted, known, less, got)
		}
		if known == names.Is && !names.MayBeSame(less, wanted) {
			t.Fatalf("%q and %q", less, wanted)
		}
		if names.Overlap(less, wanted) != names.Overlap(wanted, less) {
			t.Fatalf("Overlap of %q and %q is not symmetric", less, wanted)
		}
	})
}
