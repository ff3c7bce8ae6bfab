package ringbuf_test

import (
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// TestShift shifts pages with differences, time extends and absolute time
// stamps, in both byte orders, and reads their times back.
func TestShift(t *testing.T) {
	for _, big := range []bool{false, true} {
		f := &datwriter.File{BigEndian: big, Long: 8, PageSize: 4096}
		var want []uint64
		var events []datwriter.Event
		for i, time := range []uint64{1000, 1001, 1<<27 + 5, 1<<30 + 7, 1 << 40, 1<<40 + 3, 1 << 57} {
			events = append(events, datwriter.Event{Time: time, Record: make([]byte, 8+40*i), Absolute: i%2 == 1})
			want = append(want, time)
		}
		layout := &ringbuf.Layout{BigEndian: big, Header: tracefmt.PageHeader{TimestampOff: 0, CommitOff: 8, CommitSize: 8, DataOff: 16}}
		const later = 1<<29 + 12345
		n := 0
		for _, buf := range f.Pages(events) {
			if !layout.Shift(buf, later) {
				t.Fatal("a whole page was not shifted")
			}
			var p ringbuf.Page
			p.Reset(layout, buf)
			for ; p.Next(); n++ {
				if p.Time() != want[n]+later {
					t.Errorf("big-endian %v: event %d is at %d, want %d", big, n, p.Time(), want[n]+later)
				}
			}
			if p.Err() != nil {
				t.Error(p.Err())
			}
		}
		if n != len(want) {
			t.Errorf("%d events, want %d", n, len(want))
		}
		if layout.Shift(make([]byte, 8), later) {
			t.Error("half a page header was shifted")
		}
	}
}
