package parser

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// withPrefix puts before each line what f says for its number.
func withPrefix(f func(n int, line string) string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for i, line := range strings.SplitAfter(text, "\n") {
			if line != "" {
				b.WriteString(f(i, line) + line)
			}
		}
		return b.String()
	}
}

// manglings are what programs and people do to all lines of a text. The shapes
// are those of the programs' manuals: ts(1), cat(1), nl(1), grep(1), dmesg(1),
// journalctl(1), kubectl-logs(1), the CRI's log format, docker-compose(1), vim's
// 'number', bat(1), pstore's dmesg files, diff(1).
var manglings = map[string]func(string) string{
	"ts":         withPrefix(func(n int, _ string) string { return fmt.Sprintf("Feb %02d 10:%02d:%02d ", 3+n/40, n%60, n*7%60) }),
	"ts %.s":     withPrefix(func(n int, _ string) string { return fmt.Sprintf("%d.%06d ", 1770113472+n, n*31) }),
	"ts elapsed": withPrefix(func(n int, _ string) string { return fmt.Sprintf("00:00:%02d ", n%60) }),
	"GitHub":     withPrefix(func(n int, _ string) string { return fmt.Sprintf("2026-01-05T19:14:%02d.%07dZ ", n%60, n*991) }),
	"ISO":        withPrefix(func(n int, _ string) string { return fmt.Sprintf("2026-01-05T19:14:%02d,%06d+01:00 ", n%60, n*991) }),
	"cat -n":     withPrefix(func(n int, _ string) string { return fmt.Sprintf("%6d\t", n+1) }),
	"vim number": withPrefix(func(n int, _ string) string { return fmt.Sprintf("%3d ", n+1) }),
	"bat":        withPrefix(func(n int, _ string) string { return fmt.Sprintf("%4d   │ ", n+1) }),
	"less -N":    withPrefix(func(n int, _ string) string { return fmt.Sprintf("%7d ", n+1) }),
	"grep -n":    withPrefix(func(n int, _ string) string { return fmt.Sprintf("%d:", n+1) }),
	"grep -nH":   withPrefix(func(n int, _ string) string { return fmt.Sprintf("run/trace-1.txt:%d:", n+1) }),
	"grep -H":    withPrefix(func(int, string) string { return "trace.txt:" }),
	"grep -nC":   withPrefix(func(n int, line string) string { return fmt.Sprintf("%d%c", n+1, ":-"[n&1]) }),
	"dmesg":      withPrefix(func(n int, _ string) string { return fmt.Sprintf("[%5d.%06d] ", 96+n, n*31) }),
	"dmesg -T":   withPrefix(func(n int, _ string) string { return fmt.Sprintf("[Tue Feb %2d 10:11:%02d 2026] ", 3+n/20, n%60) }),
	"dmesg -x": withPrefix(func(n int, _ string) string {
		return fmt.Sprintf("kern  :%-6s: [%5d.%06d] ", []string{"info", "warn", "notice"}[n%3], 96+n, n)
	}),
	"caller": withPrefix(func(n int, _ string) string { return fmt.Sprintf("[%5d.%06d][%6s] ", 96+n, n, "T202") }),
	"pstore": withPrefix(func(n int, _ string) string { return fmt.Sprintf("<%d>[%5d.%06d] ", n%7, 96+n, n) }),
	"journal": withPrefix(func(n int, _ string) string {
		return fmt.Sprintf("Feb %2d 10:11:%02d rt-host-1 kernel: ", 9+n/20, n%60)
	}),
	"journal iso": withPrefix(func(n int, _ string) string {
		return fmt.Sprintf("2026-02-03T10:11:%02d+0100 rt-host-1 trace[%d]: ", n%60, 4711)
	}),
	"CRI":     withPrefix(func(n int, _ string) string { return fmt.Sprintf("2026-02-03T10:11:12.%09dZ stdout F ", n*77777) }),
	"kubectl": withPrefix(func(int, string) string { return "[pod/tracer-7d9f/tracer] " }),
	"kubectl stamp": withPrefix(func(n int, _ string) string {
		return fmt.Sprintf("[pod/tracer-x/tracer] 2026-02-03T10:11:12.%09dZ ", n*77777)
	}),
	"compose":   withPrefix(func(int, string) string { return "tracer-1  | " }),
	"serial":    withPrefix(func(n int, _ string) string { return fmt.Sprintf("[2026-02-03 10:11:%02d.%03d] ", n%60, n) }),
	"minicom":   withPrefix(func(n int, _ string) string { return fmt.Sprintf("[10:11:%02d] ", n%60) }),
	"initials":  withPrefix(func(int, string) string { return "VS> " }),
	"bar":       withPrefix(func(int, string) string { return "| " }),
	"quote":     withPrefix(func(int, string) string { return "> > " }),
	"plus":      withPrefix(func(int, string) string { return "+" }),
	"minus":     withPrefix(func(int, string) string { return "-" }),
	"diff":      withPrefix(func(n int, _ string) string { return " +"[n&1 : n&1+1] }),
	"diff <":    withPrefix(func(int, string) string { return "< " }),
	"comment":   withPrefix(func(int, string) string { return "// " }),
	"indent 4":  withPrefix(func(int, string) string { return "    " }),
	"indent 10": withPrefix(func(int, string) string { return "          " }),
	"tab":       withPrefix(func(int, string) string { return "\t" }),

	"crlf":        func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"crcrlf":      func(s string) string { return strings.ReplaceAll(s, "\n", "\r\r\n") },
	"blank lines": func(s string) string { return strings.ReplaceAll(s, "\n", "\n\n") },
	"entities":    html.EscapeString,
	"entities 43": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "+", "&#43;") },
	"page": func(s string) string {
		return "<html><body>\n<pre class=\"x\">" + html.EscapeString(s) + "</pre>\n</body></html>\n"
	},
	"spans": func(s string) string {
		return strings.ReplaceAll(html.EscapeString(s), "ipi_send", `<span class="hit">ipi_send</span>`)
	},
	"colour": func(s string) string {
		return strings.ReplaceAll(s, "ipi_send", "\x1b[01;31m\x1b[Kipi_send\x1b[m\x1b[K")
	},
	"colour all":       withPrefix(func(int, string) string { return "\x1b[0m" }),
	"UTF-16":           func(s string) string { return utf16Text(s, true) },
	"UTF-16 BE":        func(s string) string { return utf16Text(s, false) },
	"BOM":              func(s string) string { return "\xef\xbb\xbf" + s },
	"fences":           func(s string) string { return "```\n" + s + "```\n" },
	"separators":       func(s string) string { return strings.Replace(s, "\n          <idle>", "\n--\n          <idle>", 3) },
	"wrap 80":          func(s string) string { return wrapped(s, 80) },
	"wrap 80, quoted":  withQuote(80),
	"wrap 120, quoted": withQuote(120),
	"wrap 120":         func(s string) string { return wrapped(s, 120) },
	"JSON lines": func(s string) string {
		return jsonLines(s, func(line string) any { return map[string]string{"stream": "stdout", "log": line, "time": "2026"} })
	},
	"journal JSON": func(s string) string {
		return jsonLines(s, func(line string) any {
			return map[string]any{"_PID": "7", "MESSAGE": strings.TrimSuffix(line, "\n"), "N": []int{1}}
		})
	},
	"JSON string": func(s string) string { return marshal(map[string]any{"id": 1, "trace": s, "tags": []string{"a", "b"}}) },
	"JSON list":   func(s string) string { return marshal(strings.Split(s, "\n")) },
	"CSV": func(s string) string {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Write([]string{"time", "message"})
		for _, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
			w.Write([]string{`a "time"`, line + " "})
		}
		w.Flush()
		return b.String()
	},
	"behind a log": func(s string) string {
		return strings.Repeat("usb 1-1: new high-speed device, as often as it likes\n", 5000) + s
	},
	"behind a log, stamped": func(s string) string {
		return withPrefix(func(n int, _ string) string { return fmt.Sprintf("[%5d.%06d] ", n/1000, n%1000) })(strings.Repeat("usb 1-1: new device\n", 5000) + s)
	},
	"arrows":     func(s string) string { return strings.ReplaceAll(s, "=> ", "\u21d2 ") },
	"form feeds": withPages,
	"zero width": func(s string) string { return strings.ReplaceAll(s, "_", "_\u200b") },
	"more":       withMore,
	"pane":       func(s string) string { return behind(s, "  \u2502") },
	"box": func(s string) string {
		return "\u250c\u2500\n" + withPrefix(func(int, string) string { return "\u2502 " })(behind(s, "  \u2502"))
	},
	"cat -A":     func(s string) string { return behind(strings.ReplaceAll(s, "\t", "^I"), "$") },
	"CDATA":      func(s string) string { return "<system-out><![CDATA[\n" + s + "]]></system-out>\n" },
	"repr":       func(s string) string { return "'" + escape(s) + "'\n" },
	"repr bytes": func(s string) string { return "b'" + escape(s) + "'\n" },
	"repr lines": func(s string) string {
		return strings.ReplaceAll(withPrefix(func(int, string) string { return "b'" })(strings.ReplaceAll(escape(s), `\n`, "\\n\n")), "\\n\n", "\\n',\n")
	},
	"LAVA": func(s string) string {
		return withPrefix(func(int, string) string { return "- " })(jsonLines(s, func(line string) any { return map[string]string{"dt": "2026", "msg": strings.TrimSuffix(line, "\n")} }))
	},
	"Loki": func(s string) string {
		var values [][2]string
		for i, line := range strings.Split(s, "\n") {
			values = append(values, [2]string{fmt.Sprint(1770113472000000000 + int64(i)), line})
		}
		return marshal(map[string]any{"data": map[string]any{"result": []any{map[string]any{"values": values}}}})
	},
	"ts, CRLF, colour": func(s string) string {
		return strings.ReplaceAll(withPrefix(func(n int, _ string) string { return fmt.Sprintf("\x1b[32mFeb 03 10:11:%02d\x1b[0m ", n%60) })(s), "\n", "\r\n")
	},
}

