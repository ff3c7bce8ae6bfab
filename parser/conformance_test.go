package parser

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/internal/sourcetest"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// conforming are the recordings that hold each format against what every Source must
// keep to, by the format's name.
var conforming = map[string][]struct {
	fixture, wanted string
	bytes           int // of it, at the end of a line; 0: all
	settled         int
	allocations     float64
}{
	"trace.dat": {
		{fixture: "k612s4-02-zlib-mono/trace.dat", wanted: "ipi_send_cpu", settled: 1000, allocations: 2},
		{fixture: "k612s4-04-v6-global/trace.dat.zst", wanted: "ipi_send_cpumask", settled: 3000},
	},
	"perf.data": {
		{fixture: "k72s4-41a-perf-g/perf.data.zst", wanted: "ipi_send_cpu", settled: 300, allocations: 1},
		{fixture: "k72s4-41d-perf-pipe-g/pipe.data.zst", wanted: "ipi_send_cpu", settled: 300, allocations: 1},
	},
	"ftrace text":      {{fixture: "k612s4-51-statickey-before-1/report-t.txt.gz", wanted: "ipi_send_cpu", bytes: 1_100_000, settled: 1000, allocations: 1}},
	"perf script text": {{fixture: "k612s4-40-perf/script.txt.gz", wanted: "ipi_send_cpu", settled: 1000}},
}

// TestConformance: each format, one that is new too, runs package sourcetest.
func TestConformance(t *testing.T) {
	for _, f := range Formats() {
		rows := conforming[f.Name]
		if len(rows) == 0 {
			t.Errorf("%s: no recording in conforming holds it against package sourcetest: see docs/adding.md", f.Name)
		}
		for _, row := range rows {
			t.Run(f.Name+"/"+filepath.Dir(row.fixture), func(t *testing.T) {
				data := unpacked(t, row.fixture)
				if row.bytes > 0 {
					data = data[:bytes.LastIndexByte(data[:row.bytes], '\n')+1]
				}
				suite := sourcetest.Format{Data: data, Wanted: row.wanted, Settled: row.settled, Allocations: row.allocations}
				stream := func(r io.Reader) (trace.Source, error) { return f.open(r, "input", Options{Threads: 1}) }
				if f.isAtRandom(data) {
					suite.Open = func(b []byte) (trace.Source, error) {
						return f.openAt(bytes.NewReader(b), int64(len(b)), "input", Options{Threads: 1})
					}
				} else {
					suite.Stream = stream
					suite.Open = func(b []byte) (trace.Source, error) { return stream(bytes.NewReader(b)) }
				}
				suite.Run(t)
			})
		}
	}
}

// unpacked reads a fixture.
func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "fixtures", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	switch {
	case strings.HasSuffix(name, ".gz"):
		r, err = gzip.NewReader(f)
	case strings.HasSuffix(name, ".zst"):
		r, err = zstd.NewReader(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
