package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// recording is the path of a before or after recording: static keys toggled in
// a loop, and the same without the toggling. 1848 to 1865 ipi_send_cpumask
// events to CPUs 2-3 before, 76 to 123 after.
func recording(name string) string {
	return "../../fixtures/k612s4-51-statickey-" + name + "/report-t.txt.gz"
}

// diff runs ipiscope diff.
func diff(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errw bytes.Buffer
	term := cli.NewTerminal(strings.NewReader(""), &out, &errw)
	cmd := newDiff(term)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errw)
	err := cmd.ExecuteContext(context.Background())
	if err != nil {
		errw.WriteString(err.Error())
	}
	return out.String(), errw.String(), cli.Status(err)
}

// A diffJSON is what the JSON form promises.
type diffJSON struct {
	Schema        string
	Before, After []struct {
		Path, Kernel string
		Events       uint64
	}
	Inputs *[]any
	By     []string
	Rows   []struct {
		Key           map[string]string
		Group         string
		Before, After struct {
			Hits int
			Rate float64
		}
		Ratio   *float64
		CI      []*float64
		P, Q    float64
		N       []int
		DF      []int
		Test    string
		Verdict string
		Reason  string
		Says    string

		RatioInfinite int `json:"ratio_infinite"`
	}
	Warnings []struct{ Code, Text string }
}

func diffAs(t *testing.T, args ...string) diffJSON {
	t.Helper()
	out, errs, status := diff(t, append(args, "--format", "json")...)
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	var d diffJSON
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if d.Schema != "ipiscope/diff/v1" || d.Inputs != nil || d.Warnings == nil {
		t.Errorf("schema %q, inputs %v, warnings %v", d.Schema, d.Inputs, d.Warnings)
	}
	for _, r := range d.Rows {
		if len(r.Key) != len(d.By) || len(r.CI) != 2 || len(r.N) != 2 || r.Test == "" {
			t.Errorf("row %+v", r)
		}
	}
	return d
}

func (d diffJSON) verdict(t *testing.T, key, value string) string {
	t.Helper()
	for _, r := range d.Rows {
		if r.Key[key] == value {
			return r.Verdict
		}
	}
	t.Errorf("no row %s=%s in %+v", key, value, d.Rows)
	return ""
}

func TestDiffSingleRuns(t *testing.T) {
	for _, pair := range []string{"1", "2"} {
		before, after := recording("before-"+pair), recording("after-"+pair)
		d := diffAs(t, "--isolated", "2-3", before, after)
		if got := d.verdict(t, "function", "do_sync_core"); got != "gone" {
			t.Errorf("pair %s: do_sync_core is %s", pair, got)
		}
		if d.Before[0].Path != before || d.After[0].Path != after || d.Before[0].Events == 0 {
			t.Errorf("inputs %+v and %+v", d.Before, d.After)
		}
		d = diffAs(t, "--isolated", "2-3", "--by", "event", before, after)
		if got := d.verdict(t, "event", "ipi_send_cpumask"); got != "reduced" {
			t.Errorf("pair %s: ipi_send_cpumask is %s", pair, got)
		}
		// the other way round
		d = diffAs(t, "--isolated", "2-3", after, before)
		if got := d.verdict(t, "function", "do_sync_core"); got != "new" {
			t.Errorf("pair %s backwards: do_sync_core is %s", pair, got)
		}
		if d.Rows[0].RatioInfinite != 1 || d.Rows[0].Ratio != nil || d.Rows[0].CI[1] != nil || *d.Rows[0].CI[0] < 5 {
			t.Errorf("a rate that was 0: ratio %v, interval %v: want null, and null for no limit", d.Rows[0].Ratio, d.Rows[0].CI)
		}
	}
}

