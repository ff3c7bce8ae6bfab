package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// The evidence law: taking evidence away from a recording never makes a verdict
// of it better. A check that failed or was undecided does not pass then, and "at
// least" does not become a bare number.

// A witness is a recording that evidence is taken from: as a file, by flags, or
// as text, by editing it.
type witness struct {
	name string
	path string // of a file
	text func() []byte
}

// whole is a fixture's text.
func whole(path string) func() []byte {
	return sync.OnceValue(func() []byte {
		f, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			panic(err)
		}
		data, err := io.ReadAll(z)
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

// invoke runs the program.
func invoke(in []byte, args ...string) (out, said []byte, status int) {
	var o, e bytes.Buffer
	status = run(context.Background(), args, bytes.NewReader(in), &o, &e)
	return o.Bytes(), e.Bytes(), status
}

func witnesses() []witness {
	const fixtures = "../../fixtures/"
	return []witness{
		{"all events", fixtures + "k612s4-12b-all-stack/trace.dat", printed(fixtures + "k612s4-12b-all-stack/trace.dat")},
		{"sends with stacks", fixtures + "k612s4-02-zlib-mono/trace.dat", whole(fixtures + "k612s4-02-zlib-mono/report-t.txt.gz")},
		{"arm64", fixtures + "karm64s4-21-ipi-all/trace.dat", whole(fixtures + "karm64s4-21-ipi-all/report-t.txt.gz")},
		{"perf", "", whole(fixtures + "k612s4-40-perf/script.txt.gz")},
		{"with losses", fixtures + "k612s4-07-lost/trace.dat", nil},
	}
}

// verdicts are what the program concludes from a recording.
type verdicts struct {
	checks  map[string]string // by CPU and check
	lossy   bool              // "at least"
	limited []string          // the budget, as flags
}

type checkJSON struct {
	Checks []struct {
		Result, CPU, Check, Limit string
	}
}

// concludeOf takes the verdicts of a recording: of text, or of a file with flags.
func concludeOf(t interface{ Fatalf(string, ...any) }, limited []string, text []byte, flags ...string) verdicts {
	input := "-"
	if text == nil {
		input, flags = flags[0], flags[1:]
	}
	v := verdicts{checks: map[string]string{}, limited: limited}
	args := append(append([]string{"check", "--isolated", "2-3", "--allow-unknown-names", "--max-lost", "1000000000", "--format", "json"}, limited...), flags...)
	out, said, status := invoke(text, append(args, input)...)
	var got checkJSON
	if err := json.Unmarshal(out, &got); err == nil {
		for _, c := range got.Checks {
			v.checks[c.CPU+" "+c.Check+" "+c.Limit] = c.Result
		}
	} else if status == 0 {
		t.Fatalf("check %s: no result, exit %d: %s", flags, status, said)
	}
	out, _, _ = invoke(text, append(append([]string{"report", "--isolated", "2-3"}, flags...), input)...)
	v.lossy = bytes.Contains(out, []byte("at least ")) || bytes.Contains(out, []byte("but events are missing"))
	return v
}

// limitsOf makes limits that a recording fails or nearly fails: of each function
// and class, of all, and of times.
func limitsOf(t *testing.T, text []byte, flags ...string) []string {
	input := "-"
	if text == nil {
		input, flags = flags[0], flags[1:]
	}
	limits := []string{"--max-handler", "1ms", "--min-quiet", "600ms", "--max", "all:1000"}
	names := map[string]bool{}
	out, said, _ := invoke(text, append(append([]string{"report", "--isolated", "2-3", "--by", "function,class", "--format", "json"}, flags...), input)...)
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
	return append(limits, "--max", "class=deferrable:100000", "--max", "function=do_sync_core:100000")
}

// A theft is one way to take evidence away: args for files, edit for text.
type theft struct {
	name string
	args []string
	edit func(*rapid.T, []byte) []byte
}

// header is the line of an event: what comes before its name, the name, the rest.
var header = regexp.MustCompile(`^(.*?\[(\d+)\].*?[0-9]+\.[0-9]+: +(?:[a-z_]+:)?)([a-z_0-9]+):(.*)$`)

// editEvents edits the events of a text with the lines that belong to them, which
// are stacks. edit returns nil to take the event away.
func editEvents(text []byte, edit func(cpu, name string, lines []string) []string) []byte {
	var out []string
	var group []string
	flush := func() {
		if group == nil {
			return
		}
		m := header.FindStringSubmatch(group[0])
		out = append(out, edit(m[2], m[3], group)...)
		group = nil
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case header.MatchString(line):
			flush()
			group = []string{line}
		case group != nil:
			group = append(group, line)
		default:
			out = append(out, line)
		}
	}
	flush()
	return []byte(strings.Join(out, "\n") + "\n")
}

// without takes events away by name, all or every second one.
func without(match func(name string) bool, every int) func(*rapid.T, []byte) []byte {
	return func(_ *rapid.T, text []byte) []byte {
		n := 0
		return editEvents(text, func(_, name string, lines []string) []string {
			if !match(name) {
				return lines
			}
			if n++; n%every != 0 {
				return lines
			}
			return nil
		})
	}
}

func isAny(names ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return n == name || strings.HasSuffix(n, "*") && strings.HasPrefix(name, n[:len(n)-1])
		})
	}
}

