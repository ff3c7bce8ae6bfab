package text_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/report/text"
)

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"do_sync_core", 12, "do_sync_core"},
		{"do_sync_core", 11, "do_sy…_core"},
		{"generic_smp_call_function_single_interrupt", 16, "generic…nterrupt"},
		{"abcd", 3, "a…d"},
		{"abcd", 2, "ab"},
		{"abcd", 0, ""},
		{"", 5, ""},
		{"世界世界", 8, "世界世界"}, // two columns each
		{"世界世界", 7, "世…界"},  // 6: half a rune cannot be shown
	} {
		if got := text.Shorten(c.in, c.width); got != c.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestShortenLaws(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		s, width := rapid.String().Draw(t, "s"), rapid.IntRange(0, 40).Draw(t, "width")
		got := text.Shorten(s, width)
		if w := runewidth.StringWidth(got); w > width {
			t.Fatalf("%q is %d columns wide, more than %d", got, w, width)
		}
		if runewidth.StringWidth(s) <= width && got != s {
			t.Fatalf("%q fits %d columns and became %q", s, width, got)
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"mb/2":                "mb/2",
		"Chrome IOThread":     "Chrome IOThread",
		"世界 é":                "世界 é",
		"\x1b[2J\x1b]0;x\a":   `\x1b[2J\x1b]0;x\a`,
		"a\nb\tc\rd":          `a\nb\tc\rd`,
		"nul\x00":             `nul\x00`,
		"cut \xe4\xb8":        `cut \xe4\xb8`,
		"\x9b31m":             `\x9b31m`,    // C1 control as a byte
		"\u009b31m":           `\u009b31m`,  // and as a rune
		"\u202edrow":          `\u202edrow`, // turns the line around
		"zero\u200bwidth":     `zero\u200bwidth`,
		"really \ufffd there": `really � there`,
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCleanIsSafe: nothing that comes out can move a cursor or break a line.
func TestCleanIsSafe(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		got := text.Clean(in)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q holds control character %U", got, r)
			}
		}
	})
}

