package track_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

const (
	one  = "at 1.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	set  = "at 1.0 cpu 1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0\n"
	arm  = "at 1.0 cpu 1 ipi_raise target_cpus=2-3 reason=x\n"
	csd  = "at 1.0 cpu 1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1\n"
	both = one + set
)

// testify reads a script and returns what is known of its input. formats are
// those of a binary recording, none of a text.
func testify(t *testing.T, script string, formats []string, recorded []string, chosen trace.Selection) result.Input {
	t.Helper()
	src := tracetest.Parse(script)
	table := src.Table()
	table.Meta.CPUs = 4
	for _, f := range formats {
		table.Meta.LongSize = 8
		system, name, _ := strings.Cut(f, ":")
		if len(table.Lookup(name)) == 0 {
			table.AddSchema(&trace.Schema{System: system, Name: name})
		}
	}
	c := &collector{t: table}
	c.Sends = track.NewSends(table, track.Config{Send: func(*track.Send) {}})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{Select: chosen}, c); err != nil {
		t.Fatal(err)
	}
	in := result.Input{Recorded: recorded}
	c.Testify(&in)
	track.NoteUnrecorded(table, &in, &chosen)
	return in
}

// TestNoteUnrecorded: which sends an input lacks, and of which it does not say.
// What trace-cmd puts into a file is the formats of the events that -e names.
func TestNoteUnrecorded(t *testing.T) {
	ipi := []string{"ipi:ipi_send_cpu", "ipi:ipi_send_cpumask"}
	all := slices.Clone(ipi)
	for i := range 40 {
		all = append(all, "system"+string(rune('A'+i))+":event"+string(rune('A'+i)))
	}
	zero := ""
	events := func(names ...string) trace.Selection { return trace.Selection{Events: names} }
	cpus := func(list string) trace.Selection {
		m, err := cpumask.ParseList([]byte(list))
		if err != nil {
			t.Fatal(err)
		}
		return trace.Selection{CPUs: &m}
	}
	for _, tt := range []struct {
		name               string
		script             string
		formats, recorded  []string
		chosen             trace.Selection
		unrecorded, unsaid []string // what each sentence holds
	}{
		{name: "text with both", script: both},
		{name: "text of few sends of one kind", script: one, unsaid: []string{"no ipi_send_cpumask event"}},
		{name: "text of many of one kind", script: strings.Repeat(set, 50), unrecorded: []string{"ipi_send_cpu seems to have been off"}},
		{name: "the same, and somebody knows", script: strings.Repeat(set, 50), recorded: []string{"ipi"}},
		{name: "the same, and somebody knows that it was off", script: set, recorded: []string{"ipi:ipi_send_cpumask"}, unrecorded: []string{"ipi_send_cpu is not among what --recorded names"}},
		{name: "text of a quiet machine", script: csd, unsaid: []string{"no ipi_send_cpu event", "no ipi_send_cpumask event"}},
		{name: "the same, asserted", script: csd, recorded: []string{"csd", "ipi_send_*"}},
		{name: "text of arm before 6.5", script: arm},
		{name: "file with both formats", script: csd, formats: ipi},
		{name: "file with one format", script: one, formats: ipi[:1], unrecorded: []string{"ipi_send_cpumask was not recorded: its format is not in the file"}},
		{name: "file with all formats of a kernel", script: one, formats: all, unsaid: []string{"no ipi_send_cpumask event"}},
		{name: "one buffer of a file", script: csd, formats: ipi, chosen: trace.Selection{Instance: &zero}, unsaid: []string{"no ipi_send_cpu event", "no ipi_send_cpumask"}},
		{name: "--events leaves one out", script: both, formats: ipi, chosen: events("ipi_send_cpu"), unrecorded: []string{"ipi_send_cpumask is left out by --events"}},
		{name: "--events by system", script: both, formats: ipi, chosen: events("ipi:ipi_send_cpu", "ipi:ipi_send_cpumask")},
		{name: "--cpu leaves senders out", script: both, formats: ipi, chosen: cpus("0"), unrecorded: []string{"sends of CPUs 1-3 are left out by --cpu"}},
		{name: "--cpu with all CPUs", script: both, formats: ipi, chosen: cpus("0-3")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := testify(t, tt.script, tt.formats, tt.recorded, tt.chosen)
			for _, x := range []struct{ got, want []string }{{in.Unrecorded, tt.unrecorded}, {in.Unsaid, tt.unsaid}} {
				if len(x.got) != len(x.want) {
					t.Fatalf("unrecorded %q, unsaid %q", in.Unrecorded, in.Unsaid)
				}
				for i := range x.got {
					if !strings.Contains(x.got[i], x.want[i]) {
						t.Errorf("%q, want %q in it", x.got[i], x.want[i])
					}
				}
			}
		})
	}
}

