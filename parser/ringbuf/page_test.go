package ringbuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A pageWriter builds pages word by word, by include/linux/ring_buffer.h.
type pageWriter struct {
	layout *Layout
	b      []byte
}

// layouts are the four kinds of machine: the commit word is a long of the
// traced kernel.
func layouts() map[string]*Layout {
	out := map[string]*Layout{}
	for _, big := range []bool{false, true} {
		for _, long := range []uint32{4, 8} {
			name := fmt.Sprintf("long%d-%s", long, map[bool]string{false: "little", true: "big"}[big])
			out[name] = &Layout{Header: tracefmt.PageHeader{CommitOff: 8, CommitSize: long, DataOff: 8 + long}, BigEndian: big}
		}
	}
	return out
}

func (w *pageWriter) order() binary.AppendByteOrder {
	if w.layout.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func newPage(l *Layout, time uint64) *pageWriter {
	w := &pageWriter{layout: l}
	w.b = w.order().AppendUint64(w.b, time)
	w.long(0)
	return w
}

func (w *pageWriter) long(v uint64) {
	if w.layout.Header.CommitSize == 8 {
		w.b = w.order().AppendUint64(w.b, v)
		return
	}
	w.b = w.order().AppendUint32(w.b, uint32(v))
}

func (w *pageWriter) word(v uint32) *pageWriter {
	w.b = w.order().AppendUint32(w.b, v)
	return w
}

// header adds an event header: type_len lies in the low bits on little-endian
// machines and in the high ones on big-endian machines.
func (w *pageWriter) header(typeLen, delta uint32) *pageWriter {
	if w.layout.BigEndian {
		return w.word(typeLen<<27 | delta)
	}
	return w.word(typeLen | delta<<5)
}

// data adds n bytes, numbered.
func (w *pageWriter) data(n int) *pageWriter {
	for i := range n {
		w.b = append(w.b, byte(i))
	}
	return w
}

// end sets the commit word: flags and the length so far.
func (w *pageWriter) end(flags uint64) *pageWriter {
	rest := append([]byte(nil), w.b...)
	n := uint64(len(w.b)) - uint64(w.layout.Header.DataOff)
	w.b = w.b[:8]
	w.long(n | flags)
	w.b = append(w.b, rest[w.layout.Header.DataOff:]...)
	return w
}

func (w *pageWriter) pad(size int) []byte {
	return append(w.b, make([]byte, size-len(w.b))...)
}

// A got is one event as Page delivers it.
type got struct {
	Time uint64
	Len  int
}

func walk(l *Layout, page []byte) ([]got, *Page) {
	var p Page
	p.Reset(l, page)
	var out []got
	for p.Next() {
		out = append(out, got{p.Time(), len(p.Data())})
	}
	return out, &p
}

func TestEventForms(t *testing.T) {
	const start = 1_000_000
	for name, l := range layouts() {
		for _, tt := range []struct {
			name  string
			write func(w *pageWriter)
			want  []got
			err   string
		}{
			{"empty", func(w *pageWriter) {}, nil, ""},
			{"array length", func(w *pageWriter) { w.header(0, 7).word(4 + 120).data(120) }, []got{{start + 7, 120}}, ""},
			{"array length is rounded up", func(w *pageWriter) {
				w.header(0, 7).word(4+9).data(12).header(1, 1).data(4)
			}, []got{{start + 7, 12}, {start + 8, 4}}, ""},
			{"array without data", func(w *pageWriter) { w.header(0, 7).word(4).header(1, 0).data(4) }, []got{{start + 7, 0}, {start + 7, 4}}, ""},
			{"largest delta", func(w *pageWriter) { w.header(1, 1<<27-1).data(4) }, []got{{start + 1<<27 - 1, 4}}, ""},
			{"padding to the end", func(w *pageWriter) {
				w.header(1, 1).data(4).header(29, 0).word(0).header(1, 1).data(4)
			}, []got{{start + 1, 4}}, ""},
			{"padding of a header alone", func(w *pageWriter) { w.header(1, 1).data(4).header(29, 0) }, []got{{start + 1, 4}}, ""},
			{"discarded event", func(w *pageWriter) {
				w.header(1, 1).data(4).header(29, 5).word(8).data(4).header(1, 1).data(4)
			}, []got{{start + 1, 4}, {start + 7, 4}}, ""},
			{"discarded event is the last", func(w *pageWriter) { w.header(29, 5).word(8).data(4) }, nil, ""},
			{"time extend", func(w *pageWriter) {
				w.header(30, 3).word(2).header(1, 1).data(4)
			}, []got{{start + 2<<27 + 3 + 1, 4}}, ""},
			{"largest time extend", func(w *pageWriter) {
				w.header(30, 1<<27-1).word(1<<32-1).header(1, 0).data(4)
			}, []got{{start + 1<<59 - 1, 4}}, ""},
			{"absolute time", func(w *pageWriter) {
				w.header(31, 3).word(2).header(1, 1).data(4)
			}, []got{{2<<27 + 3 + 1, 4}}, ""},
			{"time at the end", func(w *pageWriter) { w.header(1, 1).data(4).header(30, 3).word(2) }, []got{{start + 1, 4}}, ""},

			{"array length below 4", func(w *pageWriter) { w.header(1, 1).data(4).header(0, 7).word(3).data(8) }, []got{{start + 1, 4}}, "event length 3, want 4 to"},
			{"array length beyond the page", func(w *pageWriter) { w.header(0, 7).word(1<<32 - 1).data(8) }, nil, "event length 4294967295, want 4 to"},
			{"array length beyond the data", func(w *pageWriter) { w.header(0, 7).word(16).data(8) }, nil, "event of 12 bytes, the data ends after 8"},
			{"zeros", func(w *pageWriter) { w.header(1, 1).data(4).word(0).word(0).word(0) }, []got{{start + 1, 4}}, "zeros instead of an event"},
			{"event beyond the data", func(w *pageWriter) { w.header(28, 7).data(108) }, nil, "event of 112 bytes, the data ends after 108"},
			{"header without its length", func(w *pageWriter) { w.header(0, 7) }, nil, "event header without its length"},
			{"time extend without its word", func(w *pageWriter) { w.header(30, 7) }, nil, "event header without its length"},
			{"discarded beyond the page", func(w *pageWriter) { w.header(29, 5).word(1<<32 - 1) }, nil, "discarded event of 4294967295 bytes"},
			{"discarded beyond the data", func(w *pageWriter) { w.header(29, 5).word(12) }, nil, "discarded event of 12 bytes, the data ends after 4"},
			{"less than a header is left", func(w *pageWriter) { w.header(1, 1).data(4).data(3) }, []got{{start + 1, 4}}, ""},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				w := newPage(l, start)
				tt.write(w)
				got, p := walk(l, w.end(0).pad(4096))
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Error(d)
				}
				checkErr(t, p.Err(), tt.err)
			})
		}
	}
}