func behind(s, end string) string { return strings.ReplaceAll(s, "\n", end+"\n") }

func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", `\n`), "\t", `\t`)
}

// withPages puts a form feed before the first line of each page, as pr(1) does.
func withPages(s string) string {
	return withPrefix(func(n int, _ string) string { return strings.Repeat("\f", max(0, 1-n%20)) })(s)
}

// withMore is what script(1) keeps of more(1).
func withMore(s string) string {
	return withPrefix(func(n int, _ string) string {
		if n%20 != 19 {
			return ""
		}
		return "--More--(5%)\r            \r"
	})(s)
}

func utf16Text(s string, little bool) string {
	var b []byte
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if little {
			b = append(b, byte(u), byte(u>>8))
		} else {
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return string(b)
}

func wrapped(s string, columns int) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(s, "\n") {
		for len(strings.TrimSuffix(line, "\n")) > columns {
			b.WriteString(line[:columns] + "\n")
			line = line[columns:]
		}
		b.WriteString(line)
	}
	return b.String()
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

func jsonLines(s string, f func(line string) any) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(s, "\n") {
		if line != "" {
			b.WriteString(marshal(f(line)))
		}
	}
	return b.String()
}

// what is what a text says: each event with its task, fields and stack.
func what(t *testing.T, path string) (events []string, said bool) {
	t.Helper()
	src, err := Open(path, Options{Threads: 1})
	if err != nil {
		return nil, true
	}
	defer src.Close()
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			tab := r.Table()
			text := fmt.Sprintf("%s-%d [%d] %d %s", tab.NameOf(r.Comm), r.PID, r.CPU, r.Time, r.Schema().Name)
			if !r.Schema().IsStack {
				payload, _, _ := bytes.Cut(r.Payload(), []byte("\t"))
				text += " " + string(bytes.TrimSpace(payload))
			}
			for _, f := range tab.StackOf(r.Stack()) {
				text += " => " + tab.SymbolOf(f).Name
			}
			events = append(events, text)
		case *trace.SyntaxError, *trace.Lost:
			said = true
		}
	}
	m := src.Table().Meta
	return events, said || src.Err() != nil || m.LinesLeft > 0
}

