package tracedat

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func openBytes(b []byte) (*Source, error) {
	return Open(bytes.NewReader(b), int64(len(b)), "t.dat", Options{})
}

func mustOpen(t testing.TB, b []byte) *Source {
	t.Helper()
	s, err := openBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// describe gives one line for a record, with every field of an event.
func describe(s *Source) string {
	tab := s.Table()
	switch r := s.Record().(type) {
	case *trace.Lost:
		return fmt.Sprintf("%d %s/%d LOST %d", r.Time, tab.NameOf(r.Instance), r.CPU, r.N)
	case *trace.SyntaxError:
		return "BAD " + r.Error()
	case *trace.Event:
		head := fmt.Sprintf("%d %s/%d #%d %s-%d %x %x %s", r.Time, tab.NameOf(r.Instance), r.CPU, r.Seq, tab.NameOf(r.Comm), r.PID, r.Flags, r.Preempt, r.Schema().FullName())
		if r.Schema().IsStack {
			for _, f := range tab.StackOf(r.Stack()) {
				head += " <" + tab.SymbolOf(f).String()
			}
			return head
		}
		cpu, _ := r.Uint(r.Schema().Ref("cpu"))
		delta, _ := r.Uint(r.Schema().Ref("delta"))
		site := "?"
		if id, ok := r.Symbol(r.Schema().Ref("callsite")); ok {
			site = tab.SymbolOf(id).String()
		}
		text, _ := r.Bytes(r.Schema().Ref("text"))
		name, _ := r.Bytes(r.Schema().Ref("name"))
		var m cpumask.Mask
		r.Mask(r.Schema().Ref("mask"), &m)
		return head + fmt.Sprintf(" %d %d %s %q %q %s", cpu, int64(delta), site, text, name, m.String())
	}
	return "?"
}

func scanAll(s *Source) []string {
	var out []string
	for s.Scan() {
		out = append(out, describe(s))
	}
	return out
}

// A wanted is the line that a record must give, and its place in the order.
type wanted struct {
	time uint64
	line string
}

// variant is one kind of file.
type variant struct {
	version     int
	compression string
	big         bool
	long        int
}

func (v variant) String() string {
	return fmt.Sprintf("v%d-%s-%s-long%d", v.version, v.compression, map[bool]string{true: "big", false: "little"}[v.big], v.long)
}

func (v variant) file() *datwriter.File {
	return datwriter.New(v.version, v.compression, v.big, v.long)
}

// variants are all kinds of files that there are.
func variants() []variant {
	var out []variant
	for _, big := range []bool{false, true} {
		for _, long := range []int{4, 8} {
			out = append(out, variant{6, "none", big, long})
			for _, c := range []string{"none", "zlib", "zstd"} {
				out = append(out, variant{7, c, big, long})
			}
		}
	}
	return out
}

// narrow gives an address as a kernel with that size of long has it.
func narrow(addr uint64, long int) uint64 {
	if long == 4 {
		return uint64(uint32(addr))
	}
	return addr
}

// drawEvents draws one CPU's events and what they must read as.
func drawEvents(rt *rapid.T, f *datwriter.File, instance string, cpu int) ([]datwriter.Event, []wanted) {
	var events []datwriter.Event
	var want []wanted
	time := rapid.SampledFrom([]uint64{0, 1000, 1 << 40, 1<<60 + 1<<59 - 5}).Draw(rt, "start")
	for i := range rapid.IntRange(0, 40).Draw(rt, "events") {
		time += rapid.SampledFrom([]uint64{0, 0, 1, 7, 1 << 26, 1<<27 - 1, 1 << 27, 1 << 33}).Draw(rt, "gap")
		e := datwriter.Event{Time: time, Absolute: rapid.IntRange(0, 9).Draw(rt, "absolute") == 0}
		e.Missed = rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, -1, 55}).Draw(rt, "missed")
		if e.Missed != 0 {
			want = append(want, wanted{time, fmt.Sprintf("%d %s/%d LOST %d", time, instance, cpu, max(0, e.Missed))})
		}
		pid := rapid.SampledFrom([]int32{0, 7, 9}).Draw(rt, "pid")
		comm := map[int32]string{0: "<idle>", 7: "worker", 9: "<...>"}[pid]
		head := fmt.Sprintf("%d %s/%d #%d %s-%d", time, instance, cpu, i+1, comm, pid)
		if rapid.IntRange(0, 4).Draw(rt, "stack") == 0 {
			e.Record = f.Stack(pid, narrow(datwriter.BetaAddr+4, f.Long), narrow(datwriter.AlphaAddr, f.Long))
			head += " 0 0 ftrace:kernel_stack <beta <alpha"
		} else {
			name := rapid.StringMatching(`[a-z]{0,90}`).Draw(rt, "name")
			delta := rapid.Int32().Draw(rt, "delta")
			e.Record = f.Record(datwriter.Sample{PID: pid, Flags: 0x11, Preempt: 0x21, CPU: uint32(cpu), Delta: delta,
				Callsite: narrow(datwriter.AlphaAddr+0x24, f.Long), Text: narrow(datwriter.HelloAddr, f.Long), Name: name, Mask: 0x8000000a})
			head += fmt.Sprintf(" 11 21 test:sample %d %d alpha+0x24 %q %q 1,3,31", cpu, delta, "hello", name)
		}
		events = append(events, e)
		want = append(want, wanted{time, head})
	}
	return events, want
}