// checkErr wants an error that holds text, or none if text is empty.
func checkErr(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	var pe *PageError
	if !errors.As(err, &pe) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want a PageError with %q", err, text)
	}
}

// TestShortLengths: type_len 1 to 28 is the length in words.
func TestShortLengths(t *testing.T) {
	for name, l := range layouts() {
		w := newPage(l, 100)
		var want []got
		for n := 1; n <= 28; n++ {
			w.header(uint32(n), uint32(n)).data(4 * n)
			want = append(want, got{uint64(100 + n*(n+1)/2), 4 * n})
		}
		page := w.end(0).pad(4096)
		var p Page
		p.Reset(l, page)
		for i := 0; p.Next(); i++ {
			if g := (got{p.Time(), len(p.Data())}); g != want[i] {
				t.Errorf("%s: event %d is %v, want %v", name, i, g, want[i])
			}
			for j, b := range p.Data() {
				if int(b) != j {
					t.Fatalf("%s: event %d: byte %d is %d", name, i, j, b)
				}
			}
			if &page[p.Offset()] != &p.Data()[0] {
				t.Errorf("%s: event %d: Offset %d is not where Data lies", name, i, p.Offset())
			}
		}
		if err := p.Err(); err != nil {
			t.Error(name, err)
		}
	}
}

// TestAbsoluteTime: an absolute time stamp has 59 bits, the upper 5 are those
// of the time before it. Expected values by rb_fix_abs_ts of
// kernel/trace/ring_buffer.c: or-ed in if there are any, one more if that
// would go back in time.
func TestAbsoluteTime(t *testing.T) {
	l := layouts()["long8-little"]
	const top = uint64(1) << 59
	for _, tt := range []struct {
		name              string
		before, abs, want uint64
	}{
		{"no upper bits", 5000, 6000, 6000},
		{"no upper bits, back in time", 5000, 4000, 4000},
		{"upper bits are kept", 3*top + 5000, 6000, 3*top + 6000},
		{"equal", 3*top + 5000, 5000, 3*top + 5000},
		{"lower bits wrapped", 3*top + 5000, 4999, 4*top + 4999},
		{"all 59 bits", top, top - 1, 2*top - 1},
	} {
		w := newPage(l, tt.before).header(31, uint32(tt.abs&(1<<27-1))).word(uint32(tt.abs>>27)).header(1, 0).data(4)
		got, p := walk(l, w.end(0).pad(4096))
		if len(got) != 1 || got[0].Time != tt.want || p.Err() != nil {
			t.Errorf("%s: %v (%v), want time %#x", tt.name, got, p.Err(), tt.want)
		}
		if from, to, ok := p.Back(); ok != (tt.want < tt.before) || ok && (from != tt.before || to != tt.want) {
			t.Errorf("%s: back from %d to %d, %v", tt.name, from, to, ok)
		}
	}
}

