package compare_test

import (
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// verdictsOf compares a run with many hits of f with one that change made.
func verdictsOf(before, after map[string]uint64, change func(before, after *compare.Run)) (map[string]string, *result.Set) {
	a, b := counted(100, before), counted(100, after)
	for _, r := range []*compare.Run{&a, &b} {
		r.Input.Arch, r.Input.Host, r.Input.CPUs, r.Regime, r.Input.Tells = "x86_64", "lab", 4, "one", []string{"ipi_send_cpu", "ipi_send_cpumask"}
	}
	change(&a, &b)
	set := compare.Compare(two([]compare.Run{a}, []compare.Run{b}), byFunction())
	got := map[string]string{}
	t := set.Table("rows")
	for _, row := range t.Rows {
		got[row[t.Index("function")].Str] = row[t.Index("verdict")].Str
	}
	got["total"] = set.Table("total").Rows[0][set.Table("total").Index("verdict")].Str
	return got, set
}

// TestDifferentMachines: what differs is said, and functions of unlike kernels
// neither come nor go.
func TestDifferentMachines(t *testing.T) {
	before, after := map[string]uint64{"f": 1000, "g": 500, "h": 90000}, map[string]uint64{"f": 1000, "h": 300, "i": 400}
	for _, tt := range []struct {
		name, says string
		change     func(before, after *compare.Run)
		g, h, i    string
	}{
		{"alike", "", func(_, _ *compare.Run) {}, "gone", "reduced", "new"},
		{"a text tells less of an architecture", "", func(_, b *compare.Run) { b.Input.Arch = "x86" }, "gone", "reduced", "new"},
		{"architecture", "architecture (before x86, after arm)", func(_, b *compare.Run) { b.Input.Arch = "aarch64" }, "unclear", "reduced", "unclear"},
		{"regime", "how the kernel tells of IPIs (before one, after two)", func(_, b *compare.Run) { b.Regime = "two" }, "unclear", "reduced", "unclear"},
		{"host", "host (before lab, after other)", func(_, b *compare.Run) { b.Input.Host = "other" }, "gone", "reduced", "new"},
		{"CPUs", "number of CPUs (before 4, after 8)", func(_, b *compare.Run) { b.Input.CPUs = 8 }, "gone", "reduced", "new"},
		{"events", "recorded events (before no others, after also csd_queue_cpu)", func(_, b *compare.Run) { b.Input.Tells = append([]string{"csd_queue_cpu"}, b.Input.Tells...) }, "gone", "reduced", "new"},
	} {
		got, set := verdictsOf(before, after, tt.change)
		if got["g"] != tt.g || got["h"] != tt.h || got["i"] != tt.i {
			t.Errorf("%s: %v", tt.name, got)
		}
		text := ""
		for _, w := range set.Warnings {
			if w.Code == "different-machines" {
				text = w.Text
			}
		}
		if (text == "") != (tt.says == "") || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %q", tt.name, text)
		}
	}
}

// TestHalfRecorded: where one side lacks a kind of sends, or their targets, what
// is not there has not gone.
func TestHalfRecorded(t *testing.T) {
	before, after := map[string]uint64{"f": 90000, "g": 500}, map[string]uint64{"f": 300, "i": 400}
	lack := func(r *compare.Run) { r.Input.Missing = []string{"ipi_send_cpumask"} }
	for _, tt := range []struct {
		name    string
		change  func(before, after *compare.Run)
		f, g, i string
	}{
		{"whole", func(_, _ *compare.Run) {}, "reduced", "gone", "new"},
		{"after", func(_, b *compare.Run) { lack(b) }, "unclear", "unclear", "new"},
		{"before", func(a, _ *compare.Run) { lack(a) }, "reduced", "gone", "unclear"},
		{"both alike", func(a, b *compare.Run) { lack(a); lack(b) }, "reduced", "gone", "new"},
		{"sends without a target after", func(_, b *compare.Run) { b.Input.Sent.Untargeted = 1 }, "unclear", "unclear", "new"},
		{"and before", func(a, _ *compare.Run) { a.Input.Sent.Untargeted = 1 }, "reduced", "gone", "unclear"},
	} {
		if got, _ := verdictsOf(before, after, tt.change); got["f"] != tt.f || got["g"] != tt.g || got["i"] != tt.i {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
