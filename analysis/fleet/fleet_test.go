package fleet_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/fleet"
	"github.com/ipiscope/ipiscope/analysis/result"
)

const hour = 3600e9 // of CPU-time, ns

// whole is a recording of which nothing is missing.
func whole(path string) result.Input {
	return result.Input{Path: path, Whole: true, Sent: result.Sent{CPU: 1}}
}

// of is a fleet of machines that have so many hits in an hour.
func of(hits ...uint64) *fleet.Fleet {
	f := fleet.New([]string{"function"})
	for i, n := range hits {
		name := fmt.Sprintf("h%02d", i)
		x := &fleet.Trace{Host: name, Input: whole(name), CPUTime: hour, Total: n, Is: map[string]string{"kernel": "6.12"}}
		if n > 0 {
			x.Groups = []fleet.Group{{Key: []string{"f"}, Hits: n}}
		}
		f.Add(name, x)
	}
	return f
}

// cells are the texts of some columns of a table's first row.
func cells(t *result.Table, names ...string) (out []string) {
	for _, name := range names {
		v := t.Rows[0][t.Index(name)]
		if out = append(out, v.Text()); v.Kind == result.KindFloat {
			out[len(out)-1] = fmt.Sprintf("%.9g", v.Float)
		}
	}
	return out
}

// TestReport: hosts without hits are in every quantile. The quantiles are R's:
// quantile(c(0,0,0,0,10,20,40,80,160,1000), c(.1,.5,.9)) is 0, 15, 244 (type 7, the
// usual one; numpy.quantile has the same).
func TestReport(t *testing.T) {
	set := of(0, 1000, 0, 160, 0, 80, 0, 40, 10, 20).Report("host")
	got := cells(set.Table("groups"), "function", "hosts_hit", "hosts", "p10", "median", "p90", "max", "worst", "per_cpu_hour", "hits")
	if d := cmp.Diff([]string{"f", "6", "10", "0", "15", "244", "1000", "h01", "131", "1310"}, got); d != "" {
		t.Error(d)
	}
	if want := "10 hosts, 6 of them hit: the median has 15 hits per isolated CPU and hour, the worst (h01) 1000"; set.Verdict != want {
		t.Errorf("%q, want %q", set.Verdict, want)
	}
	if len(set.Warnings) > 0 {
		t.Errorf("%v", set.Warnings)
	}
}

// TestDoubt: a host that lost events makes rates lower bounds, and one of which no rate
// can be had is in none and is said: neither becomes a host without hits.
func TestDoubt(t *testing.T) {
	f := of(5, 5, 5)
	lossy := whole("lossy")
	lossy.Lost = 3
	f.Add("lossy", &fleet.Trace{Host: "lossy", Input: lossy, CPUTime: hour})
	half := whole("half")
	half.Unrecorded = []string{"ipi_send_cpumask was off"}
	f.Add("half", &fleet.Trace{Host: "half", Input: half, CPUTime: hour})
	f.Add("silent", &fleet.Trace{Host: "silent", Input: result.Input{Path: "silent"}, CPUTime: hour})
	for _, in := range []result.Input{{Path: "ticks", Ticks: true}, {Path: "excerpt", Excerpt: "25 lines of 373"}} {
		f.Add(in.Path, &fleet.Trace{Host: in.Path, Input: in, CPUTime: hour})
	}
	f.Add("empty", &fleet.Trace{Host: "empty", Input: whole("empty")})
	set := f.Report("host")
	var codes []string
	for _, w := range set.Warnings {
		codes = append(codes, w.Code)
	}
	if d := cmp.Diff([]string{"hosts-in-doubt", "no-rate", "no-rate", "no-rate"}, codes); d != "" {
		t.Error(d)
	}
	if !strings.Contains(set.Warnings[0].Text, "3 of 6 hosts") || !strings.Contains(set.Verdict, "the median has at least") {
		t.Errorf("%q, %v", set.Verdict, set.Warnings[0])
	}
}

// TestOneHost: recordings of one host add up before anything is said of hosts.
func TestOneHost(t *testing.T) {
	f := fleet.New([]string{"function"})
	for i := range 3 {
		f.Add("a", &fleet.Trace{Host: "a", Input: whole(fmt.Sprint(i)), CPUTime: hour, Total: 6, Groups: []fleet.Group{{Key: []string{"f"}, Hits: 6}}})
	}
	if got := cells(f.Report("host").Table("groups"), "hosts", "median", "hits"); !slices.Equal(got, []string{"1", "6", "18"}) {
		t.Errorf("%q", got)
	}
}

// drawn is a rate of a machine: log-normal around 1000 hits an hour.
func drawn(draw *rand.Rand) uint64 { return uint64(1000 * math.Exp(0.6*draw.NormFloat64())) }

