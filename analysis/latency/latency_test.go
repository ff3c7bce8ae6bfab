package latency_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
	"github.com/ipiscope/ipiscope/report/json"
)

func measure(t testing.TB, src trace.Source, by string, kind latency.Kind) *latency.Counts {
	t.Helper()
	return measureWorst(t, src, by, kind, 0)
}

func measureWorst(t testing.TB, src trace.Source, by string, kind latency.Kind, worst int) *latency.Counts {
	t.Helper()
	keys, err := latency.ParseKeys(by)
	if err != nil {
		t.Fatal(err)
	}
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	s := latency.New(src.Table(), latency.Config{Isolated: &m, By: keys, Kind: kind, Catalog: cat, Window: latency.DefaultWindow, Worst: worst})
	st, err := analysis.Run(context.Background(), analysistest.Poison(src), analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s.Counts(st.Input(&src.Table().Meta, nil))
}

// script is a queued call with its IPI, and a reschedule IPI that leads to a
// switch, n times.
func script(n int) string {
	var b strings.Builder
	for i := range n {
		at := func(us int) string { return fmt.Sprintf("at 1.%06d ", i*100+us) }
		fmt.Fprintln(&b, at(1), "cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=do_sync_core csd=7")
		fmt.Fprintln(&b, at(2), "cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=generic_smp_call_function_single_interrupt")
		fmt.Fprintln(&b, at(12), "cpu 2 task b-8 flags d.h1 call_function_single_entry vector=251")
		fmt.Fprintln(&b, at(13), "cpu 2 task b-8 flags d.h1 csd_function_entry func=do_sync_core csd=7")
		fmt.Fprintln(&b, at(16), "cpu 2 task b-8 flags d.h1 csd_function_exit func=do_sync_core csd=7")
		fmt.Fprintln(&b, at(18), "cpu 2 task b-8 flags d.h1 call_function_single_exit vector=251")
		fmt.Fprintln(&b, at(20), "cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0")
		fmt.Fprintln(&b, at(25), "cpu 2 task b-8 flags dNh. reschedule_entry vector=253")
		fmt.Fprintln(&b, at(27), "cpu 2 task b-8 flags dNh. reschedule_exit vector=253")
		fmt.Fprintln(&b, at(40), "cpu 2 task b-8 flags d..2 sched_switch prev_pid=8")
	}
	return b.String()
}

func cell(t *testing.T, set *result.Set, table, key, col string) int64 {
	t.Helper()
	tb := set.Table(table)
	for _, row := range tb.Rows {
		var keys []string
		for i, c := range tb.Cols {
			if c.Key {
				keys = append(keys, row[i].Str)
			}
		}
		if strings.Join(keys, ",") == key {
			return row[tb.Index(col)].Int
		}
	}
	t.Errorf("table %s has no row %q", table, key)
	return -1
}

func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		by   string
		kind latency.Kind
		want map[string]int64
	}{
		{"function", latency.KindAll, map[string]int64{
			"groups do_sync_core delivery.max_ns": 10_000, "groups do_sync_core handler.p50_ns": 3_000, "groups do_sync_core bracket.p50_ns": 6_000,
			"groups do_sync_core wait.p50_ns": 15_000, "groups reschedule delivery.p50_ns": 5_000, "groups reschedule bracket.count": 3,
			"groups reschedule handler.count": 0, "outcomes reschedule switched": 3, "outcomes do_sync_core switched": 3,
			"legs reschedule,irq exit to switch p50_ns": 13_000, "resched need-resched to switch p50_ns": 15_000,
			"accounts vector entries to sends,matched count": 6, "accounts csd entries to sends,matched count": 3,
		}},
		{"pair", latency.KindVector, map[string]int64{
			"groups 0>2 delivery.p50_ns": 10_000, "groups 0>2 handler.count": 0, "groups 1>2 bracket.p50_ns": 2_000,
		}},
		{"sender,context", latency.KindCSD, map[string]int64{
			"groups 0,kernel delivery.p50_ns": 12_000, "groups 0,kernel handler.count": 3, "groups 0,kernel bracket.count": 0,
		}},
	} {
		set := measure(t, tracetest.Parse(script(3)), tt.by, tt.kind).Result()
		for what, want := range tt.want {
			w := strings.Fields(what)
			if got := cell(t, set, w[0], strings.Join(w[1:len(w)-1], " "), w[len(w)-1]); got != want {
				t.Errorf("--by %s --kind %v: %s is %d, want %d", tt.by, tt.kind, what, got, want)
			}
		}
	}
}

