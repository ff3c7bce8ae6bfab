package cli

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// inputs parses flags as a command does.
func inputs(t *testing.T, args ...string) (*Inputs, error) {
	t.Helper()
	var f InputFlags
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.AddTo(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f.Inputs(&Terminal{}, nil)
}

// TestKeep: which events --events, --cpu and --instance leave.
func TestKeep(t *testing.T) {
	const script = `
		at 1.0 cpu 0 ipi:ipi_send_cpu cpu=2
		at 2.0 cpu 1 ipi:ipi_send_cpu cpu=2
		at 3.0 cpu 1 instance isol ipi:ipi_send_cpumask cpumask=2
		at 4.0 cpu 2 sched:sched_switch prev_pid=1
		at 5.0 cpu -1 nobody_knows x=1`
	for flags, want := range map[string]string{
		"":                                       "1 2 3 4 5",
		"--events=ipi_send_cpu":                  "1 2",
		"--events=ipi:ipi_send_cpu,sched_switch": "1 2 4",
		"--events=irq:ipi_send_cpu":              "",
		"--events=sched:nobody_knows":            "5", // a system that the input does not say
		"--cpu=1-2":                              "2 3 4",
		"--instance=isol":                        "3",
		"--instance=":                            "1 2 4 5",
		"--cpu=1 --events=ipi_send_cpu":          "2",
		"--cpu=1 --instance=isol":                "3",
	} {
		in, err := inputs(t, strings.Fields(flags)...)
		if err != nil {
			t.Errorf("%s: %v", flags, err)
			continue
		}
		src := tracetest.Parse(script)
		selection, err := in.selection(src.Table())
		if err != nil {
			t.Errorf("%s: %v", flags, err)
			continue
		}
		takesPart := selection.Test(src.Table())
		var got []string
		for src.Scan() {
			if e := src.Record().(*trace.Event); takesPart == nil || takesPart(e) {
				got = append(got, string('0'+rune(e.Time/sec)))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: events %v, want %s", flags, got, want)
		}
	}
}

func TestKeepErrors(t *testing.T) {
	for flags, want := range map[string]string{
		"--instance=isl":          `unknown instance "isl": did you mean isol? (valid: isol)`,
		"--events=ipi_sned_cpu":   `unknown event "ipi_sned_cpu": did you mean ipi_send_cpu?`,
		"--events=xyzzy":          `unknown event "xyzzy"`,
		"--events=ipi_send_cpu,":  `unknown event ""`,
		"--events=ipi:sched_wake": `unknown event "ipi:sched_wake"`,
	} {
		in, err := inputs(t, flags)
		if err != nil {
			t.Fatal(err)
		}
		src := tracetest.Parse("at 1.0 cpu 0 instance isol ipi:ipi_send_cpu cpu=2")
		src.Table().Meta.LongSize = 8 // as of a binary trace, which lists its events
		if _, err := in.selection(src.Table()); err == nil || !strings.HasPrefix(err.Error(), want) || Status(err) != ExitUsage {
			t.Errorf("%s: %v, want %q", flags, err, want)
		}
	}
	// events that other kernels have, and any name in text
	in, _ := inputs(t, "--events=csd_queue_cpu,ipi_raise,user_enter")
	src := tracetest.Parse("at 1.0 cpu 0 ipi:ipi_send_cpu cpu=2")
	src.Table().Meta.LongSize = 8
	if _, err := in.selection(src.Table()); err != nil {
		t.Error(err)
	}
	in, _ = inputs(t, "--events=xyzzy")
	if _, err := in.selection(tracetest.Parse("").Table()); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"--cpu=2-"}, {"--cpu=x"}, {"--from=x"}, {"--trim=x"}, {"--from=1", "--trim=1"}} {
		if _, err := inputs(t, args...); Status(err) != ExitUsage {
			t.Errorf("%v: %v, want a usage error", args, err)
		}
	}
}

// TestCheck: this machine's set is for this machine's traces.
func TestCheck(t *testing.T) {
	here := Isolated{host: "lab", cpus: 4}
	for _, tt := range []struct {
		iso  Isolated
		meta trace.Meta
		want string
	}{
		{here, trace.Meta{Host: "lab", CPUs: 4}, ""},
		{here, trace.Meta{Host: "other", CPUs: 4}, `recorded on "other", this machine is "lab"`},
		{here, trace.Meta{Host: "lab", CPUs: 8}, "recorded with 8 CPUs, this machine has 4"},
		{here, trace.Meta{CPUs: 4}, "does not say on which machine"},
		{Isolated{}, trace.Meta{Host: "other"}, ""}, // a list is for any trace
	} {
		err := tt.iso.Check(&tt.meta)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || Status(err) != ExitUsage) {
			t.Errorf("%+v on %+v: %v, want %q", tt.iso, tt.meta, err, tt.want)
		}
	}
}

// TestIsolatedHereHost: the set is tied to this host, and a folder without the
// files is an error that says so.
func TestIsolatedHereHost(t *testing.T) {
	dir := t.TempDir()
	if _, err := isolatedHere(dir, t.TempDir()); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(dir+"/isolated", []byte("1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	iso, err := isolatedHere(dir, t.TempDir())
	host, herr := os.Hostname()
	if err := errors.Join(err, herr); err != nil {
		t.Fatal(err)
	}
	if iso.host != host || iso.cpus < 1 {
		t.Errorf("%+v, want host %s", iso, host)
	}
	if err := iso.Check(&trace.Meta{Host: host + "x", CPUs: iso.cpus}); err == nil {
		t.Error("another host's trace is taken")
	}
}