// TestOutliers: of 2000 machines with log-normal rates the four that have eight times
// as many more than the largest of the others are found, and with z > 4.2 nobody else: of
// 2000 normal values 0.03 are beyond that on average.
func TestOutliers(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	hits := make([]uint64, 2000)
	for i := range hits {
		hits[i] = drawn(draw)
	}
	planted := []int{17, 400, 999, 1999}
	for _, i := range planted {
		hits[i] = uint64(8 * 1000 * math.Exp(0.6*2))
	}
	f := fleet.New([]string{"function"})
	for i, n := range hits {
		name := fmt.Sprint(i)
		f.Add(name, &fleet.Trace{Host: name, Input: whole(name), CPUTime: hour, Total: n, Groups: []fleet.Group{{Key: []string{"usual"}, Hits: 500}, {Key: []string{"odd"}, Hits: n - min(n, 500)}}})
	}
	set := f.Outliers("host", "", 4.2)
	var found []string
	for _, row := range set.Table("outliers").Rows {
		found = append(found, row[0].Str)
		if top := row[len(row)-1].Str; top != "function=odd" {
			t.Errorf("host %s: most of it is %q", row[0].Str, top)
		}
	}
	slices.Sort(found)
	if want := []string{"17", "1999", "400", "999"}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// TestOutliersOfFew: fewer than eight of a stratum are said to be too few, not fine.
func TestOutliersOfFew(t *testing.T) {
	set := of(1, 1, 1, 1, 1, 1, 1000).Outliers("host", "kernel", fleet.DefaultZ)
	if !strings.HasPrefix(set.Verdict, "undecided") || len(set.Table("outliers").Rows) > 0 || set.Warnings[0].Text != "kernel 6.12: 7 hosts, fewer than 8: nothing is said about them" {
		t.Errorf("%q %v", set.Verdict, set.Warnings)
	}
	set = of(1, 1, 1, 1, 1, 1, 1, 1000).Outliers("host", "", fleet.DefaultZ)
	if len(set.Table("outliers").Rows) != 1 {
		t.Errorf("one of eight, where the others are alike: %q", set.Verdict)
	}
	f := of(1, 1, 1, 1, 1, 1, 1, 1)
	lossy := whole("lossy")
	lossy.Lost = 3
	f.Add("lossy", &fleet.Trace{Host: "lossy", Input: lossy, CPUTime: hour})
	if set := f.Outliers("host", "", fleet.DefaultZ); !strings.HasPrefix(set.Verdict, "at least 0 of 9 hosts") {
		t.Errorf("one that lost events may be one: %q", set.Verdict)
	}
	set = of(7, 7, 7, 7, 7, 7, 7, 7).Outliers("host", "", fleet.DefaultZ)
	if len(set.Table("outliers").Rows) != 0 || !strings.HasPrefix(set.Verdict, "0 of 8") {
		t.Errorf("all alike: %q", set.Verdict)
	}
}

// TestFirst: the first date of a group is that of the first recording with hits of it;
// hosts that were recorded before that are counted, and so are those that may have
// missed it.
func TestFirst(t *testing.T) {
	f := fleet.New([]string{"function"})
	add := func(host, date string, lost uint64, keys ...string) {
		in := whole(host + date)
		in.Lost = lost
		x := &fleet.Trace{Host: host, Date: date, Input: in, CPUTime: hour, Is: map[string]string{"kernel": "k" + host}}
		for _, k := range keys {
			x.Groups = append(x.Groups, fleet.Group{Key: []string{k}, Hits: 1})
		}
		f.Add(host, x)
	}
	add("b", "2026-11-03", 0, "old", "new")
	add("a", "2026-11-01", 0, "old")
	add("a", "2026-11-04", 0, "old", "new")
	add("c", "2026-11-02", 9, "old")
	add("d", "", 0, "new")
	set := f.First("host")
	var got []string
	for _, row := range set.Table("first").Rows {
		var words []string
		for _, v := range row {
			words = append(words, v.Text())
		}
		got = append(got, strings.Join(words, " "))
	}
	want := []string{"new 2026-11-03 b kb 2 1 2", "old 2026-11-01 a ka 0 0 3"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(set.Warnings) == 0 || set.Warnings[0].Code != "no-date" {
		t.Errorf("%v", set.Warnings)
	}
}

// TestEqualHalves: of 200 splits of one fleet into two halves at most a part alpha has
// rows that are called different, on average of its ten rows.
func TestEqualHalves(t *testing.T) {
	const splits, hosts, rows, alpha = 200, 24, 10, 0.05
	draw := rand.New(rand.NewPCG(7, 8))
	runs := make([]compare.Run, hosts)
	for i := range runs {
		runs[i] = compare.Run{Input: whole(fmt.Sprint(i)), Isolated: "2-3", CPUs: 2, Duration: hour, CPUTime: 2 * hour, Regime: "ipi_send events"}
		for k := range rows {
			n := drawn(draw)
			runs[i].Groups = append(runs[i].Groups, compare.Group{Key: []string{fmt.Sprint(k)}, Hits: n, Sends: n})
			runs[i].Total.Hits += n
		}
	}
	different := 0
	for range splits {
		draw.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		a, b := slices.Clone(runs[:hosts/2]), slices.Clone(runs[hosts/2:])
		set := compare.Compare([]compare.Side{{Name: "a", Runs: a}, {Name: "b", Runs: b}}, compare.Config{By: []string{"function"}, Alpha: alpha})
		t := set.Table("rows")
		for _, row := range t.Rows {
			if v := row[t.Index("verdict")].Str; v != "unclear" && v != "unchanged" {
				different++
			}
		}
	}
	if part := float64(different) / (splits * rows); part > alpha {
		t.Errorf("%.3f of the rows of equal halves are called different", part)
	}
}
