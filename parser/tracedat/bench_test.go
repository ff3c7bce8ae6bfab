package tracedat

import (
	"bytes"
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

// large returns a file of 4 CPUs with n events each, in pages and chunks as
// trace-cmd writes them.
func large(v variant, n int) []byte {
	f := v.file()
	f.PageSize, f.ChunkPages = 4096, 10
	b := datwriter.Buffer{}
	for cpu := range 4 {
		b.CPUs = append(b.CPUs, datwriter.CPU{ID: cpu, Pages: f.Pages(samples(f, cpu, n))})
	}
	f.Buffers = []datwriter.Buffer{b}
	data, _ := f.Bytes()
	return data
}

// TestScanDoesNotAllocate: neither an event nor a page costs an allocation once
// the buffers have their size. The decompressors take a few for each
// chunk, which holds 10 pages: more when the race detector empties their pools.
func TestScanDoesNotAllocate(t *testing.T) {
	for v, limit := range map[variant]float64{plain6: 0, plain7: 0, zstd7: 10, zlib7: 10} {
		data := large(v, 20_000)
		// with one thread the buffers have their size after the first blocks
		s, err := Open(bytes.NewReader(data), int64(len(data)), "t.dat", Options{Threads: 1, block: 16 << 10})
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			s.Scan()
		}
		// 100 runs of 700 events cross all CPUs' chunk borders several times
		if n := testing.AllocsPerRun(100, func() {
			for range 700 {
				if !s.Scan() {
					t.Fatal("the file is too short for this test")
				}
			}
		}); n > limit {
			t.Errorf("%v: %v allocations per 700 events, want at most %v", v, n, limit)
		}
		if s.Err() != nil {
			t.Error(s.Err())
		}
		s.Close()
	}
}

func BenchmarkScan(b *testing.B) {
	for _, v := range []variant{plain6, plain7, zstd7, zlib7} {
		b.Run(v.String(), func(b *testing.B) {
			data := large(v, 50_000)
			b.ReportAllocs()
			events := 0
			for b.Loop() {
				s, err := openBytes(data)
				if err != nil {
					b.Fatal(err)
				}
				for s.Scan() {
					events++
				}
				if err := s.Err(); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, v := range []variant{plain6, zstd7} {
		b.Run(v.String(), func(b *testing.B) {
			data, _ := small(v).Bytes()
			b.ReportAllocs()
			for b.Loop() {
				s, err := openBytes(data)
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}
