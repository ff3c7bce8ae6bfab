package tracecmd_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// TestFlippedBits: whatever bits are wrong in a file, its events are printed
// without a panic, and what is printed has a bound: a field's width and each
// element that a print fmt asks for are at most 4096, and a record is in a file
// once.
func TestFlippedBits(t *testing.T) {
	files := append(madeFiles(), madeContainers()...)
	var data [][]byte
	for _, m := range files {
		if m.name != "addresses" && m.name != "conversions" { // large and all alike
			b, _ := m.file.Bytes()
			data = append(data, b)
		}
	}
	law.Check(t, func(rt *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(data).Draw(rt, "file"))
		where := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)) // rapid's own numbers are mostly small
		for range rapid.IntRange(1, 20).Draw(rt, "flips") {
			b[where.IntN(len(b))] ^= 1 << where.IntN(8)
		}
		o := rapid.SampledFrom([]tracecmd.Options{{}, {Raw: true}, {Latency: true}}).Draw(rt, "form")
		src, err := tracedat.Open(bytes.NewReader(b), int64(len(b)), "t.dat", tracedat.Options{})
		if err != nil {
			return
		}
		defer src.Close()
		printed := 0
		p := tracecmd.New(src.Table(), src, o)
		s := tracecmd.NewStream(func(text []byte) { printed += len(text) })
		records := 0
		for src.Scan() {
			switch r := src.Record().(type) {
			case *trace.Event:
				records++
				s.Event(p, r)
			case *trace.Lost:
				s.Lost(p, r)
			}
		}
		s.End()
		if bound := 1<<16 + records*(64<<10); printed > bound {
			rt.Errorf("%d bytes for %d records", printed, records)
		}
	})
}