// replaced edits all lines.
func replaced(pattern, by string) func(*rapid.T, []byte) []byte {
	re := regexp.MustCompile(pattern)
	return func(_ *rapid.T, text []byte) []byte { return re.ReplaceAll(text, []byte(by)) }
}

// sends are the events that tell of IPIs, first.
const kept = "ipi_send_cpu,ipi_send_cpumask,"

func thefts() []theft {
	frames := regexp.MustCompile(`^(\s*=>|\t\s*[0-9a-f]+ )`)
	cut := func(t *rapid.T, text []byte) []byte {
		most := rapid.IntRange(0, 12).Draw(t, "frames")
		return editEvents(text, func(_, _ string, lines []string) []string {
			n := 0
			return slices.DeleteFunc(lines, func(l string) bool {
				if frames.MatchString(l) {
					n++
				}
				return n > most && frames.MatchString(l)
			})
		})
	}
	return []theft{
		{"stacks", []string{"--events", kept + "csd_queue_cpu,csd_function_entry,csd_function_exit"}, without(isAny("kernel_stack"), 1)},
		{"every second stack", nil, without(isAny("kernel_stack"), 2)},
		{"frames", nil, cut},
		{"csd events", []string{"--events", kept + "kernel_stack"}, without(isAny("csd_*"), 1)},
		{"requests", []string{"--events", kept + "kernel_stack,csd_function_entry,csd_function_exit"}, without(isAny("csd_queue_cpu"), 1)},
		{"every second request", nil, without(isAny("csd_queue_cpu"), 2)},
		{"every second run", nil, without(isAny("csd_function_entry"), 2)},
		{"sends to sets", []string{"--events", "ipi_send_cpu,csd_queue_cpu,kernel_stack,csd_function_entry,csd_function_exit"}, without(isAny("ipi_send_cpumask"), 1)},
		{"sends to one", []string{"--events", "ipi_send_cpumask,csd_queue_cpu,kernel_stack"}, without(isAny("ipi_send_cpu"), 1)},
		{"all sends", []string{"--events", "csd_queue_cpu,kernel_stack,csd_function_entry"}, without(isAny("ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"), 1)},
		{"all but raises", []string{"--events", "ipi_raise"}, without(isAny("ipi_send_cpu", "ipi_send_cpumask"), 1)},
		{"receive events", nil, without(isAny("call_function_*", "reschedule_*", "irq_work_*", "ipi_entry", "ipi_exit"), 1)},
		{"interrupts", []string{"--events", kept + "csd_queue_cpu,csd_function_entry,csd_function_exit,sched_switch"}, without(isAny("local_timer_*", "irq_handler_*", "softirq_*"), 1)},
		{"switches", nil, without(isAny("sched_switch"), 1)},
		{"all but sends", []string{"--events", strings.TrimSuffix(kept, ",")}, without(func(name string) bool { return !strings.HasPrefix(name, "ipi_send") }, 1)},
		{"a CPU", []string{"--cpu", "0,2-3"}, nil},
		{"the senders", []string{"--cpu", "2-3"}, nil},
		{"the events of a CPU that sends", nil, func(t *rapid.T, text []byte) []byte {
			cpu := rapid.SampledFrom([]string{"000", "001"}).Draw(t, "cpu")
			return editEvents(text, func(of, _ string, lines []string) []string {
				if of == cpu {
					return nil
				}
				return lines
			})
		}},
		{"flags", nil, replaced(`(?m)^(.*\[\d+\] )\S{5,6} `, "$1")},
		{"the callsite", nil, replaced(` callsite=\S+`, "")},
		{"the callback", nil, replaced(` callback=\S+`, "")},
		{"the target's name", nil, replaced(` cpumask=`, " mask=")},
		{"the target's name, of one", nil, replaced(`(ipi_send_cpu: +)cpu=`, "${1}target=")},
		{"the set", nil, replaced(` cpumask=\S+`, " cpumask=524320")},
		{"symbols of callbacks", nil, replaced(`callback=[a-z]\S+`, "callback=0xffffffff81bc5c10")},
		{"symbols of stacks", nil, replaced(`(?m)^(\s*=> )\S+ \(([0-9a-f]+)\)`, "$1 0x$2")},
		{"symbols of calls", nil, replaced(`func=[a-z]\S+`, "func=0xffffffff81bc5c10")},
	}
}

