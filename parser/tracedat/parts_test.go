package tracedat

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/datfile"
)

// TestTakeApart puts files together again: they hold the same records, and the
// same description but for their sizes.
func TestTakeApart(t *testing.T) {
	for name, data := range partsCases(t) {
		p, err := TakeApart(bytes.NewReader(data), int64(len(data)), "t.dat")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again := putTogether(t, p)
		want, werr := readAll(data)
		got, gerr := readAll(again)
		if !slices.Equal(got, want) || werr != nil || gerr != nil {
			t.Errorf("%s: %d records, want %d; %v, %v", name, len(got), len(want), gerr, werr)
		}
		m, w := mustOpen(t, again).Table().Meta, mustOpen(t, data).Table().Meta
		if m.Uname != w.Uname || m.Clock != w.Clock || m.CPUs != w.CPUs || len(m.CPUStats) != len(w.CPUStats) || m.Tool != w.Tool {
			t.Errorf("%s: %+v\nwant %+v", name, m, w)
		}
	}
}

func partsCases(t *testing.T) map[string][]byte {
	cases := map[string][]byte{"real": fixture(t, "k612s4-07-lost")}
	for _, v := range []variant{plain7, zstd7, plain7big} {
		f := small(v)
		f.Buffers[0].CPUs[1].Pages = nil // a CPU without data is one all the same
		cases[v.String()], _ = f.Bytes()
	}
	return cases
}

func putTogether(t *testing.T, p *Parts) []byte {
	t.Helper()
	var m datfile.Memory
	w := datfile.New(&m, p.Header)
	for _, o := range p.Options {
		w.Add(o)
	}
	for _, b := range p.Buffers {
		w.BeginBuffer(b.Buffer)
		for _, c := range b.CPUs {
			w.BeginCPU(c.CPU)
			if _, err := w.Write(c.Pages); err != nil {
				t.Fatal(err)
			}
			w.EndCPU()
		}
		w.EndBuffer()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return m.Bytes()
}

// TestTakeApartRefuses: what is not whole is not taken apart.
func TestTakeApartRefuses(t *testing.T) {
	v6, _ := small(plain6).Bytes()
	whole, marks := small(zstd7).Bytes()
	text := small(plain7)
	text.Text = "# tracer: wakeup\n"
	latency, _ := text.Bytes()
	broken := set("chunk  0 0", 8, 0, 0, 0, 0)(slices.Clone(whole), marks)
	for want, b := range map[string][]byte{
		"want a file of version 7":                v6,
		"cut off?":                                whole[:len(whole)/2],
		"file header":                             whole[:20],
		"trace text instead of events":            latency,
		"CPU 0: zstd":                             broken,
		"CPU 0: want 6 more chunks of compressed": set32("data  0", 0, 7)(slices.Clone(whole), marks),
	} {
		if _, err := TakeApart(bytes.NewReader(b), int64(len(b)), "t.dat"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