// TestUntargeted: sends of which nobody knows where they go. 524320 is 0x80020:
// the word that a __data_loc field holds, 8 bytes at offset 32.
func TestUntargeted(t *testing.T) {
	in := testify(t, both+`
		at 1.1 cpu 0 ipi_send_cpumask mask=2-3
		at 1.2 cpu 0 ipi_send_cpumask cpumask=524320
		at 1.3 cpu 0 ipi_send_cpu cpu=99999
		at 1.4 cpu 0 ipi_send_cpumask cpumask=
		at 1.5 cpu 0 ipi_raise reason=x`, nil, nil, trace.Selection{})
	if want := (result.Sent{CPU: 2, Mask: 4, Raise: 1, Untargeted: 3}); in.Sent != want {
		t.Errorf("%+v, want %+v", in.Sent, want)
	}
	if want := "3 of 6 sends have no known target: hits are a lower bound"; in.Untargeted() != want || !in.IsLossy() {
		t.Errorf("%q", in.Untargeted())
	}
	// an ipi_raise counts where there is nothing better
	in = testify(t, "at 1.5 cpu 0 ipi_raise reason=x\n", nil, nil, trace.Selection{})
	if in.Sent.Untargeted != 1 {
		t.Errorf("%+v", in.Sent)
	}
	// a field of another type is no target
	for kind, want := range map[trace.Kind]uint64{trace.KindMask: 0, trace.KindArray: 0, trace.KindUnknown: 0, trace.KindInt: 1, trace.KindString: 1, trace.KindPointer: 1} {
		src := tracetest.Parse(set)
		src.Table().Schemas()[0].Fields[0].Kind = kind
		c := &collector{t: src.Table()}
		c.Sends = track.NewSends(src.Table(), track.Config{Send: func(*track.Send) {}})
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
			t.Fatal(err)
		}
		var in result.Input
		c.Testify(&in)
		if counted := track.SentOf(src.Table(), []uint64{1}); in.Sent.Untargeted != want || counted != in.Sent {
			t.Errorf("kind %d: %+v, by id %+v", kind, in.Sent, counted)
		}
	}
}

// TestAddress: a callback without a symbol may be the carrier, so that the other
// evidence is asked.
func TestAddress(t *testing.T) {
	got := collect(t, "2-3", `
		at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
		at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0xffffffff81bc5c10
		at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0xffffffff81bc5c10`)
	if want := []string{"2 from 0: 2:g/csd/1", "3 from 0: 3:unknown/none/0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNotedFilter: a recorder's note tells of the filter, and one that leaves IPIs
// to the isolated CPUs out is no evidence of none.
func TestNotedFilter(t *testing.T) {
	targets, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter string
		whole  bool
	}{
		{"", true},
		{"cpu & CPUS{2-3}", true},
		{"cpu & CPUS{1-5}", true},
		{"(cpu >= 2 && cpu <= 3)", true},
		{"cpu == 2 || cpu == 3", true},
		{"cpu == 7 || (cpu >= 1 && cpu <= 4)", true},
		{"cpu & CPUS{2}", false},
		{"CPU & CPUS{2-3}", false}, // the CPU that sends
		{"cpu == 77", false},
		{"cpu == 2", false},
		{"cpu & CPUS{2-3} && callsite == 1", false},
		{"(cpu >= 2 && cpu <= 3) && callsite == 1", false},
		{"(cpu >= 2 && cpu <= 999999999)", false},
		{"cpu & CPUS{2-3", false},
		{"cpu != 9", false},
	} {
		src := tracetest.Parse("")
		table := src.Table()
		table.Meta.CPUs, table.Meta.LongSize = 4, 8
		table.Meta.Recorded = &trace.Recorded{Targets: targets, Events: []trace.RecordedEvent{{Name: "ipi:ipi_send_cpu", Filter: tt.filter}, {Name: "ipi:ipi_send_cpumask", Filter: "cpumask & CPUS{2-3}"}}}
		for _, name := range []string{"ipi_send_cpu", "ipi_send_cpumask"} {
			table.AddSchema(&trace.Schema{System: "ipi", Name: name})
		}
		in := result.Input{Whole: true}
		track.NoteUnrecorded(table, &in, &trace.Selection{})
		if got := in.TellsOfNone(); got != tt.whole {
			t.Errorf("%q: %v, want %v: %q", tt.filter, got, tt.whole, in.Unrecorded)
		}
	}
}

// TestSilentAsserted: who says what was recorded vouches for CPUs that show nothing,
// and where --cpu takes some nobody looks at the others.
func TestSilentAsserted(t *testing.T) {
	two, _ := cpumask.ParseList([]byte("0-3"))
	for _, tt := range []struct {
		name     string
		recorded []string
		chosen   trace.Selection
		unsaid   int
	}{
		{"nobody says", nil, trace.Selection{}, 1},
		{"somebody says so", []string{"ipi"}, trace.Selection{}, 0},
		{"--cpu", nil, trace.Selection{CPUs: &two}, 0},
	} {
		src := tracetest.Parse(both)
		src.Table().Meta.CPUs = 4
		in := result.Input{Silent: "1", Recorded: tt.recorded, Sent: result.Sent{CPU: 1, Mask: 1}}
		for src.Scan() { // so that the table has its events
		}
		track.NoteUnrecorded(src.Table(), &in, &tt.chosen)
		if len(in.Unsaid) != tt.unsaid || tt.unsaid > 0 && !strings.Contains(in.Unsaid[0], "there is no event of CPU 1, and nothing says") {
			t.Errorf("%s: %q", tt.name, in.Unsaid)
		}
	}
}
