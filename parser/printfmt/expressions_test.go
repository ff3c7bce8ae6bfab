package printfmt_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// Expressions of all operators, grouped as libtraceevent groups them.
func TestExpressions(t *testing.T) {
	text, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	f := datwriter.New(7, "none", false, 8)
	n := 0
	var want []string
	check := func(print string) {
		n++
		typ := f.Declare(datwriter.Format{System: "x", Name: "x", Print: print,
			Fields: []string{"u8 b", "s8 sb", "u16 h", "s16 sh", "u32 w", "s32 sw", "u64 q", "s64 sq", "unsigned long l", "u16 a[4]", "bool flag"}})
		formats := f.Systems[len(f.Systems)-1].Formats
		s, err := tracefmt.ParseFormat([]byte(formats[len(formats)-1]), 8)
		if err != nil {
			t.Fatal(err)
		}
		p := printfmt.Compile(s, 8, false)
		for i, r := range [][]byte{
			typ.Record(7, 1, 2, 3, 4, 5, 6, 7, 8, 9, []int{10, 11, 12, 13}, 0),
			typ.Record(7, 0xff, -1, 0xfffe, -2, uint64(0xfffffffd), -3, -4, -5, -6, []int{0xffff, 0, 1, 0x8000}, 1),
		} {
			if got := string(p.Append(nil, r, kernelNames{})); got != want[i] {
				t.Errorf("%s\n got %q\nwant %q", print, got, want[i])
			}
		}
	}
	var print string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch value, ok := strings.CutPrefix(line, "= "); {
		case strings.HasPrefix(line, "#"):
		case !ok:
			print, want = line, nil
		default:
			if want = append(want, value); len(want) == 2 {
				check(print)
			}
		}
	}
	if n != 500 {
		t.Errorf("%d expressions, want 500", n)
	}
}