// TestRoundTrip: what was written is read, in the order of time, then buffer,
// then CPU, then place in the buffer, whatever the kind of file.
func TestRoundTrip(t *testing.T) {
	for _, kind := range []variant{plain6, plain7, zlib7, zstd7} {
		t.Run(kind.String(), func(t *testing.T) {
			law.Check(t, func(rt *rapid.T) {
				v := kind
				v.big = rapid.Bool().Draw(rt, "big endian")
				v.long = rapid.SampledFrom([]int{4, 8}).Draw(rt, "long")
				f := v.file()
				f.PlainSections = rapid.Bool().Draw(rt, "plain sections")
				f.ChunkPages = rapid.IntRange(1, 3).Draw(rt, "pages in a chunk")
				var want []wanted
				var instances []string
				for i := range rapid.IntRange(1, 3).Draw(rt, "buffers") {
					b := datwriter.Buffer{Clock: "local"}
					if i > 0 {
						b.Name = fmt.Sprint("inst", i)
						instances = append(instances, b.Name)
					}
					cpus := rapid.SliceOfNDistinct(rapid.SampledFrom([]int{0, 1, 2, 5, 17}), 1, 4, rapid.ID).Draw(rt, "CPUs")
					byCPU := map[int][]wanted{}
					for _, cpu := range cpus { // in any order
						events, w := drawEvents(rt, f, b.Name, cpu)
						b.CPUs = append(b.CPUs, datwriter.CPU{ID: cpu, Pages: f.Pages(events)})
						byCPU[cpu] = w
					}
					slices.Sort(cpus)
					for _, cpu := range cpus {
						want = append(want, byCPU[cpu]...)
					}
					f.Buffers = append(f.Buffers, b)
				}
				slices.SortStableFunc(want, func(a, b wanted) int { return cmp.Compare(a.time, b.time) })
				var lines []string
				for _, w := range want {
					lines = append(lines, w.line)
				}
				data, _ := f.Bytes()
				s, err := openBytes(data)
				if err != nil {
					rt.Fatal(err)
				}
				defer s.Close()
				if d := gocmp.Diff(lines, scanAll(s)); d != "" {
					rt.Fatal(d)
				}
				if err := s.Err(); err != nil {
					rt.Fatal(err)
				}
				if d := gocmp.Diff(instances, s.Table().Meta.Instances); d != "" {
					rt.Fatal(d)
				}
			})
		})
	}
}

// small returns a file with two CPUs and an instance, and events that make two
// pages per CPU.
func small(v variant) *datwriter.File {
	f := v.file()
	f.PlainSections = true
	f.Options = append(f.Options, noShift(f))
	for _, name := range []string{"", "inst"} {
		b := datwriter.Buffer{Name: name, Clock: "mono"}
		for cpu := range 2 {
			b.CPUs = append(b.CPUs, datwriter.CPU{ID: cpu, Pages: f.Pages(samples(f, cpu, 24))})
		}
		f.Buffers = append(f.Buffers, b)
	}
	return f
}

