package ringbuf

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stops walks a page with Skip and returns the events that it stopped at and how
// many were passed over.
func stops(l *Layout, page []byte, s *Skip) (seen []string, passed int, err error) {
	var p Page
	p.Reset(l, page)
	for {
		passed += p.Skip(s)
		if !p.Next() {
			return seen, passed, p.Err()
		}
		seen = append(seen, fmt.Sprint(p.Time(), p.Offset(), len(p.Data())))
	}
}

func (s *Skip) passes(id int) bool { return id < len(s.Pass) && s.Pass[id] }

// checkSkip holds Skip against Next: what it passes over is what it was told to,
// and what it stops at Next would have come to.
func checkSkip(t *testing.T, l *Layout, page []byte, s *Skip) {
	t.Helper()
	var p Page
	p.Reset(l, page)
	var want []string
	passed := 0
	var last uint64
	for p.Next() {
		d := p.Data()
		// a damaged page may have records of no bytes
		if !l.BigEndian && len(d) >= s.Shortest && s.passes(int(d[0])|int(d[1])<<8) {
			passed++
			last = p.Time()
			continue
		}
		last = 0
		want = append(want, fmt.Sprint(p.Time(), p.Offset(), len(d)))
	}
	got, n, err := stops(l, page, s)
	// after padding Skip stops once at an event that it would pass over
	more := len(got) - len(want)
	if n+len(got) != passed+len(want) || more < 0 {
		t.Errorf("%d events passed over and %d looked at, want %d and %d", n, len(got), passed, len(want))
	}
	if diff := cmp.Diff(want, got); more == 0 && diff != "" {
		t.Errorf("-Next +Skip: %s", diff)
	}
	if fmt.Sprint(err) != fmt.Sprint(p.Err()) {
		t.Errorf("error %v, Next has %v", err, p.Err())
	}
	if back(&p) != back(skipped(l, page, s)) {
		t.Errorf("time goes back %s, with Next alone %s", back(skipped(l, page, s)), back(&p))
	}
	if last != 0 && more == 0 { // the page ends with events that are passed over
		q := skipped(l, page, s)
		if q.Time() != last {
			t.Errorf("the last event passed over was at %d, want %d", q.Time(), last)
		}
	}
}

// skipped is a page that was walked to its end.
func skipped(l *Layout, page []byte, s *Skip) *Page {
	var p Page
	p.Reset(l, page)
	for p.Skip(s); p.Next(); p.Skip(s) {
	}
	return &p
}

func back(p *Page) string { return fmt.Sprint(p.Back()) }

// TestSkip: events of running kernels are passed over by their ids, any of them.
func TestSkip(t *testing.T) {
	l := kernel64()
	for _, name := range []string{"arm64-6.12", "arm64-6.12-discarded", "x86-6.12-lost", "x86-6.12-timestamp"} {
		page := readPage(t, name)
		ids := map[int]int{}
		var p Page
		for p.Reset(l, page); p.Next(); {
			ids[int(p.Data()[0])|int(p.Data()[1])<<8]++
		}
		all := &Skip{Pass: make([]bool, 2000), Shortest: 8}
		for id := range ids {
			s := &Skip{Pass: make([]bool, 2000), Shortest: 8, Count: make([]uint64, 2000)}
			s.Pass[id], all.Pass[id] = true, true
			checkSkip(t, l, page, s)
			clear(s.Count)
			_, n, _ := stops(l, page, s)
			// after padding, which stands for what was discarded, Skip stops
			if n != ids[id] && name != "arm64-6.12-discarded" {
				t.Errorf("%s: %d events of id %d passed over, want all %d", name, n, id, ids[id])
			}
			for i, c := range s.Count {
				if i == id && int(c) != n || i != id && c != 0 {
					t.Errorf("%s: %d events of id %d counted, %d of id %d passed over", name, c, i, n, id)
				}
			}
		}
		checkSkip(t, l, page, all)
		checkSkip(t, l, page, &Skip{Pass: all.Pass, Shortest: 100})
		checkSkip(t, l, page, &Skip{})
	}
}

// TestSkipForms: all forms of events, and what is no event, in the order of the
// bytes of either kind of machine.
func TestSkipForms(t *testing.T) {
	for name, l := range layouts() {
		w := newPage(l, 5).header(2, 1).data(8).header(30, 1).word(9).header(0, 1).word(12).data(8).header(29, 1).word(4).header(3, 7).data(12).header(31, 9).word(1).header(2, 4).data(8).header(31, 5).word(1).header(2, 0).data(8).header(29, 0)
		for _, shortest := range []int{0, 8, 12} {
			s := &Skip{Pass: make([]bool, 1<<16), Shortest: shortest}
			for id := range s.Pass {
				s.Pass[id] = true
			}
			t.Run(fmt.Sprint(name, "/", shortest), func(t *testing.T) { checkSkip(t, l, w.end(0).b, s) })
		}
	}
}

// TestSkipToTheEnd: the shortest event, of a header and one word, is passed over as
// the last one of a page, too.
func TestSkipToTheEnd(t *testing.T) {
	l := kernel64()
	page := newPage(l, 5).header(1, 1).data(4).header(2, 1).data(8).header(1, 2).data(4).end(0).b
	s := &Skip{Pass: make([]bool, 1<<16), Shortest: 4}
	for id := range s.Pass {
		s.Pass[id] = true
	}
	var p Page
	p.Reset(l, page)
	if n := p.Skip(s); n != 3 || p.Time() != 9 || p.Next() {
		t.Errorf("%d events were passed over up to %d, want 3 up to 9", n, p.Time())
	}
}

func BenchmarkSkip(b *testing.B) {
	for _, name := range []string{"arm64-6.12", "x86-6.12-lost"} {
		b.Run(name, func(b *testing.B) {
			l, page := kernel64(), readPage(b, name)
			s := &Skip{Pass: make([]bool, 2000), Shortest: 8}
			for id := range s.Pass {
				s.Pass[id] = true
			}
			var p Page
			events := 0
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				p.Reset(l, page)
				events += p.Skip(s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}
