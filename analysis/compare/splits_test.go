package compare_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A hit of a recording, its time counted from the start.
type hit struct {
	time     int64
	function string
}

// readHits returns the hits of a recording on CPUs 2-3 and its length.
func readHits(t *testing.T, fixture string) ([]hit, int64) {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+fixture+"/report-t.txt.gz", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	var out []hit
	s := listing.New(src.Table(), listing.Config{Isolated: &isolated, Catalog: cat, Row: func(row []result.Value) error {
		out = append(out, hit{row[0].Int, row[8].Str})
		return nil
	}})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		out[i].time -= int64(st.First)
	}
	return out, st.Duration()
}

// cellsPerPiece is how finely a piece of a recording keeps its hits' times.
const cellsPerPiece = 4

// cut puts some of n equal pieces of a recording together as one run.
func cut(all []hit, length int64, n int, pieces []int) compare.Run {
	piece := length / int64(n)
	r := compare.Run{CPUs: 2, Isolated: "2-3", Duration: piece * int64(len(pieces)), CellWidth: piece / cellsPerPiece}
	place := make([]int, n) // of a piece in the run, from 1
	for i, p := range pieces {
		place[p] = i + 1
	}
	cells := len(pieces) * cellsPerPiece
	r.Total.Cells = make([]uint32, cells)
	groups := map[string]int{}
	for _, h := range all {
		p := int(h.time / piece)
		if p >= n || place[p] == 0 {
			continue
		}
		i, ok := groups[h.function]
		if !ok {
			i = len(r.Groups)
			groups[h.function] = i
			r.Groups = append(r.Groups, compare.Group{Key: []string{h.function}, Cells: make([]uint32, cells)})
		}
		at := min((place[p]-1)*cellsPerPiece+int(h.time%piece*cellsPerPiece/piece), cells-1)
		for _, g := range []*compare.Group{&r.Groups[i], &r.Total} {
			g.Hits++
			g.Cells[at]++
		}
	}
	return r
}

// findings counts rows, those that are called different, and those whose p is
// below 5 %.
type findings struct{ comparisons, wrong, rows, different, small int }

func (f *findings) add(set *result.Set) {
	t := set.Table("rows")
	before := f.different
	for _, row := range t.Rows {
		f.rows++
		if row[t.Index("p")].Float < 0.05 {
			f.small++
		}
		switch row[t.Index("verdict")].Str {
		case "unclear", "unchanged":
		default:
			f.different++
		}
	}
	f.comparisons++
	if f.different > before {
		f.wrong++
	}
}

// check holds the findings where nothing differs against the error rate of 5 %,
// with room for chance: 0.5 % of tests that keep their level exceed it.
func (f *findings) check(t *testing.T, limit int) {
	t.Helper()
	t.Logf("%d comparisons: %d with a row called different; %d rows: %d different, %d with p < 0.05", f.comparisons, f.wrong, f.rows, f.different, f.small)
	if f.wrong > limit {
		t.Errorf("%d of %d comparisons call a row different, limit %d", f.wrong, f.comparisons, limit)
	}
}

// TestSplitsOfTime: a recording against itself, its pieces shared out between
// two sides at random.
func TestSplitsOfTime(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of bootstraps")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, fixture := range []string{"k612s4-51-statickey-before-1", "k612s4-51-statickey-after-1"} {
		all, length := readHits(t, fixture)
		for _, n := range []int{16, 64} {
			t.Run(fmt.Sprintf("%s/%d", fixture, n), func(t *testing.T) {
				var f findings
				for range 30 {
					order := rng.Perm(n)
					before, after := cut(all, length, n, order[:n/2]), cut(all, length, n, order[n/2:])
					f.add(compare.Compare([]compare.Side{{Name: "before", Runs: []compare.Run{before}}, {Name: "after", Runs: []compare.Run{after}}},
						compare.Config{By: []string{"function"}}))
				}
				f.check(t, 5) // R: qbinom(0.995, 30, 0.05) is 5
			})
		}
	}
}

// TestSplitsOfRuns: the runs of one set-up shared out between two sides at
// random. Each recording is cut into runs, as two are not enough.
func TestSplitsOfRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, setup := range []string{"k612s4-51-statickey-before-", "k612s4-51-statickey-after-"} {
		t.Run(setup, func(t *testing.T) {
			var runs []compare.Run
			for _, number := range []string{"1", "2"} {
				all, length := readHits(t, setup+number)
				for i := range 6 {
					runs = append(runs, cut(all, length, 6, []int{i}))
				}
			}
			var f findings
			for range 400 {
				var sides [2]compare.Side
				sides[0].Name, sides[1].Name = "before", "after"
				for i, r := range rng.Perm(len(runs)) {
					sides[i%2].Runs = append(sides[i%2].Runs, runs[r])
				}
				f.add(compare.Compare(sides[:], compare.Config{By: []string{"function"}}))
			}
			f.check(t, 32) // R: qbinom(0.995, 400, 0.05) is 32
		})
	}
}
