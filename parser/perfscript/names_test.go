package perfscript

import (
	"compress/gzip"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// piped is text that perf 6.12 prints of a recording that went through a pipe:
// addresses in fields, names in callchains (recording k72s4-41d-perf-pipe-g).
const piped = `perf     744 [000]   696.861317:    csd:csd_queue_cpu: cpu=1 callsite=0xffffffff94dde97f func=0xffffffff94de4180 csd=0xffff8e3180368038
	ffffffff94edfb04 __smp_call_single_queue
	ffffffff94dde97f ttwu_queue_wakelist
	ffffffff94de8e54 try_to_wake_up

perf     744 [000]   696.862489:     ipi:ipi_send_cpu: cpu=1 callsite=0xffffffff94dde97f callback=0xffffffff94edf830
	ffffffff94edfb93 __smp_call_single_queue
	ffffffff94dde97f ttwu_queue_wakelist

:744     744 [000]   696.862500:     ipi:ipi_send_cpu: cpu=1 callsite=0xffffffff94dde97f callback=0x0
`

func symbolsOf(s *Source) (sites, functions, comms []string) {
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		if !ok || e.Schema().IsStack {
			continue
		}
		name := func(field string) string {
			id, ok := e.Symbol(e.Schema().Ref(field))
			if !ok {
				return ""
			}
			return s.Table().SymbolOf(id).Name
		}
		sites = append(sites, name("callsite"))
		functions = append(functions, name("func")+name("callback"))
		comms = append(comms, s.Table().NameOf(e.Comm))
	}
	return sites, functions, comms
}

func TestAddresses(t *testing.T) {
	join := func(list []string) string { return strings.Join(list, " ") }
	sites, functions, comms := symbolsOf(open(t, piped, Options{}))
	if join(sites) != "ttwu_queue_wakelist ttwu_queue_wakelist ttwu_queue_wakelist" {
		t.Errorf("callsites are %q: the callchain names them", sites)
	}
	if join(functions) != "0xffffffff94de4180 0xffffffff94edf830 0x0" {
		t.Errorf("functions are %q", functions)
	}
	if join(comms) != "perf perf perf" { // :744 is the same task, about to exit
		t.Errorf("tasks are %q", comms)
	}
	f, err := os.Open("../../fixtures/k72s4-41a-perf-g/kallsyms.gz") // of that boot
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	table, err := ksym.NewTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, piped, Options{})
	s.UseSymbols(func(string) (*ksym.Table, error) { return table, nil })
	if _, functions, _ := symbolsOf(s); join(functions) != "sched_ttwu_pending generic_smp_call_function_single_interrupt 0x0" {
		t.Errorf("functions are %q", functions)
	}
	// Those of another boot name other functions at these places, and are not used.
	s = open(t, strings.Repeat(piped, 3)+strings.ReplaceAll(piped, "94dde97f", "94de2793"), Options{})
	moved := table.Moved(0x1000)
	s.UseSymbols(func(string) (*ksym.Table, error) { return moved, nil })
	s.known.frames = nil
	symbolsOf(s)
	if s.known.other == 0 || s.known.same > 0 {
		t.Errorf("%d frames have other names in the symbols of another boot, %d the same", s.known.other, s.known.same)
	}
}

// TestTwice: a tracepoint that was opened twice is said, one that was not is not.
func TestTwice(t *testing.T) {
	line := "perf     744 [000]   696.86248X:     ipi:ipi_send_cpu: cpu=N callsite=f+0x1 callback=0x0\n"
	var once, twice strings.Builder
	for i := range 10 {
		l := strings.Replace(strings.Replace(line, "X", string(rune('0'+i)), 1), "N", string(rune('0'+i%2)), 1)
		once.WriteString(l)
		twice.WriteString(l + l)
	}
	for text, want := range map[string]bool{once.String(): false, twice.String(): true} {
		s := open(t, text, Options{})
		symbolsOf(s)
		if notes := strings.Join(s.Table().Meta.Notes, "\n"); strings.Contains(notes, "opened twice") != want {
			t.Errorf("%v: %s", want, notes)
		}
	}
}
