package ringbuf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// kernel64 is header_page of 64-bit kernels.
func kernel64() *Layout {
	return &Layout{Header: tracefmt.PageHeader{TimestampOff: 0, CommitOff: 8, CommitSize: 8, DataOff: 16}}
}

func readPage(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".page"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRealPages holds pages of running kernels (Debian 6.12.107) against what
// trace-cmd 3.1.6 says of them: `trace-cmd report --debug --raw-ts` prints time,
// offset of the event's header and size of each record. The pages are from the
// per-CPU data of two trace.dat files, unpacked.
func TestRealPages(t *testing.T) {
	for _, tt := range []struct {
		name string
		lost uint64 // "CPU:1 [55 EVENTS DROPPED]" before the page
	}{
		{"arm64-6.12", 0},
		{"arm64-6.12-discarded", 0}, // "PADDING: delta:1 length:12"
		{"x86-6.12-lost", 55},       // and records longer than 28 words
		{"x86-6.12-timestamp", 0},   // "TIME STAMP: timestamp:161498332407"
	} {
		text, err := os.ReadFile(filepath.Join("testdata", tt.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				want = append(want, strings.TrimSpace(line))
			}
		}
		var p Page
		p.Reset(kernel64(), readPage(t, tt.name))
		i := 0
		for ; p.Next(); i++ {
			header := p.Offset() - headerSize
			if len(p.Data()) > 28*4 { // the length has a word of its own
				header -= headerSize
			}
			if got := fmt.Sprintf("%d %#x %d", p.Time(), header, len(p.Data())); i >= len(want) || got != want[i] {
				t.Fatalf("%s: event %d is %q, want %q", tt.name, i, got, want[min(i, len(want)-1)])
			}
		}
		if n, missed := p.Missed(); i != len(want) || p.Err() != nil || n != tt.lost || missed != (tt.lost > 0) {
			t.Errorf("%s: %d events, want %d; missed %d, want %d; error %v", tt.name, i, len(want), n, tt.lost, p.Err())
		}
	}
}

func TestNoAllocations(t *testing.T) {
	l, page := kernel64(), readPage(t, "x86-6.12-timestamp")
	var p Page
	if n := testing.AllocsPerRun(100, func() {
		p.Reset(l, page)
		for p.Next() {
			_ = p.Data()
		}
	}); n != 0 {
		t.Errorf("%v allocations per page, want 0", n)
	}
}

func BenchmarkPage(b *testing.B) {
	for _, name := range []string{"arm64-6.12", "x86-6.12-lost"} {
		b.Run(name, func(b *testing.B) {
			l, page := kernel64(), readPage(b, name)
			var p Page
			events := 0
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				p.Reset(l, page)
				for p.Next() {
					events++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}

// FuzzPage: whatever the bytes are, no panic, all data lies in the page and in
// order, and time does not go back unless an absolute time stamp sets it.
func FuzzPage(f *testing.F) {
	for _, name := range []string{"arm64-6.12-discarded", "x86-6.12-lost", "x86-6.12-timestamp"} {
		f.Add(readPage(f, name), uint8(1))
	}
	for name, l := range layouts() {
		w := newPage(l, 5).header(1, 1).data(4).header(30, 1).word(9).header(0, 1).word(12).data(8).header(29, 1).word(4).header(29, 0)
		f.Add(w.end(missedEvents).b, uint8(len(name)))
	}
	f.Fuzz(func(t *testing.T, page []byte, kind uint8) {
		l := &Layout{Header: tracefmt.PageHeader{CommitOff: 8, CommitSize: 8, DataOff: 16}, BigEndian: kind&2 != 0}
		if kind&1 == 0 {
			l.Header.CommitSize, l.Header.DataOff = 4, 12
		}
		var p Page
		p.Reset(l, page)
		end, before := int(l.Header.DataOff), p.Time()
		for p.Next() {
			if p.Offset() < end+headerSize || p.Offset()+len(p.Data()) > len(page) {
				t.Fatalf("data at %d, %d bytes, after %d in a page of %d", p.Offset(), len(p.Data()), end, len(page))
			}
			end = p.Offset() + len(p.Data())
			if p.Time() < before && !mayGoBack(l, page) && before < 1<<63 {
				t.Fatalf("time goes back from %d to %d", before, p.Time())
			}
			before = p.Time()
		}
		if p.Next() {
			t.Fatal("an event behind the last one")
		}
		_ = p.Err()
		p.Missed()
		some := &Skip{Pass: make([]bool, 1<<10), Shortest: 8}
		for id := range some.Pass {
			some.Pass[id] = id%int(kind|1) != 1
		}
		checkSkip(t, l, page, some)
		checkCut(t, l, page)
	})
}

// checkCut cuts a page in which nothing is wrong: its events are those of the
// whole one, or there is an error.
func checkCut(t *testing.T, l *Layout, page []byte) {
	want, _, err := stops(l, page, &Skip{})
	if err != nil {
		return
	}
	for i := range 8 { // in even steps
		part := page[:len(page)*i/8]
		if got, _, err := stops(l, part, &Skip{}); err == nil && !slices.Equal(got, want) {
			t.Fatalf("cut to %d of %d bytes: %d events, want %d or an error", len(part), len(page), len(got), len(want))
		}
	}
}

// mayGoBack reports whether the words of a page allow time to go back: any may
// be the header of an absolute time stamp, and time extends, which add up to
// 2^59 each, wrap 64 bits around if there are enough of them.
func mayGoBack(l *Layout, page []byte) bool {
	extends := 0
	for i := int(l.Header.DataOff); i+4 <= len(page); i += 4 {
		v, _ := tracefmt.Integer(page, uint32(i), 4, l.BigEndian)
		kind := v & 31
		if l.BigEndian {
			kind = v >> 27
		}
		switch kind {
		case typeTimeStamp:
			return true
		case typeTimeExtend:
			extends++
		}
	}
	return extends >= 16 // from below 2^63 it takes 2^63 / 2^59 of them
}
