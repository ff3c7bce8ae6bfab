package tracecmd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

const fixtures = "../../fixtures"

func gunzip(tb testing.TB, path string) string {
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func open(tb testing.TB, path string) (trace.Source, printfmt.Names) {
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { src.Close() })
	names, ok := trace.As[printfmt.Names](src)
	if !ok {
		tb.Fatalf("%s: no names", path)
	}
	return src, names
}

// text prints a whole recording.
func text(tb testing.TB, path string, o tracecmd.Options) string {
	src, names := open(tb, path)
	p := tracecmd.New(src.Table(), names, o)
	out := bytes.NewBuffer(p.AppendHead(nil))
	s := tracecmd.NewStream(func(b []byte) { out.Write(b) })
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			s.Event(p, r)
		case *trace.Lost:
			s.Lost(p, r)
		}
	}
	s.End()
	if err := src.Err(); err != nil {
		tb.Error(err)
	}
	return out.String()
}

// differ reports the first line that is not as it should be.
func differ(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("line %d\n got %q\nwant %q", i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Fatalf("%d lines, want %d", len(g), len(w))
	}
}

// Recordings with what trace-cmd report -t 3.4.0 prints for them.
func TestRecordings(t *testing.T) {
	texts, err := filepath.Glob(fixtures + "/*/report-t.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range texts {
		dat := filepath.Join(filepath.Dir(path), "trace.dat")
		if _, err := os.Stat(dat); err != nil {
			if dat += ".zst"; !exists(dat) {
				continue
			}
		}
		n++
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			differ(t, text(t, dat, tracecmd.Options{Nanoseconds: true}), gunzip(t, path))
		})
	}
	if n < 4 {
		t.Errorf("%d recordings with their text, want at least 4", n)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The first lines that trace-cmd report, -l and -R 3.4.0 print.
func TestForms(t *testing.T) {
	for _, name := range []string{"k612s4-06-multi", "k72s4-01-zstd-local", "karm64s4-21-ipi-all", "k612s4-02-zlib-mono"} {
		for _, form := range []struct {
			flag string
			o    tracecmd.Options
		}{{"", tracecmd.Options{}}, {"-l", tracecmd.Options{Latency: true}}, {"-R", tracecmd.Options{Raw: true}}} {
			t.Run(name+form.flag, func(t *testing.T) {
				want, err := os.ReadFile("testdata/" + name + ".report" + form.flag + ".head.txt")
				if err != nil {
					t.Fatal(err)
				}
				got := text(t, filepath.Join(fixtures, name, "trace.dat"), form.o)
				got = got[:min(len(got), len(want))]
				differ(t, got, string(want))
			})
		}
	}
}

// A madeTrace is a part of testdata/specials.txt: records of a recording with
// what they need to be printed.
type madeTrace struct {
	name    string
	table   *trace.Table
	symbols map[uint64]string
	static  map[uint64]string
	schemas map[int]*trace.Schema
	events  []trace.Event
	want    strings.Builder
}

// Symbol finds the symbol with the greatest start not above addr; "-" is where
// one ends.
func (m *madeTrace) Symbol(addr uint64) (string, uint64, bool) {
	name, start := "-", uint64(0)
	for a, n := range m.symbols {
		if a <= addr && a >= start {
			name, start = n, a
		}
	}
	return name, addr - start, name != "-"
}

func (m *madeTrace) Address(name string) (uint64, bool) {
	for a, n := range m.symbols {
		if n == name {
			return a, true
		}
	}
	return 0, false
}

func (m *madeTrace) Static(addr uint64) (string, bool) {
	s, ok := m.static[addr]
	return s, ok
}

func (m *madeTrace) event(tb testing.TB, line string) {
	var e trace.Event
	var comm, payload string
	var typ int
	var at int64
	if _, err := fmt.Sscanf(line, "%d %d %d %d %d %q %d %s", &at, &e.CPU, &e.PID, &e.Flags, &e.Preempt, &comm, &typ, &payload); err != nil {
		tb.Fatalf("%q: %v", line, err)
	}
	b, err := hex.DecodeString(payload)
	if err != nil {
		tb.Fatal(err)
	}
	head := e
	e.Reset(m.table, &tracefmt.Decoder{LongSize: 8}, m.schemas[typ], b)
	e.Time, e.CPU, e.PID, e.Flags, e.Preempt, e.HasFlags = trace.Time(at), head.CPU, head.PID, head.Flags, head.Preempt, true
	e.Comm = m.table.Name(comm)
	m.events = append(m.events, e)
}

func specials(tb testing.TB) []*madeTrace {
	var out []*madeTrace
	var m *madeTrace
	for line := range strings.Lines(gunzip(tb, "testdata/specials.txt.gz")) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		word, rest, _ := strings.Cut(value, " ")
		switch key {
		case "recording":
			m = &madeTrace{name: value, table: trace.NewTable(), symbols: map[uint64]string{}, static: map[uint64]string{}, schemas: map[int]*trace.Schema{}}
			m.table.Meta.LongSize, m.table.Meta.Clock = 8, "local"
			out = append(out, m)
		case "symbol", "static":
			addr, err := strconv.ParseUint(word, 16, 64)
			if err != nil {
				tb.Fatal(err)
			}
			if key == "symbol" {
				m.symbols[addr] = rest
			} else if m.static[addr], err = strconv.Unquote(rest); err != nil {
				tb.Fatal(err)
			}
		case "format":
			format, err := strconv.Unquote(rest)
			if err != nil {
				tb.Fatal(err)
			}
			s, err := tracefmt.ParseFormat([]byte(format), 8)
			if err != nil {
				tb.Fatal(err)
			}
			s.System = word
			m.table.AddSchema(s)
			m.schemas[s.Type] = s
		case "event":
			m.event(tb, value)
		case "want":
			m.want.WriteString(value + "\n")
		}
	}
	return out
}