// noShift is a TIME_SHIFT option that shifts nothing: one sample for CPU 1.
func noShift(f *datwriter.File) datwriter.Option {
	o := f.Order()
	b := o.AppendUint64(nil, 99)
	for _, n := range []uint32{0, 2, 0, 1} { // flags, CPUs, samples of CPU 0 and of CPU 1
		b = o.AppendUint32(b, n)
	}
	for _, n := range []uint64{1000, 0, 1, 0} { // time, offset, scaling, fraction
		b = o.AppendUint64(b, n)
	}
	return datwriter.Option{ID: optTimeShift, Data: b}
}

func samples(f *datwriter.File, cpu, n int) []datwriter.Event {
	var events []datwriter.Event
	for i := range n {
		e := datwriter.Event{Time: uint64(1000 + 10*i + cpu)}
		if i%4 == 3 {
			e.Record = f.Stack(7, narrow(datwriter.BetaAddr, f.Long), narrow(datwriter.AlphaAddr, f.Long))
		} else {
			e.Record = f.Record(datwriter.Sample{PID: 7, CPU: uint32(cpu), Delta: int32(-i), Callsite: narrow(datwriter.AlphaAddr+1, f.Long), Text: narrow(datwriter.HelloAddr, f.Long), Name: "name", Mask: 1 << cpu})
		}
		events = append(events, e)
	}
	return events
}

func TestMeta(t *testing.T) {
	for _, v := range variants() {
		data, _ := small(v).Bytes()
		m := mustOpen(t, data).Table().Meta
		got := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%d|%d|%d|%v|%v", m.Format, m.Compression, m.Tool, m.Kernel, m.Host, m.Arch, m.CPUs, m.PageSize, m.LongSize, m.BigEndian, m.Instances)
		want := fmt.Sprintf("trace.dat v%d|%s|writer 1|6.12.0|host|x86_64|2|1024|%d|%v|[inst]", v.version, v.compression, v.long, v.big)
		if got != want || len(m.Notes) > 0 {
			t.Errorf("%v: %s, notes %v, want %s", v, got, m.Notes, want)
		}
		if len(m.Options) < 3 || m.Options[0].ID < 0 {
			t.Errorf("%v: options %v", v, m.Options)
		}
	}
}

// TestTies: of events with equal times the one of the first buffer and the
// lowest CPU comes first, as in trace-cmd's output, and those of one CPU keep
// their order.
func TestTies(t *testing.T) {
	for _, v := range variants() {
		f := v.file()
		for _, name := range []string{"", "b", "a"} {
			b := datwriter.Buffer{Name: name}
			for _, cpu := range []int{2, 0, 1} {
				var events []datwriter.Event
				for i := range 3 {
					events = append(events, datwriter.Event{Time: 500, Record: f.Record(datwriter.Sample{Delta: int32(i)})})
				}
				b.CPUs = append(b.CPUs, datwriter.CPU{ID: cpu, Pages: f.Pages(events)})
			}
			f.Buffers = append(f.Buffers, b)
		}
		data, _ := f.Bytes()
		s := mustOpen(t, data)
		var got []string
		for s.Scan() {
			e := s.Record().(*trace.Event)
			d, _ := e.Uint(e.Schema().Ref("delta"))
			got = append(got, fmt.Sprint(s.Table().NameOf(e.Instance), e.CPU, d))
		}
		want := []string{"0 0", "0 1", "0 2", "1 0", "1 1", "1 2", "2 0", "2 1", "2 2"}
		for _, name := range []string{"b", "a"} {
			for _, w := range want[:9] {
				want = append(want, name+w)
			}
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%v: %s", v, d)
		}
	}
}

