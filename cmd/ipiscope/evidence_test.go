package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// The evidence law: taking evidence away from a recording never makes a verdict
// of it better. A check that failed or was undecided does not pass then, "at
// least" does not become a bare number, and no row of a comparison becomes gone,
// reduced or unchanged. The recordings are fixtures; evidence_thefts_test.go has
// the ways to take evidence away. IPISCOPE_LAWS=random -rapid.checks 2000 tries most
// of them.

// A witness is a recording that evidence is taken from: as a file, by flags; as
// text, by editing it; as the bytes of a file, by changing them.
type witness struct {
	name  string
	path  string // of a file
	text  func() []byte
	bytes func() []byte
}

func witnesses() []witness {
	const fixtures = "../../fixtures/"
	all := printed(fixtures + "k612s4-12b-all-stack/trace.dat")
	return []witness{
		{name: "all events", path: fixtures + "k612s4-12b-all-stack/trace.dat", text: all},
		{name: "the kernel's text", text: sync.OnceValue(func() []byte { return ftraced(all()) })},
		{name: "sends with stacks", path: fixtures + "k612s4-02-zlib-mono/trace.dat", text: whole(fixtures + "k612s4-02-zlib-mono/report-t.txt.gz")},
		{name: "Linux 7.2", path: fixtures + "k72s4-01-zstd-local/trace.dat", text: whole(fixtures + "k72s4-01-zstd-local/report-t.txt.gz")},
		{name: "arm64", path: fixtures + "karm64s4-21-ipi-all/trace.dat", text: whole(fixtures + "karm64s4-21-ipi-all/report-t.txt.gz")},
		{name: "perf script", text: whole(fixtures + "k612s4-40-perf/script.txt.gz")},
		{name: "perf script, Linux 7.2", text: whole(fixtures + "k72s4-41a-perf-g/script.txt.gz")},
		{name: "perf.data", path: fixtures + "k612s4-40-perf/perf-filter-z.data"},
		{name: "with losses", path: fixtures + "k612s4-07-lost/trace.dat"},
		{name: "trace_pipe with losses", text: whole(fixtures + "k612s4-32-trace_pipe/trace_pipe-lost.txt.gz")},
		{name: "two buffers", path: fixtures + "k612s4-06-multi/trace.dat", text: whole(fixtures + "k612s4-06-multi/report-t.txt.gz")},
		{name: "osnoise", text: whole(fixtures + "k72rts4-74c-rtla-osnoise/osnoise_trace.txt.gz")},
		{name: "timerlat", text: whole(fixtures + "k72rts4-74d-rtla-timerlat/timerlat_trace.txt.gz")},
		{name: "PREEMPT_RT", text: whole(fixtures + "k612rts4-01-zstd-local/report-t.txt.gz")},
		{name: "wall clock", text: whole(fixtures + "k612s4-05-date/report-t.txt.gz")},
		{name: "few sends", text: whole(fixtures + "k612s4-13-marker/report-t.txt.gz")},
		{name: "calls with sends", text: whole(fixtures + "k612s4-41n-perf-group-S/script.txt.gz"), path: fixtures + "k612s4-41n-perf-group-S/perf.data.zst"},
		{name: "s390x", text: whole(fixtures + "ks390x72s4-40-perf/script.txt.gz"), path: fixtures + "ks390x72s4-40-perf/perf.data.zst"},
		{name: "perf.data with losses", path: fixtures + "k618-perf/lossy.data.zst", text: whole(fixtures + "k618-perf/lossy.txt.gz")},
		{name: "static keys", text: whole(fixtures + "k612s4-51-statickey-before-1/report-t.txt.gz")},
		{name: "version 6", path: fixtures + "k612s4-04-v6-global/trace.dat.zst", bytes: whole(fixtures + "k612s4-04-v6-global/trace.dat.zst")},
	}
}

