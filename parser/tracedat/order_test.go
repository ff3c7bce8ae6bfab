package tracedat

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// pagesOf makes that many pages with three events each, all at times of their own.
func pagesOf(f *datwriter.File, pages int) [][]byte { return stampedPages(f, pages, 3) }

// stampedPages are such pages with an absolute time stamp in front of that event of
// each, 3 for none.
func stampedPages(f *datwriter.File, pages, stamped int) [][]byte {
	var out [][]byte
	for p := range pages {
		var events []datwriter.Event
		for i := range 3 {
			n := 3*p + i
			events = append(events, datwriter.Event{Time: 1<<41 + uint64(1000*n), Record: f.Record(datwriter.Sample{PID: 7, CPU: uint32(n)}), Absolute: i == stamped})
		}
		out = append(out, f.Pages(events)...)
	}
	return out
}

// oneCPU is a file with these pages.
func oneCPU(f *datwriter.File, pages [][]byte) []byte {
	f.Buffers = []datwriter.Buffer{{Clock: "mono", CPUs: []datwriter.CPU{{ID: 0, Pages: pages}}}}
	b, _ := f.Bytes()
	return b
}

// letters names the events that a file delivers by their pages, "a" is the first;
// a loss is "-", damage "!".
func letters(t rapid.TB, b []byte, o Options) (string, error) {
	t.Helper()
	s, err := Open(bytes.NewReader(b), int64(len(b)), "t.dat", o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out strings.Builder
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			cpu, _ := r.Uint(r.Schema().Ref("cpu"))
			out.WriteByte(byte('a' + cpu/3))
		case *trace.Lost:
			out.WriteByte('-')
			if r.N != 0 {
				t.Errorf("%d events lost, want an unknown number", r.N)
			}
		case *trace.SyntaxError:
			out.WriteByte('!')
		}
	}
	return out.String(), s.Err()
}

// TestPagesOutOfOrder: pages that are where they cannot be are damage, their
// events are lost, and no event comes twice.
func TestPagesOutOfOrder(t *testing.T) {
	for _, c := range []struct {
		pages string // letters in the order of the file; 0 is a page of zeros, _ one without events, B page b with a bit of its time flipped up, D page d flipped down
		want  string
		err   string
	}{
		{"abcdef", "aaabbbcccdddeeefff", ""},
		{"ab0def", "aaabbb!-dddeeefff", "a page of zeros"},
		{"0bcdef", "!-bbbcccdddeeefff", "a page of zeros"},
		{"abcde0", "aaabbbcccdddeee!", "a page of zeros"},
		{"ab_def", "aaabbb!-dddeeefff", "a page with events after one without"},
		{"ab__ef", "aaabbb!-eeefff", "a page with events after one without"},
		{"abcde_", "aaabbbcccdddeee", ""},
		{"abdcef", "aaabbb!-ccceeefff", "ends at 2199023266552 on the recording's clock, the page after it begins at 2199023261552"},
		{"aecdbf", "aaa!-cccddd!-fff", "pages were exchanged"},
		{"fbcdea", "!-bbbcccdddeee!", "pages were exchanged"},
		{"abbdef", "aaa!-bbb-dddeeefff", "pages were exchanged or repeated"},
		{"abcdbf", "aaabbbcccddd!-fff", "begins at 2199023258552 on the recording's clock, the page before it ends at 2199023266552"},
		{"abfdef", "aaabbb!-dddeeefff", "pages were exchanged or repeated"},
		{"abcdee", "aaabbbcccddd!-eee", "pages were exchanged or repeated"},
		{"aBcdef", "aaa!-cccdddeeefff", "time is damaged"},
		{"Abcdef", "!-bbbcccdddeeefff", "time is damaged"},
		{"abcDef", "aaabbbccc!-eeefff", "time is damaged"},
	} {
		for _, v := range []variant{plain6, plain7, plain7big, zstd7} {
			f := v.file()
			f.ChunkPages = 1
			whole := pagesOf(f, 6)
			var pages [][]byte
			for _, l := range c.pages {
				p := make([]byte, len(whole[0]))
				switch {
				case l == '0':
				case l == '_':
					copy(p, whole[0][:8])
				case l == 'D': // 1 << 41 is in all times
					p = flip(f, whole[l-'A'], 41)
				case l < 'a':
					p = flip(f, whole[l-'A'], 44)
				default:
					p = whole[l-'a']
				}
				pages = append(pages, p)
			}
			b := oneCPU(f, pages)
			want := c.want
			for _, o := range []Options{{Threads: 1}, {Threads: 1, block: 1}, {Threads: 3, block: 1}, {Threads: 2, block: 2048}} {
				got, err := letters(t, b, o)
				if err == nil && c.err != "" || err != nil && (c.err == "" || !strings.Contains(err.Error(), c.err)) {
					t.Errorf("%v %s: error %v, want %s", v, c.pages, err, c.err)
				}
				if got = ordered(got); got != want {
					t.Errorf("%v %s %+v: %s, want %s", v, c.pages, o, got, want)
				}
			}
		}
	}
}

// ordered takes the marks of damage that follow one another together: they are
// told as soon as a block is reached.
func ordered(s string) string {
	for strings.Contains(s, "!!") {
		s = strings.ReplaceAll(s, "!!", "!")
	}
	return s
}

// flip flips a bit of a page's time.
func flip(f *datwriter.File, page []byte, bit int) []byte {
	p := bytes.Clone(page)
	f.Order().PutUint64(p, f.Order().Uint64(p)^1<<bit)
	return p
}

