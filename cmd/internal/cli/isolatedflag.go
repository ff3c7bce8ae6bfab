package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// IsolatedVariable is the environment variable that stands for --isolated where it is
// not given.
const IsolatedVariable = "IPISCOPE_ISOLATED"

// IsolatedFlag is --isolated.
type IsolatedFlag struct {
	arg string
	// elsewhere: something else may name the CPUs, so nothing is said where the flag
	// does not
	elsewhere bool
	// from is a file that names the CPUs where the flag does not, and what it says
	from, says string
}

// AddTo defines the flag.
func (f *IsolatedFlag) AddTo(fs *pflag.FlagSet) {
	fs.StringVar(&f.arg, "isolated", "", "the isolated CPUs: a `LIST` such as 2-3,8, a file that holds one or a kernel command line, or auto for those of this machine; without it what "+IsolatedVariable+" says, else every CPU counts as isolated")
}

// Set returns the isolated CPUs and prints what needs to be said about them.
func (f *IsolatedFlag) Set(t *Terminal) (*Isolated, error) {
	iso, err := f.SetQuietly()
	switch {
	case err != nil:
		return nil, err
	case iso.All && f.elsewhere:
	case iso.All:
		t.Warnf("hint", "no --isolated: every CPU counts as isolated")
	case iso.Note != "":
		t.Warnf("note", "%s", iso.Note)
	}
	return iso, nil
}

// SetQuietly is Set for commands that count no hits.
func (f *IsolatedFlag) SetQuietly() (*Isolated, error) {
	if f.arg != "" {
		return isolatedOf(f.arg)
	}
	arg, from := os.Getenv(IsolatedVariable), IsolatedVariable
	if f.says != "" {
		arg, from = f.says, f.from
	}
	if arg == "" {
		return &Isolated{All: true}, nil
	}
	iso, err := isolatedOf(arg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	note := fmt.Sprintf("--isolated %s, as %s says", arg, from)
	if iso.Note != "" {
		note += ": " + iso.Note
	}
	iso.Note = note
	return iso, nil
}

func isolatedOf(arg string) (iso *Isolated, err error) {
	if arg == "auto" {
		iso, err = isolatedHere("/sys/devices/system/cpu", "/sys/fs/cgroup")
	} else {
		iso, err = ParseIsolated(arg)
	}
	return iso, Usage(err)
}

// isolatedHere reads the isolated CPUs of this machine
// (Documentation/ABI/testing/sysfs-devices-system-cpu: nohz_full, isolated;
// Documentation/admin-guide/cgroup-v2.rst: cpuset.cpus.partition).
func isolatedHere(sysfs, cgroup string) (*Isolated, error) {
	var iso Isolated
	for _, name := range []string{"nohz_full", "isolated"} {
		text, err := os.ReadFile(filepath.Join(sysfs, name))
		if err != nil {
			continue // not built into this kernel
		}
		m, err := cpumask.ParseList([]byte(strings.TrimSpace(string(text))))
		if err != nil {
			continue // "(null)": not configured
		}
		iso.Mask.Or(&m)
	}
	partitions := isolatedPartitions(cgroup)
	iso.Mask.Or(&partitions)
	if iso.Mask.IsEmpty() {
		return nil, fmt.Errorf("--isolated auto: this machine has no isolated CPUs (%s/nohz_full and isolated are empty, and no cpuset is an isolated partition)", sysfs)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("--isolated auto: %w", err)
	}
	iso.host, iso.cpus = host, runtime.NumCPU()
	if present, err := os.ReadFile(filepath.Join(sysfs, "present")); err == nil {
		if m, err := cpumask.ParseList([]byte(strings.TrimSpace(string(present)))); err == nil {
			iso.cpus = m.Last() + 1
		}
	}
	return &iso, nil
}

// isolatedPartitions finds the CPUs of cpusets that are isolated partitions. Since
// Linux 6.7 the kernel lists them in one file.
func isolatedPartitions(cgroup string) (all cpumask.Mask) {
	list := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return
		}
		if m, err := cpumask.ParseList([]byte(strings.TrimSpace(string(text)))); err == nil {
			all.Or(&m)
		}
	}
	if list(filepath.Join(cgroup, "cpuset.cpus.isolated")); !all.IsEmpty() {
		return all
	}
	// what cannot be read is no partition that we know of
	_ = filepath.WalkDir(cgroup, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cpuset.cpus.partition" {
			return nil
		}
		// an invalid one is "isolated invalid (REASON)"
		if kind, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(kind)) == "isolated" {
			list(filepath.Join(filepath.Dir(path), "cpuset.cpus.effective"))
		}
		return nil
	})
	return all
}

// Check refuses to apply this machine's set to a trace of another one, and any set
// to a trace that was recorded for other CPUs; it completes a set that depends on
// the number of CPUs.
func (iso *Isolated) Check(m *trace.Meta) error {
	if err := iso.checkMachine(m); err != nil || m.Recorded == nil {
		return err
	}
	recorded := m.Recorded.Targets.String()
	if iso.All {
		return Usage(fmt.Errorf("%s: was recorded for CPUs %s only, what hit others is not in it: give --isolated %s", m.Path, recorded, recorded))
	}
	var beyond cpumask.Mask
	beyond.CopyFrom(&iso.Mask)
	if beyond.AndNot(&m.Recorded.Targets); !beyond.IsEmpty() {
		return Usage(fmt.Errorf("%s: was recorded for CPUs %s only: nothing can be said about CPUs %s: give --isolated %s, or record anew for all of them", m.Path, recorded, beyond.String(), recorded))
	}
	return nil
}

func (iso *Isolated) checkMachine(m *trace.Meta) error {
	switch {
	case iso.open != "":
		return iso.complete(m)
	case iso.host == "":
		return nil
	case m.Host == "":
		return Usage(fmt.Errorf("%s: --isolated auto: the trace does not say on which machine it was recorded: give the CPUs as a list", m.Path))
	case m.Host != iso.host:
		return Usage(fmt.Errorf("%s: --isolated auto: recorded on %q, this machine is %q: give the CPUs as a list", m.Path, m.Host, iso.host))
	case m.CPUs != iso.cpus:
		return Usage(fmt.Errorf("%s: --isolated auto: recorded with %d CPUs, this machine has %d: give the CPUs as a list", m.Path, m.CPUs, iso.cpus))
	}
	return nil
}

// Targets is the set to count hits on, nil for every CPU.
func (iso *Isolated) Targets() *cpumask.Mask {
	if iso.All {
		return nil
	}
	return &iso.Mask
}
