package ftext

import (
	"bytes"
	"fmt"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// records lists what a source reads: the events with their fields and stacks,
// the losses, the bad lines.
func records(s *Source) (out []string) {
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			t := r.Table()
			text := fmt.Sprintf("%s-%d [%d] %d %s", t.NameOf(r.Comm), r.PID, r.CPU, r.Time, fields(r))
			if r.Instance != 0 {
				text = t.NameOf(r.Instance) + ": " + text
			}
			if r.HasFlags {
				text += fmt.Sprintf(" %02x/%02x", r.Flags, r.Preempt)
			}
			for _, f := range t.StackOf(r.Stack()) {
				text += " => " + t.SymbolOf(f).Name
			}
			out = append(out, text)
		case *trace.Lost:
			out = append(out, fmt.Sprintf("lost %d [%d]", r.N, r.CPU))
		case *trace.SyntaxError:
			out = append(out, "bad "+string(r.Text))
		}
	}
	return out
}

// TestMail reads an excerpt of the cover letter of "context_tracking,x86: Defer
// some IPIs until a user->kernel transition" (linux-kernel, 5 July 2023) as it
// stands. The events were written down from the mail by hand.
func TestMail(t *testing.T) {
	text := string(readFile(t, "mail-rfc.txt"))
	want := []string{
		"kworker/2:0-13856 [2] 3517445719000 ipi_send_cpumask cpumask=0-1,3-79 callsite=on_each_cpu_cond_mask+0x20 callback=do_flush_tlb_all+0x0",
		"kworker/2:0-13856 [2] 3517445722000 kernel_stack => trace_event_raw_event_ipi_send_cpumask => smp_call_function_many_cond" +
			" => on_each_cpu_cond_mask => pcpu_reclaim_populated => pcpu_balance_workfn => process_one_work => worker_thread => kthread",
		"lost 0 [2]", // time goes back: another recording
		"<...>-3734 [42] 392890491000 ipi_send_cpu cpu=42 callsite=irq_work_queue_on+0x77 callback=nohz_full_kick_func+0x0",
		"<...>-3734 [42] 392890497000 kernel_stack => trace_event_raw_event_ipi_send_cpu => __irq_work_queue_local => irq_work_queue_on" +
			" => __mod_timer => dev_watchdog => call_timer_fn => __run_timers.part.0 => run_timer_softirq => __do_softirq => __irq_exit_rcu" +
			" => sysvec_apic_timer_interrupt => asm_sysvec_apic_timer_interrupt",
	}
	for _, quote := range []string{"", "> ", ">> ", "> > ", ">"} {
		in := quote + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+quote) + "\n"
		s := open(t, in, Options{})
		if diff := cmp.Diff(want, records(s)); diff != "" {
			t.Errorf("quoted with %q:\n%s", quote, diff)
		}
		// 2 and 9 lines, then 1 and 13.
		if m := s.Table().Meta; m.LinesTaken != 25 || m.LinesLeft != strings.Count(in, "\n")-25 {
			t.Errorf("quoted with %q: %d lines taken, %d left", quote, m.LinesTaken, m.LinesLeft)
		}
		if !Sniff([]byte(in)) {
			t.Errorf("quoted with %q: not recognised", quote)
		}
	}
	s := open(t, text, Options{})
	records(s)
	notes := strings.Join(s.Table().Meta.Notes, "\n")
	if want := "text with a trace in it: 25 of 61 lines were taken, 36 left"; !strings.Contains(notes, want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	// Who wants the sends only gets the same counts.
	s = open(t, text, Options{})
	s.Hint(trace.Hint{Select: trace.Selection{Events: sends}})
	if got := records(s); len(got) != 3 || s.Table().Meta.LinesTaken != 25 {
		t.Errorf("with a hint: %d records, %d lines taken", len(got), s.Table().Meta.LinesTaken)
	}
}

const prose = "Hi all,\n\nthis is what I see on the isolated CPUs (see https://example.org/a=b):\n\n"

// damage is what happens to a trace on its way through a mailbox.
var damage = map[string]func(text string) string{
	"prose": func(s string) string {
		return prose + s + "\nthoughts? The callback=x is what I do not get => help\n-- \nme\n"
	},
	"quote": func(s string) string { return prose + quoteWith("> ", s) + "what is this about, then?\n" },
	"crlf":  func(s string) string { return strings.ReplaceAll(prose+s, "\n", "\r\n") },
	"nbsp":  func(s string) string { return prose + strings.ReplaceAll(s, "  ", "\u00a0 ") },
	"nbsp-latin1": func(s string) string {
		return prose + strings.ReplaceAll(s, "  ", "\xa0 ")
	},
	"tabs": func(s string) string { return prose + unexpand(s) },
	"quoted-printable": func(s string) string {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(prose + s))
		w.Close()
		return "Content-Transfer-Encoding: quoted-printable\n\n" + b.String()
	},
	"quoted-printable without header": func(s string) string {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(prose + s))
		w.Close()
		return b.String()
	},
	"bom":         func(s string) string { return "\ufeff" + prose + s },
	"wrap":        func(s string) string { return prose + wrap(s, 76) },
	"quote, wrap": func(s string) string { return prose + quoteWith("> ", wrap(s, 80)) },
	"wrap, quote": func(s string) string { return prose + wrap(quoteWith(">> ", s), 78) }, // the rest is not quoted
}