// whole is a fixture's text or bytes, unpacked.
func whole(path string) func() []byte {
	return sync.OnceValue(func() []byte {
		f, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		var r io.Reader
		if strings.HasSuffix(path, ".zst") {
			z, err := zstd.NewReader(f)
			if err != nil {
				panic(err)
			}
			defer z.Close()
			r = z
		} else if r, err = gzip.NewReader(f); err != nil {
			panic(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			panic(err)
		}
		return data
	})
}

// printed is what cat prints of a fixture, with the stacks of sends alone.
func printed(path string) func() []byte {
	return sync.OnceValue(func() []byte {
		out, _, _ := invoke(nil, "cat", "-t", path)
		isSend := false
		return append([]byte("cpus=4\n"), editEvents(out, func(_, name string, lines []string) []string {
			if name == "kernel_stack" && !isSend {
				return nil
			}
			isSend = strings.HasPrefix(name, "ipi_send_")
			return lines
		})...)
	})
}

// ftraced is a text of trace-cmd in the form of the kernel's file trace, of which
// the reader was too late for some events, as its marks and its header say
// (kernel/trace/trace.c, print_trace_header and test_cpu_buff_start).
func ftraced(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("cpus=4\n"))
	n := 0
	body := editEvents(text, func(_, name string, lines []string) []string {
		if n++; n%1000 == 0 {
			lines = append([]string{fmt.Sprintf("CPU:%d [LOST %d EVENTS]", n/1000%4, n/1000)}, lines...)
		}
		for i, l := range lines {
			if l = strings.TrimPrefix(l, "=> "); len(l) < len(lines[i]) {
				l, _, _ = strings.Cut(l, " (")
				lines[i] = " => " + l
			}
		}
		if name == "kernel_stack" {
			lines[0] = strings.TrimRight(strings.Replace(lines[0], "kernel_stack:         <stack trace >", "<stack trace>", 1), " ")
		}
		return lines
	})
	return fmt.Appendf(nil, "# tracer: nop\n#\n# entries-in-buffer/entries-written: %d/%d   #P:4\n#\n%s", n, n+1000, body)
}

// invoke runs the program.
func invoke(in []byte, args ...string) (out, said []byte, status int) {
	var o, e bytes.Buffer
	status = run(context.Background(), args, bytes.NewReader(in), &o, &e)
	return o.Bytes(), e.Bytes(), status
}

// A failer is a test, or a check of rapid.
type failer interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// verdicts are what the program concludes from a recording.
type verdicts struct {
	checks  map[string]checkJSON // by CPU and check
	lossy   bool                 // "at least"
	limited []string             // the budget, as flags
	figures figures
}

type checkJSON struct{ Result, CPU, Check, Limit, Measured string }

// concludeOf takes the verdicts of a recording: of what is read from standard
// input, or of a file with flags.
func concludeOf(t failer, limited []string, in []byte, flags ...string) verdicts {
	input := "-"
	if in == nil {
		input, flags = flags[0], flags[1:]
	}
	v := verdicts{checks: map[string]checkJSON{}, limited: limited}
	args := append(append([]string{"check", "--isolated", "2-3", "--allow-unknown-names", "--format", "json"}, limited...), flags...)
	out, said, status := invoke(in, append(args, input)...)
	var got struct{ Checks []checkJSON }
	if err := json.Unmarshal(out, &got); err == nil {
		for _, c := range got.Checks {
			v.checks[c.CPU+" "+c.Check+" "+c.Limit] = c
		}
	} else if status == 0 {
		t.Fatalf("check %s: no result, exit %d: %s", flags, status, said)
	}
	out, _, _ = invoke(in, append(append([]string{"report", "--isolated", "2-3"}, flags...), input)...)
	v.figures = figuresOf(in, flags, input)
	v.lossy = len(out) == 0 || bytes.Contains(out, []byte("at least ")) || bytes.Contains(out, []byte("but events are missing"))
	return v
}

