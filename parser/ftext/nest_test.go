package ftext

import (
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// stacksOf lists the events of a text with the stacks that follow them.
func stacksOf(t *testing.T, text string) (out []string) {
	t.Helper()
	s := open(t, text, Options{})
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		if !ok {
			continue
		}
		if !e.Schema().IsStack {
			out = append(out, e.Schema().Name)
			continue
		}
		if e.CPU < 0 || s.Raw() != nil {
			t.Errorf("a stack that was made on CPU %d, of the lines %q", e.CPU, s.Raw())
		}
		for _, f := range s.Table().StackOf(e.Stack()) {
			out[len(out)-1] += " " + s.Table().SymbolOf(f).Name
		}
	}
	return out
}

// TestNest: the functions that are open around a send are its stack. The shapes are
// those of kernel/trace/trace_functions_graph.c: print_graph_entry_leaf and _nested,
// print_graph_return, print_graph_irq, verif_pid, print_graph_comment.
func TestNest(t *testing.T) {
	const send = "/* ipi_send_cpu: cpu=1 callsite=f+0x1/0x2 callback=g+0x0/0x9 */\n"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"open and closed", " 0)               |  a() {\n 0)               |    b() {\n 0)   0.1 us      |      leaf();\n 0)               |      " + send + " 0)   1.0 us      |    }\n 0)               |    " + send + " 0)   2.0 us      |  }\n 0)               |  " + send,
			[]string{"ipi_send_cpu b a", "ipi_send_cpu a", "ipi_send_cpu"}},
		{"each CPU has its own", " 0)               |  a() {\n 1)               |  b() {\n 0)               |    " + send + " 1)               |    " + send,
			[]string{"ipi_send_cpu a", "ipi_send_cpu b"}},
		{"an end that was lost", " 0)               |  a() {\n 0)               |    b() {\n 0)               |    c() {\n 0)               |      " + send,
			[]string{"ipi_send_cpu c a"}},
		{"another task", " 0)               |  a() {\n ------------------------------------------\n 0)    bash-202    =>    <idle>-0   \n ------------------------------------------\n\n 0)               |    " + send,
			[]string{"ipi_send_cpu"}},
		{"an interrupt", " 0)               |  a() {\n 0)   ==========>  |\n 0)               |    irq() {\n 0)               |      " + send + " 0)   3.0 us      |    }\n 0)   <========== |\n 0)               |    " + send,
			[]string{"ipi_send_cpu irq", "ipi_send_cpu a"}},
		{"other comments", " 0)               |  a() {\n 0)               |  /* sched_waking: comm=x pid=1 prio=2 target_cpu=001 */\n", []string{"sched_waking"}},
		{"times", "  84.400498 |   0)               |  a() {\n  84.400499 |   0)               |    " + send, []string{"ipi_send_cpu a"}},
	} {
		got := stacksOf(t, "# tracer: function_graph\n#\n"+tt.text)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// in a mail the first line of a nest often lost its CPU
	mail := "Hello,\n\n> a() {\n>  0)               |    b() {\n>  0)               |      " + send + "\nand so on, he said.\n"
	if got, want := stacksOf(t, mail), []string{"ipi_send_cpu b a"}; !slices.Equal(got, want) {
		t.Errorf("in a mail: %q, want %q", got, want)
	}
	deep := strings.Repeat(" 0)               |  x() {\n", 3) + " 0)               |" + strings.Repeat(" ", 400) + send
	if got := stacksOf(t, "# tracer: function_graph\n"+deep); len(got) != 0 && !slices.Equal(got, []string{"ipi_send_cpu x"}) {
		t.Errorf("far to the right: %q", got)
	}
}