func TestMissed(t *testing.T) {
	for name, l := range layouts() {
		full := int(l.Header.DataOff) + 2*32 // room for the events only
		for _, tt := range []struct {
			name   string
			flags  uint64
			stored bool
			size   int
			n      uint64
			missed bool
		}{
			{"none", 0, false, 4096, 0, false},
			{"unknown number", missedEvents, false, 4096, 0, true},
			{"stored number", missedEvents | missedStored, true, 4096, 290, true},
			{"stored flag without room", missedEvents | missedStored, false, full, 0, true},
			{"stored flag alone", missedStored, true, 4096, 0, false},
		} {
			w := newPage(l, 1)
			for range 2 {
				w.header(7, 1).data(28)
			}
			w.end(tt.flags)
			if tt.stored {
				w.long(290)
			}
			got, p := walk(l, w.pad(tt.size))
			n, missed := p.Missed()
			if n != tt.n || missed != tt.missed || len(got) != 2 || p.Err() != nil {
				t.Errorf("%s, %s: %d missed, %v, events %v, error %v; want %d, %v and 2 events", name, tt.name, n, missed, got, p.Err(), tt.n, tt.missed)
			}
		}
	}
}

// TestSignExtendedCommit: the kernel's commit is a signed long, and with the
// missed flag in bit 31 its upper half is all ones (seen in recordings).
func TestSignExtendedCommit(t *testing.T) {
	l := layouts()["long8-little"]
	w := newPage(l, 1).header(1, 1).data(4).end(0xffffffff00000000 | missedEvents)
	got, p := walk(l, w.pad(4096))
	if _, missed := p.Missed(); !missed || len(got) != 1 || p.Err() != nil {
		t.Errorf("missed %v, %v, %v", missed, got, p.Err())
	}
}

func TestCommitLargerThanPage(t *testing.T) {
	for name, l := range layouts() {
		w := newPage(l, 1).header(1, 1).data(4)
		w.end(0)
		w.b = w.b[:8]
		w.long(commitMask)
		w.header(1, 1).data(4).header(1, 1).data(4)
		got, p := walk(l, w.b)
		if len(got) != 2 {
			t.Errorf("%s: %v, want the two events that are there", name, got)
		}
		checkErr(t, p.Err(), fmt.Sprintf("byte 8: commit says %d bytes of data, the page has room for 16", commitMask))
	}
}

// TestTruncated: a page cut at any byte yields a prefix of its events.
func TestTruncated(t *testing.T) {
	for name, l := range layouts() {
		w := newPage(l, 1)
		for n := range uint32(10) {
			w.header(n+1, 2).data(4*int(n+1)).header(30, 1).word(1).header(0, 1).word(4 + 5).data(8)
		}
		page := w.end(0).b
		whole, p := walk(l, page)
		if len(whole) != 20 || p.Err() != nil {
			t.Fatalf("%s: %v %v", name, whole, p.Err())
		}
		for n := range page {
			part, p := walk(l, page[:n])
			if p.Err() == nil {
				t.Errorf("%s: cut at %d: no error", name, n)
			}
			if len(part) > len(whole) || len(part) > 0 && !cmp.Equal(part, whole[:len(part)]) {
				t.Errorf("%s: cut at %d: %v is no prefix", name, n, part)
			}
		}
	}
}

func TestZeroPage(t *testing.T) {
	for name, l := range layouts() {
		got, p := walk(l, make([]byte, 4096))
		if len(got) != 0 || p.Err() != nil {
			t.Errorf("%s: %v %v, want nothing", name, got, p.Err())
		}
	}
	var zero Page
	if zero.Next() || zero.Err() != nil || len(zero.Data()) != 0 {
		t.Error("the zero Page is not empty")
	}
}

// TestShiftForms: all forms of events, with padding of its own length between them,
// are as much later as was asked for.
func TestShiftForms(t *testing.T) {
	for name, l := range layouts() {
		page := newPage(l, 5).header(2, 1).data(8).header(29, 1).word(12).data(8).header(0, 1).word(12).data(8).header(31, 100).word(1).header(2, 4).data(8).header(30, 1).word(9).
			header(3, 7).data(12).header(29, 0).end(0).b
		times := func() (all []uint64) {
			var p Page
			for p.Reset(l, page); p.Next(); {
				all = append(all, p.Time())
			}
			return all
		}
		want := times()
		for i := range want {
			want[i] += 1 << 40
		}
		if !l.Shift(page, 1<<40) {
			t.Errorf("%s: not shifted", name)
		}
		if d := cmp.Diff(want, times()); d != "" || len(want) != 4 {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
}
