package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// The forms of nohz_full= and isolcpus= are those of the kernel's
// Documentation/admin-guide/kernel-parameters.txt.
func TestParseIsolated(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string
		note       string // part of Note
	}{
		{"list", "2-3,8", "2-3,8", ""},
		{"sysfs", "2-3\n", "2-3", ""},
		{"nohz_full", "quiet nohz_full=2-3 panic=1", "2-3", ""},
		{"isolcpus", "isolcpus=1,3", "1,3", ""},
		{"flags", "isolcpus=managed_irq,domain,2-3", "2-3", ""},
		{"nohz flag", "isolcpus=nohz,domain,5-7", "5-7", ""},
		{"managed_irq only", "isolcpus=managed_irq,1-7 nohz_full=4-7", "4-7", ""},
		{"both alike", "isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=0-3 irqaffinity=0-1", "2-3", ""},
		{"both differ", "isolcpus=1-2 nohz_full=2-3", "1-3", "nohz_full=2-3 and isolcpus=1-2 differ"},
		{"stride", "nohz_full=0-7:1/2", "0,2,4,6", ""},
		{"quotes", `nohz_full="2-3"`, "2-3", ""},
		{"alike names", "rcu_nohz_full=0 nohz_fuller=1 nohz_full=2", "2", ""},
		{"last of 8192", "nohz_full=8191", "8191", ""},
		{"real", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro console=ttyS0 quiet mitigations=off nowatchdog tsc=reliable panic=1 isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1 \n", "2-3", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cmdline")
			if err := os.WriteFile(file, []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
			iso, err := ParseIsolated(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := iso.Mask.String(); got != c.want {
				t.Errorf("got CPUs %s, want %s", got, c.want)
			}
			if (iso.Note == "") != (c.note == "") || !strings.Contains(iso.Note, c.note) {
				t.Errorf("got note %q, want %q", iso.Note, c.note)
			}
		})
	}
}

func TestParseIsolatedList(t *testing.T) {
	for arg, want := range map[string]string{"2": "2", "2-3": "2-3", "8,2-3": "2-3,8", "0-8191": "0-8191", "1,1,1": "1"} {
		iso, err := ParseIsolated(arg)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		if got := iso.Mask.String(); got != want {
			t.Errorf("%s: got %s, want %s", arg, got, want)
		}
	}
}

// TestIsolatedErrors: what is wrong is named, and the flag it was given to.
func TestIsolatedErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct{ arg, want string }{
		{"", "names no CPU"},
		{"2-", "2-"},
		{"3-2", "3-2"},
		{"99999999999999999999", "99999999999999999999"},
		{"x", "want a list such as 2-3,8"},
		{"-1", "-1"},
		{filepath.Join(dir, "none"), "none"},
		{dir, filepath.Base(dir)},
		{write("empty", ""), "neither a CPU list nor a kernel command line"},
		{write("other", "quiet splash\n"), "neither a CPU list nor a kernel command line"},
		{write("bad", "quiet nohz_full=2-x"), "nohz_full=2-x"},
		{write("flags only", "isolcpus=domain,"), "isolcpus"},
		{write("managed", "isolcpus=managed_irq,2-3"), "managed"},
	} {
		iso, err := ParseIsolated(c.arg)
		if err == nil {
			t.Errorf("%q: got CPUs %s, want an error", c.arg, iso.Mask.String())
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--isolated") {
			t.Errorf("%q: error %q does not say %q and --isolated", c.arg, err, c.want)
		}
	}
}

// TestIsolatedHere reads a made-up /sys/devices/system/cpu. What the kernel
// shows where nothing is configured is an empty line, or "(null)" for nohz_full.
func TestIsolatedHere(t *testing.T) {
	for _, c := range []struct {
		nohz, isolated, want string
	}{
		{"2-3\n", "2-3\n", "2-3"},
		{"(null)\n", "4\n", "4"},
		{"5-7\n", "\n", "5-7"},
		{"2\n", "3\n", "2-3"},
		{"(null)\n", "\n", ""},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"nohz_full": c.nohz, "isolated": c.isolated, "present": "0-7\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		iso, err := isolatedHere(dir, filepath.Join(dir, "cgroup"))
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "no isolated CPUs") {
				t.Errorf("%+v: got error %v", c, err)
			}
			continue
		}
		if err != nil || iso.Mask.String() != c.want || iso.cpus != 8 {
			t.Errorf("%+v: got %+v, %v", c, iso, err)
		}
	}
}

// TestIsolatedPartitions: cpusets that are isolated partitions count, in the
// kernel's list of all of them and, before Linux 6.7, one by one.
func TestIsolatedPartitions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("cgroup/a/cpuset.cpus.partition", "isolated\n")
	write("cgroup/a/cpuset.cpus.effective", "2-3\n")
	write("cgroup/a/b/cpuset.cpus.partition", "root\n")
	write("cgroup/a/b/cpuset.cpus.effective", "4\n")
	write("cgroup/c/cpuset.cpus.partition", "isolated invalid (Cpu list in cpuset.cpus not exclusive)\n")
	write("cgroup/c/cpuset.cpus.effective", "5\n")
	for _, want := range []string{"2-3", "6"} {
		iso, err := isolatedHere(dir, filepath.Join(dir, "cgroup"))
		if err != nil || iso.Mask.String() != want {
			t.Errorf("got %+v, %v, want %s", iso, err, want)
		}
		write("cgroup/cpuset.cpus.isolated", "6\n")
	}
}

// TestIsolatedRecorded: a recording that was filtered to some CPUs tells nothing of
// others, so a set with others in it is refused, not counted as never hit.
func TestIsolatedRecorded(t *testing.T) {
	targets, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	m := &trace.Meta{Path: "x.dat", CPUs: 4, Recorded: &trace.Recorded{Targets: targets}}
	for arg, want := range map[string]string{"2": "", "2-3": "", "1-2": "nothing can be said about CPUs 1", "0": "recorded for CPUs 2-3 only"} {
		iso, err := ParseIsolated(arg)
		if err != nil {
			t.Fatal(err)
		}
		err = iso.Check(m)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || Status(err) != ExitUsage) {
			t.Errorf("--isolated %s: %v, want %q", arg, err, want)
		}
	}
	if err := (&Isolated{All: true}).Check(m); err == nil || !strings.Contains(err.Error(), "--isolated 2-3") {
		t.Errorf("no set: %v", err)
	}
}
