package ftext

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/order"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// sendsHint asks for what a report of sends looks at.
func sendsHint() trace.Hint {
	return trace.Hint{Want: trace.Want{
		Events: []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise", "csd_queue_cpu"},
		Stacks: []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"},
	}}
}

// read returns the records of a text by their line number, and what was passed
// over.
func read(t *testing.T, text []byte, h *trace.Hint, o Options) (lines []int, records map[int]string, skipped trace.Skipped, early error) {
	t.Helper()
	s, err := New(bytes.NewReader(text), "x", o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if h != nil {
		s.Hint(*h)
	}
	records = map[int]string{}
	put := func(at trace.Pos, record string) {
		if at.Off > 0 && text[at.Off-1] != '\n' {
			t.Fatalf("%+v is not the begin of a line", at)
		}
		if n := len(lines); n > 0 && lines[n-1] == at.Line { // of a line with which another recording begins
			records[at.Line] += "\n" + record
			return
		}
		lines = append(lines, at.Line)
		records[at.Line] = fmt.Sprintf("%d: %s", at.Off, record)
	}
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			put(r.At, fmt.Sprint("event ", r.Schema().Name, " ", r.CPU, r.Time, r.PID, r.Flags, r.Preempt, s.Table().NameOf(r.Comm), s.Table().NameOf(r.Instance), "\n", string(r.Payload())))
		case *trace.Lost:
			put(r.At, fmt.Sprint("lost ", r.CPU, r.N, r.Time))
		case *trace.SyntaxError:
			put(r.At, "bad "+r.Msg)
		case *trace.Restart:
			put(r.At, "restart "+r.Msg)
		case *trace.Skipped:
			if !r.Any {
				t.Fatalf("%+v", r)
			}
			if !skipped.Any {
				skipped = *r
				continue
			}
			skipped.N += r.N
			skipped.First, skipped.Last = min(skipped.First, r.First), max(skipped.Last, r.Last)
		}
	}
	var line *trace.SyntaxError // the text, or a line, ends early
	if early = s.Err(); early != nil && !errors.As(early, &line) {
		t.Fatal(early)
	}
	return lines, records, skipped, early
}

// needed are the lines of a text that a hint asks for, by the definition of
// trace.Want.
func needed(t *testing.T, text []byte, w trace.Want) (need map[int]bool, times map[int]trace.Time) {
	t.Helper()
	s, err := New(bytes.NewReader(text), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	need, times = map[int]bool{}, map[int]trace.Time{}
	type place struct {
		cpu      int32
		instance trace.NameID
	}
	seen, waiting := map[place]bool{}, map[int32][]trace.Context{}
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			at, name := place{r.CPU, r.Instance}, r.Schema().Name
			times[r.At.Line] = r.Time
			need[r.At.Line] = len(waiting[r.CPU]) > 0
			waits := func(c trace.Context) bool { return !r.Context().Interrupts(c) }
			switch {
			case name == "user_stack":
				waits = func(trace.Context) bool { return false }
			case r.Schema().IsStack:
				waits = func(c trace.Context) bool { return r.Context() == c }
			default:
				need[r.At.Line] = need[r.At.Line] || !seen[at] || slices.Contains(w.Events, name)
				seen[at] = true
			}
			waiting[r.CPU] = slices.DeleteFunc(waiting[r.CPU], waits)
			if slices.Contains(w.Stacks, name) {
				waiting[r.CPU] = append(waiting[r.CPU], r.Context())
			}
		case *trace.Lost:
			need[r.At.Line] = true
		case *trace.Restart:
			need[r.At.Line] = true
		case *trace.SyntaxError:
			need[r.At.Line] = true
		}
	}
	return need, times
}

