package mail_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/mail"
)

func comparison(t *testing.T, counts string) *result.Set {
	t.Helper()
	sides, key, err := compare.ParseCounts("counts", counts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sides[0].Runs {
		sides[0].Runs[i].Input.Lost = 7
		sides[0].Runs[i].Isolated = "2-3"
	}
	for i := range sides {
		for j := range sides[i].Runs {
			in := &sides[i].Runs[j].Input
			in.Host, in.Kernel, in.Clock = "lab", "6.12.107", "mono"
		}
	}
	return compare.Compare(sides, compare.Config{By: []string{key}})
}

func TestWrite(t *testing.T) {
	set := comparison(t, `before 20min
814 generic_smp_call_function_single_interrupt
576 do_sync_core
309 nohz_full_kick_func
after 20min
24 generic_smp_call_function_single_interrupt
307 nohz_full_kick_func
1 rcu_barrier_handler
`)
	var b bytes.Buffer
	if err := mail.Write(&b, set, 0); err != nil {
		t.Fatal(err)
	}
	// the figures are those of analysis/stat's tests, which are R's
	const want = `before: 1 run, 20.0 min, isolated CPUs 2-3, events lost: 7
after: 1 run, 20.0 min, events lost: none
all: Linux 6.12.107, host lab, clock mono

function             before  after  ratio       (95 % CI)  verdict
generic_smp_call_function_single_interrupt
                        814     24  0.029  (0.0092-0.092)  reduced
do_sync_core            576      0      0      (0-0.0084)  gone (<0.84%)
nohz_full_kick_func     309    307   0.99      (0.36-2.8)  ~
rcu_barrier_handler       0      1    inf      (0.02-inf)  ~
all hits               1699    332    0.2    (0.071-0.54)  reduced

Counts are hits; ratios are of hits per isolated CPU and hour, after to
before. Differences are significant at a false discovery rate of 0.05:
neither counting (exact test of two Poisson counts, divided by the size
of a burst) nor the variation from run to run (negative-binomial
likelihood ratio) explains them. gone (<N%): none were seen, and at 95 %
confidence the rate is below N % of that before. unclear (~): 1 too few
hits to differ (few-hits), 1 neither a difference nor its absence is
shown (not-shown).
- events are missing in before but not in after: part of the difference
  may be events that were not recorded
- one run a side: how much runs of one set-up differ is assumed (25 %),
  not measured; only gone, new and changes of about x5 or more can show;
  three runs of each measure it
- counts without times: hits that come in bursts pass for independent
  ones, so that differences look more certain than they are
- counts: events are missing: its counts are lower bounds
`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	b.Reset()
	if err := mail.Write(&b, set, 1); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "\nand 3 more rows\n") {
		t.Errorf("one row:\n%s", b.String())
	}
}

// TestHostile: whatever names are made of, the text is printable ASCII, and
// only lines with a long word are longer than 72 columns.
func TestHostile(t *testing.T) {
	set := comparison(t, "a\x1b[31m 20min\n1 世界\x00\n2 x\xff\n3 "+strings.Repeat("long", 40)+"\nb 20min\n4 é\n")
	var b bytes.Buffer
	if err := mail.Write(&b, set, 0); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		for _, r := range line {
			if r < ' ' || r >= utf8.RuneSelf || r == 0x7f {
				t.Errorf("%q in %q", r, line)
			}
		}
		if len(line) > mail.Width && strings.Contains(line, " ") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestMoreGroups(t *testing.T) {
	set := comparison(t, "base 20min\n100 f\nv1-a-long-name 20min\n0 f\nv2 20min\n99 f\n")
	var b bytes.Buffer
	if err := mail.Write(&b, set, 0); err != nil {
		t.Fatal(err)
	}
	const want = `
v1-a-long-name:
function  base  long-name  ratio  (95 % CI)  verdict
f          100          0      0  (0-0.049)  gone (<4.9%)
all hits   100          0      0  (0-0.049)  gone (<4.9%)

v2:
function  base  v2  ratio   (95 % CI)  verdict
f          100  99   0.99  (0.34-2.9)  ~
all hits   100  99   0.99  (0.34-2.9)  ~
`
	if got := b.String(); !strings.Contains(got, want) {
		t.Errorf("got\n%s", got)
	}
}

func TestOtherResults(t *testing.T) {
	if err := mail.Write(&bytes.Buffer{}, &result.Set{}, 0); err == nil {
		t.Error("a result that is no comparison is written")
	}
}