// texts are those of the readers' own tests that people copy from a terminal.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"ftext/testdata/kernel-default.txt", "ftext/testdata/kernel-tgid-stack.txt", "ftext/testdata/report-stack.txt", "ftext/testdata/report-7.2.txt", "perfscript/testdata/*.txt"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(f)] = string(b[:bytes.LastIndexByte(b, '\n')+1])
		}
	}
	if len(out) < 6 {
		t.Fatalf("only %d texts", len(out))
	}
	return out
}

// TestManglings: a mangled text gives the events of the clean one, with the same
// tasks and stacks.
func TestManglings(t *testing.T) {
	dir := t.TempDir()
	read := func(text string) ([]string, bool) {
		path := filepath.Join(dir, "x.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return what(t, path)
	}
	for file, text := range texts(t) {
		want, _ := read(text)
		for name, mangle := range manglings {
			got, said := read(mangle(text))
			if cmp.Equal(want, got) {
				continue
			}
			// perf prints comms at the begin of its lines and frames after a tab, so
			// these two leave nothing to tell the prefix by: that is said.
			told := said && strings.HasPrefix(file, "script") && (name == "diff" || name == "quote")
			if !told {
				t.Errorf("%s, %s: said: %v; %s", file, name, said, firstDiff(want, got))
			}
		}
	}
}

func firstDiff(want, got []string) string {
	for i := range want {
		if i >= len(got) {
			return fmt.Sprintf("%d of %d events, next %s", len(got), len(want), want[i])
		}
		if want[i] != got[i] {
			return fmt.Sprintf("event %d of %d (%d): %s\nwant %s", i, len(want), len(got), got[i], want[i])
		}
	}
	return fmt.Sprintf("%d events, want %d: %s", len(got), len(want), got[len(want)])
}

// withQuote breaks lines at a column, within words as they come, and quotes what
// results, as mail programs do.
func withQuote(columns int) func(string) string {
	return func(s string) string {
		return withPrefix(func(int, string) string { return "> " })(wrapped(s, columns))
	}
}
