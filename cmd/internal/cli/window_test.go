package cli

import (
	"math"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

const sec = 1_000_000_000

// resolved is the window that flags give for a trace from 10 s to 20 s with the
// markers begin (12 s) and end (18 s).
func resolved(from, to, trim string, m trace.Meta) (trace.Window, error) {
	w, err := parseWindow(from, to, trim, nil)
	if err != nil {
		return trace.Window{}, err
	}
	if w == nil {
		return trace.Always(), nil
	}
	m.Path = "t"
	lines := map[string]trace.Time{"begin": 12 * sec, "end": 18 * sec}
	return w.resolve(&m, analysis.Span{First: 10 * sec, Last: 20 * sec}, func(l *markLine) (trace.Time, bool) {
		at, ok := lines[l.text]
		return at, ok
	})
}

func TestWindow(t *testing.T) {
	const low, high = math.MinInt64, math.MaxInt64
	for _, tt := range []struct {
		from, to, trim string
		want           trace.Window
	}{
		{"", "", "", trace.Window{From: low, To: high}},
		{"12", "", "", trace.Window{From: 12 * sec, To: high}},
		{"", "12.5", "", trace.Window{From: low, To: 12.5 * sec}},
		{"12.000000001", "12.000000001", "", trace.Window{From: 12*sec + 1, To: 12*sec + 1}},
		// The kernel and trace-cmd print microseconds, rounded: 5.100838 may be
		// any of 5.100837500 to 5.100838499.
		{"5.100838", "5.100838", "", trace.Window{From: 5_100_837_500, To: 5_100_838_500}},
		// nobody prints tenths of a second: somebody typed them
		{"12.1", "12.1", "", trace.Window{From: 12.1 * sec, To: 12.1 * sec}},
		{"+2", "", "", trace.Window{From: 12 * sec, To: high}},
		{"+0.5", "-0.5", "", trace.Window{From: 10.5 * sec, To: 19.5 * sec}},
		{"+0.500000", "-0.500000", "", trace.Window{From: 10.5 * sec, To: 19.5 * sec}},
		{"-2", "-1", "", trace.Window{From: 18 * sec, To: 19 * sec}},
		{"mark:begin", "mark:end", "", trace.Window{From: 12 * sec, To: 18 * sec}},
		{"mark:begin", "-1", "", trace.Window{From: 12 * sec, To: 19 * sec}},
		{"", "", "2", trace.Window{From: 12 * sec, To: 18 * sec}},
		{"", "", "2s", trace.Window{From: 12 * sec, To: 18 * sec}},
		{"", "", "500ms", trace.Window{From: 10.5 * sec, To: 19.5 * sec}},
		{"", "", "0.5", trace.Window{From: 10.5 * sec, To: 19.5 * sec}},
		{"", "", "250us", trace.Window{From: 10*sec + 250_000, To: 20*sec - 250_000}},
		{"", "", "0.05m", trace.Window{From: 13 * sec, To: 17 * sec}},
		{"", "", "5", trace.Window{From: 15 * sec, To: 15 * sec}},
		{"", "", "0", trace.Window{From: 10 * sec, To: 20 * sec}},
		// beyond the end of the trace, and of time
		{"+9223372035.9", "", "", trace.Window{From: high, To: high}},
		{"9999999999999", "", "", trace.Window{From: high, To: high}},
		{"-9223372035", "", "", trace.Window{From: 20*sec - 9223372035*sec, To: high}},
	} {
		got, err := resolved(tt.from, tt.to, tt.trim, trace.Meta{ClockUnit: "ns"})
		if err != nil || got != tt.want {
			t.Errorf("--from %q --to %q --trim %q: %v, %v, want %v", tt.from, tt.to, tt.trim, got, err, tt.want)
		}
	}
}

// TestTicks: clocks such as x86-tsc do not count seconds; whole numbers are
// taken as they are printed.
func TestTicks(t *testing.T) {
	m := trace.Meta{Clock: "x86-tsc", ClockUnit: "ticks"}
	for _, tt := range []struct {
		from, to, trim string
		want           trace.Window
	}{
		{"10000000005", "10000000009", "", trace.Window{From: 10*sec + 5, To: 10*sec + 9}},
		{"99999999999999", "", "", trace.Window{From: 99999999999999, To: math.MaxInt64}},
		{"+5", "-7", "", trace.Window{From: 10*sec + 5, To: 20*sec - 7}},
		{"mark:begin", "mark:end", "", trace.Window{From: 12 * sec, To: 18 * sec}},
		{"", "", "5", trace.Window{From: 10*sec + 5, To: 20*sec - 5}},
	} {
		got, err := resolved(tt.from, tt.to, tt.trim, m)
		if err != nil || got != tt.want {
			t.Errorf("--from %q --to %q --trim %q: %v, %v, want %v", tt.from, tt.to, tt.trim, got, err, tt.want)
		}
	}
	for _, flags := range [][3]string{{"1.5", "", ""}, {"", "+0.5", ""}, {"", "", "0.5"}, {"", "", "5s"}, {"", "", "5ms"}} {
		if _, err := resolved(flags[0], flags[1], flags[2], m); err == nil || !strings.Contains(err.Error(), "whole ticks") {
			t.Errorf("%q: error %v, want one that asks for ticks", flags, err)
		}
	}
}

func TestWindowErrors(t *testing.T) {
	for _, tt := range []struct{ from, to, trim, want string }{
		{"x", "", "", `--from "x": not a time`},
		{"", "x", "", `--to "x": not a time`},
		{"1.", "", "", "not a time"},
		{".5", "", "", "not a time"},
		{"1.0000000001", "", "", "not a time"},
		{"1.5e3", "", "", "not a time"},
		{"1,5", "", "", "not a time"},
		{"++5", "", "", "not a time"},
		{"+-5", "", "", "not a time"},
		{"--5", "", "", "not a time"},
		{"+", "", "", "not a time"},
		{"1.-5", "", "", "not a time"},
		{"99999999999999999999", "", "", "not a time"},
		{"9999999999999.5", "", "", "too large"},
		{"mark:", "", "", "wants the text of a marker"},
		{"mark:nowhere", "", "", `t: no trace_marker line holds "nowhere"`},
		{"15", "14", "", "--from lies after --to"},
		{"-1", "-2", "", "--from lies after --to"},
		{"1", "", "1", "--trim goes without"},
		{"", "1", "auto", "--trim goes without"},
		{"", "", "-1", `--trim "-1"`},
		{"", "", "s", `--trim "s"`},
		{"", "", "1h", `--trim "1h"`},
		{"", "", "999999999999", "--trim cuts all of the trace"},
		{"", "", "999999999999m", `--trim "999999999999m"`},
		{"", "", "6", "t: --trim cuts all of the trace, which is 10.000000 s long"},
	} {
		if got, err := resolved(tt.from, tt.to, tt.trim, trace.Meta{ClockUnit: "ns"}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("--from %q --to %q --trim %q: %v, error %v, want %q", tt.from, tt.to, tt.trim, got, err, tt.want)
		}
	}
	if _, err := resolved("", "", "9999999999", trace.Meta{ClockUnit: "ticks", Clock: "counter"}); err == nil || !strings.Contains(err.Error(), "10000000000 ticks long") {
		t.Errorf("trimming all of a clock that ticks: %v", err)
	}
}

// TestNeedsScan: only what cannot be known from the command line makes a trace
// be read twice.
func TestNeedsScan(t *testing.T) {
	for flags, want := range map[[3]string]bool{
		{"1", "2", ""}: false, {"+1", "", ""}: true, {"", "-1", ""}: true, {"mark:x", "", ""}: true, {"", "", "1"}: true, {"", "", "auto"}: true,
	} {
		w, err := parseWindow(flags[0], flags[1], flags[2], nil)
		if err != nil || w.needsScan() != want {
			t.Errorf("%q: needs a scan: %v, %v, want %v", flags, w.needsScan(), err, want)
		}
	}
}

// TestMarkLines: the first line of trace_marker or trace_printk that matches, and
// nothing else, is the mark.
func TestMarkLines(t *testing.T) {
	named, err := marks.Parse([]string{"load.begin=load.*begins", "load.end=again|done", "seen=before"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[[2]string][2]trace.Time{
		{"mark:my", "mark:done"}:            {3 * sec, 1.5 * sec},
		{"mark:/=my-load/", "mark:/ag.in/"}: {3 * sec, 4 * sec},
		{"mark:load", "mark:load"}:          {3 * sec, 4 * sec}, // the first span
		{"mark:seen", "mark:no"}:            {2 * sec, -1},
	} {
		w, err := parseWindow(flags[0], flags[1], "", named)
		if err != nil {
			t.Fatal(err)
		}
		src := tracetest.Parse(`
			at 1.0 cpu 0 sched_wakeup comm=my-load-begins
			at 1.5 cpu 0 print buf=done
			at 2.0 cpu 0 print buf=before
			at 3.0 cpu 0 bprint buf=my-load-begins
			at 4.0 cpu 0 some_function buf=load-again
			at 5.0 cpu 0 print ip=1
			at 6.0 cpu 0 print buf=done`)
		m := w.finder(NewMarkText(src))
		for src.Scan() {
			m.Event(src.Record().(*trace.Event))
		}
		for i, b := range []*bound{w.from, w.to} {
			at, ok := m.find(b.line)
			if !ok {
				at = -1
			}
			if at != want[i] {
				t.Errorf("%v: %d, want %d", flags, at, want[i])
			}
		}
	}
	for _, text := range []string{"mark:", "mark:/(/"} {
		if _, err := parseWindow(text, "", "", nil); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
