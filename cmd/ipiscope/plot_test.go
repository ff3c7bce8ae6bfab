package main

import (
	"encoding/csv"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// table is CSV as rows by the names of their columns.
func table(t *testing.T, text string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) < 2 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// sumsBy adds up a column by some others; without one it counts rows.
func sumsBy(t *testing.T, rows []map[string]string, column string, by ...string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, row := range rows {
		var key []string
		for _, name := range by {
			if _, ok := row[name]; !ok {
				t.Fatalf("no column %s in %v", name, row)
			}
			key = append(key, row[name])
		}
		n := 1
		if column != "" {
			var err error
			if n, err = strconv.Atoi(row[column]); err != nil {
				t.Fatal(err)
			}
		}
		out[strings.Join(key, " ")] += n
	}
	return out
}

func equal(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s: nothing to compare", what)
	}
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%s: %s: %d, want %d", what, key, got[key], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
	}
}

// TestPlotData: what is drawn, the rows of export and the JSON of report are the
// same hits.
func TestPlotData(t *testing.T) {
	for _, trace := range []string{"k612s4-12b-all-stack", "k612s4-06-multi", "k612s4-07-lost", "karm64s4-21-ipi-all"} {
		t.Run(trace, func(t *testing.T) {
			with := func(args ...string) string {
				return output(t, nil, append(args, "--isolated", "2-3", "../../fixtures/"+trace+"/trace.dat")...)
			}
			plot := func(args ...string) []map[string]string {
				return table(t, with(append([]string{"plot", "--data", "csv"}, args...)...))
			}
			rows := table(t, with("export"))
			for i := range rows {
				rows[i]["cpu"] = rows[i]["target"]
			}
			timeline := plot("timeline", "--top", "0")
			equal(t, "timeline", sumsBy(t, timeline, "hits", "function", "cpu"), sumsBy(t, rows, "", "function", "cpu"))
			equal(t, "heatmap", sumsBy(t, plot("heatmap"), "hits", "cpu"), sumsBy(t, rows, "", "cpu"))
			equal(t, "matrix", sumsBy(t, plot("matrix"), "hits", "sender", "target"), sumsBy(t, rows, "", "sender", "target"))
			bars := plot("bars", "--top", "0", "--by", "cause")
			equal(t, "bars", sumsBy(t, bars, "hits", "cause", "class"), sumsBy(t, rows, "", "cause", "class"))
			if sends := sumsBy(t, plot("hist", "--of", "targets", "--by", "none"), "count")[""]; trace != "k612s4-07-lost" && sends != countSends(rows) {
				t.Errorf("targets of %d sends, want %d", sends, countSends(rows))
			}

			var report struct {
				Groups []struct {
					Key  map[string]string
					Hits int
				}
				CPUs []struct{ CPU, Hits int }
			}
			if err := json.Unmarshal([]byte(with("report", "--format", "json", "--by", "cause,class")), &report); err != nil {
				t.Fatal(err)
			}
			groups, cpus := map[string]int{}, map[string]int{}
			for _, g := range report.Groups {
				if g.Hits > 0 {
					groups[g.Key["cause"]+" "+g.Key["class"]] += g.Hits
				}
			}
			for _, c := range report.CPUs {
				if c.Hits > 0 {
					cpus[strconv.Itoa(c.CPU)] = c.Hits
				}
			}
			equal(t, "report by cause", sumsBy(t, bars, "hits", "cause", "class"), groups)
			equal(t, "report by CPU", sumsBy(t, timeline, "hits", "cpu"), cpus)
		})
	}
}

