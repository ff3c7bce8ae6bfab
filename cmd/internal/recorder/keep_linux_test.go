package recorder

import "testing"

// TestKept: pages are kept for their time, in their order, and copied.
func TestKept(t *testing.T) {
	k := kept{last: 10, most: 1000}
	page := make([]byte, 4)
	for i := range int64(100) {
		page[0] = byte(i)
		k.add(int(i%2), page, i)
	}
	if len(k.pages) != 11 || k.bytes != 44 || k.short {
		t.Fatalf("%d pages of %d bytes, short %v", len(k.pages), k.bytes, k.short)
	}
	for i, p := range k.pages {
		if want := int64(89 + i); p.read != want || p.data[0] != byte(want) || p.cpu != int(want%2) {
			t.Errorf("page %d: %+v, want that of %d", i, p, want)
		}
	}
	var none kept
	none.add(0, page, 1)
	if len(none.pages) != 0 {
		t.Error("pages are kept that nobody asked for")
	}
}

// TestKeptIsBounded: there is a bound on memory, and what it costs is said.
func TestKeptIsBounded(t *testing.T) {
	k := kept{last: 1 << 60, most: 35}
	page := make([]byte, 4)
	for i := range int64(20) {
		k.add(0, page, i)
	}
	if k.bytes != 32 || len(k.pages) != 8 || !k.short || k.pages[7].read != 19 {
		t.Errorf("%d pages of %d bytes, short %v", len(k.pages), k.bytes, k.short)
	}
}

// TestLosses: a part of a recording claims no events but those it has.
func TestLosses(t *testing.T) {
	got := losses("entries: 3\noverrun: 1\ncommit overrun: 2\nbytes: 40\noldest event ts:  5.1\nnow ts:  6.2\ndropped events: 4\nread events: 9\n")
	if want := "overrun: 1\ncommit overrun: 2\nbytes: 40\noldest event ts:  5.1\nnow ts:  6.2\ndropped events: 4\n"; got != want {
		t.Errorf("%q", got)
	}
}
