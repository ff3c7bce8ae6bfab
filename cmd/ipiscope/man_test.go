package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/manual"
)

const manDir = "../../docs/man"

// TestManualPages: docs/man has the page of every command, as its help is now,
// and no other. -update writes them.
func TestManualPages(t *testing.T) {
	want := map[string][]byte{}
	for _, cmd := range manualCommands() {
		want[manual.Name(cmd)+".1"] = manual.Page(cmd, factsOf(cmd))
	}
	if *update {
		writePages(t, want)
	}
	files, err := filepath.Glob(manDir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if want[filepath.Base(file)] == nil {
			t.Errorf("%s is the page of no command: go test ./cmd/ipiscope -run Manual -update removes it", file)
		}
	}
	for name, page := range want {
		got, err := os.ReadFile(filepath.Join(manDir, name))
		if err != nil || !bytes.Equal(got, page) {
			t.Errorf("%s is not what the command's help says (%v): go test ./cmd/ipiscope -run Manual -update", name, err)
		}
	}
}

func writePages(t *testing.T, pages map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(manDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(manDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(manDir, name), page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func manualCommands() []*cobra.Command {
	return manual.Commands(newRoot(cli.NewTerminal(strings.NewReader(""), io.Discard, io.Discard)))
}

// factsOf is what a page says besides the command's help.
func factsOf(cmd *cobra.Command) manual.Facts {
	f := manual.Facts{SeeAlso: []string{"trace-cmd-record(1)", "trace-cmd-report(1)", "perf-script(1)"}}
	has := func(name string) bool { return cmd.Flags().Lookup(name) != nil }
	f.Exit = []manual.Entry{
		{Term: "0", Text: "all is well"},
		{Term: "1", Text: "something could not be read or written, or the command was interrupted; what could be read was reported"},
		{Term: "2", Text: "the command line or an expression is wrong"},
	}
	if has("strict") {
		f.Exit = append(f.Exit, manual.Entry{Term: "3", Text: "with --strict: events were lost, lines are bad or an input is incomplete"})
	}
	if has("fail-on") || cmd.Name() == "check" && has("budget") {
		f.Exit = append(f.Exit, manual.Entry{Term: "4", Text: "a threshold was exceeded"})
	}
	f.Keys = keysOf(cmd)
	if has("format") || has("isolated") {
		f.Environment = []manual.Entry{
			{Term: "NO_COLOR", Text: "if it is set, nothing is coloured (https://no-color.org)"},
			{Term: "TERM", Text: "if it is dumb, nothing is coloured and no progress is shown"},
		}
	}
	for _, file := range []struct{ flag, path, text string }{
		{"trim", "trace.dat", "a recording of trace-cmd, of version 6 or 7, plain or packed with gzip, xz, zstd or bzip2; inputs are recognised by content, and - is standard input"},
		{"isolated", "/sys/devices/system/cpu/nohz_full, /sys/devices/system/cpu/isolated", "the sets that --isolated auto takes"},
		{"isolated", "/proc/cmdline", "a kernel command line, for --isolated"},
		{"event-formats", "/sys/kernel/tracing/events", "a folder for --event-formats"},
		{"symbols", "/proc/kallsyms", "the running kernel's symbols, for --symbols; only root sees the addresses"},
		{"interrupts", "/proc/interrupts", "two copies of it are for --interrupts"},
	} {
		if has(file.flag) {
			f.Files = append(f.Files, manual.Entry{Term: file.path, Text: file.text})
		}
	}
	return f
}

// keysOf explains the keys that the help of --by lists.
func keysOf(cmd *cobra.Command) (all []manual.Entry) {
	by := cmd.Flags().Lookup("by")
	if by == nil {
		return nil
	}
	_, list, _ := strings.Cut(by.Usage, ": ")
	for _, name := range strings.Fields(list) {
		for k := key.Key(0); k < key.Num; k++ {
			if k.String() == name {
				all = append(all, manual.Entry{Term: name, Text: k.Doc()})
			}
		}
	}
	return all
}

// TestManualPagesAreClean: man and mandoc have nothing to say about the pages.
func TestManualPagesAreClean(t *testing.T) {
	pages, err := filepath.Glob(manDir + "/*.1")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, tool := range [][]string{{"mandoc", "-T", "lint", "-W", "warning"}, {"groff", "-man", "-ww", "-z", "-K", "utf8"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			t.Logf("no %s here", tool[0])
			continue
		}
		if out, err := exec.Command(tool[0], append(tool[1:], pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %v\n%s", tool, err, out)
		}
	}
}

// TestManualPagesSay holds what every page must have.
func TestManualPagesSay(t *testing.T) {
	for _, cmd := range manualCommands() {
		text := string(manual.Page(cmd, factsOf(cmd)))
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(text, `.SH "`+section+`"`) {
				t.Errorf("%s has no %s", manual.Name(cmd), section)
			}
		}
		if cmd.Flags().Lookup("isolated") != nil && cmd.Example == "" {
			t.Errorf("%s has no examples", manual.Name(cmd))
		}
		for _, name := range regexp.MustCompile(`(?m)^\.BR (ipiscope\S*) \(1\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(manDir, name[1]+".1")); err != nil {
				t.Errorf("%s names a page that is not there: %v", manual.Name(cmd), err)
			}
		}
	}
}
