package perfscript

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// The reference reader: slow, regular expressions written from the format
// strings in tools/perf/builtin-script.c and tools/perf/util/evsel_fprintf.c.
var (
	refSample = regexp.MustCompile(`^ *(\S.*?)? +(?:(-?\d+)/)?(-?\d+) +\[(\d{3,5})\] +(?:[A-Za-z]+ +)?(\d+)\.(\d{6}|\d{9}): +(?:\d+ +)?(\S+): *(.*?) *$`)
	refFrame  = regexp.MustCompile(`^\t *([0-9a-f]+) (\S+)(?: \(([^()]*)\))?$`)
	refOffset = regexp.MustCompile(`\+0x[0-9a-f]+$`)
)

func reference(text string) (out []string) {
	stack, open, user := "", false, false
	last := map[string]string{} // what perf has forgotten of a task that exits
	flush := func() {
		if stack != "" {
			out = append(out, "stack"+stack)
		}
		stack, user = "", false
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		if m := refFrame.FindStringSubmatch(line); m != nil && open {
			if user = user || len(m[1]) < 16 || m[1][0] < '8'; !user {
				name := refOffset.ReplaceAllString(m[2], "")
				if name == "[unknown]" {
					name = "0x" + m[1]
				}
				stack += " " + name
			}
			continue
		}
		flush()
		m := refSample.FindStringSubmatch(line)
		if open = m != nil; !open {
			continue
		}
		if name, ok := last[m[3]]; ok && m[1] == ":"+m[3] {
			m[1] = name
		}
		last[m[3]] = m[1]
		tgid := "-1"
		if m[2] != "" {
			tgid = m[2]
		}
		cpu, _ := strconv.Atoi(m[4])
		ns, _ := strconv.ParseInt(m[5]+(m[6] + "000000000")[:9], 10, 64)
		out = append(out, fmt.Sprintf("%s|%s|%s|%d|%d|%s|%s", m[1], m[3], tgid, cpu, ns, m[7], m[8]))
	}
	flush()
	return out
}

// describe gives the reference's text for what the Source read.
func describe(s *Source) (out []string) {
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		if !ok {
			continue
		}
		t := e.Table()
		if !e.Schema().IsStack {
			out = append(out, fmt.Sprintf("%s|%d|%d|%d|%d|%s|%s", t.NameOf(e.Comm), e.PID, e.TGID, e.CPU, e.Time, e.Schema().FullName(), e.Payload()))
			continue
		}
		text := "stack"
		for _, f := range t.StackOf(e.Stack()) {
			text += " " + t.SymbolOf(f).Name
		}
		out = append(out, text)
	}
	return out
}

func TestAgainstReference(t *testing.T) {
	for _, name := range excerpts(t) {
		text := readFile(t, name)
		want := reference(string(text))
		if len(want) < 6 {
			t.Errorf("%s: the reference finds %d records", name, len(want))
		}
		if diff := cmp.Diff(want, describe(open(t, string(text), Options{}))); diff != "" {
			t.Errorf("%s (-reference +source):\n%s", name, diff)
		}
	}
}

// TestAgainstReferenceOnFiles does the same for the files that the environment
// names, so that it can be run on whole recordings.
func TestAgainstReferenceOnFiles(t *testing.T) {
	for _, f := range filepath.SplitList(os.Getenv("PERFSCRIPT_FILES")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(reference(string(b)), describe(open(t, string(b), Options{}))); diff != "" {
			t.Errorf("%s (-reference +source):\n%s", f, diff[:min(len(diff), 4000)])
		}
	}
}

func open(t testing.TB, text string, o Options) *Source {
	t.Helper()
	s, err := New(strings.NewReader(text), "x.txt", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func excerpts(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no excerpts", err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
