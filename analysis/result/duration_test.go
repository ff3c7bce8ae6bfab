package result_test

import (
	"math"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
)

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 7: "7 ns", 999: "999 ns", 1000: "1.00 µs", 70_900: "70.9 µs", 9_994: "9.99 µs", 9_995: "10.0 µs", 999_949: "999.9 µs", 999_950: "1.00 ms",
		3_471_000: "3.47 ms", 556_613_912: "556.6 ms", 4_596_747_000: "4.60 s", 59_999_000_000: "1.00 min", 3_600_000_000_000: "1.00 h", 90_000_000_000_000: "25.0 h",
		-3_471_000: "-3.47 ms", math.MaxInt64: "2562047.8 h",
	} {
		if got := result.Duration(ns); got != want {
			t.Errorf("%d: %q, want %q", ns, got, want)
		}
	}
}

// TestDurationForm: whatever the time, one to three digits stand before the point,
// hours aside, and it is as wide as its neighbours.
func TestDurationForm(t *testing.T) {
	form := regexp.MustCompile(`^-?(\d{1,3} ns|\d\.\d\d (µs|ms|s|min)|\d{2,3}\.\d (µs|ms|s|min)|\d\.\d\d h|\d{2,7}\.\d h)$`)
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64().Draw(t, "ns") >> rapid.IntRange(0, 62).Draw(t, "shift")
		if got := result.Duration(ns); !form.MatchString(got) {
			t.Fatalf("%d: %q", ns, got)
		}
	})
}

// TestMoment: as trace-cmd report -t prints nanoseconds, and its ticks without a point;
// times before 0 have one sign.
func TestMoment(t *testing.T) {
	for _, tt := range []struct {
		t     int64
		ticks bool
		want  string
	}{
		{240256489123, false, "240.256489123"}, {5, false, "0.000000005"}, {0, false, "0.000000000"}, {-1_000_000_005, false, "-1.000000005"}, {-5, false, "-0.000000005"},
		{math.MinInt64, false, "-9223372036.854775808"}, {math.MaxInt64, false, "9223372036.854775807"}, {86750176788, true, "86750176788"}, {-3, true, "-3"},
	} {
		if got := result.Moment(tt.t, tt.ticks); got != tt.want {
			t.Errorf("%d, ticks %v: %q, want %q", tt.t, tt.ticks, got, tt.want)
		}
	}
}
