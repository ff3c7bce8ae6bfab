package timeline

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/json"
)

// chrome writes the JSON of the trace event format ("Trace Event Format", the
// Chromium project): a group of CPUs is a process of it, a CPU a thread. Times
// are microseconds there and keep their nanoseconds as decimals.
type chrome struct {
	w        *bufio.Writer
	trace    uint64 // counts traces from 1
	timeline result.Timeline
	named    map[place]bool
	events   int
	from     string
	buf      []byte
	err      error
}

// A place is a thread of the format. Threads count from 1, since viewers take
// thread 0 for the idle task.
type place struct{ process, thread uint64 }

func newChrome(w io.Writer) Writer {
	return &chrome{w: bufio.NewWriterSize(w, 64<<10), named: map[place]bool{}}
}

func (c *chrome) place(group int, cpu int32) place {
	return place{c.trace*2 + uint64(group) - 1, uint64(cpu + 1)}
}

func (c *chrome) Begin(t result.Timeline) error {
	c.trace++
	c.timeline = t
	for g := range 2 {
		p := c.place(g, 0)
		c.name("process_name", p, result.Str(groupName(t, g)+": "+traceName(t)))
		c.order("process_sort_index", p, int64(p.process))
		c.name("process_labels", p, result.Str(t.Kernel))
	}
	return c.err
}

// name writes the metadata event that names a process or thread.
func (c *chrome) name(event string, p place, v result.Value) {
	arg := "name"
	if event == "process_labels" {
		arg = "labels"
	}
	c.begin("M", event, p)
	c.raw(`,"args":{"` + arg + `":`)
	c.value(v)
	c.raw("}}")
	c.end()
}

func (c *chrome) order(event string, p place, n int64) {
	c.begin("M", event, p)
	c.raw(`,"args":{"sort_index":`)
	c.value(result.Int(n))
	c.raw("}}")
	c.end()
}

func (c *chrome) Mark(m *result.Mark) error {
	p, rank := c.place(groupOf(m), m.CPU), int64(m.CPU)
	if m.OnNoise {
		p.thread, rank = p.thread+noiseTracks, rank+noiseTracks
	}
	if !c.named[p] {
		c.named[p] = true
		c.name("thread_name", p, result.Str(trackNameOf(m)))
		c.order("thread_sort_index", p, rank)
	}
	// an arrow needs a stretch at its ends, if only one without length
	stretch := !m.Moment || len(m.From)+len(m.To) > 0
	if stretch {
		c.begin("X", m.Name, p)
		c.time("dur", m.End-m.Start)
	} else {
		c.begin("i", m.Name, p)
		c.raw(`,"s":"t"`)
	}
	c.time("ts", m.Start)
	c.raw(`,"cat":`)
	c.value(result.Str(m.Category))
	c.args(m)
	c.raw("}")
	c.end()
	for _, id := range m.From {
		c.flow("s", m, p, id)
	}
	for _, id := range m.To {
		c.flow("f", m, p, id)
	}
	return c.err
}

func (c *chrome) args(m *result.Mark) {
	c.raw(`,"args":{`)
	for i, f := range m.Args {
		if i > 0 {
			c.raw(",")
		}
		c.value(result.Str(f.Name))
		c.raw(":")
		c.value(f.Value)
	}
	if len(m.Stack) > 0 {
		if len(m.Args) > 0 {
			c.raw(",")
		}
		c.raw(`"stack":[`)
		for i, frame := range m.Stack {
			if i > 0 {
				c.raw(",")
			}
			c.buf = json.AppendString(c.buf, withoutControls(frame))
		}
		c.raw("]")
	}
	c.raw("}")
}

// flow writes one end of an arrow, bound to the stretch that holds it.
func (c *chrome) flow(phase string, m *result.Mark, p place, id uint64) {
	c.begin(phase, "ipi", p)
	c.time("ts", m.Start)
	c.raw(`,"cat":"ipi","id":"0x`)
	c.buf = strconv.AppendUint(c.buf, arrow(c.trace, id), 16)
	c.raw(`"`)
	if phase == "f" {
		c.raw(`,"bp":"e"`)
	}
	c.raw("}")
	c.end()
}

// begin starts an event; end writes it.
func (c *chrome) begin(phase, name string, p place) {
	c.buf = c.buf[:0]
	if c.events == 0 {
		c.raw(`{"displayTimeUnit":"ns","traceEvents":[` + "\n")
	} else {
		c.raw(",\n")
	}
	c.events++
	c.raw(`{"ph":"` + phase + `","name":`)
	c.value(result.Str(name))
	c.raw(`,"pid":`)
	c.buf = strconv.AppendUint(c.buf, p.process, 10)
	c.raw(`,"tid":`)
	c.buf = strconv.AppendUint(c.buf, p.thread, 10)
}

func (c *chrome) end() {
	_, err := c.w.Write(c.buf)
	c.fail(err)
}

// time writes nanoseconds as microseconds, all digits.
func (c *chrome) time(member string, ns int64) {
	c.raw(`,"` + member + `":`)
	if ns < 0 {
		c.raw("-")
		ns = -ns
	}
	c.buf = strconv.AppendInt(c.buf, ns/1000, 10)
	c.raw(".")
	decimals := ns % 1000
	c.buf = append(c.buf, byte('0'+decimals/100), byte('0'+decimals/10%10), byte('0'+decimals%10))
}

func (c *chrome) raw(s string) { c.buf = append(c.buf, s...) }

func (c *chrome) value(v result.Value) {
	if v.Kind == result.KindInt {
		c.buf = strconv.AppendInt(c.buf, v.Int, 10)
		return
	}
	c.buf = json.AppendString(c.buf, withoutControls(v.Text()))
}

func (c *chrome) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// From notes where the events come from, in a line.
func (c *chrome) From(text string) { c.from = text }

// Close ends the JSON; a viewer shows what otherData holds as metadata.
func (c *chrome) Close(from []result.Input) error {
	c.buf = c.buf[:0]
	if c.events == 0 {
		c.raw(`{"displayTimeUnit":"ns","traceEvents":[`)
	}
	c.raw("\n" + `],"otherData":{"producer":"ipiscope"`)
	for i, in := range from {
		c.raw(`,"input` + strconv.Itoa(i+1) + `":`)
		c.value(result.Str(in.Path))
		c.raw(`,"kernel` + strconv.Itoa(i+1) + `":`)
		c.value(result.Str(in.Kernel))
		c.raw(`,"clock` + strconv.Itoa(i+1) + `":`)
		c.value(result.Str(in.Clock))
	}
	if c.from != "" {
		c.raw(`,"origin":`)
		c.value(result.Str(c.from))
	}
	c.raw("}}\n")
	c.end()
	c.fail(c.w.Flush())
	return c.err
}

// withoutControls escapes the control characters that JSON lets pass: viewers put
// names on terminals and pages.
func withoutControls(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x7f && r < 0xa0 }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r >= 0x7f && r < 0xa0 {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