func TestHint(t *testing.T) {
	f := small(variant{7, "zstd", false, 8})
	f.Buffers[0].CPUs[1].Pages = append(f.Buffers[0].CPUs[1].Pages, f.Pages([]datwriter.Event{{Time: 9000, Missed: 3, Record: f.Stack(7)}})...)
	data, _ := f.Bytes()
	for _, tt := range []struct {
		events []string
		counts map[string]int
	}{
		{nil, map[string]int{"sample": 72, "kernel_stack": 25}},
		{[]string{"sample"}, map[string]int{"sample": 72}},
		{[]string{"ftrace:kernel_stack", "nosuch"}, map[string]int{"kernel_stack": 25}},
		{[]string{}, map[string]int{}},
	} {
		s := mustOpen(t, data)
		s.Hint(trace.Hint{Select: trace.Selection{Events: tt.events}})
		counts, lost := map[string]int{}, uint64(0)
		for s.Scan() {
			switch r := s.Record().(type) {
			case *trace.Event:
				counts[r.Schema().Name]++
			case *trace.Lost:
				lost += r.N
			}
		}
		if d := gocmp.Diff(tt.counts, counts); d != "" || s.Err() != nil {
			t.Errorf("%q: %s, error %v", tt.events, d, s.Err())
		}
		if lost != 3 {
			t.Errorf("%q: %d lost, want 3 whatever the hint", tt.events, lost)
		}
	}
}

// TestMissedAddUp: losses before pages without events belong to the next event.
func TestMissedAddUp(t *testing.T) {
	for _, tt := range []struct {
		missed []int
		want   uint64
	}{{[]int{5, 3}, 8}, {[]int{5, -1}, 0}, {[]int{-1, 3}, 0}, {[]int{5, -1, 3}, 0}} {
		f := variant{7, "none", false, 8}.file()
		var pages [][]byte
		for i, n := range tt.missed {
			p := f.Pages([]datwriter.Event{{Time: uint64(i), Missed: n, Record: f.Record(datwriter.Sample{})}})
			if i < len(tt.missed)-1 { // take the event out
				copy(p[0][10:12], []byte{0, p[0][11]})
				p[0][8], p[0][9] = 0, 0
				copy(p[0][16:], p[0][16+4+8+8+8+8+8+8+4:][:8]) // the number comes after the data
			}
			pages = append(pages, p...)
		}
		f.Buffers = []datwriter.Buffer{{CPUs: []datwriter.CPU{{ID: 0, Pages: pages}}}}
		data, _ := f.Bytes()
		s := mustOpen(t, data)
		var lost []uint64
		for s.Scan() {
			if l, ok := s.Record().(*trace.Lost); ok {
				lost = append(lost, l.N)
			}
		}
		if !slices.Equal(lost, []uint64{tt.want}) || s.Err() != nil {
			t.Errorf("%v: lost %v, want %d; %v", tt.missed, lost, tt.want, s.Err())
		}
	}
}

// TestClockOptions: times as trace-cmd prints them (trace-cmd.dat.v6(5), DATE,
// OFFSET and TSC2NSEC).
func TestClockOptions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []datwriter.Option
		raw     uint64
		want    trace.Time
	}{
		{"none", nil, 5000, 5000},
		{"DATE is in microseconds", []datwriter.Option{{ID: optDate, Data: []byte("0x10\x00")}}, 5000, 5000 + 16*1000},
		{"OFFSET is in nanoseconds", []datwriter.Option{{ID: optOffset, Data: []byte("-20\x00")}}, 5000, 4980},
		// (ts * mult) >> shift, in more than 64 bits; the offset is not applied
		{"TSC2NSEC", []datwriter.Option{{ID: optTSC2Nsec, Data: []byte{3, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0}}}, 5000, 5000 * 3 / 2},
		{"TSC2NSEC of a large count", []datwriter.Option{{ID: optTSC2Nsec, Data: []byte{0, 0, 0, 128, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}, 1 << 60, 1 << 59},
	} {
		f := variant{7, "none", false, 8}.file()
		f.Options = append(f.Options, tt.options...)
		f.Buffers = []datwriter.Buffer{{CPUs: []datwriter.CPU{{ID: 0, Pages: f.Pages([]datwriter.Event{{Time: tt.raw, Record: f.Record(datwriter.Sample{})}})}}}}
		data, _ := f.Bytes()
		s := mustOpen(t, data)
		if !s.Scan() {
			t.Fatal(s.Err())
		}
		if got := s.Record().(*trace.Event).Time; got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