// TestPlotOfText: a recording and what trace-cmd report -t prints of it give the
// same figures, whatever each of them skips.
func TestPlotOfText(t *testing.T) {
	for _, trace := range []string{"k612s4-02-zlib-mono", "k612s4-06-multi", "karm64s4-21-ipi-all", "k72s4-01-zstd-local"} {
		for _, args := range [][]string{{"heatmap"}, {"rate", "--by", "sender"}, {"hist", "--of", "gaps"}, {"hist", "--of", "hits-per-second", "--by", "none"}} {
			drawn := func(file string) string {
				return output(t, nil, append(append([]string{"plot"}, args...), "--data", "csv", "--isolated", "2-3", "../../fixtures/"+trace+"/"+file)...)
			}
			if dat, text := drawn("trace.dat"), drawn("report-t.txt.gz"); dat != text {
				t.Errorf("%s %v (-trace.dat +text):\n%s", trace, args, cmp.Diff(dat, text))
			}
		}
	}
}

// countSends counts the sends of rows of hits: what one sends has one time, CPU
// and callsite.
func countSends(rows []map[string]string) int {
	sends := map[string]bool{}
	for _, r := range rows {
		sends[strings.Join([]string{r["time_ns"], r["sender"], r["event"], r["callsite"], r["pid"], r["instance"]}, " ")] = true
	}
	return len(sends)
}

// TestPlotLatency: the histograms of a latency hold as many as latency counts,
// and the median of its curve is that of its table.
func TestPlotLatency(t *testing.T) {
	for _, trace := range []string{"k612s4-12b-all-stack", "karm64s4-21-ipi-all"} {
		with := func(args ...string) string {
			return output(t, nil, append(args, "--isolated", "2-3", "../../fixtures/"+trace+"/trace.dat")...)
		}
		latency := table(t, with("latency", "--format", "csv"))
		for _, of := range []string{"delivery", "handler", "bracket", "wait"} {
			want := map[string]int{}
			for _, row := range latency {
				if n, _ := strconv.Atoi(row[of+".count"]); n > 0 {
					want[row["function"]] = n
				}
			}
			if len(want) == 0 {
				continue // not recorded
			}
			equal(t, trace+" "+of, sumsBy(t, table(t, with("plot", "hist", "--of", of, "--top", "0", "--data", "csv")), "count", "function"), want)
			medians := map[string]string{}
			for _, row := range table(t, with("plot", "cdf", "--of", of, "--top", "0", "--data", "csv")) {
				if share, _ := strconv.ParseFloat(row["share"], 64); share >= 0.5 && medians[row["function"]] == "" {
					medians[row["function"]] = row["to_ns"]
				}
			}
			for _, row := range latency {
				if n, _ := strconv.Atoi(row[of+".count"]); n > 0 && n < 64 && n%2 == 1 && medians[row["function"]] != row[of+".p50_ns"] {
					t.Errorf("%s %s of %s: median %s, want %s", trace, of, row["function"], medians[row["function"]], row[of+".p50_ns"])
				}
			}
		}
	}
}

// TestPlotDocs: the pictures in docs are what the commands above them draw. Of a
// picture its size is compared: what is in it is tested as SVG.
func TestPlotDocs(t *testing.T) {
	t.Chdir("../..")
	text, err := os.ReadFile("docs/plots.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		args := strings.Fields(line)
		if len(args) < 4 || args[0] != "ipiscope" || args[1] != "plot" {
			continue
		}
		n++
		shown := args[len(args)-1]
		if !strings.Contains(string(text), "("+strings.TrimPrefix(shown, "docs/")+")") {
			t.Errorf("%s is not shown", shown)
		}
		drawn := filepath.Join(t.TempDir(), "p.png")
		args[len(args)-1] = drawn
		output(t, nil, args[1:]...)
		a, b := picture(t, drawn), picture(t, shown)
		if a != b {
			t.Errorf("%s is %v, its command draws %v: draw it again", shown, b, a)
		}
		if st, err := os.Stat(shown); err != nil || st.Size() > 60_000 {
			t.Errorf("%s: %v bytes, %v", shown, st.Size(), err)
		}
	}
	if n < 8 {
		t.Errorf("%d pictures", n)
	}
}

// picture is the width and height of a PNG.
func picture(t *testing.T, path string) [2]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := png.DecodeConfig(f)
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{c.Width, c.Height}
}
