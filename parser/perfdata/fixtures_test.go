package perfdata

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// fixture reads a recording of a running kernel, unpacked.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "fixtures", name))
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(name) {
	case ".zst":
		d, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if b, err = d.DecodeAll(b, nil); err != nil {
			t.Fatal(err)
		}
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// symbolsOf are those of the boot of the 7.2 recordings, cut to what they use.
func symbolsOf(t testing.TB) func(string) (*ksym.Table, error) {
	table, err := ksym.NewTable(string(fixture(t, "k72s4-41a-perf-g/kallsyms.gz")))
	return func(string) (*ksym.Table, error) { return table, err }
}

func open(t testing.TB, b []byte, o Options) *Source {
	t.Helper()
	s, err := Open(bytes.NewReader(b), int64(len(b)), "perf.data", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A seen is what came out of a recording.
type seen struct {
	Events map[string]uint64
	CPUs   map[int32]uint64
	Lost   map[int32]uint64
	First  trace.Time
	Last   trace.Time
	Bad    int
	Err    bool
}

func look(s *Source) seen {
	x := seen{Events: map[string]uint64{}, CPUs: map[int32]uint64{}, Lost: map[int32]uint64{}}
	any := false
	time := func(t trace.Time) {
		if !any {
			any, x.First = true, t
		}
		x.First, x.Last = min(x.First, t), max(x.Last, t)
	}
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			x.Events[r.Schema().FullName()]++
			x.CPUs[r.CPU]++
			time(r.Time)
		case *trace.Lost:
			x.Lost[r.CPU] += r.N
		case *trace.SyntaxError:
			x.Bad++
		case *trace.Skipped:
			if x.CPUs[r.CPU] += r.N; r.Any {
				time(r.First)
				time(r.Last)
			}
			for id, n := range r.ByEvent {
				if n > 0 {
					x.Events[s.Table().Schema(trace.EventID(id)).FullName()] += n
				}
			}
		}
	}
	x.Err = s.Err() != nil
	return x
}

// recordings are those of the fixtures: what perf report --stats of the perf that
// recorded counts of each event, how many samples of it have kernel frames, and the
// times of the first and the last sample (perf script --ns).
func recordings() map[string]seen {
	events := func(n ...uint64) map[string]uint64 {
		m := map[string]uint64{}
		for i, name := range []string{"ipi:ipi_send_cpu", "ipi:ipi_send_cpumask", "csd:csd_queue_cpu", "ftrace:kernel_stack"} {
			if n[i] > 0 {
				m[name] = n[i]
			}
		}
		return m
	}
	return map[string]seen{
		"k72s4-41a-perf-g/perf.data.zst":        {Events: events(243, 4, 261, 508), First: 300627315845, Last: 300627315845 + 11275658937},
		"k72s4-41c-perf-z-g/perf.data.zst":      {Events: events(474, 785, 2820, 4079), First: 628272017462, Last: 628272017462 + 18493628013},
		"k72s4-41d-perf-pipe-g/pipe.data.zst":   {Events: events(333, 26, 411, 770), First: 696846546593, Last: 696846546593 + 12099196284},
		"ks390x72s4-40-perf/perf.data.zst":      {Events: events(210, 26, 256, 492), First: 2574301944166, Last: 2574301944166 + 4252912657},
		"k612s4-40-perf/perf-filter-z.data":     {Events: events(136, 42, 0, 0), First: 327747034140, Last: 327747034140 + 3302537566},
		"k612s4-41n-perf-group-S/perf.data.zst": {Events: events(232, 0, 229, 0), First: 158048333401, Last: 160750507734},
		"k618-perf/pipez.data.zst":              {Events: events(21, 0, 0, 21)},
		"k618-perf/twice.data.zst":              {Events: events(27, 0, 0, 27)},
		"k618-perf/c0.data.zst":                 {Events: events(26, 0, 0, 26)},
		"k618-perf/task.data":                   {Events: events(2, 0, 0, 2)},
	}
}

// TestRecordings holds what is read of recordings against what perf says of them.
func TestRecordings(t *testing.T) {
	for name, want := range recordings() {
		b := fixture(t, name)
		for _, threads := range []int{1, 3} {
			got := look(open(t, b, Options{Threads: threads}))
			if got.Err || got.Bad > 0 {
				t.Errorf("%s: %+v", name, got)
			}
			if !cmp.Equal(got.Events, want.Events) || want.First > 0 && (got.First != want.First || got.Last != want.Last) {
				t.Errorf("%s: %d threads: %+v, want %+v", name, threads, got, want)
			}
		}
	}
}

// TestSkipping: what is passed over is counted, whatever is looked at.
func TestSkipping(t *testing.T) {
	all := []trace.Want{
		{Events: []string{}, Stacks: []string{}}, {Events: []string{"ipi_send_cpu"}, Stacks: []string{}},
		{Events: []string{"csd:csd_queue_cpu"}, Stacks: []string{"ipi_send_cpu"}}, {Stacks: []string{}}, {Events: []string{}},
	}
	for name := range recordings() {
		b := fixture(t, name)
		whole := look(open(t, b, Options{}))
		for i, want := range all {
			for _, threads := range []int{1, 2} {
				s := open(t, b, Options{Threads: threads})
				s.Hint(trace.Hint{Want: want, ByEvent: true})
				if got := look(s); !cmp.Equal(whole, got) {
					t.Errorf("%s: want %d: %s", name, i, cmp.Diff(whole, got))
				}
			}
		}
		var cpus cpumask.Mask
		cpus.Set(0)
		for _, h := range []trace.Hint{
			{Select: trace.Selection{CPUs: &cpus}}, {Select: trace.Selection{Events: []string{"ipi_send_cpu", "kernel_stack"}}},
			{Window: &trace.Window{From: whole.First + (whole.Last-whole.First)/3, To: whole.Last - (whole.Last-whole.First)/3}},
		} {
			var counts []seen
			for _, want := range all {
				h.Want, h.ByEvent = want, true
				s := open(t, b, Options{})
				s.Hint(h)
				counts = append(counts, look(s))
			}
			for i := range counts[1:] {
				if !cmp.Equal(counts[0].Events, counts[i+1].Events) {
					t.Errorf("%s: %+v: want %d: %s", name, h, i+1, cmp.Diff(counts[0].Events, counts[i+1].Events))
				}
			}
		}
	}
}

// TestLosses: the lossy recording was made with one page of buffer on a machine
// with two CPUs. perf report --stats counts 12 LOST records, and of LOST_SAMPLES 2
// for ipi_send_cpu, 296 for kfree and 5 for the dummy event: 303 in all, which the
// LOST records must not be added to.
func TestLosses(t *testing.T) {
	s := open(t, fixture(t, "k618-perf/lossy.data.zst"), Options{})
	got := look(s)
	var all, marked uint64
	for _, n := range got.Lost {
		all += n
	}
	for _, n := range s.losses.marked {
		marked += n
	}
	if all != 303 || s.losses.records != 12 || marked == 0 || marked > all {
		t.Errorf("%d events lost, %d by %d LOST records; want 303, of them some by 12", all, marked, s.losses.records)
	}
	if m := s.Table().Meta.LostByEvent; m["ipi:ipi_send_cpu"] != 2 || m["kmem:kfree"] != 296 {
		t.Errorf("lost by event: %v, want 2 and 296", m)
	}
	if got.Events["kmem:kfree"] != 611 || got.Events["ipi:ipi_send_cpu"] != 12 {
		t.Errorf("%v, want 611 kfree and 12 ipi_send_cpu", got.Events)
	}
	if notes := strings.Join(s.Table().Meta.Notes, "\n"); !strings.Contains(notes, "2 of at least 14 ipi:ipi_send_cpu events were lost") {
		t.Error(notes)
	}
}

// TestTwice: perf script prints 54 samples of the recording in which a tracepoint
// was opened twice; there were 27 hits.
func TestTwice(t *testing.T) {
	s := open(t, fixture(t, "k618-perf/twice.data.zst"), Options{})
	look(s)
	if notes := strings.Join(s.Table().Meta.Notes, "\n"); !strings.Contains(notes, "ipi:ipi_send_cpu was opened twice: 27 samples") {
		t.Error(notes)
	}
}

// TestKilled: a recorder that was killed leaves no formats. With those of its
// kernel all is readable.
func TestKilled(t *testing.T) {
	b := fixture(t, "k618-perf/killed.data.zst")
	s := open(t, b, Options{})
	bare := look(s)
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "not finished") || !strings.Contains(err.Error(), "--event-formats") {
		t.Error(err)
	}
	if s.Table().Meta.LongSize != 0 {
		t.Error("the formats in the table are taken for those of the recorded events")
	}
	s = open(t, b, Options{})
	s.UseFormats(ipiFormats(t))
	named := look(s)
	if err := s.Err(); err == nil || strings.Contains(err.Error(), "--event-formats") {
		t.Error(err)
	}
	if n := named.Events["ipi:ipi_send_cpu"]; n == 0 || n != bare.Events["event_354"] || !cmp.Equal(bare.CPUs, named.CPUs) {
		t.Errorf("%v, without formats %v", named.Events, bare.Events)
	}
}