// TestStampBringsBack: a page whose time is wrong ends between its neighbours all the
// same if an absolute time stamp stands in it. That the stamp goes back tells.
func TestStampBringsBack(t *testing.T) {
	for _, v := range variants() {
		f := v.file()
		f.ChunkPages = 1
		for stamped := range 3 {
			pages := stampedPages(f, 4, stamped)
			if got, err := letters(t, oneCPU(f, pages), Options{}); got != "aaabbbcccddd" || err != nil {
				t.Errorf("%v, whole: %s, %v", v, got, err)
			}
			pages[1] = flip(f, pages[1], 50)
			for _, o := range []Options{{Threads: 1}, {block: 1}} {
				got, err := letters(t, oneCPU(f, pages), o)
				if ordered(got) != "aaa!-cccddd" || err == nil || !strings.Contains(err.Error(), "goes back from ") {
					t.Errorf("%v, stamp before event %d: %s, %v", v, stamped, got, err)
				}
			}
		}
	}
}

// TestDamageWithinPage: an event later than the page after begins is damage, those
// in front of it are not.
func TestDamageWithinPage(t *testing.T) {
	for _, v := range []variant{plain6, zstd7} {
		f := v.file()
		f.ChunkPages = 1
		pages := pagesOf(f, 4)
		var page ringbuf.Page
		page.Reset(&ringbuf.Layout{Header: tracefmt.PageHeader{CommitOff: 8, CommitSize: 8, DataOff: 16}}, pages[1])
		for range 3 {
			page.Next()
		}
		at := page.Offset() - 4 // of the third event's header
		if h := f.Order().Uint32(pages[1][at:]); h>>5 != 1000 {
			t.Fatalf("header %#x, want a delta of 1000", h)
		}
		f.Order().PutUint32(pages[1][at:], f.Order().Uint32(pages[1][at:])|1<<30)
		for _, block := range []int{0, 1} {
			got, err := letters(t, oneCPU(f, pages), Options{block: block})
			if got != "aaabb!-cccddd" || err == nil || !strings.Contains(err.Error(), "the rest of the page is lost") {
				t.Errorf("%v: %s, %v", v, got, err)
			}
		}
	}
}

// TestOrderLaw: whatever happens to pages, events that are delivered are those of
// the whole file, none comes twice, and if one is missing that is said. Neither
// blocks nor threads change anything.
func TestOrderLaw(t *testing.T) { law.Check(t, orderLaw) }

func orderLaw(rt *rapid.T) {
	v := rapid.SampledFrom(variants()).Draw(rt, "variant")
	f := v.file()
	f.ChunkPages = rapid.IntRange(1, 3).Draw(rt, "chunk")
	n := rapid.IntRange(4, 12).Draw(rt, "pages")
	stamped := rapid.IntRange(0, 3).Draw(rt, "stamped")
	whole := stampedPages(f, n, stamped)
	pages := slices.Clone(whole)
	page := func(name string) int { return rapid.IntRange(0, n-1).Draw(rt, name) }
	var done []string
	for range rapid.IntRange(1, 3).Draw(rt, "damages") {
		kind := rapid.SampledFrom([]string{"zero", "empty", "copy", "swap", "time"}).Draw(rt, "kind")
		i, k := page("page"), page("other")
		done = append(done, fmt.Sprint(kind, " ", i, " ", k))
		switch kind {
		case "zero":
			pages[i] = make([]byte, len(pages[i]))
		case "empty":
			pages[i] = append(bytes.Clone(pages[i][:8]), make([]byte, len(pages[i])-8)...)
		case "copy":
			pages[i] = pages[k]
		case "swap":
			pages[i], pages[k] = pages[k], pages[i]
		case "time": // with none in front or after a page may be at any time
			if i == 0 || i == n-1 {
				continue
			}
			pages[i] = flip(f, pages[i], rapid.IntRange(40, 55).Draw(rt, "bit"))
		}
	}
	if slices.EqualFunc(pages, whole, bytes.Equal) || isEmptied(pages[n-1]) {
		return // an empty page at the end, by whatever way it came there, is the end
	}
	b := oneCPU(f, pages)
	got, err := letters(rt, b, Options{Threads: 1})
	events := strings.NewReplacer("!", "", "-", "").Replace(got)
	if err == nil && len(events) != 3*n {
		rt.Fatalf("%v, %v: nothing is said: %s", v, done, got)
	}
	if !slices.IsSorted([]byte(events)) && !strings.Contains(fmt.Sprint(done), "time") {
		rt.Fatalf("%v, %v: out of order: %s", v, done, got)
	}
	most := 3
	if what := fmt.Sprint(done); strings.Contains(what, "copy") && strings.Contains(what, "time") {
		// nothing tells that a copy with another time is no other page
		most = 6
	}
	for l, n := range counts(events) {
		// a stamp may lead beyond the page after; what is in front of it is kept then
		if n > most || n < 3 && (stamped == 3 || err == nil) {
			rt.Fatalf("%v, %v: %d events of page %c: %s", v, done, n, l, got)
		}
	}
	for _, o := range []Options{{Threads: 1, block: 1}, {Threads: 3, block: 1}, {Threads: 2, block: 3 * 1024}} {
		again, againErr := letters(rt, b, o)
		if diff := gocmp.Diff(strings.ReplaceAll(got, "!", ""), strings.ReplaceAll(again, "!", "")); diff != "" || fmt.Sprint(err) != fmt.Sprint(againErr) {
			rt.Fatalf("%v, %v: %+v: %v, want %v\n%s", v, done, o, againErr, err, diff)
		}
	}
}

// isEmptied reports whether a page has a time and no data.
func isEmptied(page []byte) bool {
	isZero := func(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }
	return !isZero(page[:8]) && isZero(page[8:])
}

func counts(s string) map[rune]int {
	n := map[rune]int{}
	for _, r := range s {
		n[r]++
	}
	return n
}
