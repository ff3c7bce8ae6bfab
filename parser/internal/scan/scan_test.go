package scan

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// TestNumbers reads what package strconv writes.
func TestNumbers(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		want := rapid.Uint64Range(0, 1<<60-1).Draw(t, "number")
		before := rapid.StringMatching(`[ -/]{0,3}`).Draw(t, "before")
		for base, read := range map[int]func([]byte, int) (uint64, int){10: Digits, 16: HexDigits} {
			text := strconv.FormatUint(want, base)
			got, end := read([]byte(before+text+"x"), len(before))
			if got != want || end != len(before)+len(text) {
				t.Fatalf("%q: %d up to %d, want %d", before+text, got, end, want)
			}
		}
	})
	if v, end := Digits(nil, 0); v != 0 || end != 0 {
		t.Errorf("nothing: %d up to %d", v, end)
	}
	if v, end := HexDigits([]byte("FFFFFFFFFFFFFFFFFF"), 0); v < 1<<60 || end != 18 {
		t.Errorf("too many digits: %#x up to %d", v, end)
	}
}

func TestNames(t *testing.T) {
	var n Names[int]
	if n.Find([]byte("a")) != nil {
		t.Error("found in nothing")
	}
	for i := range 2 * MaxNames {
		name := strconv.Itoa(i)
		if v := n.Add(name, i); (v == nil) != (i >= MaxNames) {
			t.Fatalf("%d names: %v", i, v)
		}
	}
	for i := range 2 * MaxNames {
		name := []byte(strconv.Itoa(i))
		for range 2 {
			if v := n.Find(name); (v == nil) != (i >= MaxNames) || v != nil && *v != i {
				t.Fatalf("%s: %v", name, v)
			}
		}
	}
	if !n.IsFull() {
		t.Error("not full")
	}
	name := []byte("1234")
	if a := testing.AllocsPerRun(100, func() { n.Find(name) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
