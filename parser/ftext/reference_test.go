package ftext

import (
	"bytes"
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

// The reference reader: slow, one regular expression per layout, written from
// the format strings in kernel/trace/trace_output.c and trace-cmd's
// tracecmd/trace-read.c. It reads the layouts whose lines name their event.
var (
	refTask    = regexp.MustCompile(`^(?:( *\S+): )?( *\S.*)-(\d+) +(?:\(([ \d-]+)\) )?\[(\d{3,})\](?:-0x([0-9a-f]+)| +([dDbX.][BNLbnlp.][ZzHhs.][0-9a-f.][0-9a-f.]))? *(\d+)(?:\.(\d+))?: +(.*)$`)
	refLatency = regexp.MustCompile(`^(?:( *\S+): )?( *\S.*)-(\d+) +(\d+)([dDbX.][BNLbnlp.][ZzHhs.][0-9a-f.][0-9a-f.]) *(\d+)(?:\.(\d+)|(us).)?: +(.*)$`)
	refName    = regexp.MustCompile(`^(\w+): *(.*)$`)
	refLoss    = regexp.MustCompile(`^CPU:(\d+) \[(?:LOST )?(?:(\d+) )?EVENTS(?: DROPPED)?\]$`)
	refFrame   = regexp.MustCompile(`^[ \t]?=> (.*?)(?: [(<][0-9a-f]+[)>])?$`)
	refAddress = regexp.MustCompile(`^([0-9][0-9a-f]{7,15}|[0-9a-f]{16})$`)
	refOffset  = regexp.MustCompile(`^([^+ ]+)\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?$`)
)

func reference(text string) (out []string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		if m := refFrame.FindStringSubmatch(line); m != nil {
			if n := len(out) - 1; n >= 0 {
				out[n] += " => " + refSymbol(m[1])
			}
			continue
		}
		if m := refLoss.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2])
			out = append(out, fmt.Sprintf("lost cpu %s n %d", m[1], n))
			continue
		}
		instance, comm, pid, tgid, cpu, flags, sec, frac, rest := "", "", "", "-1", "", "", "", "", ""
		if m := refTask.FindStringSubmatch(line); m != nil {
			instance, comm, pid, cpu, flags, sec, frac, rest = m[1], m[2], m[3], m[5], m[6]+m[7], m[8], m[9], m[10]
			if m[4] != "" && !strings.Contains(m[4], "-") {
				tgid = strings.TrimSpace(m[4])
			}
		} else if m := refLatency.FindStringSubmatch(line); m != nil {
			instance, comm, pid, cpu, flags, sec, frac, rest = m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[9]
			if m[8] != "" { // microseconds
				sec = sec + "000"
			}
		} else {
			continue
		}
		name, payload := refPayload(rest)
		n, _ := strconv.Atoi(strings.TrimLeft(cpu, "0") + "")
		ev := fmt.Sprintf("%s|%s-%s|%s|%d|%s|%s|%s: %s", strings.TrimSpace(instance), strings.TrimSpace(comm), pid, tgid, n, flags, refTime(sec, frac), name, strings.TrimSpace(payload))
		if i := strings.Index(payload, "=> "); name == "user_stack" && i >= 0 {
			ev += " => " + refSymbol(payload[i+3:])
		}
		out = append(out, ev)
	}
	return out
}

func refTime(sec, frac string) string {
	if frac == "" {
		return sec
	}
	v, _ := strconv.ParseInt(sec+(frac + "000000000")[:9], 10, 64)
	return strconv.FormatInt(v, 10)
}

func refSymbol(s string) string {
	if m := refOffset.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if refAddress.MatchString(s) { // unresolved, or 7fffffff, the trampoline's mark
		return "0x" + s
	}
	return s
}

func refPayload(rest string) (name, payload string) {
	m := refName.FindStringSubmatch(rest)
	switch {
	case strings.HasPrefix(rest, "<stack trace"):
		return "kernel_stack", rest
	case strings.HasPrefix(rest, "tracing_mark_write"):
		return "print", rest
	case m != nil:
		return m[1], m[2]
	case strings.Contains(rest, " <-"):
		return "function", rest
	case strings.HasPrefix(rest, "UNKNOWN TYPE "):
		return "type_" + rest[len("UNKNOWN TYPE "):], ""
	}
	return "?", rest
}

// describe gives the reference's text for what the Source read.
func describe(s *Source, flagsOf func(raw []byte) string) (out []string) {
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Lost:
			out = append(out, fmt.Sprintf("lost cpu %d n %d", r.CPU, r.N))
		case *trace.SyntaxError:
			out = append(out, "syntax "+r.Error())
		case *trace.Event:
			t := s.Table()
			payload, _, _ := bytes.Cut(r.Payload(), []byte("\n"))
			ev := fmt.Sprintf("%s|%s-%d|%d|%d|%s|%d|%s: %s", t.NameOf(r.Instance), t.NameOf(r.Comm), r.PID, r.TGID, r.CPU, flagsOf(s.Raw()), r.Time, r.Schema().Name, payload)
			for _, f := range t.StackOf(r.Stack()) {
				ev += " => " + t.SymbolOf(f).Name
			}
			out = append(out, ev)
		}
	}
	return out
}

// refFlags cuts the printed flags out of a raw line; TestFlags checks what they
// mean.
func refFlags(raw []byte) string {
	line, _, _ := strings.Cut(string(raw), "\n")
	if m := refTask.FindStringSubmatch(line); m != nil {
		return m[6] + m[7]
	}
	if m := refLatency.FindStringSubmatch(line); m != nil {
		return m[5]
	}
	return ""
}

// TestAgainstReference compares the two readers on every excerpt whose lines
// have a header and a name.
func TestAgainstReference(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no excerpts", err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		switch name {
		case "kernel-raw.txt", "kernel-hex.txt", "kernel-nocontext.txt", "kernel-function-graph.txt", "kernel-latency-verbose.txt", "mail-rfc.txt":
			continue // no such header, or wrapped: TestLayouts, TestMail
		}
		text := string(readFile(t, name))
		s := open(t, text, Options{})
		if diff := cmp.Diff(reference(text), describe(s, refFlags)); diff != "" {
			t.Errorf("%s (-reference +source):\n%s", name, diff)
		}
	}
}

// TestAgainstReferenceOnFiles does the same for the files that the environment
// names, so that it can be run on whole recordings.
func TestAgainstReferenceOnFiles(t *testing.T) {
	for _, f := range filepath.SplitList(os.Getenv("FTEXT_FILES")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, string(b), Options{})
		if diff := cmp.Diff(reference(string(b)), describe(s, refFlags)); diff != "" {
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