func TestHuman(t *testing.T) {
	for _, c := range []struct {
		v    result.Value
		unit string
		want string
	}{
		{result.Str("x"), "", "x"},
		{result.Int(1234567), "", "1234567"},
		{result.Float(0), "Hz", "0"},
		{result.Float(133.26), "Hz", "133"},
		{result.Float(9.138), "Hz", "9.14"},
		{result.Float(0.012345), "Hz", "0.0123"},
		{result.Float(-9.138), "Hz", "-9.14"},
		{result.Float(460500.4), "1/h", "460500"},
		{result.Float(math.NaN()), "Hz", "NaN"},
		{result.Float(math.Inf(1)), "Hz", "+Inf"},
		{result.Float(0), "1", "0.0 %"},
		{result.Float(1), "1", "100.0 %"},
		{result.Float(0.5), "1", "50.0 %"},
		{result.Float(0.9999), "1", ">99.9 %"},
		{result.Float(0.00001), "1", "<0.1 %"},
		{result.Int(0), "ns", "0 ns"},
		{result.Int(999), "ns", "999 ns"},
		{result.Int(1000), "ns", "1.00 µs"},
		{result.Int(1500 * time.Microsecond), "ns", "1.50 ms"},
		{result.Int(-1500 * time.Microsecond), "ns", "-1.50 ms"},
		{result.Int(59 * time.Second), "ns", "59.0 s"},
		{result.Int(90 * time.Minute), "ns", "1.50 h"},
	} {
		if got := text.Human(c.v, c.unit); got != c.want {
			t.Errorf("Human(%+v, %q) = %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// set is a result with one group for each comm.
func set(comms ...string) *result.Set {
	t := &result.Table{
		Name: "groups",
		Cols: []result.Col{{Name: "function", Head: "function", Key: true}, {Name: "comm", Head: "comm", Key: true},
			{Name: "hits", Head: "hits"}, {Name: "share", Head: "share", Unit: "1"}, {Name: "noise", Head: "noise"},
			{Name: "sends", Head: "sends"}, {Name: "quiet", Head: "longest quiet", Unit: "ns"}},
		Show: []string{"hits", "share", "function", "comm", "noise", "sends", "quiet"},
	}
	for i, c := range comms {
		t.Rows = append(t.Rows, []result.Value{result.Str("generic_smp_call_function_single_interrupt"), result.Str(c),
			result.Int(100 - i), result.Float(0.25), result.Int(0), result.Int(3), result.Int(1234567)})
	}
	return &result.Set{Verdict: "CPUs 2-3: hits", Tables: []*result.Table{t}, Warnings: []result.Warning{{Code: "lost-events", Text: "a|b <c> *d*"}}}
}

func write(t *testing.T, s *result.Set, o text.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := text.Write(&b, s, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	const want = `CPUs 2-3: hits

hits   share  function                                    comm  sends  longest quiet
 100  25.0 %  generic_smp_call_function_single_interrupt  mb/2      3        1.23 ms
  99  25.0 %  generic_smp_call_function_single_interrupt  世界      3        1.23 ms
`
	if got := write(t, set("mb/2", "世界"), text.Options{}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestFit: at 80 columns the names are cut in the middle and nothing is lost.
func TestFit(t *testing.T) {
	const want = "hits   share  function                                comm  sends  longest quiet\n" +
		" 100  25.0 %  generic_smp_call_f…on_single_interrupt  mb/2      3        1.23 ms\n"
	_, got, _ := strings.Cut(write(t, set("mb/2"), text.Options{Width: 80}), "\n\n")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestFitNarrow: whatever the width, no line is wider, and the hits and what
// they are of stay.
func TestFitNarrow(t *testing.T) {
	for width := 30; width <= 120; width++ {
		_, got, _ := strings.Cut(write(t, set("mb/2"), text.Options{Width: width}), "\n\n")
		head, rest, _ := strings.Cut(got, "\n")
		row, out, _ := strings.Cut(rest, "\n")
		for _, l := range append([]string{head, row}, strings.Split(out, "\n")...) {
			if n := runewidth.StringWidth(strings.TrimSuffix(l, "\n")); n > width {
				t.Errorf("width %d: line of %d columns: %q", width, n, l)
			}
		}
		if !strings.HasPrefix(head, "hits  ") || !strings.Contains(head, "  function") || !strings.Contains(head, "  comm") {
			t.Errorf("width %d: columns are missing: %q", width, head)
		}
		if !strings.Contains(row, " gene") || !strings.Contains(row, "rupt ") || !strings.Contains(row, "mb/2") {
			t.Errorf("width %d: names cannot be told: %q", width, row)
		}
	}
}

// hostile are names that a task may give itself.
func hostile() []string {
	return []string{"\x1b[31m\x1b[1mred", "new\nline", "tab\tstop", "世界世界世界世界世界世界", "\xff\xfe", "a|b", "`tick`", strings.Repeat("x", 300), ""}
}

// TestHostileNames: a row stays one line, no wider than asked for, and no
// escape sequence of the trace reaches the terminal.
func TestHostileNames(t *testing.T) {
	for _, width := range []int{0, 40, 60, 80, 120, 200} {
		got := write(t, set(hostile()...), text.Options{Width: width})
		_, table, _ := strings.Cut(got, "\n\n")
		lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
		if out := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "left out: ") }); out >= 0 {
			lines = lines[:out]
		}
		if len(lines) != 1+len(hostile()) {
			t.Errorf("width %d: %d lines for %d rows:\n%s", width, len(lines), len(hostile()), table)
		}
		for _, l := range lines {
			if n := runewidth.StringWidth(l); width > 0 && n > width {
				t.Errorf("width %d: line of %d columns: %q", width, n, l)
			}
			if strings.ContainsAny(l, "\x1b\t\r") || !utf8.ValidString(l) {
				t.Errorf("width %d: control characters in %q", width, l)
			}
		}
	}
}

func TestTop(t *testing.T) {
	got := write(t, set("a", "b", "c"), text.Options{Top: 1})
	if !strings.HasSuffix(got, "… and 2 more (--top 0 shows all)\n") || strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%s", got)
	}
}

func TestColour(t *testing.T) {
	if got := write(t, set("a"), text.Options{Colour: true}); !strings.HasPrefix(got, "\x1b[1mCPUs 2-3: hits\x1b[0m\n") {
		t.Errorf("got %q", got)
	}
	if got := write(t, set("a"), text.Options{}); strings.Contains(got, "\x1b") {
		t.Errorf("colour that was not asked for: %q", got)
	}
}

func TestEmpty(t *testing.T) {
	if got := write(t, set(), text.Options{Width: 80}); got != "CPUs 2-3: hits\n" {
		t.Errorf("got %q", got)
	}
	if got := write(t, &result.Set{}, text.Options{}); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestMarkdown: each row of the table is a line with the same number of cells,
// whatever the names hold (GitHub Flavored Markdown, "Tables": a pipe inside a
// cell is escaped even within a code span).
func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := text.WriteMarkdown(&b, set(hostile()...), text.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "**CPUs 2-3: hits**\n") || !strings.HasSuffix(b.String(), "\n> lost-events: a\\|b &lt;c> \\*d\\*\n") {
		t.Errorf("got\n%s", b.String())
	}
	rows := 0
	for l := range strings.Lines(b.String()) {
		if !strings.HasPrefix(l, "|") {
			continue
		}
		rows++
		if n := strings.Count(strings.ReplaceAll(l, `\|`, ""), "|"); n != 7 {
			t.Errorf("%d bars, want 7: %s", n, l)
		}
	}
	if want := 2 + len(hostile()); rows != want {
		t.Errorf("%d lines of table, want %d:\n%s", rows, want, b.String())
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteError(t *testing.T) {
	full := errors.New("no space left")
	noVerdict := set("a")
	noVerdict.Verdict = ""
	for _, s := range []*result.Set{set("a"), noVerdict} {
		if err := text.Write(brokenWriter{full}, s, text.Options{}); !errors.Is(err, full) {
			t.Errorf("table: got %v, want %v", err, full)
		}
		if err := text.WriteMarkdown(brokenWriter{full}, s, text.Options{}); !errors.Is(err, full) {
			t.Errorf("markdown: got %v, want %v", err, full)
		}
	}
}