// checkSkim reads a text with and without a hint: the same records must come, but
// for those that nobody asked for and that were counted.
func checkSkim(t *testing.T, text []byte, size int) (passed uint64) {
	t.Helper()
	h := sendsHint()
	allLines, all, _, early := read(t, text, nil, Options{})
	need, times := needed(t, text, h.Want)
	lines, records, skipped, skimmedEarly := read(t, text, &h, Options{Threads: 1, blockSize: size})
	if len(text) > 0 && text[len(text)-1] != '\n' && (early == nil || skimmedEarly == nil) {
		t.Fatalf("the text ends within a line: %v, skimmed %v", early, skimmedEarly)
	}
	var n uint64
	next := 0
	for _, at := range allLines {
		if next < len(lines) && lines[next] == at {
			next++
			if all[at] != records[at] {
				t.Fatalf("line %d: %s\nwant %s", at, records[at], all[at])
			}
			continue
		}
		if at == allLines[len(allLines)-1] && strings.Contains(all[at], "bad "+order.CutText) && endsInStack(text) {
			n++ // a stack that began in the block before: its event was counted
			continue
		}
		if need[at] || !strings.Contains(all[at], "event ") {
			t.Fatalf("line %d was left out: %s", at, all[at])
		}
		n++
		if times[at] < skipped.First || times[at] > skipped.Last {
			t.Fatalf("%v at line %d is not in %+v", times[at], at, skipped)
		}
	}
	if next != len(lines) || n != skipped.N {
		t.Fatalf("%d of %d records, %d passed over, want %d", next, len(lines), skipped.N, n)
	}
	again, records2, skipped2, _ := read(t, text, &h, Options{Threads: 3, blockSize: size})
	if !slices.Equal(lines, again) || cmp.Diff(records, records2) != "" || cmp.Diff(skipped, skipped2) != "" {
		t.Fatalf("with three threads: %d records, %+v; with one %d, %+v", len(again), skipped2, len(lines), skipped)
	}
	return n
}

// endsInStack reports whether the last line is a frame that has no end.
func endsInStack(text []byte) bool {
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	return len(last) > 0 && isFrame(last)
}

func TestSkim(t *testing.T) {
	var passed uint64
	for _, name := range excerpts(t) {
		t.Run(name, func(t *testing.T) {
			text := readFile(t, name)
			for _, size := range []int{1 << 10, 10_000, 0} {
				passed += checkSkim(t, text, size)
			}
			checkSkim(t, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 4000)
			checkSkim(t, text[:len(text)-5], 4000)
		})
	}
	if passed < 400 {
		t.Errorf("%d events were passed over in all texts: this tests too little", passed)
	}
}

// TestSkimBlocks puts what blocks must not separate at each place of a block.
func TestSkimBlocks(t *testing.T) {
	line := func(cpu int, flags, at, rest string) string {
		return fmt.Sprintf("            bash-233   [%03d] %s    13.%s: %s\n", cpu, flags, at, rest)
	}
	other := line(1, "d..1.", "000001", "sched_wakeup: a:1 [120] CPU:001")
	send := line(0, "d..1.", "000002", "ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0")
	inner := line(0, "d.h1.", "000003", "sched_waking: a:1 [120] CPU:001")
	stack := line(0, "d..1.", "000004", "kernel_stack: <stack trace >") + "=> f (ffffffff92f09890)\n=> g (ffffffff92f09891)\n"
	theirs := strings.ReplaceAll(stack, "d..1.", "d.h1.")
	user := line(0, "d..1.", "000003", "user_stack: =>0x0") + "\t=> 0x0\n"
	late := line(0, "d.h1.", "900000", "sched_waking: a:1 [120] CPU:001")
	texts := []string{
		send + stack + other,
		send + user + stack + other,
		send + inner + theirs + stack + other,
		send + other + inner + other + other + inner + theirs + other + stack + stack,
		"CPU:0 [LOST 3 EVENTS]\n##### CPU 0 buffer started ####\n" + other + inner + theirs,
		inner + "=> f\n=> g\n" + other, // frames of nothing
		theirs + theirs + stack,
		other + "not a line\n" + other + other + other + "# a comment\n" + other,
		other + "> " + send + "> " + stack + other, // a mail from here on
		"isol: " + send + "isol: " + stack + other,
		strings.TrimLeft(send, " ") + stack + other, // in another form than its stack
		// time goes back after an event that nobody wants
		late + inner + other + send + stack,
		other + late + "# tracer: nop\n" + inner + other + inner + send + stack + other,
		// a little each time, which is no going back, however much it comes to
		send + stack + line(0, "d..1.", "000090", "sched_wakeup: x") + line(0, "d..1.", "000075", "sched_wakeup: x") + line(0, "d..1.", "000060", "sched_wakeup: x") + strings.Replace(send, "000002", "000045", 1) + strings.Replace(stack, "000004", "000046", 1),
		// and after lines that say nothing of a recording's end
		other + late + "a line\n" + inner + other + send + stack,
		other + inner + other + late + strings.Replace(inner, "waking:", "waking", 1) + other + other + other + inner + send + stack,
		late + other + "a line\n" + other + other + other + "another\n" + other + other + theirs + send + stack,
		late + other + "CPU:0 [LOST 3 EVENTS]\n" + other + send + stack, // there is no time but that of what was passed over
		late + other + strings.Replace(inner, "13.000003", " 0.000000", 1) + other + send + stack,
		late + other + strings.Replace(inner, "13.000003", "13900010000", 1) + other + late + other + strings.Replace(late, "900000", "899990", 1) + send + stack,
	}
	for i, text := range texts {
		for pad := range 6 {
			whole := "cpus=4\n" + strings.Repeat(other, pad) + text + strings.Repeat(other+inner, 8) + text
			for size := 300; size < 1200; size += 73 {
				if passed := checkSkim(t, []byte(whole), size); i == 0 && pad == 5 && passed == 0 && size > 600 {
					t.Errorf("blocks of %d: nothing was passed over", size)
				}
			}
		}
	}
}