// TestDiffRuns compares two runs a side, then each of them twice.
func TestDiffRuns(t *testing.T) {
	pair := diffAs(t, "--isolated", "2-3", "-b", recording("before-1"), "-b", recording("before-2"), "-a", recording("after-1"), "-a", recording("after-2"))
	for name, want := range map[string]string{"do_sync_core": "gone", "flush_tlb_func": "grown", "nohz_full_kick_func": "grown", "flush_ldt": "grown"} {
		if got := pair.verdict(t, "function", name); got != want {
			t.Errorf("two runs a side: %s is %s, want %s", name, got, want)
		}
	}
	for _, r := range pair.Rows {
		if r.N[0] != 2 || r.N[1] != 2 || r.Test != "runs+assumed" || len(r.DF) != 2 || r.DF[0]+r.DF[1] != 4 {
			t.Errorf("two runs a side: %+v", r)
		}
	}
	var codes []string
	for _, w := range pair.Warnings {
		codes = append(codes, w.Code)
	}
	if got := strings.Join(codes, " "); got != "assumed-scatter fixed-work" {
		t.Errorf("warnings %s", got)
	}
	// per run instead of per hour: the work is the same in all
	work := diffAs(t, "--isolated", "2-3", "--work", "run", "-b", recording("before-1"), "-b", recording("before-2"), "-a", recording("after-1"), "-a", recording("after-2"))
	if rate := work.Rows[0].Before.Rate; rate != 7336.0/4 { // 2 runs of 2 CPUs
		t.Errorf("--work run: rate %v", rate)
	}

	dir := t.TempDir()
	for _, side := range []string{"before", "after"} {
		for _, n := range []string{"1", "2", "3", "4"} {
			from := map[string]string{"1": "1", "2": "2", "3": "1", "4": "2"}[n]
			data, err := os.ReadFile(recording(side + "-" + from))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, side, n+".txt.gz")
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
	for _, args := range [][]string{
		{before, after},
		{before + "/*.gz", after + "/?.txt.gz"},
		{"-b", before, "-a", after + "/[1-4]*"},
	} {
		d := diffAs(t, append([]string{"--isolated", "2-3", "--allow-duplicates"}, args...)...)
		if got := d.verdict(t, "function", "do_sync_core"); got != "gone" || len(d.Before) != 4 || len(d.After) != 4 {
			t.Errorf("%v: do_sync_core is %s; %d and %d runs", args, got, len(d.Before), len(d.After))
		}
	}
	d := diffAs(t, "--isolated", "2-3", "--allow-duplicates", "base="+before, "v1="+after, "v2="+before)
	verdicts := map[string]string{}
	for _, r := range d.Rows {
		if r.Key["function"] == "do_sync_core" {
			verdicts[r.Group] = r.Verdict
		}
	}
	if verdicts["v1"] != "gone" || verdicts["v2"] != "unchanged" {
		t.Errorf("groups: %v", verdicts)
	}
}

func TestDiffOptions(t *testing.T) {
	before, after := recording("before-1"), recording("after-1")
	rate := func(args ...string) float64 {
		return diffAs(t, append(args, "--by", "event", before, after)...).Rows[0].Before.Rate
	}
	two := rate("--isolated", "2-3")
	if got := rate("--isolated-before", "2-3", "--isolated-after", "2"); got != two {
		t.Errorf("--isolated-before: rate %v, want %v", got, two)
	}
	hits := float64(diffAs(t, "--isolated", "2-3", "--by", "event", before, after).Rows[0].Before.Hits)
	if got := rate("--isolated", "2-3", "--work", "before=10,after=5"); got != hits/20 {
		t.Errorf("--work: rate %v, want %v hits by 2 CPUs and 10 units", got, hits)
	}
	d := diffAs(t, "--isolated", "2-3", "--trim", "1", "--control", "function=resched*", before, after)
	if got := d.verdict(t, "function", "do_sync_core"); got != "gone" {
		t.Errorf("--trim: %s", got)
	}
	d = diffAs(t, "--isolated", "2-3", "--filter", "ipi_send_cpu: cpu == 2", before, after)
	if d.verdict(t, "function", "reschedule") == "" || len(d.Rows) > 4 {
		t.Errorf("--filter: rows %+v", d.Rows)
	}
}

func TestDiffFormats(t *testing.T) {
	before, after := recording("before-1"), recording("after-1")
	for format, want := range map[string]string{
		"table":    "gone (< 12 % of before)  do_sync_core",
		"csv":      "function,before.hits,before.sends,before.rate,before.lo,before.hi,before.most,after.hits,after.sends,after.rate,after.lo,after.hi,after.most,ratio,ratio_infinite,ci.lo,ci.hi,p,q,p_counts,p_runs,burst,run_cv,df.own,df.assumed,holds,n.before,n.after,test,verdict,says,reason\ndo_sync_core,36",
		"markdown": "| gone",
		"mail":     "all: isolated CPUs 2-3\n",
	} {
		out, errs, status := diff(t, "--isolated", "2-3", "--format", format, before, after)
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit status %d %s, %q is not in\n%s", format, status, errs, want, out)
		}
	}
}

