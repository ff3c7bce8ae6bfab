package filter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/internal/golden"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// expressions are those of the kernel's verdicts and others that go further: all
// operators on numbers, texts, sets of CPUs, functions, addresses, scopes.
func expressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/kernel-6.12.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if expr, _, ok := strings.Cut(line, "\t"); ok && line[0] != '#' {
			all = append(all, expr)
		}
	}
	return append(all, strings.Split(`cpu == 2
cpu != 2
cpu < 2
cpu <= 2
cpu > 2
cpu >= 2
cpu & 1
cpu == 0x2
cpu == 02
cpu == -1
cpu == 99999999999
cpu == 18446744073709551615
!(cpu == 2)
!!(cpu == 2)
cpu == 2 && common_pid > 0
cpu == 2 || common_pid == 0
cpu == 2 && (common_pid == 0 || common_flags & 1) && !(cpu & CPUS{3})
(cpu == 1 || cpu == 2) && (common_pid < 100 || common_pid > 1000)
cpu == 1 || cpu == 2 && common_pid != 0 || cpu == 3
cpu & CPUS{2-3}
cpu == CPUS{2}
cpu != CPUS{2}
cpumask & CPUS{2-3}
cpumask == CPUS{2}
cpumask != CPUS{2}
cpumask & CPUS{0,2}
cpumask & CPUS{1-3}
cpumask & CPUS{9}
cpumask & MASK{c}
cpumask & MASK{c,00000000}
cpu & @isolated
cpumask & @isolated
CPU == 1
CPU & CPUS{0-1}
CPU >= 2 && cpu == 3
COMM == "swapper/0"
COMM ~ "k*"
COMM ~ "*er*"
COMM ~ "*/1"
COMM ~ "?wapper/[0-2]"
COMM ~ "sw*r/*"
COMM != "bash"
comm ~ "spin*"
common_pid == 0
common_preempt_count > 1
common_flags == 0
common_type == 5
func.function == do_sync_core
func.function == "do_sync_core"
func.function == 0xffffffff81bc5c10
func.function != flush_tlb_func
callback.function == generic_smp_call_function_single_interrupt
callsite.function == smp_call_function_many_cond
callsite == 0
csd != 0
ipi_send_cpu: cpu == 2
ipi_*: CPU == 0
ipi:ipi_send_cpumask: cpumask & CPUS{2}
csd_queue_cpu: cpu & CPUS{2-3} && func.function == do_sync_core
sched_switch: prev_pid != 0
nothing: cpu == 1
[: cpu == 1
cpu == 
&& cpu == 1
cpu == 1 &&
cpu == 1 && || cpu == 2
cpu == 1)
(cpu == 1
cpu = 1
cpu === 1
cpu ~ 1
cpu == "two"
COMM == swapper
COMM ~ swapper
cpumask & 8
cpumask == 2
cpu & CPUS{}
cpu & CPUS{3-1}
cpu & CPUS{9999}
cpu & CPUS{1
cpu & CPU{6}
cpus == 1
CALLBACK == 1
func == do_sync_core
cpu.function == 3`, "\n")...)
}

func env() filter.Env {
	e := kernelEnv
	e.Isolated, e.NrCPUs = "2-3", 4
	return e
}

// TestGolden holds what is said of each expression: as the kernel's parser would
// answer (held against a kernel's in TestKernel), explained, with what is advised.
func TestGolden(t *testing.T) {
	var lines []string
	for _, src := range expressions(t) {
		for _, event := range append([]string{""}, kernelEvents...) {
			var s *trace.Schema
			if event != "" {
				s = schema(t, event)
			}
			x, warns, err := filter.Check(src, s, env())
			if err != nil {
				lines = append(lines, fmt.Sprintf("%s: %s: %v", event, src, err))
				continue
			}
			line := fmt.Sprintf("%s: %s: %s; needs %v; warnings %q; %s", event, src, x, filter.Needs(x), warns, filter.Explain(x, s))
			for _, term := range x.Terms() {
				from, to := term.Span()
				line += fmt.Sprintf("; %s at %d-%d", term, from, to)
			}
			lines = append(lines, line)
		}
	}
	golden.CheckText(t, "expressions", strings.Join(lines, "\n")+"\n")
}

// TestGoldenRecordings holds which events of recordings each expression lets through;
// TestMatchLaw holds the matching against a slow one.
func TestGoldenRecordings(t *testing.T) {
	for _, name := range []string{"all-stack", "arm64", "date", "perf", "s390x"} {
		golden.CheckText(t, name, strings.Join(matches(t, golden.Recordings()[name], expressions(t)), "\n")+"\n")
	}
}

// A chosen is an expression with the events that it lets through: by name, and where
// they are by a sum of their numbers.
type chosen struct {
	program *filter.Program
	said    string
	counts  map[string]int
	sum     uint64
}

// matches reads a recording once, for all expressions.
func matches(t *testing.T, fixture string, exprs []string) []string {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+fixture, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	all := make([]chosen, len(exprs))
	for i, expr := range exprs {
		all[i] = bind(src.Table(), expr)
	}
	var number uint64
	for src.Scan() {
		e, ok := src.Record().(*trace.Event)
		if !ok {
			continue
		}
		number++
		for i := range all {
			if c := &all[i]; c.program != nil && c.program.Match(e) {
				c.counts[e.Schema().Name]++
				c.sum = c.sum*31 + number
			}
		}
	}
	lines := make([]string, len(all))
	for i, c := range all {
		lines[i] = exprs[i] + ": " + c.said
		if c.program != nil {
			lines[i] += fmt.Sprintf("; %v of %d, %016x; %v; %q", c.counts, number, c.sum, c.program.Err(), c.program.Warnings())
		}
	}
	return lines
}

// bind binds an expression; its program is nil if that does not go.
func bind(table *trace.Table, expr string) chosen {
	e := env()
	e.Text = table.Meta.Format != "trace.dat v7" && !strings.HasPrefix(table.Meta.Format, "perf.data")
	p, err := filter.NewProgram([]string{expr}, e)
	if err != nil {
		return chosen{said: err.Error()}
	}
	if err := p.Bind(table, false); err != nil {
		return chosen{said: err.Error()}
	}
	hint := p.Hint(true)
	return chosen{program: p, said: fmt.Sprintf("hint %v %v", hint.Events, hint.CPUs), counts: map[string]int{}}
}
