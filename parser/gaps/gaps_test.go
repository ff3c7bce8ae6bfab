package gaps_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/gaps"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func parse(t testing.TB, name string, o gaps.Options) *gaps.List {
	t.Helper()
	f, err := os.Open("../../fixtures/gaps/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := gaps.Parse(f, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What cyclictest printed: T: 1 Spike: 7945: TS: 1995634231, the last of six.
func TestCyclictest(t *testing.T) {
	l := parse(t, "cyclictest-spike.txt", gaps.Options{})
	if len(l.Gaps) != 6 || !l.Monotonic {
		t.Fatalf("%+v", l)
	}
	if got, want := l.Gaps[5], (gaps.Gap{CPU: 1, Start: 1_995_626_286_000, End: 1_995_634_231_000}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	// -a 2-3: thread 1 ran on CPU 3
	l = parse(t, "cyclictest-spike.txt", gaps.Options{CPUs: []int32{2, 3}, Over: 600_000})
	want := []gaps.Gap{{CPU: 3, Start: 1_995_537_787_000, End: 1_995_538_398_000}, {CPU: 3, Start: 1_995_626_286_000, End: 1_995_634_231_000}}
	if diff := cmp.Diff(want, l.Gaps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The first of jitterdebugger's samples is 0;1998.289149633;24; awk -F';' '$3>70'
// says that 2 of the 299 are over 70 µs late.
func TestJitterdebugger(t *testing.T) {
	l := parse(t, "jitterdebugger-samples.csv", gaps.Options{})
	if len(l.Gaps) != 299 || !l.Monotonic {
		t.Fatalf("%d gaps, %v", len(l.Gaps), l.Monotonic)
	}
	if got, want := l.Gaps[0], (gaps.Gap{CPU: 0, Start: 1_998_289_125_633, End: 1_998_289_149_633}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if l := parse(t, "jitterdebugger-samples.csv", gaps.Options{Over: 70_000}); len(l.Gaps) != over70 {
		t.Errorf("%d gaps are over 70 µs, want %d", len(l.Gaps), over70)
	}
}

const over70 = 2

func TestLines(t *testing.T) {
	l, err := gaps.Parse(strings.NewReader("cpu,start,end\n# mine\n\n7 12.5 12.500030\n2,1.000000001,2\n3;4;5.5\n"), "g", gaps.Options{})
	want := &gaps.List{Gaps: []gaps.Gap{{CPU: 7, Start: 12_500_000_000, End: 12_500_030_000}, {CPU: 2, Start: 1_000_000_001, End: 2_000_000_000}, {CPU: 3, Start: 4_000_000_000, End: 5_500_000_000}}}
	if err != nil || !cmp.Equal(l, want) {
		t.Errorf("%v, %v; want %v", l, err, want)
	}
	for text, want := range map[string]string{
		"7 12.5":                                 "want a CPU, a start and an end",
		"-1 1 2":                                 "is no CPU number",
		"1 x 2":                                  `"x" is no time in seconds`,
		"1 1. 2":                                 `"1." is no time in seconds`,
		"1 1 9999999999999":                      "is no time in seconds",
		"1 2 1":                                  "ends before it starts",
		"T: 1 Spike: 5 TS:":                      "want T: THREAD Spike:",
		"T: 1 Spike: x: TS: 5":                   `"x" is no latency`,
		"T: 1 Spike: 6: TS: 0":                   `"6" is no latency`,
		"T: x Spike: 6: TS: 9":                   `"x" is no number of a thread`,
		"T: 1 Spike: 6: TS: 1234567890123456789": "is no time in microseconds",
		"1;2;-1":                                 "is no latency in microseconds",
		"oslat V 2.40":                           "--gaps markers",
		"oslat: Trace threshold (1000 us) triggered on cpu 1 with 36508 us!": "--gaps markers",
	} {
		if _, err := gaps.Parse(strings.NewReader(text), "g", gaps.Options{}); err == nil || !strings.Contains(err.Error(), "g:1: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := gaps.Parse(strings.NewReader("2;1.5;4"), "g", gaps.Options{CPUs: []int32{2, 3}}); err == nil || !strings.Contains(err.Error(), "only 2 CPUs") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"cyclictest-spike.txt", "jitterdebugger-samples.csv", "oslat-threshold.txt"} {
		data, err := os.ReadFile("../../fixtures/gaps/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data[:min(len(data), 1000)]))
	}
	f.Add("cpu start end\n7 12.5 12.500030\n2,1.000000001,2\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := gaps.Parse(strings.NewReader(text), "f", gaps.Options{})
		if (err == nil) != (l != nil) {
			t.Fatalf("%v and %v", l, err)
		}
		if l == nil {
			return
		}
		for _, g := range l.Gaps {
			if g.CPU < 0 || g.Start < 0 || g.End < g.Start {
				t.Errorf("%v", g)
			}
		}
		long, err := gaps.Parse(strings.NewReader(text), "f", gaps.Options{Over: trace.Time(1000)})
		if err != nil || len(long.Gaps) > len(l.Gaps) {
			t.Errorf("%v, %d gaps, more than %d", err, len(long.Gaps), len(l.Gaps))
		}
	})
}
