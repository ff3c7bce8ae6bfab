package cli

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

func TestCeiling(t *testing.T) {
	defer debug.SetMemoryLimit(math.MaxInt64)
	for size, want := range map[string]uint64{"67108864": 64 << 20, "65536K": 64 << 20, "48M": 48 << 20, "2G": 2 << 30, "1GiB": 1 << 30, "96m": 96 << 20} {
		if c, err := newCeiling(size); err != nil || c.limit != want {
			t.Errorf("%s: %v, %v, want %d bytes", size, c, err, want)
		}
	}
	for _, size := range []string{"", "0", "47M", "4096", "-1", "x", "1.5G", "9223372036854775807G", "1T"} {
		if _, err := newCeiling(size); Status(err) != ExitUsage {
			t.Errorf("%q: %v, want a usage error", size, err)
		}
	}
	low, err := newCeiling("48M")
	if err != nil {
		t.Fatal(err)
	}
	low.text, low.limit = "1K", 1<<10
	if err := low.check(); err == nil || !strings.Contains(err.Error(), "more than 1K of memory") {
		t.Errorf("a program in 1 KiB: %v", err)
	}
	high, _ := newCeiling("1000G")
	if err := high.check(); err != nil {
		t.Error(err)
	}
	var none *ceiling
	if err := none.check(); err != nil {
		t.Error(err)
	}
}
