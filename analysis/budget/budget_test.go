package budget_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/result"
)

func TestParse(t *testing.T) {
	b, err := budget.Parse([]byte(budget.Format), "b.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if *b.MaxHits != 10 || *b.MaxHandler != 50*time.Microsecond || *b.MinQuiet != time.Second || b.MaxLost != 0 || b.All ||
		!cmp.Equal(b.Classes, []budget.Limit{{Name: "deferrable"}}) || !cmp.Equal(b.Functions, []budget.Limit{{Name: "do_sync_core"}}) {
		t.Errorf("the documented form reads as %+v", b)
	}
	for text, want := range map[string]string{
		"# mine\nmax_hits: 1":              `b.yaml:2: unknown key "max_hits": want max_hits_per_cpu_hour, classes,`,
		"max_hits_per_cpu_hour: -1":        "b.yaml:1: max_hits_per_cpu_hour: -1: want a number",
		"max_hits_per_cpu_hour: ten":       `b.yaml:1: max_hits_per_cpu_hour: "ten": want a number`,
		"max_hits_per_cpu_hour: [1]":       "b.yaml:1: max_hits_per_cpu_hour: a list: want a number",
		"max_hits_per_cpu_hour:":           `b.yaml:1: max_hits_per_cpu_hour: "": want a number`,
		"max_lost: -1":                     `b.yaml:1: max_lost: "-1": want a whole number`,
		"max_lost: 1.5":                    `b.yaml:1: max_lost: "1.5": want a whole number`,
		"max_untraced: x":                  `b.yaml:1: max_untraced: "x": want a whole number`,
		"max_handler: 50":                  `b.yaml:1: max_handler: "50": want a time`,
		"min_quiet: -1s":                   `b.yaml:1: min_quiet: "-1s": want a time`,
		"count: all":                       `b.yaml:1: count: "all": want interference or hits`,
		"functions: {f: .nan}":             "b.yaml:1: functions: f: NaN: want a number",
		"functions:\n  f: 1\n  f: 2":       "b.yaml:3: functions: f: is given twice",
		"functions: {'': 1}":               `b.yaml:1: functions: "": want a name`,
		"functions: [f]":                   "b.yaml:1: functions: a list: want names and numbers",
		"max_lost: 1\nmax_lost: 2":         "b.yaml:2: max_lost: is given twice",
		"max_lost: &a 1\nmax_untraced: *a": "b.yaml:2: max_untraced: anchors and aliases are not read",
		"classes: [a":                      "b.yaml: yaml:",
		"- a":                              "b.yaml:1: a list: want keys and values",
		"max_lost: 1\n---\nmax_lost: 2":    "b.yaml: there is more than one document",
		"max_hits_per_cpu_hour: 1e999":     "want a number of hits",
	} {
		if _, err := budget.Parse([]byte(text), "b.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if b, err := budget.Parse(nil, "b.yaml"); err != nil || !b.IsEmpty() {
		t.Errorf("an empty file: %+v, %v", b, err)
	}
}

func TestAddLimit(t *testing.T) {
	var b budget.Budget
	for _, ok := range []string{"all:1.5", "class=candidate:2", "function=a|b:3", "function=x:y:4"} {
		if err := b.AddLimit(ok); err != nil {
			t.Error(err)
		}
	}
	if *b.MaxHits != 1.5 || !cmp.Equal(b.Functions, []budget.Limit{{"a|b", 3}, {"x:y", 4}}) {
		t.Errorf("%+v", b)
	}
	for _, bad := range []string{"", "all", "all:", "all:x", "all:-1", "all:NaN", "all:Inf", "klass=a:1", "class=:1", "function:1"} {
		if err := b.AddLimit(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func count(n uint64) *uint64              { return &n }
func limit(v float64) *float64            { return &v }
func span(d time.Duration) *time.Duration { return &d }

func TestCheck(t *testing.T) {
	hour := int64(time.Hour)
	measured := func(change func(*budget.Measured)) *budget.Measured {
		m := &budget.Measured{
			Inputs: []result.Input{{Path: "t"}}, Isolated: "2-3", Duration: 2 * hour, HasSends: true,
			CPUs: []budget.CPU{
				{CPU: 2, Hits: []budget.Hits{{"f", "deferrable", 10, 4}, {"a|b", "candidate", 2, 2}}, Handler: 5000, Function: "f", Quiet: hour},
				{CPU: 3, Handler: -1, Quiet: 2 * hour},
			},
		}
		if change != nil {
			change(m)
		}
		return m
	}
	tests := []struct {
		name    string
		b       budget.Budget
		change  func(*budget.Measured)
		outcome string
		want    []string
	}{
		{"rates are those of interference; of none there is a bound: 3 in 2 hours",
			budget.Budget{MaxHits: limit(3)}, nil, budget.Pass,
			[]string{"pass all: 0 of 0", "pass 2: 3 (6 hits) of 3", "pass 3: 0 (0 hits) of 3, below 1.5"}},
		{"all hits", budget.Budget{MaxHits: limit(3), All: true}, nil, budget.Fail,
			[]string{"fail 2: 6 (12 hits) of 3: 6 is more than 3", "pass all: 0 of 0", "pass 3: 0 (0 hits) of 3, below 1.5"}},
		{"by class and function, which may be one of a set",
			budget.Budget{Classes: []budget.Limit{{"deferrable", 1}}, Functions: []budget.Limit{{"b", 0}}}, nil, budget.Fail,
			[]string{
				"fail 2: 2 (4 hits) of 1: 2 is more than 1",
				"undecided 2: 0 to 1 (0 to 2 hits) of 0: 2 of 6 hits run one of a|b: record csd:csd_queue_cpu, or stacks",
				"pass all: 0 of 0", "pass 3: 0 (0 hits) of 1, below 1.5", "pass 3: 0 (0 hits) of 0, below 1.5",
			}},
		{"handler and quiet times", budget.Budget{MaxHandler: span(4 * time.Microsecond), MinQuiet: span(90 * time.Minute)}, nil, budget.Fail,
			[]string{
				"fail 2: 5.00 µs of 4.00 µs: f took 5.00 µs", "fail 2: 1.00 h of at least 1.50 h: it was interrupted more often",
				"pass all: 0 of 0", "pass 3: none seen of 4.00 µs", "pass 3: 2.00 h of at least 1.50 h",
			}},
		{"a zero is not stated where events were lost", budget.Budget{MaxHits: limit(9), MaxLost: 7},
			func(m *budget.Measured) { m.Inputs[0].Lost = 7 }, budget.Pass,
			[]string{"pass all: 7 of 7", "pass 2: at least 3 (6 hits) of 9", "pass 3: none recorded of 9, none: events were lost"}},
		{"functions that were recorded late", budget.Budget{Functions: []budget.Limit{{"b", 0}}},
			func(m *budget.Measured) {
				m.Evidence, m.CPUs = budget.Evidence{CSD: true, Late: []string{"x: csd_queue_cpu was recorded from 9 on"}}, m.CPUs[:1]
			}, budget.Undecided,
			[]string{"undecided 2: 0 to 1 (0 to 2 hits) of 0: 2 of 6 hits run one of a|b: x: csd_queue_cpu was recorded from 9 on", "pass all: 0 of 0"}},
		{"what was lost may be too much", budget.Budget{MaxHits: limit(6), Functions: []budget.Limit{{"f", 3}}, MaxLost: 7},
			func(m *budget.Measured) { m.Inputs[0].Lost = 7 }, budget.Undecided,
			[]string{
				"undecided 2: at least 3 (6 hits) of 6: 7 events were lost, each of which may have been a hit",
				"undecided 2: at least 2 (4 hits) of 3: 7 events were lost, each of which may have been a hit",
				"undecided 3: none recorded of 3, none: events were lost: 7 events were lost, each of which may have been a hit",
				"pass all: 7 of 7", "pass 3: none recorded of 6, none: events were lost",
			}},
		{"times where no more was lost than allowed", budget.Budget{MaxHandler: span(time.Second), MinQuiet: span(time.Second), MaxLost: 7},
			func(m *budget.Measured) {
				m.Inputs[0].Lost, m.CPUs[0].Lossy, m.CPUs[0].QuietBound, m.CPUs = 7, true, "about", m.CPUs[:1]
			}, budget.Undecided,
			[]string{
				"undecided 2: at least 5.00 µs of 1.00 s: events were lost: one of them may have ended a longer run",
				"undecided 2: about 1.00 h of at least 1.00 s: events were lost: one of them may have interrupted it", "pass all: 7 of 7",
			}},
		{"hits without an interrupt", budget.Budget{MaxHandler: span(time.Second)},
			func(m *budget.Measured) { m.CPUs[0].Unarrived, m.CPUs = 3, m.CPUs[:1] }, budget.Undecided,
			[]string{"undecided 2: 5.00 µs of 1.00 s: 3 hits have no interrupt: how long they took is not known", "pass all: 0 of 0"}},
		{"quiet that is not known", budget.Budget{MinQuiet: span(90 * time.Minute)},
			func(m *budget.Measured) { m.CPUs[0].QuietBound, m.CPUs[1].QuietBound = "about", "at most" }, budget.Undecided,
			[]string{
				"undecided 2: about 1.00 h of at least 1.50 h: events were lost: stretches in which some were do not count, and may have been quiet for longer",
				"undecided 3: at most 2.00 h of at least 1.50 h: interruptions may not show: the longest quiet is no more than a bound",
				"pass all: 0 of 0",
			}},
		{"quiet that is not known, and long enough", budget.Budget{MinQuiet: span(time.Hour)},
			func(m *budget.Measured) { m.CPUs[0].QuietBound, m.CPUs[1].QuietBound = "about", "" }, budget.Undecided,
			[]string{
				"undecided 2: about 1.00 h of at least 1.00 h: events were lost: one of them may have interrupted it",
				"pass all: 0 of 0", "pass 3: 2.00 h of at least 1.00 h",
			}},
		{"more events lost than allowed", budget.Budget{MaxHits: limit(9), MaxLost: 7},
			func(m *budget.Measured) { m.Inputs[0].Lost, m.CPUs = 8, m.CPUs[:1] }, budget.Fail,
			[]string{"fail all: 8 of 7: more events were lost than allowed: what was not seen may have happened", "undecided 2: at least 3 (6 hits) of 9: more events were lost than allowed: what was not seen may have happened"}},
		{"nobody knows how many were lost", budget.Budget{MaxHits: limit(9), MaxLost: 7},
			func(m *budget.Measured) { m.Inputs[0].LostUnknown, m.CPUs = true, m.CPUs[:1] }, budget.Fail,
			[]string{"fail all: at least 0 of 7: events were lost, and the recording does not know how many", "undecided 2: at least 3 (6 hits) of 9: more events were lost than allowed: what was not seen may have happened"}},
		{"times where more events were lost than allowed", budget.Budget{MaxHandler: span(time.Second), MinQuiet: span(time.Second)},
			func(m *budget.Measured) { m.Inputs[0].Lost, m.CPUs = 1, m.CPUs[:1] }, budget.Fail,
			[]string{
				"fail all: 1 of 0: more events were lost than allowed: what was not seen may have happened",
				"undecided 2: at least 5.00 µs of 1.00 s: more events were lost than allowed: what was not seen may have happened",
				"undecided 2: 1.00 h of at least 1.00 s: more events were lost than allowed: what was not seen may have happened",
			}},
		{"exits that were not recorded", budget.Budget{MaxHandler: span(time.Second), MinQuiet: span(time.Second)},
			func(m *budget.Measured) {
				m.CPUs[0].Unpaired, m.CPUs[0].UnpairedCalls, m.CPUs[0].UnpairedSoftirqs, m.CPUs = 1, 2, 4, m.CPUs[:1]
			}, budget.Undecided,
			[]string{
				"undecided 2: 5.00 µs of 1.00 s: 3 interrupts and functions have an entry without an exit, or an exit without an entry: how long they took is not known",
				"undecided 2: 1.00 h of at least 1.00 s: 5 interrupts and softirqs have an entry without an exit, or an exit without an entry: how long they took is not known",
				"pass all: 0 of 0",
			}},
		{"too long all the same", budget.Budget{MaxHandler: span(time.Microsecond), MinQuiet: span(90 * time.Minute)},
			func(m *budget.Measured) { m.CPUs[0].Unpaired, m.CPUs = 1, m.CPUs[:1] }, budget.Fail,
			[]string{"fail 2: 5.00 µs of 1.00 µs: f took 5.00 µs", "fail 2: 1.00 h of at least 1.50 h: it was interrupted more often", "pass all: 0 of 0"}},
		{"interrupts that no event tells of", budget.Budget{MaxUntraced: count(2)},
			func(m *budget.Measured) {
				m.HasInterrupts, m.CPUs[0].Untraced, m.CPUs[0].UntracedKinds, m.CPUs[1].Untraced = true, 3, []string{"1 NMI", "2 MCP"}, 2
			}, budget.Fail,
			[]string{"fail 2: 3 of 2: /proc/interrupts counted 1 NMI, 2 MCP, of which the trace shows none", "pass all: 0 of 0", "pass 3: 2 of 2"}},
		{"without copies of /proc/interrupts nobody knows", budget.Budget{MaxUntraced: count(2)},
			func(m *budget.Measured) { m.CPUs = m.CPUs[:1] }, budget.Undecided,
			[]string{"undecided 2:  of 2: no copies of /proc/interrupts were given (--interrupts)", "pass all: 0 of 0"}},
		{"what was not recorded does not pass", budget.Budget{MaxHits: limit(9), MaxHandler: span(time.Second)},
			func(m *budget.Measured) {
				m.HasSends, m.Lacks.Handler, m.CPUs = false, []string{"irq_work_entry was off"}, m.CPUs[1:]
			}, budget.Undecided,
			[]string{
				"undecided 3:  of 9: no ipi_send_cpu, ipi_send_cpumask or ipi_raise events were recorded",
				"undecided 3: none seen of 1.00 s: irq_work_entry was off", "pass all: 0 of 0",
			}},
		{"what was seen fails, whatever was not recorded", budget.Budget{MaxHits: limit(1), MaxHandler: span(time.Microsecond), MinQuiet: span(3 * time.Hour)},
			func(m *budget.Measured) {
				m.Lacks = budget.Lacks{Handler: []string{"x"}, Quiet: []string{"y"}}
				m.Inputs[0].Unrecorded, m.Inputs[0].Sent.Untargeted, m.CPUs = []string{"z"}, 1, m.CPUs[:1]
			}, budget.Fail,
			[]string{
				"fail 2: at least 3 (6 hits) of 1: 3 is more than 1", "fail 2: at least 5.00 µs of 1.00 µs: f took 5.00 µs",
				"fail 2: 1.00 h of at least 3.00 h: the recording itself is 2.00 h long", "pass all: 0 of 0",
			}},
		{"a kind of sends that was not recorded, or of which nothing is said", budget.Budget{MaxHits: limit(9), Functions: []budget.Limit{{"g", 0}}, MinQuiet: span(time.Second)},
			func(m *budget.Measured) { m.Inputs[0].Unsaid, m.CPUs = []string{"z"}, m.CPUs[:1] }, budget.Undecided,
			[]string{"undecided 2: 3 (6 hits) of 9: t: z", "undecided 2: none recorded of 0: t: z", "undecided 2: 1.00 h of at least 1.00 s: t: z", "pass all: 0 of 0"}},
		{"sends without a target", budget.Budget{MaxHits: limit(9)},
			func(m *budget.Measured) { m.Inputs[0].Sent, m.CPUs = result.Sent{Mask: 9, Untargeted: 4}, m.CPUs[:1] }, budget.Undecided,
			[]string{"undecided 2: at least 3 (6 hits) of 9: t: 4 of 9 sends have no known target: hits are a lower bound", "pass all: 0 of 0"}},
		{"quiet of what was not recorded", budget.Budget{MinQuiet: span(time.Second)},
			func(m *budget.Measured) { m.Lacks.Quiet, m.CPUs = []string{"t: sched_switch was off"}, m.CPUs[:1] }, budget.Undecided,
			[]string{"undecided 2: 1.00 h of at least 1.00 s: t: sched_switch was off", "pass all: 0 of 0"}},
		{"unknown functions and classes may be any",
			budget.Budget{Functions: []budget.Limit{{"f", 5}, {"f", 3}, {"f", 1.5}}, Classes: []budget.Limit{{"deferrable", 2}}},
			func(m *budget.Measured) {
				m.CPUs[0].Hits, m.CPUs = []budget.Hits{{"f", "deferrable", 4, 4}, {"unknown", "unknown", 6, 6}, {"(other)", "(other)", 0, 0}}, m.CPUs[:1]
				m.Evidence = budget.Evidence{CSD: true, Stacks: true}
			}, budget.Fail,
			[]string{
				"fail 2: 2 to 5 (4 to 10 hits) of 1.5: 2 is more than 1.5",
				"undecided 2: 2 to 5 (4 to 10 hits) of 2: 6 of 10 hits have no known class: neither csd:csd_queue_cpu nor the stacks tell",
				"undecided 2: 2 to 5 (4 to 10 hits) of 3: 6 of 10 hits have no known function: neither csd:csd_queue_cpu nor the stacks tell",
				"pass all: 0 of 0", "pass 2: 2 to 5 (4 to 10 hits) of 5",
			}},
		{"a set as tables print it", budget.Budget{Functions: []budget.Limit{{"b|a", 0.5}}}, func(m *budget.Measured) { m.CPUs = m.CPUs[:1] }, budget.Fail,
			[]string{"fail 2: 1 (2 hits) of 0.5: 1 is more than 0.5", "pass all: 0 of 0"}},
		{"a clock that does not count time", budget.Budget{MaxHits: limit(9), MinQuiet: span(time.Second)},
			func(m *budget.Measured) { m.Ticks, m.CPUs = true, m.CPUs[1:] }, budget.Undecided,
			[]string{"undecided 3:  of 9: the clock does not count nanoseconds: there is no rate", "undecided 3: 2.00 h of at least 1.00 s: the clock does not count nanoseconds", "pass all: 0 of 0"}},
		{"no isolated CPU", budget.Budget{MaxHits: limit(9)}, func(m *budget.Measured) { m.CPUs = nil }, budget.Undecided,
			[]string{"undecided all:  of : no isolated CPU is in the recording", "pass all: 0 of 0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, outcome := tt.b.Check(measured(tt.change))
			tb := set.Table("checks")
			var got []string
			for _, row := range tb.Rows {
				text := func(col string) string { return row[tb.Index(col)].Str }
				line := fmt.Sprintf("%s %s: %s of %s", text("result"), text("cpu"), text("measured"), text("limit"))
				if b := text("bound"); b != "" {
					line += ", " + b
				}
				if r := text("reason"); r != "" {
					line += ": " + r
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if outcome != tt.outcome || !strings.HasPrefix(set.Verdict, outcome+": ") {
				t.Errorf("%s, want %s, verdict %q", outcome, tt.outcome, set.Verdict)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(budget.Format))
	f.Add([]byte("functions: {f: 1}\n---\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := budget.Parse(data, "f")
		if err != nil {
			return
		}
		for _, l := range append(b.Classes, b.Functions...) {
			if l.Name == "" || !(l.Max >= 0) {
				t.Errorf("%+v", l)
			}
		}
	})
}

// The sums and the numbers are for programs.
func TestTotals(t *testing.T) {
	b := budget.Budget{MaxHits: limit(1)}
	set, outcome := b.Check(&budget.Measured{
		Inputs: []result.Input{{Path: "t", Lost: 5}}, Isolated: "2-3", Duration: int64(time.Hour), HasSends: true,
		CPUs: []budget.CPU{{CPU: 2, Hits: []budget.Hits{{"f", "deferrable", 4, 4}}}, {CPU: 3}},
	})
	if outcome != budget.Fail || set.Total("checks") != 3 || set.Total("failed") != 2 || set.Total("failed_cpus") != 1 {
		t.Errorf("%v, %+v", outcome, set.Totals)
	}
	tb := set.Table("checks")
	for _, row := range tb.Rows {
		if row[tb.Index("cpu")].Str == "2" && (row[tb.Index("value")].Float != 4 || row[tb.Index("limit_value")].Float != 1) {
			t.Errorf("%+v", row)
		}
	}
}
