package parser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// perCPU takes a kernel's text apart as per_cpu/cpuN/trace has it: each with the
// header, the events of one CPU and their stacks.
func perCPU(t *testing.T, text string) (parts map[int]string) {
	t.Helper()
	header := regexp.MustCompile(`^(#.*\n)+`).FindString(text)
	cpu := regexp.MustCompile(`^.{16}-\d+ +\[(\d+)\]`)
	parts = map[int]string{}
	at := -1
	for _, line := range strings.SplitAfter(text[len(header):], "\n") {
		if m := cpu.FindStringSubmatch(line); m != nil {
			fmt.Sscan(strings.TrimLeft(m[1], "0")+"", &at)
			if strings.Trim(m[1], "0") == "" {
				at = 0
			}
			if parts[at] == "" {
				parts[at] = header
			}
		}
		if at >= 0 && line != "" && !strings.HasPrefix(line, "#####") {
			parts[at] += line
		}
	}
	return parts
}

// eventsOf reads all of an input: its events with their stacks.
func eventsOf(t *testing.T, path string, o Options) (out []string, err error) {
	t.Helper()
	src, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			line := fmt.Sprint(r.Time, r.CPU, r.PID, " ", r.Schema().Name, " ", string(r.Payload()))
			if id := r.Stack(); id != 0 {
				line += fmt.Sprint(len(src.Table().StackOf(id)))
			}
			out = append(out, line)
		default:
			out = append(out, fmt.Sprintf("%T", r))
		}
	}
	return out, src.Err()
}

// TestPerCPU: the files of per_cpu are one recording, one after the other, given as
// files and in their folder. The kernel's file trace, which holds all CPUs in order,
// tells what must come.
func TestPerCPU(t *testing.T) {
	whole := filepath.Join("ftext", "testdata", "kernel-default.txt")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	clean := regexp.MustCompile(`(?m)^(#####|# entries).*\n`).ReplaceAllString(string(text), "")
	// each event with a stack, as the option stacktrace prints them
	clean = regexp.MustCompile(`(?m)^([^#\n].*?[0-9]{6}: )(\w+): .*\n`).ReplaceAllString(clean, "$0$1<stack trace>\n => $2\n => do_syscall_64\n")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want, err := eventsOf(t, write("whole.txt", clean), Options{})
	if err != nil || len(want) < 20 {
		t.Fatal(len(want), err)
	}
	parts := perCPU(t, clean)
	if len(parts) < 2 {
		t.Fatalf("%d CPUs", len(parts))
	}
	var joined bytes.Buffer
	for cpu := range 4 {
		if parts[cpu] == "" { // as of a CPU that recorded nothing
			parts[cpu] = regexp.MustCompile(`^(#.*\n)+`).FindString(clean)
		}
		joined.WriteString(parts[cpu])
		write(fmt.Sprintf("t/per_cpu/cpu%d/trace", cpu), parts[cpu])
	}
	check := func(name string, got []string, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got:\n%.2000s", name, err, diff)
		}
	}
	got, err := eventsOf(t, write("joined.txt", joined.String()), Options{})
	check("one behind the other", got, err)
	for _, folder := range []string{"t", "t/per_cpu"} {
		traces, _, err := Expand([]string{filepath.Join(dir, folder)})
		if err != nil || len(traces) != 4 {
			t.Fatalf("%s: %q, %v", folder, traces, err)
		}
		name, files := Together(traces)
		if name != filepath.Join(dir, "t", "per_cpu") {
			t.Errorf("%s is called %q", folder, name)
		}
		got, err = eventsOf(t, name, Options{Parts: map[string][]string{name: files}})
		check(folder, got, err)
	}
	// a text with a file for each CPU that no name tells
	mine := []string{write("a.log", parts[0]), write("b.log", parts[1])}
	if name, files := Together(mine); name != mine[0]+" and 1 more" || !slices.Equal(files, mine) {
		t.Errorf("%q, %q", name, files)
	}
	// other recordings: at another time, or of the same CPU
	later := regexp.MustCompile(`(?m) +(\d+)\.(\d{6}): `).ReplaceAllString(parts[1], " 9$1.$2: ")
	for _, other := range []string{later, parts[0], clean} {
		if name, _ := Together([]string{mine[0], write("c.log", other)}); name != "" {
			t.Errorf("read together: %q", name)
		}
		src, err := Open(write("d.log", parts[0]+other), Options{})
		if err != nil {
			t.Fatal(err)
		}
		restarts := 0
		for src.Scan() {
			if _, ok := src.Record().(*trace.Restart); ok {
				restarts++
			}
		}
		src.Close()
		if restarts == 0 {
			t.Error("read as one recording")
		}
	}
}

