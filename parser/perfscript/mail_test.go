package perfscript

import (
	"bytes"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const prose = "Hi all,\n\nthis is what perf script says (see https://example.org/a=b):\n\n"

func quoteWith(q, s string) string {
	return q + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+q) + "\n"
}

// wrap breaks lines at the last blank before the limit, as mail clients do.
func wrap(s string, limit int) string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		for len(line) > limit {
			n := strings.LastIndex(line[:limit], " ")
			if n < 0 || strings.TrimSpace(line[:n]) == "" {
				break
			}
			out = append(out, line[:n])
			line = strings.TrimLeft(line[n:], " ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

var damage = map[string]func(text string) string{
	"prose": func(s string) string {
		return prose + s + "\nthoughts? The callback=x is what I do not get => help\n-- \nme\n"
	},
	"quote":       func(s string) string { return prose + quoteWith("> ", s) + "what is this about, then?\n" },
	"crlf":        func(s string) string { return strings.ReplaceAll(prose+s, "\n", "\r\n") },
	"nbsp":        func(s string) string { return prose + strings.ReplaceAll(s, "  ", "\u00a0 ") },
	"no tabs":     func(s string) string { return prose + strings.ReplaceAll(s, "\t", "    ") },
	"wrap":        func(s string) string { return prose + wrap(s, 76) },
	"quote, wrap": func(s string) string { return prose + quoteWith(">> ", wrap(s, 80)) },
	"wrap, quote": func(s string) string { return prose + wrap(quoteWith("> ", s), 78) },
	"quoted-printable": func(s string) string {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(prose + s))
		w.Close()
		return b.String()
	},
}

// TestDamage: a damaged text gives the events and stacks of the whole one.
func TestDamage(t *testing.T) {
	for _, name := range excerpts(t) {
		text := string(readFile(t, name))
		want := describe(open(t, text, Options{}))
		for what, f := range damage {
			in := f(text)
			s := open(t, in, Options{})
			if diff := cmp.Diff(want, describe(s)); diff != "" {
				t.Errorf("%s, %s:\n%s", name, what, diff[:min(len(diff), 3000)])
			}
			m := s.Table().Meta
			if m.LinesTaken+m.LinesLeft != s.in.Line() || m.LinesLeft < 3 || len(m.Notes) != 3 {
				t.Errorf("%s, %s: %d lines taken and %d left of %d, notes %q", name, what, m.LinesTaken, m.LinesLeft, s.in.Line(), m.Notes)
			}
			if !Sniff([]byte(in)) {
				t.Errorf("%s, %s: not recognised", name, what)
			}
		}
	}
}

// TestMailRaw: positions and raw lines are those of the mail.
func TestMailRaw(t *testing.T) {
	in := prose + quoteWith("> ", string(readFile(t, "script.txt")))
	var whole bytes.Buffer
	s := open(t, in, Options{Noise: func(line []byte) { whole.Write(line) }})
	for s.Scan() {
		whole.Write(s.Raw())
	}
	if whole.String() != in {
		t.Errorf("raw bytes differ:\n%s", cmp.Diff(in, whole.String()))
	}
}