// TestPartial: which CPUs and tasks were recorded shows.
func TestPartial(t *testing.T) {
	for name, want := range map[string]string{
		"k618-perf/c0.data.zst": "only CPUs 0 were recorded", "k618-perf/task.data": "only some tasks were recorded", "k72s4-41a-perf-g/perf.data.zst": "",
	} {
		s := open(t, fixture(t, name), Options{})
		got := strings.Join(s.Table().Meta.Partial, "\n")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestFolder: perf script prints 24 samples of the folder of a recorder with a
// thread for each CPU, compressed.
func TestFolder(t *testing.T) {
	s, err := OpenFolder(filepath.Join("..", "..", "fixtures", "k618-perf", "threads-z"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var last trace.Time
	n := 0
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok {
			if e.Time < last {
				t.Errorf("time goes back to %d", e.Time)
			}
			last = e.Time
			n++
		}
	}
	if m := s.Table().Meta; n != 48 || s.Err() != nil || m.Format != "perf.data, directory of 2" || m.Compression != "zstd" {
		t.Errorf("%d events, %v, %+v", n, s.Err(), m)
	}
}

// TestOneByteAtATime reads a pipe that gives single bytes, and one that gives
// halves.
func TestOneByteAtATime(t *testing.T) {
	for _, name := range []string{"k72s4-41d-perf-pipe-g/pipe.data.zst", "k618-perf/pipez.data.zst"} {
		b := fixture(t, name)
		want := look(open(t, b, Options{}))
		for how, r := range map[string]io.Reader{"byte": iotest.OneByteReader(bytes.NewReader(b)), "half": iotest.HalfReader(bytes.NewReader(b)), "with the end": iotest.DataErrReader(bytes.NewReader(b))} {
			for _, live := range []bool{false, true} {
				if live && how == "byte" {
					r = iotest.OneByteReader(bytes.NewReader(b))
				} else if live {
					r = bytes.NewReader(b)
				}
				s, err := OpenPipe(r, "pipe", Options{Live: live})
				if err != nil {
					t.Fatal(err)
				}
				if got := look(s); !cmp.Equal(want, got) {
					t.Errorf("%s, %s: %s", name, how, cmp.Diff(want, got))
				}
				s.Close()
			}
		}
	}
}

// TestTruncation cuts recordings at every byte: nothing panics, and what is
// missing is said.
func TestTruncation(t *testing.T) {
	for _, name := range []string{"k618-perf/task.data", "k618-perf/pipez.data.zst", "k72s4-41a-perf-g/perf.data.zst", "k618-perf/killed.data.zst"} {
		b := fixture(t, name)
		whole := look(open(t, b, Options{}))
		var total uint64
		for _, n := range whole.Events {
			total += n
		}
		step := 1
		if len(b) > 20000 {
			step = len(b)/500 + 1 // a part of them: all take minutes
		}
		for n := 0; n < len(b); n += step {
			s, err := Open(bytes.NewReader(b[:n]), int64(n), "cut", Options{Threads: 1})
			if err != nil {
				continue
			}
			got := look(s)
			var sum uint64
			for _, n := range got.Events {
				sum += n
			}
			// A pipe may end between two records: perf writes no end.
			if sum > total || sum < total && !got.Err && !IsPipe(b) {
				t.Fatalf("%s, %d of %d bytes: %d of %d events, %v", name, n, len(b), sum, total, s.Err())
			}
			s.Close()
		}
	}
}

// TestAsPerfPrints holds tasks, times, CPUs and stacks of a recording against the
// text of perf script, in its order. Names of tasks that exit are missing there.
func TestAsPerfPrints(t *testing.T) {
	for _, c := range []struct{ data, text string }{
		{"k72s4-41a-perf-g/perf.data.zst", "k72s4-41a-perf-g/script.txt.gz"}, {"ks390x72s4-40-perf/perf.data.zst", "ks390x72s4-40-perf/script.txt.gz"},
		{"k612s4-40-perf/perf-filter-z.data", "k612s4-40-perf/script-filter.txt.gz"}, {"k618-perf/lossy.data.zst", "k618-perf/lossy.txt.gz"},
	} {
		s := open(t, fixture(t, c.data), Options{})
		var got, want []string
		for s.Scan() {
			if e, ok := s.Record().(*trace.Event); ok && !e.Schema().IsStack {
				got = append(got, fmt.Sprintf("%d [%03d] %d.%06d: %s", e.PID, e.CPU, e.Time/1e9, e.Time%1e9/1000, e.Schema().FullName()))
			}
		}
		for line := range strings.Lines(string(fixture(t, c.text))) {
			if line[0] == '\t' || len(line) < 2 || strings.Contains(line, "PERF_RECORD") {
				continue
			}
			w := strings.Fields(line)
			at := slices.IndexFunc(w, func(s string) bool { return len(s) == 5 && s[0] == '[' })
			want = append(want, fmt.Sprintf("%s %s %s %s", w[at-1], w[at], w[at+1], strings.TrimSuffix(w[at+2], ":")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.data, diff)
		}
	}
}

// TestSymbols: names come from the kallsyms of the boot; from those of another one
// they are the same for the kernel, and addresses in modules have none.
func TestSymbols(t *testing.T) {
	names := func(load func(string) (*ksym.Table, error)) (stacks []string, functions map[string]int) {
		s := open(t, fixture(t, "k72s4-41a-perf-g/perf.data.zst"), Options{})
		s.UseSymbols(load)
		functions = map[string]int{}
		for s.Scan() {
			e, ok := s.Record().(*trace.Event)
			if !ok {
				continue
			}
			if e.Schema().IsStack {
				var frames []string
				for _, id := range s.Table().StackOf(e.Stack()) {
					sym := s.Table().SymbolOf(id)
					if sym.Module != "" {
						sym.Name = "[" + sym.Module + "]"
					}
					frames = append(frames, sym.Name)
				}
				stacks = append(stacks, strings.Join(frames, "<"))
			} else if id, ok := e.Symbol(e.Schema().Ref("func")); ok {
				functions[s.Table().SymbolOf(id).Name]++
			}
		}
		return stacks, functions
	}
	stacks, functions := names(symbolsOf(t))
	// perf script of the same recording prints these functions that often
	want := map[string]int{"sched_ttwu_pending": 190, "nohz_csd_func": 26, "__hrtick_start": 26, "do_flush_tlb_all": 12, "flush_tlb_func": 2, "nohz_full_kick_func": 5}
	text := string(fixture(t, "k72s4-41a-perf-g/script.txt.gz"))
	for name := range want {
		want[name] = strings.Count(text, " func="+name+" ")
	}
	for name, n := range want {
		if functions[name] != n {
			t.Errorf("%d times func=%s, want %d", functions[name], name, n)
		}
	}
	if strings.Contains(strings.Join(stacks, "\n"), "0x") {
		t.Error("frames without a name")
	}
	moved, _ := ksym.NewTable(shifted(string(fixture(t, "k72s4-41a-perf-g/kallsyms.gz")), 0x14200000))
	if again, _ := names(func(string) (*ksym.Table, error) { return moved, nil }); !slices.Equal(stacks, again) {
		t.Error("other frames with the kallsyms of another boot")
	}
	other, _ := ksym.NewTable(shifted(string(fixture(t, "k72s4-41a-perf-g/kallsyms.gz")), 0x14201000))
	if _, wrong := names(func(string) (*ksym.Table, error) { return other, nil }); wrong["sched_ttwu_pending"] > 0 {
		t.Error("names are taken from another kernel")
	}
}

// shifted is the kallsyms of another boot.
func shifted(text string, by uint64) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		var addr uint64
		fmt.Sscanf(line, "%x", &addr)
		fmt.Fprintf(&b, "%016x%s", addr-by, line[16:])
	}
	return b.String()
}

// TestBounds: of a file whose rounds do not end no more than a bound is held, and
// that is said.
func TestBounds(t *testing.T) {
	b := fixture(t, "k72s4-41a-perf-g/perf.data.zst")
	for i := 0; i+8 <= len(b); i++ { // FINISHED_ROUND records become unknown ones
		if bytes.Equal(b[i:i+8], []byte{recROUND, 0, 0, 0, 0, 0, 8, 0}) {
			b[i] = 99
		}
	}
	s := open(t, b, Options{maxHeld: 64 << 10})
	got := look(s)
	if got.Events["ipi:ipi_send_cpu"] != 243 || !strings.Contains(strings.Join(s.Table().Meta.Notes, "\n"), "would have waited") {
		t.Errorf("%v, %v", got.Events, s.Table().Meta.Notes)
	}
}

// TestAllocations: none for an event.
func TestAllocations(t *testing.T) {
	s := open(t, fixture(t, "k72s4-41c-perf-z-g/perf.data.zst"), Options{Threads: 1})
	s.UseSymbols(symbolsOf(t))
	for range 4000 { // buffers grow, names and stacks are new
		s.Scan()
		if e, ok := s.Record().(*trace.Event); ok && e.Schema().IsStack {
			e.Stack()
		}
	}
	if n := testing.AllocsPerRun(1000, func() {
		s.Scan()
		if e, ok := s.Record().(*trace.Event); ok {
			e.Uint(e.Schema().Ref("cpu"))
		}
	}); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}

// record makes a record of u64 words after its header.
func record(typ uint32, words ...uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, typ)
	b = binary.LittleEndian.AppendUint32(b, uint32(headerSize+8*len(words))<<16)
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// TestOthers puts into a recording what none of the fixtures has, laid out as
// include/uapi/linux/perf_event.h and tools/lib/perf/include/perf/event.h have it:
// AUX data, which lie after their record, and an event of a virtual machine.
// They are passed over and named, and the rest is read as before.
func TestOthers(t *testing.T) {
	whole := fixture(t, "k72s4-41d-perf-pipe-g/pipe.data.zst")
	s := open(t, whole, Options{})
	want := look(s)
	guest := s.dir.attrs[0].ids[1] // ipi:ipi_send_cpu on CPU 1
	_, _, records := walked(t, whole)
	samples := samplesOf(whole, records)
	var ofGuest uint64
	for _, at := range samples {
		if binary.LittleEndian.Uint64(whole[at+headerSize:]) == guest {
			ofGuest++
		}
	}
	if ofGuest == 0 || ofGuest == uint64(len(samples)) {
		t.Fatalf("%d of %d samples are of that id", ofGuest, len(samples))
	}
	put := func(more ...[]byte) []byte {
		b := slices.Clone(whole[:samples[0]])
		for _, x := range more {
			b = append(b, x...)
		}
		return append(b, whole[samples[0]:]...)
	}
	// u64 size, offset, reference; u32 idx, tid, cpu, reserved; then the data, which
	// look like samples here
	trace := append(record(recAUXTRACE, uint64(len(whole)-samples[0]), 0, 7, 1, 1), whole[samples[0]:]...)
	trailer := make([]uint64, s.dir.attrs[0].trailer/8)
	aux := record(recAUX, append([]uint64{0, 4096, 0}, trailer...)...)
	got := open(t, put(trace, aux), Options{})
	if x := look(got); x.Err || !cmp.Equal(want, x) {
		t.Errorf("with AUX data: %v, %s", got.Err(), cmp.Diff(want, x))
	}
	if notes := strings.Join(got.Table().Meta.Notes, "\n"); !strings.Contains(notes, "AUX data (hardware traces) are passed over") {
		t.Error(notes)
	}
	// nr; id, idx, cpu, tid; machine_pid, vcpu
	index := record(recIDINDEX, 1, guest, 0, 1, 1<<64-1, 4711, 0)
	got = open(t, put(index), Options{})
	x := look(got)
	want.Events["ipi:ipi_send_cpu"] -= ofGuest
	want.Events["ftrace:kernel_stack"] -= ofGuest
	if x.Err || !cmp.Equal(want.Events, x.Events) {
		t.Errorf("with a guest: %v, %s", got.Err(), cmp.Diff(want.Events, x.Events))
	}
	if notes := strings.Join(got.Table().Meta.Notes, "\n"); !strings.Contains(notes, fmt.Sprintf("%d samples of virtual machines are left out", ofGuest)) {
		t.Error(notes)
	}
}