// TestEvidenceLaw takes evidence away in every way above, and in two ways at
// once.
func TestEvidenceLaw(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	all := witnesses()
	type base struct{ text, file func() verdicts }
	bases := make([]base, len(all))
	for i, w := range all {
		if w.text == nil {
			w.text = func() []byte { return nil }
		}
		limits := sync.OnceValue(func() []string { return limitsOf(t, w.text()) })
		bases[i].text = sync.OnceValue(func() verdicts { return concludeOf(t, limits(), w.text()) })
		if w.path != "" {
			fileLimits := sync.OnceValue(func() []string { return limitsOf(t, nil, w.path) })
			bases[i].file = sync.OnceValue(func() verdicts { return concludeOf(t, fileLimits(), nil, w.path) })
		}
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // a check runs the program four times
		if err := flag.Set("rapid.checks", "12"); err != nil {
			t.Fatal(err)
		}
		defer flag.Set("rapid.checks", f.DefValue)
	}
	law.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(all)-1).Draw(t, "recording")
		w := all[i]
		steps := thefts()
		how := rapid.SliceOfNDistinct(rapid.IntRange(0, len(steps)-1), 1, 2, rapid.ID).Draw(t, "thefts")
		if step := steps[how[0]]; step.args != nil && w.path != "" && (w.text == nil || rapid.Bool().Draw(t, "file")) {
			before := bases[i].file()
			holdLaw(t, before, concludeOf(t, before.limited, nil, append([]string{w.path}, step.args...)...), w.name+" without "+step.name)
			return
		}
		if w.text == nil {
			return
		}
		text, what := w.text(), w.name
		for _, h := range how {
			if step := steps[h]; step.edit != nil {
				text = step.edit(t, text)
				what += " without " + step.name
			}
		}
		before := bases[i].text()
		holdLaw(t, before, concludeOf(t, before.limited, text), what)
	})
}

// holdLaw holds the law.
func holdLaw(t interface{ Errorf(string, ...any) }, before, after verdicts, what string) {
	for check, result := range after.checks {
		if was, ok := before.checks[check]; ok && was != "pass" && result == "pass" {
			t.Errorf("%s: check of CPU %s was %s and is %s", what, check, was, result)
		}
	}
	if before.lossy && !after.lossy {
		t.Errorf("%s: hits were at least so many, and are a number", what)
	}
}
