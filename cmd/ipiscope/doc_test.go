package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// omitted is a line of a document that stands for any number of lines of output,
// none too. At the end of a line it stands for the rest of that line.
const omitted = "…"

// TestDocs runs the commands that the documents show, at the top of the project
// as a reader would, and holds what they print, errors too, against what the
// documents show below them. -update rewrites what has nothing left out.
//
// Of a block of code whose first line begins with "$ ", these lines are run:
//
//	$ ipiscope ARG...       with quotes, "< FILE" and a line that goes on after "\"
//	$ cat FILE
//	$ echo $?               must follow a command that does not exit with 0
//
// What other commands print is not looked at.
func TestDocs(t *testing.T) {
	t.Chdir("../..")
	for _, name := range documents(t) {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			sessions := shownSessions(lines)
			for _, s := range slices.Backward(sessions) { // -update changes what lies behind
				got := s.run(t, name)
				shown := s.shown(lines)
				switch {
				case showsAs(shown, got):
				case *update && !slices.ContainsFunc(shown, isShortened):
					lines = slices.Replace(lines, s.from, s.to, s.indented(got)...)
				default:
					t.Errorf("%s:%d: $ %s\nshown (-), printed (+):\n%s", name, s.from, s.command, cmp.Diff(shown, got))
				}
			}
			if after := strings.Join(lines, "\n"); after != string(text) {
				if err := os.WriteFile(name, []byte(after), 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestDocsHaveCommands keeps TestDocs from passing because it finds nothing.
func TestDocsHaveCommands(t *testing.T) {
	t.Chdir("../..")
	for name, least := range map[string]int{"README.md": 1, "docs/guide.md": 20, "docs/worked-example.md": 2} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(shownSessions(strings.Split(string(text), "\n"))); n < least {
			t.Errorf("%s: %d commands found, want at least %d", name, n, least)
		}
	}
}

// TestReadmeCommands: the README has the two commands that a newcomer needs and
// no third one, and the first of them works. (.ci/run runs both in a clone.)
func TestReadmeCommands(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "go ") {
			commands = append(commands, line)
		}
	}
	const program = "go run ./cmd/ipiscope "
	if len(commands) != 2 || !strings.HasPrefix(commands[0], program+"report --isolated ") || commands[1] != "go test ./..." {
		t.Fatalf("commands of README.md: %q", commands)
	}
	s := session{command: "ipiscope " + strings.TrimPrefix(commands[0], program)}
	if got := s.run(t, "README.md"); len(got) < 5 {
		t.Errorf("%s: printed %q", commands[0], got)
	}
}

// TestReadmeWalk: who has the README alone records, reports, records again, compares and
// checks, in five commands. A recording is not made, but its command is taken, and the
// others get two that are here.
func TestReadmeWalk(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const side = "fixtures/k612s4-51-statickey-%s-1/report-t.txt.gz"
	here := strings.NewReplacer("2-79", "2-3", "before.dat", fmt.Sprintf(side, "before"), "after.dat", fmt.Sprintf(side, "after"))
	var walked []string
	for line := range strings.Lines(string(text)) {
		words, ok := strings.CutPrefix(line, "    ipiscope ")
		if !ok {
			continue
		}
		args := strings.Fields(here.Replace(words))
		if args[0] == "record" {
			args = slices.Insert(args, 1, "--trace-cmd", "--kernel", "6.12") // prints the same recording for trace-cmd
		}
		var out, errs bytes.Buffer
		if status := run(t.Context(), args, strings.NewReader(""), &out, &errs); status != 0 || out.Len() == 0 {
			t.Errorf("%s: status %d, prints %q, %s", strings.TrimSpace(line), status, out.String(), &errs)
		}
		walked = append(walked, args[0])
	}
	if want := []string{"record", "report", "record", "diff", "check"}; !slices.Equal(walked, want) {
		t.Errorf("the README has the commands %v, want %v", walked, want)
	}
	if lines := strings.Count(string(text), "\n"); lines > 50 {
		t.Errorf("the README has %d lines, which is more than a screen", lines)
	}
}

// documents lists what TestDocs reads.
func documents(t *testing.T) []string {
	names := []string{"README.md"}
	err := filepath.WalkDir("docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A session is a command in a document with what it prints, in lines[from:to].
type session struct {
	command  string
	status   int // that the document says it exits with
	from, to int
	indent   string
}

// shownSessions finds the commands in the code blocks of a document: between
// fences, or indented by four spaces.
func shownSessions(lines []string) []session {
	var all []session
	for i := 0; i < len(lines); {
		from, to, next, indent := codeBlock(lines, i)
		if from < to && strings.HasPrefix(lines[from], indent+"$ ") {
			all = append(all, sessionsOf(lines, from, to, indent)...)
		}
		i = next
	}
	return all
}

// codeBlock returns the lines of the block that begins with line i, none if
// that is text, and where to go on.
func codeBlock(lines []string, i int) (from, to, next int, indent string) {
	const four = "    "
	switch {
	case strings.HasPrefix(lines[i], "```"):
		end := i + 1
		for end < len(lines) && lines[end] != "```" {
			end++
		}
		return i + 1, end, end + 1, ""
	case strings.HasPrefix(lines[i], four):
		end := i
		for end < len(lines) && (lines[end] == "" || strings.HasPrefix(lines[end], four)) {
			end++
		}
		return i, end, end, four
	}
	return i, i, i + 1, ""
}

func sessionsOf(lines []string, from, to int, indent string) []session {
	var all []session
	for i := from; i < to; {
		command := strings.TrimPrefix(lines[i], indent+"$ ")
		for i++; strings.HasSuffix(command, "\\") && i < to; i++ {
			command = strings.TrimSuffix(command, "\\") + strings.TrimPrefix(lines[i], indent)
		}
		end := i
		for end < to && !strings.HasPrefix(lines[end], indent+"$ ") {
			end++
		}
		program, _, _ := strings.Cut(command, " ")
		switch {
		case command == "echo $?" && len(all) > 0 && i < end:
			_, _ = fmt.Sscan(lines[i], &all[len(all)-1].status) // else 0, and the session fails
		case program == "ipiscope" || program == "cat":
			all = append(all, session{command: command, from: i, to: withoutBlank(lines, i, end), indent: indent})
		}
		i = end
	}
	return all
}

// withoutBlank returns the end of lines[from:to] without its last empty lines.
func withoutBlank(lines []string, from, to int) int {
	for to > from && lines[to-1] == "" {
		to--
	}
	return to
}

// shown is what the document shows of the output.
func (s *session) shown(lines []string) []string {
	var out []string
	for _, line := range lines[s.from:s.to] {
		out = append(out, strings.TrimRight(strings.TrimPrefix(line, s.indent), " "))
	}
	return out
}

// indented is shown backwards.
func (s *session) indented(out []string) []string {
	var lines []string
	for _, line := range out {
		if line != "" {
			line = s.indent + line
		}
		lines = append(lines, line)
	}
	return lines
}

// run carries the command out and returns what it prints.
func (s *session) run(t *testing.T, name string) []string {
	words, stdin, err := splitWords(s.command)
	if err != nil {
		t.Fatalf("%s:%d: $ %s: %v", name, s.from, s.command, err)
	}
	var in io.Reader = strings.NewReader("")
	if stdin != "" {
		f, err := os.Open(stdin)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in = f
	}
	var out bytes.Buffer
	if words[0] == "cat" {
		text, err := os.ReadFile(words[1])
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	} else if got := run(context.Background(), words[1:], in, &out, &out); got != s.status {
		t.Errorf("%s:%d: $ %s: exit status %d, the document says %d", name, s.from, s.command, got, s.status)
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines[:withoutBlank(lines, 0, len(lines))]
}

// splitWords splits a command as a shell does, as far as the documents need it:
// quotes, and standard input from a file.
func splitWords(command string) (words []string, stdin string, err error) {
	var word strings.Builder
	var quote rune
	open := false // a word was begun
	end := func() {
		if open {
			words = append(words, word.String())
			word.Reset()
			open = false
		}
	}
	for _, c := range command {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ':
			end()
		case strings.ContainsRune("|>&;$`*?\\", c):
			return nil, "", fmt.Errorf("%q is more than this test knows of shells", c)
		default:
			word.WriteRune(c)
			open = true
		}
	}
	end()
	if quote != 0 {
		return nil, "", fmt.Errorf("no closing %q", quote)
	}
	if i := slices.Index(words, "<"); i >= 0 && i+2 == len(words) {
		words, stdin = words[:i], words[i+1]
	}
	return words, stdin, nil
}

// isShortened reports whether a document's line leaves something out.
func isShortened(line string) bool { return strings.HasSuffix(line, omitted) }

// showsAs reports whether a document may show got as shown.
func showsAs(shown, got []string) bool {
	for i, line := range shown {
		if strings.TrimSpace(line) == omitted {
			for j := i; j <= len(got); j++ {
				if showsAs(shown[i+1:], got[j:]) {
					return true
				}
			}
			return false
		}
		if i >= len(got) || !sameLine(line, got[i]) {
			return false
		}
	}
	return len(shown) == len(got)
}

func sameLine(shown, got string) bool {
	if begin, ok := strings.CutSuffix(shown, omitted); ok && strings.HasPrefix(got, begin) {
		return true
	}
	return shown == got
}

// TestDocsShow holds the comparison itself.
func TestDocsShow(t *testing.T) {
	for _, c := range []struct {
		shown, got string
		want       bool
	}{
		{"a|b", "a|b", true},
		{"a|b", "a|b|c", false},
		{"a|b|c", "a|b", false},
		{"a|…", "a|b|c", true},
		{"a|…", "a", true},
		{"…|c", "a|b|c", true},
		{"a|…|c|…|e", "a|c|b|c|d|e", true},
		{"a|…|c", "a|b", false},
		{"abc…|d", "abcde|d", true},
		{"abc…|d", "abx|d", false},
		{"… and 5 more", "… and 5 more", true},
		{"… and 5 more", "… and 6 more", false},
	} {
		if got := showsAs(strings.Split(c.shown, "|"), strings.Split(c.got, "|")); got != c.want {
			t.Errorf("%q as %q: %v", c.got, c.shown, got)
		}
	}
	words, stdin, err := splitWords(`ipiscope cat  -F 'a & CPUS{2-3}' "" - < x.gz`)
	if want := []string{"ipiscope", "cat", "-F", "a & CPUS{2-3}", "", "-"}; err != nil || stdin != "x.gz" || !slices.Equal(words, want) {
		t.Errorf("%q %q %v", words, stdin, err)
	}
	for _, more := range []string{"ipiscope | cat", "ipiscope 'x", "ipiscope *.dat"} {
		if _, _, err := splitWords(more); err == nil {
			t.Errorf("%s: no error", more)
		}
	}
}