// unexpand turns blanks into tabs, with a stop each 8 columns, as editors and
// unexpand -a do.
func unexpand(s string) string {
	var out strings.Builder
	column, blanks := 0, 0
	for _, c := range []byte(s) {
		if column++; c == ' ' {
			if blanks++; column%8 == 0 && blanks > 1 {
				out.WriteByte('\t')
				blanks = 0
			}
			continue
		}
		out.WriteString(strings.Repeat(" ", blanks))
		if blanks = 0; c == '\n' {
			column = 0
		} else if c == '\t' {
			column = (column + 7) / 8 * 8
		}
		out.WriteByte(c)
	}
	return out.String()
}

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

// TestDamage: a damaged text gives the records of the whole one.
func TestDamage(t *testing.T) {
	for _, name := range excerpts(t) {
		switch name {
		case "mail-rfc.txt", "kernel-raw.txt", "kernel-hex.txt", "kernel-nocontext.txt", "kernel-function-graph.txt":
			continue // no header that stands out of prose
		}
		text := string(readFile(t, name))
		whole := records(open(t, text, Options{}))
		for what, f := range damage {
			// Free text and lists without keys cannot be told from prose once they
			// are wrapped.
			if strings.Contains(what, "wrap") && !strings.Contains("kernel-default.txt kernel-tgid-stack.txt report-stack.txt report-rt.txt report-boot.txt", name) {
				continue
			}
			in, want := f(text), whole
			s := open(t, in, Options{})
			got := records(s)
			if strings.Contains(what, "wrap") { // the reason of a tlb_flush is free text
				want, got = without(want, "tlb_flush"), without(got, "tlb_flush")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s:\n%s", name, what, diff[:min(len(diff), 3000)])
			}
			if m := s.Table().Meta; m.LinesTaken+m.LinesLeft != s.in.Line() || m.LinesLeft < 3 {
				t.Errorf("%s, %s: %d lines taken and %d left of %d", name, what, m.LinesTaken, m.LinesLeft, s.in.Line())
			}
			if !Sniff([]byte(in)) {
				t.Errorf("%s, %s: not recognised", name, what)
			}
		}
	}
}

func without(lines []string, name string) (out []string) {
	for _, l := range lines {
		if !strings.Contains(l, name) {
			out = append(out, l)
		}
	}
	return out
}

// TestCleanIsNoMail: the way through the cleaning is not taken for what the
// kernel and trace-cmd print.
func TestCleanIsNoMail(t *testing.T) {
	for _, name := range excerpts(t) {
		if name == "mail-rfc.txt" {
			continue
		}
		s := open(t, string(readFile(t, name)), Options{})
		records(s)
		if m := s.Table().Meta; s.mail != nil || m.LinesTaken != 0 || m.LinesLeft != 0 {
			t.Errorf("%s: taken for a mail, %d lines taken, %d left", name, m.LinesTaken, m.LinesLeft)
		}
	}
}

// TestSeveralTraces: texts of different programs in one mail are read each in
// its own way.
func TestSeveralTraces(t *testing.T) {
	kernel, report := string(readFile(t, "kernel-tgid-stack.txt")), string(readFile(t, "report-stack.txt"))
	want := append(append(records(open(t, kernel, Options{})), "lost 0 [0]"), records(open(t, report, Options{}))...)
	text := prose + quoteWith("> ", kernel) + "\nand the same with trace-cmd report:\n\n" + report + "\nI think that is it.\n"
	if diff := cmp.Diff(want, records(open(t, text, Options{}))); diff != "" {
		t.Error(diff)
	}
}

// TestQuoteBehindTrace: a quoted trace after a long clean one turns the
// cleaning on.
func TestQuoteBehindTrace(t *testing.T) {
	report := string(readFile(t, "report-stack.txt"))
	one := records(open(t, report, Options{}))
	n := judged/len(report) + 2
	var want []string
	for i := range n + 1 {
		if i > 0 {
			want = append(want, "lost 0 [1]") // a second header
		}
		want = append(want, one...)
	}
	s := open(t, strings.Repeat(report, n)+quoteWith("> ", report), Options{})
	if diff := cmp.Diff(want, records(s)); diff != "" {
		t.Error(diff[:min(len(diff), 3000)])
	}
}

// TestMailBadLines: prose is no error, a damaged event line is one.
func TestMailBadLines(t *testing.T) {
	text := prose + "          <idle>-0       [003] d.h1.    12.123456: x: a=1\n" +
		"the trace-cmd-1 [foo] of 3.14: that\n=> and an arrow\n1) a point of a list\nipi_send_cpu: is what I traced\n" +
		"          <idle>-0       [003] d.h1.    12.1q3456: x: a=1\n"
	want := []string{"<idle>-0 [3] 12123456000 x a=0x1 11/01", "bad           <idle>-0       [003] d.h1.    12.1q3456: x: a=1"}
	got := records(open(t, text, Options{}))
	got[0] = regexp.MustCompile(` [0-9a-f]{2}/`).ReplaceAllString(got[0], " 11/")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