// The p99 of the 57 brackets of reschedule IPIs is the 57th of them and not the
// 56th, 47481 ns: sorted from the irq_handler_entry name=IPI, ipi_entry and
// irq_handler_exit lines that trace-cmd report -t printed (report-t.txt.gz).
func TestQuantilesOfARecording(t *testing.T) {
	src, err := parser.Open("../../fixtures/karm64s4-21-ipi-all/trace.dat", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	keys, _ := latency.ParseKeys("function")
	cat := catalogtest.Load(t)
	s := latency.New(src.Table(), latency.Config{By: keys, Catalog: cat})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	set := s.Counts(st.Input(&src.Table().Meta, nil)).Result()
	for col, want := range map[string]int64{"bracket.count": 57, "bracket.p99_ns": 116164} {
		if got := cell(t, set, "groups", "reschedule", col); got != want {
			t.Errorf("%s of reschedule is %d, want %d", col, got, want)
		}
	}
}

// What the body takes of a bracket is told of the IPIs that have both: the exit
// of the longest interrupt is missing here, that of its handler is not.
func TestBodyAndBracketOfTheSame(t *testing.T) {
	var b strings.Builder
	for i, body := range []int{2, 4, 60, 60} {
		at := func(us int) string { return fmt.Sprintf("at 1.%06d cpu 2 task b-8 flags d.h1 ", i*100+us) }
		fmt.Fprintf(&b, "at 1.%06d cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0\n", i*100)
		fmt.Fprintln(&b, at(5), "irq_handler_entry irq=1 name=IPI")
		fmt.Fprintln(&b, at(6), "ipi_entry reason=(Rescheduling interrupts)")
		fmt.Fprintln(&b, at(6+body), "ipi_exit reason=(Rescheduling interrupts)")
		if body < 60 {
			fmt.Fprintln(&b, at(10+body), "irq_handler_exit irq=1 ret=handled")
		}
	}
	set := measure(t, tracetest.Parse(b.String()), "function", latency.KindIPI).Result()
	want := "reschedule: the body takes 2.00 µs of a bracket of 7.00 µs (p50 of the 2 that have both)"
	if !slices.Contains(set.Notes, want) {
		t.Errorf("notes %q, want %q", set.Notes, want)
	}
}

// The members are those that programs rely on.
func TestJSON(t *testing.T) {
	var b bytes.Buffer
	src := tracetest.Parse(script(1) + "at 1.5 cpu 2 task b-8 flags d.h1 csd_function_entry func=g csd=0\n")
	if err := json.Write(&b, measure(t, src, "function", latency.KindCSD).Result()); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(b.String()), "")
	for _, want := range []string{
		`"schema":"ipiscope/latency/v1"`, `"unmatched":{"local":1}`,
		`"groups":[{"key":{"function":"do_sync_core"},"delivery":{"count":1,"min_ns":12000,"p50_ns":12000,"p90_ns":12000,"p99_ns":12000,"p999_ns":12000,"max_ns":12000},` +
			`"handler":{"count":1,"min_ns":3000,`, `"bracket":{"count":0,`, `"wait":{"count":1,`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

func TestClockWarnings(t *testing.T) {
	skewed := script(1) + "at 1.000100 cpu 2 task b-8 flags d.h1 reschedule_entry vector=253\n" +
		"at 1.000102 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0\n"
	for clock, want := range map[string]string{"mono": "[not-measured]", "local": "[clock negative]", "x86-tsc": "[clock-ticks not-measured]"} {
		src := tracetest.Parse(skewed)
		src.Table().Meta.Clock = clock
		if clock == "x86-tsc" {
			src.Table().Meta.ClockUnit = "ticks"
		}
		set := measure(t, src, "function", latency.KindAll).Result()
		var codes []string
		for _, w := range set.Warnings {
			codes = append(codes, w.Code)
		}
		if got := fmt.Sprint(codes); got != want {
			t.Errorf("clock %s: warnings %s, want %s", clock, got, want)
		}
		if n := set.Total("negative"); clock == "local" && n != 1 {
			t.Errorf("%d negative deliveries, want 1", n)
		}
	}
}

func TestMergeLaws(t *testing.T) {
	text := func(c *latency.Counts) string {
		set := c.Result()
		if set.Inputs == nil { // of no parts
			set.Isolated = "2-3"
		}
		var b bytes.Buffer
		if err := json.Write(&b, set); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	robbed := script(2) + "lost cpu 1 at 1.000300 n 1\n" + "at 1.000400 cpu 2 task b-8 flags d.h1 reschedule_entry vector=253\n"
	scripts := []string{script(1), script(40), "", script(70) + waysOut, backwards, away, robbed}
	keys, _ := latency.ParseKeys("function,pair")
	part := func(i int) *latency.Counts {
		src := tracetest.Parse(scripts[i])
		switch m := &src.Table().Meta; scripts[i] {
		case backwards:
			m.Clock = "local"
		case away:
			m.CPUs, m.ClockUnit = 64, "ticks"
		}
		return again(t, measure(t, src, "function,pair", latency.KindAll), latency.Config{By: keys})
	}
	m, _ := cpumask.ParseList([]byte("2-3"))
	law := analysistest.Merging[*latency.Counts]{
		Zero:  func() *latency.Counts { return latency.NewCounts(latency.Config{Isolated: &m, By: keys}) },
		Part:  part,
		Parts: len(scripts),
		Merge: func(into, from *latency.Counts) { into.Merge(from) },
		Text:  text,
		Unordered: func(c *latency.Counts) string {
			set := c.Result()
			set.Inputs = nil
			var b bytes.Buffer
			if err := json.Write(&b, set); err != nil {
				t.Fatal(err)
			}
			return b.String()
		},
	}
	law.Laws(t)
	analysistest.Covered(t, map[string]string{"folded": "TestFolded", "unlike": "TestUnlike"}, part(0), part(1), part(3), part(4), part(5), part(6))
}

// again is a sum that went through a state.
func again(t *testing.T, c *latency.Counts, cfg latency.Config) *latency.Counts {
	t.Helper()
	inputs := c.Result().Inputs
	for i := range 2 {
		sums, err := c.State()
		if err != nil {
			t.Fatal(err)
		}
		back, err := latency.Decode(sums, cfg, inputs)
		if err != nil {
			t.Fatal(err)
		}
		if sums2, _ := back.State(); !bytes.Equal(sums, sums2) {
			t.Errorf("encoded again %d times the bytes differ", i)
		}
		var a, b bytes.Buffer
		if err := errors.Join(json.Write(&a, c.Result()), json.Write(&b, back.Result())); err != nil || a.String() != b.String() {
			t.Errorf("-counted +through a state: %s %v", cmp.Diff(a.String(), b.String()), err)
		}
		c = back
	}
	return c
}

// TestUnlike: of machines with different isolated CPUs a sum says so, those that went
// through states too.
func TestUnlike(t *testing.T) {
	keys, _ := latency.ParseKeys("function")
	m, _ := cpumask.ParseList([]byte("5"))
	c := measure(t, tracetest.Parse(script(2)), "function", latency.KindAll)
	c.Merge(latency.NewCounts(latency.Config{Isolated: &m, By: keys}))
	set := again(t, c, latency.Config{By: keys}).Result()
	if set.Isolated != "2-3,5" || !strings.Contains(set.Verdict, "CPUs 2-3,5, not the same ones") {
		t.Errorf("isolated %s: %s", set.Isolated, set.Verdict)
	}
}

// TestStateRefused: what cannot be is an error that names it.
func TestStateRefused(t *testing.T) {
	keys, _ := latency.ParseKeys("function")
	sums, err := measure(t, tracetest.Parse(script(40)), "function", latency.KindAll).State()
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"with 2 keys, want 1": {`"key":[`, `"key":["x",`},
		"above 9223":          {`"values":[`, `"values":[18446744073709551615,`},
		"both values and":     {`"values":[`, `"steps":[1,1],"values":[`},
		"really a CPU mask":   {`"seen":"`, `"seen":"999999,`},
	} {
		text := strings.Replace(string(sums), change[0], change[1], 1)
		if text == string(sums) {
			t.Fatalf("%s: nothing to change", want)
		}
		if _, err := latency.Decode([]byte(text), latency.Config{By: keys}, []result.Input{{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestLongestAtLeast: where a counterpart is missing the longest time of its kind
// is a lower bound, and what the ends of the recording cut off makes it none. The
// cases follow from the definitions of docs/definitions.md.
func TestLongestAtLeast(t *testing.T) {
	const (
		send  = "cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0\n"
		entry = "cpu 2 task b-8 flags dNh. reschedule_entry vector=253\n"
		exit  = "cpu 2 task b-8 flags dNh. reschedule_exit vector=253\n"
	)
	whole := "at 1.200000 " + send + "at 1.200005 " + entry + "at 1.200007 " + exit
	for _, tt := range []struct{ name, script, want, warned string }{
		{"all is there", whole, "", ""},
		{"a send at the end", whole + "at 1.300000 " + send, "", ""},
		{"an interrupt that goes on at the end", whole + "at 1.300000 " + send + "at 1.300001 " + entry, "", ""},
		{"an exit at the begin", "at 1.100000 " + exit + whole, "", ""},
		{"a send long before the first entry", "at 1.000000 " + send + "at 1.100001 " + entry + "at 1.100007 " + exit + whole, "delivery", "delivery of up to 1 IPIs"},
		{"a send not so long before it", "at 1.000000 " + send + "at 1.100000 " + entry + "at 1.100007 " + exit + whole, "", ""},
		{"an interrupt without a send", whole + "at 1.300000 " + entry + "at 1.300007 " + exit, "delivery", "delivery of up to 1 IPIs"},
		{"an interrupt without an exit", whole + "at 1.300000 " + send + "at 1.300001 " + entry + "at 1.400000 " + send + "at 1.400001 " + entry, "bracket", "bracket of up to 1 IPIs"},
		{"events that were lost on another CPU", whole + "lost cpu 0 at 1.200100 n 1\n", "delivery,bracket", ""},
	} {
		set := measure(t, tracetest.Parse(tt.script), "function", latency.KindVector).Result()
		groups := set.Table("groups")
		got := groups.Rows[0][groups.Index("at_least")].Str
		if got != tt.want {
			t.Errorf("%s: at least %q, want %q", tt.name, got, tt.want)
		}
		if slices.Contains(groups.Show, "at_least") != (tt.want != "") {
			t.Errorf("%s: shows %q", tt.name, groups.Show)
		}
		for part := range strings.SplitSeq(strings.TrimPrefix(set.Verdict, "CPUs 2-3: "), "; ") {
			name, _, _ := strings.Cut(part, " ")
			if strings.Contains(part, "max at least ") != strings.Contains(tt.want, name) {
				t.Errorf("%s: verdict %q", tt.name, set.Verdict)
			}
		}
		text := ""
		for _, w := range set.Warnings {
			if w.Code == "not-measured" {
				text += w.Text
			}
		}
		if !strings.HasPrefix(text, tt.warned) || (tt.warned == "") != (text == "") {
			t.Errorf("%s: warned %q", tt.name, text)
		}
	}
}

// TestWorst: the worst of each time, with the way of the IPI; the groups say when theirs
// were.
func TestWorst(t *testing.T) {
	ipi := func(at, target, delivery, taken int) string {
		return fmt.Sprintf("at 1.%06d cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=%d callsite=g+0x1 callback=0x0\n"+
			"at 1.%06d cpu %[2]d task b-8 flags dNh. reschedule_entry vector=253\nat 1.%06[4]d cpu %[2]d task b-8 flags dNh. reschedule_exit vector=253\n",
			at, target, at+delivery, at+delivery+taken)
	}
	for _, tt := range []struct{ more, bound string }{{"", ""}, {"lost cpu 1 at 1.000900 n 1\n", "at least"}} {
		src := tracetest.Parse(ipi(100, 2, 5, 3) + ipi(200, 3, 9, 1) + ipi(300, 2, 9, 2) + tt.more)
		counts := measureWorst(t, src, "function", latency.KindVector, 2)
		more := measureWorst(t, tracetest.Parse(ipi(100, 3, 4, 3)), "function", latency.KindVector, 2)
		more.Merge(counts) // the order does not matter
		counts.Merge(measureWorst(t, tracetest.Parse(ipi(100, 3, 4, 3)), "function", latency.KindVector, 2))
		set := counts.Result()
		if a, b := set.Table("worst").Rows, more.Result().Table("worst").Rows; !reflect.DeepEqual(a, b) {
			t.Errorf("in the other order: %v, %v", a, b)
		}
		worst := set.Table("worst")
		var got []string
		for _, row := range worst.Rows {
			var words []string
			for _, col := range []string{"time", "took_ns", "at", "cpu", "function", "sender", "comm", "legs.send_to_entry_ns", "legs.bracket_ns", "bound"} {
				words = append(words, row[worst.Index(col)].Text())
			}
			got = append(got, strings.Join(words, " "))
		}
		want := []string{
			"delivery 9000 1.000200000 3 reschedule 1 c 9000 1000 " + tt.bound, // of equal ones the first
			"delivery 9000 1.000300000 2 reschedule 1 c 9000 2000 " + tt.bound,
			"bracket 3000 1.000104000 3 reschedule 1 c 4000 3000 " + tt.bound,
			"bracket 3000 1.000105000 2 reschedule 1 c 5000 3000 " + tt.bound,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		groups := set.Table("groups")
		row := groups.Rows[0]
		if at := row[groups.Index("longest_at.delivery_ns")].Int; at != 1_000_200_000 {
			t.Errorf("the longest delivery begins at %d", at)
		}
		if v := row[groups.Index("longest_at.wait_ns")]; v.Kind != result.KindNone {
			t.Errorf("the longest wait begins at %+v", v)
		}
	}
}

// TestFolded: that groups were folded together is said of a sum, too.
func TestFolded(t *testing.T) {
	src := tracetest.Parse(script(2))
	keys, _ := latency.ParseKeys("function")
	m, _ := cpumask.ParseList([]byte("2-3"))
	cfg := latency.Config{Isolated: &m, By: keys, MaxGroups: 1}
	s := latency.New(src.Table(), cfg)
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	sum := latency.NewCounts(cfg)
	sum.Merge(s.Counts(st.Input(&src.Table().Meta, nil)))
	for _, w := range sum.Result().Warnings {
		if w.Code == "max-groups" {
			return
		}
	}
	t.Error("no warning max-groups")
}

// waysOut is an interrupt for two reschedule IPIs, on whose way out it is seen to
// the tick and softirqs run, with a need-resched flag that goes without a switch.
const waysOut = `at 1.900000 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0
at 1.900001 cpu 0 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0
at 1.900005 cpu 2 task b-8 flags dLh. reschedule_entry vector=253
at 1.900007 cpu 2 task b-8 flags dLh. reschedule_exit vector=253
at 1.900008 cpu 2 task b-8 flags dL.. tick_stop success=0
at 1.900010 cpu 2 task b-8 flags .Ls. softirq_entry vec=9
at 1.900011 cpu 2 task b-8 flags .Ls. softirq_exit vec=9
at 1.900020 cpu 2 task b-8 flags d... x a=1
at 1.900030 cpu 2 task b-8 flags d..2 sched_switch prev_pid=8
`

// backwards has, on a clock that CPUs need not share, an IPI that arrives before it
// is sent.
const backwards = `at 1.000100 cpu 2 task b-8 flags d.h. reschedule_entry vector=253
at 1.000102 cpu 2 task b-8 flags d.h. reschedule_exit vector=253
at 1.000150 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
at 1.000900 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
at 1.000910 cpu 2 task b-8 flags d.h. reschedule_entry vector=253
at 1.000912 cpu 2 task b-8 flags d.h. reschedule_exit vector=253
`

// away is of a machine with room for many more CPUs than it has, one of which is
// taken down.
const away = `at 1.000000 cpu 2 task a-7 flags d.h. reschedule_entry vector=253
at 1.000001 cpu 2 task a-7 flags d.h. reschedule_exit vector=253
at 1.000100 cpu 0 task a-7 flags .... cpuhp_enter cpu=2 target=0 idx=230
at 1.000200 cpu 0 task a-7 flags .... x a=1
`

// recorded returns events of a recording of everything, with its own decoder.
func recorded(t testing.TB, n int) (*trace.Table, []trace.Event) {
	t.Helper()
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	events := make([]trace.Event, 0, n)
	for src.Scan() && len(events) < n {
		if e, ok := src.Record().(*trace.Event); ok {
			events = append(events, trace.Event{})
			e.CopyTo(&events[len(events)-1])
		}
	}
	return src.Table(), events
}

func state(t testing.TB, table *trace.Table) *latency.State {
	t.Helper()
	cat := catalogtest.Load(t)
	keys, _ := latency.ParseKeys("function")
	return latency.New(table, latency.Config{By: keys, Catalog: cat, Window: latency.DefaultWindow})
}

func TestEventDoesNotAllocate(t *testing.T) {
	table, events := recorded(t, 20000)
	s := state(t, table)
	feed := func() {
		for i := range events {
			s.Event(&events[i])
		}
	}
	for range 50 { // until all queues and distributions have their size
		feed()
	}
	if got := testing.AllocsPerRun(5, feed); got > 0 {
		t.Errorf("%v allocations for %d events", got, len(events))
	}
}

func BenchmarkEvent(b *testing.B) {
	table, events := recorded(b, 40000)
	s := state(b, table)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.Event(&events[n%len(events)])
	}
	b.ReportMetric(1e3/(float64(b.Elapsed().Nanoseconds())/float64(b.N)), "Mevents/s")
}