// TestSkimNotes: a header of another form is left to the reader, which notes what it
// lacks, although nobody wants its event.
func TestSkimNotes(t *testing.T) {
	other := "            bash-233   [001] d..1.    13.000001: sched_wakeup: a:1 [120] CPU:001\n"
	s, err := New(strings.NewReader("cpus=4\n"+strings.Repeat(other, 40)+strings.Replace(other, " d..1.", "", 1)+strings.Repeat(other, 4)), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Hint(sendsHint())
	passed := uint64(0)
	for s.Scan() {
		if k, ok := s.Record().(*trace.Skipped); ok {
			passed += k.N
		}
	}
	if passed < 40 || !slices.Contains(s.Table().Meta.Notes, noFlags) {
		t.Errorf("%d events passed over, notes %q", passed, s.Table().Meta.Notes)
	}
}

// TestSkimSelect: what does not take part is not counted, nor is what lies
// outside the window.
func TestSkimSelect(t *testing.T) {
	text := readFile(t, "report-all.txt")
	count := func(h trace.Hint) (n uint64) {
		lines, _, skipped, _ := read(t, text, &h, Options{})
		return uint64(len(lines)) + skipped.N
	}
	h := sendsHint()
	all := count(h)
	m, _ := cpumask.ParseList([]byte("1"))
	h.Select.CPUs = &m
	cpu1 := bytes.Count(text, []byte(" [001] "))
	if got := count(h); int(got) < cpu1 || got >= all {
		t.Errorf("%d events of CPU 1, want %d and few more", got, cpu1)
	}
	h = sendsHint()
	h.Select.Events = []string{"ipi:ipi_send_cpu", "sched_switch"}
	want := 0
	for _, name := range []string{" ipi_send_cpu: ", " sched_switch: "} {
		want += bytes.Count(text, []byte(name))
	}
	if got := count(h); int(got) != want {
		t.Errorf("%d events selected by name, want %d", got, want)
	}
	h = trace.Hint{Select: trace.Selection{Events: []string{"sched_switch"}}, ByEvent: true}
	if got, want := count(h), bytes.Count(text, []byte(" sched_switch: ")); int(got) != want {
		t.Errorf("%d sched_switch, want %d", got, want)
	}
	multi := readFile(t, "report-multi.txt")
	for instance, want := range map[string]int{"isol": bytes.Count(multi, []byte("isol: ")), "": bytes.Count(multi, []byte("\n  ")) - bytes.Count(multi, []byte("\n   isol: "))} {
		h := trace.Hint{Select: trace.Selection{Instance: &instance}}
		s, _ := New(bytes.NewReader(multi), "x", Options{})
		s.Hint(h)
		got, test := 0, h.Select.Test(s.Table())
		for s.Scan() {
			if e, ok := s.Record().(*trace.Event); ok && test(e) {
				got++
			}
		}
		s.Close()
		if got != want || want == 0 {
			t.Errorf("instance %q: %d events, want %d", instance, got, want)
		}
	}
	h = sendsHint()
	h.Window = &trace.Window{From: 0, To: 0}
	if _, _, skipped, _ := read(t, text, &h, Options{}); skipped.N != 0 || !skipped.Any {
		t.Errorf("outside the window: %+v", skipped)
	}
}

func TestSkimDoesNotAllocate(t *testing.T) {
	text := readFile(t, "report-all.txt")
	h := sendsHint()
	allocs := func(n int) float64 {
		return testing.AllocsPerRun(3, func() {
			s, err := New(&repeat{text: text, n: n}, "x", Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			s.Hint(h)
			for s.Scan() {
			}
		})
	}
	small, large := allocs(10<<20), allocs(40<<20)
	// the race detector has sync.Pool forget some of what it is given
	if large > small+30 {
		t.Errorf("%.0f allocations for 40 MiB, %.0f for 10 MiB", large, small)
	}
}

func FuzzSkim(f *testing.F) {
	for _, name := range excerpts(f) {
		f.Add(readFile(f, name), uint16(3000))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		checkSkim(t, text, max(int(size), 100))
	})
}