// Events with a form of their own: function and function_graph tracer, stacks,
// markers, sched, timers, memory, and one of every event that was recorded.
func TestSpecials(t *testing.T) {
	for _, m := range specials(t) {
		t.Run(m.name, func(t *testing.T) {
			var out strings.Builder
			p := tracecmd.New(m.table, m, tracecmd.Options{Nanoseconds: true})
			s := tracecmd.NewStream(func(b []byte) { out.Write(b) })
			for i := range m.events {
				s.Event(p, &m.events[i])
			}
			s.End()
			differ(t, out.String(), m.want.String())
		})
	}
}

// Nothing is allocated for an event whose like was printed before.
func TestAllocations(t *testing.T) {
	for _, m := range specials(t) {
		p := tracecmd.New(m.table, m, tracecmd.Options{})
		s := tracecmd.NewStream(func([]byte) {})
		all := func() {
			for i := range m.events {
				s.Event(p, &m.events[i])
			}
			s.End()
		}
		all()
		if n := testing.AllocsPerRun(5, all); n != 0 {
			t.Errorf("%s: %.0f allocations for %d events", m.name, n, len(m.events))
		}
	}
}

// Damaged records are printed somehow.
func TestShortRecords(t *testing.T) {
	for _, m := range specials(t) {
		for _, o := range []tracecmd.Options{{}, {Raw: true}, {Latency: true}} {
			p := tracecmd.New(m.table, m, o)
			s := tracecmd.NewStream(func([]byte) {})
			for i := range m.events {
				e := m.events[i]
				for n := range e.Payload() {
					short := e
					short.Reset(m.table, &tracefmt.Decoder{LongSize: 8}, e.Schema(), e.Payload()[:n:n])
					s.Event(p, &short)
				}
			}
			s.End()
		}
	}
}

// How trace-cmd prints times: seconds of the clocks it knows, ticks of others as
// they are. The values stand in recordings with these clocks.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		clock string
		o     tracecmd.Options
		ns    trace.Time
		want  string
	}{
		{"local", tracecmd.Options{}, 161206819769, "   161.206820:"},
		{"local", tracecmd.Options{Nanoseconds: true}, 161206819769, "   161.206819769:"},
		{"mono", tracecmd.Options{}, 1795195193215075850, " 1795195193.215076:"},
		{"boot", tracecmd.Options{}, 426004421875, "426004421875:"},
		{"counter", tracecmd.Options{Nanoseconds: true}, 3, "           3:"},
		{"x86-tsc", tracecmd.Options{}, 86750166788, " 86750166788:"},
		{"uptime", tracecmd.Options{}, 44000, "     0.000044:"},
	} {
		table := trace.NewTable()
		table.Meta.Clock, table.Meta.LongSize = c.clock, 8
		s := &trace.Schema{Name: "x", Print: `""`}
		table.AddSchema(s)
		var e trace.Event
		e.Reset(table, &tracefmt.Decoder{LongSize: 8}, s, nil)
		e.Time = c.ns
		line := string(tracecmd.New(table, &madeTrace{}, c.o).AppendEvent(nil, &e, nil))
		if _, got, _ := strings.Cut(line, "[000] ....."); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %d: got %q, want %q", c.clock, c.ns, got, c.want)
		}
	}
}

// The forms of the lines that tell of losses, and the column of an instance's
// name, which such a line and its event share.
func TestLost(t *testing.T) {
	table := trace.NewTable()
	table.Meta.LongSize, table.Meta.CPUs, table.Meta.Instances = 8, 4, []string{"irq", "isol"}
	s := &trace.Schema{Name: "x", Print: `"y"`}
	table.AddSchema(s)
	p := tracecmd.New(table, &madeTrace{}, tracecmd.Options{})
	var e trace.Event
	e.Reset(table, &tracefmt.Decoder{LongSize: 8}, s, nil)
	e.CPU, e.Time, e.PID, e.Comm, e.Instance = 1, 5e9, 7, table.Name("sh"), table.Name("irq")
	got := string(p.AppendHead(nil))
	got += string(p.AppendLost(nil, &trace.Lost{CPU: 1, N: 55, Instance: e.Instance})) + string(p.AppendEvent(nil, &e, nil))
	e.Instance = 0
	got += string(p.AppendLost(nil, &trace.Lost{CPU: 1})) + string(p.AppendEvent(nil, &e, nil))
	want := "cpus=4\n irq: CPU:1 [55 EVENTS DROPPED]\n" +
		"              sh-7     [001] .....     5.000000: x:                    y\n" +
		"      CPU:1 [EVENTS DROPPED]\n" +
		"              sh-7     [001] .....     5.000000: x:                    y\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkPrint(b *testing.B) {
	m := specials(b)[2]
	p := tracecmd.New(m.table, m, tracecmd.Options{})
	s := tracecmd.NewStream(func([]byte) {})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Event(p, &m.events[i%len(m.events)])
	}
}