const thread001 = "../../analysis/compare/testdata/thread001.counts"

func TestDiffCounts(t *testing.T) {
	d := diffAs(t, "--counts", thread001)
	for name, want := range map[string]string{
		"do_flush_tlb_all": "reduced", "do_sync_core": "gone",
		"generic_smp_call_function_single_interrupt": "reduced", "nohz_full_kick_func": "unclear",
	} {
		if got := d.verdict(t, "callback", name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestDiffStatus(t *testing.T) {
	before, after := recording("before-1"), recording("after-1")
	for _, c := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{before, after, "--fail-on", "function=do_sync_core > 0"}, 0, ""},
		{[]string{after, before, "--fail-on", "function=do_sync_core > 0"}, 4, "function=do_sync_core: hits 0 -> 36"},
		{[]string{before, after, "--fail-on", "function=do_sink_core > 0"}, 0, "neither the catalogue nor the recordings know it; did you mean do_sync_core?"},
		{[]string{before, after, "--fail-on", "hits > +5%"}, 0, ""},
		{[]string{after, before, "--fail-on", "hits > 99999", "--fail-on", "hits > +5%"}, 4, "all hits: hits 3"},
		{[]string{before, after, "--fail-on", "hits"}, 2, "OP VALUE"},
		{[]string{before, after, "--fail-on", "comm=x > 0"}, 2, "grouped by function"},
		{[]string{before, after, "--control", "tick"}, 2, "--control"},
		{[]string{before}, 2, "two traces"},
		{[]string{before, after, after}, 2, "two traces"},
		{[]string{before, "v2=" + after}, 2, "two traces"},
		{[]string{"-b", before}, 2, "go together"},
		{[]string{"-b", before, "-a", after, after}, 2, "quote the pattern"},
		{[]string{before, "no/such/*.dat"}, 1, "no file matches"},
		{[]string{before, "nosuch.dat"}, 1, "nosuch.dat"},
		{[]string{before, after, "--by", "functoin"}, 2, "did you mean function"},
		{[]string{before, after, "--format", "mial"}, 2, "did you mean mail"},
		{[]string{before, after, "--work", "before=3"}, 2, "work of each side"},
		{[]string{before, after, "--work", "before=3,aftre=3"}, 2, `no side is called "aftre"`},
		{[]string{before, after, "--work", "before=3+4,after=3"}, 2, "2 amounts of work for the 1 runs"},
		{[]string{before, after, "--work", "before=0,after=3"}, 2, "no amount of work"},
		{[]string{before, after, "--alpha", "2"}, 2, "--alpha"},
		{[]string{before, after, "--margin", "0.5"}, 2, "--margin"},
		{[]string{before, after, "--run-cv", "0"}, 2, "--run-cv"},
		{[]string{before, after, "--events", "ipi_send_cpu,ipi_send_cpumask", "--fail-on", "function=do_sync_core > 0"}, 3, "cannot be decided"},
		{[]string{before, after, "--events", "ipi_send_cpu,ipi_send_cpumask", "--fail-on", "hits > 1"}, 4, "all hits"},
		{[]string{before, after, "--isolated-before", "x"}, 2, "--isolated-before"},
		{[]string{"--counts", thread001, before}, 2, "takes the place"},
		{[]string{"--counts", thread001, "--by", "function"}, 2, "are by callback"},
		{[]string{"--counts", "nosuch"}, 1, "nosuch"},
	} {
		_, errs, status := diff(t, append([]string{"--isolated", "2-3"}, c.args...)...)
		if status != c.status || !strings.Contains(errs, c.stderr) {
			t.Errorf("%q: exit status %d, want %d; %q is not in\n%s", c.args, status, c.status, c.stderr, errs)
		}
	}
}