// TestPerCPUHint: what nobody looks at is passed over in the texts of single CPUs, too:
// the sends and their stacks are those of the whole text.
func TestPerCPUHint(t *testing.T) {
	const header = "# tracer: nop\n#\n"
	var whole strings.Builder
	parts := map[int]*strings.Builder{}
	whole.WriteString(header)
	for i := range 4000 {
		cpu := i * 7 % 40
		head := fmt.Sprintf("            bash-%-5d [%03d] d..1.     7.%06d: ", 100+cpu, cpu, i)
		text := head + "sched_waking: comm=x pid=1 prio=120 target_cpu=001\n"
		if i%50 == 0 {
			text = head + "ipi_send_cpu: cpu=1 callsite=f+0x1/0x2 callback=g+0x0/0x9\n" + head + "<stack trace>\n => f\n => h\n"
		}
		if parts[cpu] == nil {
			parts[cpu] = &strings.Builder{}
			parts[cpu].WriteString(header)
		}
		whole.WriteString(text)
		parts[cpu].WriteString(text)
	}
	dir := t.TempDir()
	var joined strings.Builder
	for cpu := range 40 {
		joined.WriteString(parts[cpu].String())
	}
	read := func(name, text string) (sends []string, passed uint64) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		h, ok := trace.As[trace.Hinter](src)
		if !ok {
			t.Fatalf("%s takes no hint", name)
		}
		h.Hint(trace.Hint{Want: trace.Want{Events: []string{"ipi_send_cpu"}, Stacks: []string{"ipi_send_cpu"}}})
		for src.Scan() {
			switch r := src.Record().(type) {
			case *trace.Skipped:
				passed += r.N
			case *trace.Event:
				if r.Schema().Name != "sched_waking" { // the first of each CPU comes in any case
					sends = append(sends, fmt.Sprint(r.Time, r.CPU, r.Schema().Name, len(src.Table().StackOf(r.Stack()))))
				}
			default:
				t.Errorf("%s: %T", name, r)
			}
		}
		return sends, passed
	}
	want, _ := read("whole", whole.String())
	got, passed := read("joined", joined.String())
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 160 || passed < 3000 {
		t.Errorf("%d events of sends, %d passed over; -whole +joined:\n%.1000s", len(want), passed, diff)
	}
}

// TestPerCPUDamage: what is wrong within one of the texts is said with its place.
func TestPerCPUDamage(t *testing.T) {
	const header = "# tracer: nop\n#\n"
	line := func(cpu int, at string) string {
		return fmt.Sprintf("            bash-%d   [%03d] d..1.     %s: ipi_send_cpu: cpu=1 callsite=f+0x1/0x2 callback=g+0x0/0x9\n", 100+cpu, cpu, at)
	}
	path := filepath.Join(t.TempDir(), "x")
	text := header + line(0, "7.000001") + line(0, "7.000009") + header + line(1, "7.000002") + "=> stray\nnot a line at all\n" + line(1, "7.000003")[:60]
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	src, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			got = append(got, fmt.Sprint("event ", r.At.Line))
		case *trace.SyntaxError:
			got = append(got, fmt.Sprint("bad ", r.At.Line))
		}
	}
	if want := []string{"event 3", "event 7", "bad 8", "bad 10", "event 4"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := src.Err(); err == nil || !strings.Contains(err.Error(), ":10") {
		t.Errorf("error %v", err)
	}
}
