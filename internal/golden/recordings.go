package golden

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// Recordings are fixtures of every kind, by the names that their golden files have.
// Between them they hold both regimes of kernels, arm64, big-endian s390x, losses,
// stacks, calls, interrupts of IPIs, noise, text and binary.
//
// Those that are named soup-N are made up (see Soup).
func Recordings() map[string]string {
	all := map[string]string{
		"all-stack": "k612s4-12b-all-stack/trace.dat",
		"arm64":     "karm64s4-21-ipi-all/trace.dat",
		"lost":      "k612s4-07-lost/trace.dat",
		"multi":     "k612s4-06-multi/trace.dat",
		"local":     "k72s4-01-zstd-local/trace.dat",
		"date":      "k612s4-05-date/report-t.txt.gz",
		"pipe":      "k612s4-32-trace_pipe/trace_pipe-lost.txt.gz",
		"osnoise":   "k72rts4-74c-rtla-osnoise/osnoise_trace.txt.gz",
		"timerlat":  "k72rts4-74d-rtla-timerlat/timerlat_trace.txt.gz",
		"perf":      "k612s4-40-perf/script.txt.gz",
		"perfdata":  "k618-perf/lossy.data.zst",
		"s390x":     "ks390x72s4-40-perf/perf.data.zst",
	}
	for n := range soups {
		all[fmt.Sprintf("soup-%d", n)] = fmt.Sprint(soupPrefix, n)
	}
	return all
}

const soupPrefix = "made up:"

// open opens a fixture, or makes it up.
func open(fixture string) (trace.Source, error) {
	if n, ok := strings.CutPrefix(fixture, soupPrefix); ok {
		seed, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			return nil, err
		}
		src := tracetest.Parse(Soup(seed))
		src.Table().Meta.CPUs = 4
		return src, nil
	}
	return parser.Open(filepath.Join("../../fixtures", fixture), parser.Options{})
}

// Isolated are CPUs 2 and 3, which are isolated in the fixtures.
func Isolated() *cpumask.Mask {
	var m cpumask.Mask
	m.SetRange(2, 3)
	return &m
}

// Read runs states over a fixture, which is found from the folder of a package of
// analysis. Isolated CPUs are for the states to know.
func Read(t testing.TB, fixture string, states func(*trace.Table) []analysis.State) result.Input {
	t.Helper()
	src, err := open(fixture)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, states(src.Table())...)
	in := st.Input(&src.Table().Meta, err)
	in.Path = fixture // the same whatever the folder
	return in
}
