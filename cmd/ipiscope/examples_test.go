package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// exampleFiles are what the examples of the help read, and which fixtures do for them.
var exampleFiles = map[string]string{
	"trace.dat": "k612s4-12b-all-stack/trace.dat", "trace.txt": "k612s4-05-date/report-t.txt.gz", "osnoise_trace.txt": "k72rts4-74c-rtla-osnoise/osnoise_trace.txt.gz",
	"before.dat": "k612s4-02-zlib-mono/trace.dat", "after.dat": "k612s4-12b-all-stack/trace.dat", "good.dat": "k612s4-02-zlib-mono/trace.dat", "new.dat": "k612s4-06-multi/trace.dat",
	"b1.dat": "k612s4-02-zlib-mono/trace.dat", "b2.dat": "k612s4-04-v6-global/trace.dat.zst", "a1.dat": "k612s4-12b-all-stack/trace.dat", "a2.dat": "k612s4-06-multi/trace.dat",
	"base/1.dat": "k612s4-02-zlib-mono/trace.dat", "v1/1.dat": "k612s4-12b-all-stack/trace.dat", "v2/1.dat": "k612s4-06-multi/trace.dat",
	"before/1.dat": "k612s4-02-zlib-mono/trace.dat", "after/1.dat": "k612s4-12b-all-stack/trace.dat",
	"cyclictest.txt": "gaps/cyclictest-spike.txt",
}

// TestExamples runs every example of every help: none is refused, and those that judge
// nothing succeed. Of those that record, and need root, the flags are read.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program some fifty times")
	}
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	states := os.DirFS(filepath.Join(fixtures, "../docs/fleet/states"))
	t.Chdir(t.TempDir())
	for _, folder := range []string{"states", "rack1"} {
		if err := os.CopyFS(folder, states); err != nil {
			t.Fatal(err)
		}
	}
	for name, fixture := range exampleFiles {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(fixtures, fixture), name); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"budget.yaml": "max_hits_per_cpu_hour: 5000\n", "cmdline": "quiet nohz_full=2-3\n", "fleet.csv": "path,isolated\ntrace.dat,2-3\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, trace := range map[string]string{"base": "before.dat", "patched": "after.dat"} {
		if _, errs, status := said(t, "state", "--isolated", "2-3", "--for", "diff", "-o", folder+"/", trace); status != 0 {
			t.Fatal(errs)
		}
	}
	if _, errs, status := said(t, "state", "--isolated", "2-3", "--for", "html,latency", "-o", "pages", "before.dat", "after.dat"); status != 0 {
		t.Fatal(errs)
	}
	ran := 0
	for _, line := range allExamples(newRoot(cli.NewTerminal(nil, &bytes.Buffer{}, &bytes.Buffer{}))) {
		if runExample(t, line) {
			ran++
		}
	}
	if ran < 50 {
		t.Errorf("%d examples were run", ran)
	}
}

// allExamples are the lines of a command and of those below it. A command that can be
// run has some.
func allExamples(cmd *cobra.Command) []string {
	var lines []string
	for line := range strings.Lines(cmd.Example) {
		lines = append(lines, strings.TrimSpace(line))
	}
	for _, c := range cmd.Commands() {
		lines = append(lines, allExamples(c)...)
	}
	return lines
}

func runExample(t *testing.T, line string) bool {
	t.Helper()
	command, ok := strings.CutPrefix(line, "ipiscope ")
	if !ok {
		return false // of another program
	}
	for _, end := range []string{" | ", " > "} { // no quoted ones
		if i := strings.LastIndex(command, end); i >= 0 && !strings.Contains(command[i:], "'") {
			command = command[:i]
		}
	}
	command = strings.Replace(command, "/proc/cmdline", "cmdline", 1) // of a machine with isolated CPUs
	if strings.HasPrefix(command, "completion ") {
		return false // TestCompletion sources them
	}
	args, _, err := splitWords(command)
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return false
	}
	if records := args[0] == "live" || args[0] == "record"; records {
		cmd, rest, err := newRoot(cli.NewTerminal(nil, &bytes.Buffer{}, &bytes.Buffer{})).Find(args)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return true
	}
	var out, errw bytes.Buffer
	status := run(context.Background(), args, strings.NewReader(""), &out, &errw)
	judges := args[0] == "check" || strings.Contains(line, "--fail-on")
	if status != 0 && !(judges && (status == cli.ExitThreshold || status == cli.ExitPartial)) {
		t.Errorf("%s: exit status %d\n%s", line, status, &errw)
	}
	return true
}