// limitsOf makes limits that a recording fails or nearly fails: of each function
// and class, of all, and of times.
func limitsOf(t failer, in []byte, flags ...string) []string {
	input := "-"
	if in == nil {
		input, flags = flags[0], flags[1:]
	}
	limits := []string{"--max-handler", "1ms", "--min-quiet", "600ms", "--max", "all:1000", "--max-lost", "1000000000",
		"--max-interruption", "20ms", "--max-stolen", "50", "--max-delivery-p99", "1s", "--max", "interruption=all:1000000", "--max", "interruption=tick:100000",
		"--max", "interruption=timer:10000", "--max", "interruption=irq:1000", "--max", "interruption=softirq:100000", "--max", "interruption=task:100000"}
	names := map[string]bool{}
	out, said, _ := invoke(in, append(append([]string{"report", "--isolated", "2-3", "--by", "function,class", "--format", "json"}, flags...), input)...)
	var got struct {
		Groups []struct {
			Key  struct{ Function, Class string }
			Hits int
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, g := range got.Groups {
		for name := range strings.SplitSeq(g.Key.Function, "|") {
			names["function="+name] = true
		}
		names["class="+g.Key.Class] = true
	}
	for name := range names {
		if !strings.HasSuffix(name, "=unknown") {
			limits = append(limits, "--max", name+":0")
		}
	}
	return append(limits, "--max", "class=deferrable:100000", "--max", "function=do_sync_core:100000", "--max", "all:10000000")
}

// A crime is evidence taken away from one witness in one way.
type crime struct {
	name  string
	whole func() verdicts
	less  func(*rapid.T, verdicts) verdicts
}

// crimes are all that can be done.
func crimes(t failer) []crime {
	var list []crime
	for _, w := range witnesses() {
		base := func(in func() []byte, args ...string) func() verdicts {
			return sync.OnceValue(func() verdicts { return concludeOf(t, limitsOf(t, in(), args...), in(), args...) })
		}
		nothing := func() []byte { return nil }
		file, text, data := base(nothing, w.path), base(w.text), base(w.bytes)
		for _, s := range thefts() {
			what := w.name + " without " + s.name
			if s.args != nil && w.path != "" {
				list = append(list, crime{what + ", by flags", file, func(t *rapid.T, v verdicts) verdicts {
					return concludeOf(t, v.limited, nil, append([]string{w.path}, s.args...)...)
				}})
			}
			if s.edit != nil && w.text != nil {
				list = append(list, crime{what, text, func(t *rapid.T, v verdicts) verdicts {
					less := s.edit(t, w.text())
					if bytes.Equal(less, w.text()) {
						return v // there is no such thing in it
					}
					return concludeOf(t, v.limited, less)
				}})
			}
			if s.patch != nil && w.bytes != nil {
				list = append(list, crime{what, data, func(t *rapid.T, v verdicts) verdicts {
					return concludeOf(t, v.limited, s.patch(t, w.bytes()))
				}})
			}
		}
	}
	return list
}

// draws sets how many cases a property is tried with unless -rapid.checks says it.
func draws(t *testing.T, n string) {
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { flag.Set("rapid.checks", f.DefValue) })
}

// TestEvidenceLaw takes evidence away in every way there is.
func TestEvidenceLaw(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	draws(t, "24")
	all := crimes(t)
	law.Check(t, func(t *rapid.T) {
		c := all[rapid.IntRange(0, len(all)-1).Draw(t, "crime")]
		before := c.whole()
		holdLaw(t, before, c.less(t, before), c.name)
	})
}

// TestEvidenceLawTwice takes evidence away in two ways at once.
func TestEvidenceLawTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	draws(t, "6")
	texts := slices.DeleteFunc(witnesses(), func(w witness) bool { return w.text == nil })
	steps := slices.DeleteFunc(thefts(), func(s theft) bool { return s.edit == nil })
	law.Check(t, func(t *rapid.T) {
		w := rapid.SampledFrom(texts).Draw(t, "recording")
		less, what := w.text(), w.name
		for range 2 {
			s := rapid.SampledFrom(steps).Draw(t, "theft")
			less, what = s.edit(t, less), what+" without "+s.name
		}
		limited := limitsOf(t, w.text())
		holdLaw(t, concludeOf(t, limited, w.text()), concludeOf(t, limited, less), what)
	})
}

// holdLaw holds the law.
func holdLaw(t failer, before, after verdicts, what string) {
	for check, now := range after.checks {
		was, ok := before.checks[check]
		if ok && was.Result != "pass" && now.Result == "pass" {
			t.Errorf("%s: check of CPU %s was %s (%s) and is %s (%s)", what, check, was.Result, was.Measured, now.Result, now.Measured)
		}
		if ok && strings.HasPrefix(was.Measured, "at most ") && !strings.HasPrefix(now.Measured, "at most ") && !strings.HasPrefix(now.Measured, "about ") {
			t.Errorf("%s: CPU %s was quiet %s and is %s", what, check, was.Measured, now.Measured)
		}
		isNumber := now.Measured != "" && strings.Trim(now.Measured[:1], "0123456789") == ""
		if ok && strings.HasPrefix(was.Measured, "at least ") && isNumber && now.Result == "pass" {
			t.Errorf("%s: CPU %s was %s and is %s", what, check, was.Measured, now.Measured)
		}
	}
	if before.lossy && !after.lossy && after.isVouchedFor() {
		t.Errorf("%s: hits were at least so many, and are a number", what)
	}
	if a, b := &after.figures, &before.figures; after.isVouchedFor() && !a.isBound && a.hits < b.hits {
		t.Errorf("%s: there were %d hits, and now there are %d, and no more", what, b.hits, a.hits)
	}
	holdFigures(t, before.figures, after.figures, what)
}
