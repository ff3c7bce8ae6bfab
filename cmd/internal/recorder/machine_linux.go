package recorder

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/procinterrupts"
)

// A Machine is what is known of the one that records.
type Machine struct {
	Online cpumask.Mask
	CPUs   int    // nr_cpu_ids: the number of the last possible one, plus one
	Uname  string // as in a trace.dat
	Release,
	Arch string
}

// ThisMachine looks at /sys and uname(2).
func ThisMachine() (*Machine, error) {
	m := &Machine{}
	list := func(name string) (cpumask.Mask, error) {
		text, err := os.ReadFile(filepath.Join("/sys/devices/system/cpu", name))
		if err != nil {
			return cpumask.Mask{}, err
		}
		return cpumask.ParseList(bytes.TrimSpace(text))
	}
	var err error
	if m.Online, err = list("online"); err != nil {
		return nil, err
	}
	possible, err := list("possible")
	if err != nil {
		return nil, err
	}
	m.CPUs = possible.Last() + 1
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, err
	}
	m.Release, m.Arch = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	m.Uname = strings.Join([]string{unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Nodename[:]), m.Release, unix.ByteSliceToString(u.Version[:]), m.Arch}, " ")
	return m, nil
}

// CheckIsolated says what is wrong with a set of isolated CPUs of this machine.
func (m *Machine) CheckIsolated(isolated *cpumask.Mask) error {
	rest := *isolatedCopy(isolated)
	rest.AndNot(&m.Online)
	if !rest.IsEmpty() {
		return fmt.Errorf("--isolated %s: CPUs %s are not online; this machine has %s", isolated.String(), rest.String(), m.Online.String())
	}
	return nil
}

func isolatedCopy(m *cpumask.Mask) *cpumask.Mask {
	c := &cpumask.Mask{}
	c.CopyFrom(m)
	return c
}

// Housekeeping is where the recorder runs by default: where it may run, without
// the isolated CPUs.
func (m *Machine) Housekeeping(isolated *cpumask.Mask) (cpumask.Mask, error) {
	var own cpumask.Mask
	own.CopyFrom(&m.Online)
	was, err := current()
	if err != nil {
		return own, err
	}
	if allowed, err := cpumask.ParseList([]byte(was.CPUs)); err == nil {
		own.And(&allowed)
	}
	own.AndNot(isolated)
	if own.IsEmpty() {
		return own, fmt.Errorf("all CPUs that this program may run on (%s) are isolated: --housekeeping LIST says where it may disturb", was.CPUs)
	}
	return own, nil
}

// available is MemAvailable, bytes; 0 if it is not known.
func available() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	var kb int64
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			_, _ = fmt.Sscan(rest, &kb) // else 0
		}
	}
	return kb << 10
}

// free is how much a file in dir may grow, bytes.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// arrivals counts the IPIs that arrived on CPUs since boot, whoever sent them: the
// lines of arch/x86/kernel/irq.c, or IPIn of arch/arm64/kernel/smp.c.
func arrivals(on *cpumask.Mask) (uint64, bool) {
	text, err := os.ReadFile("/proc/interrupts")
	if err != nil {
		return 0, false
	}
	t, err := procinterrupts.Parse(bytes.NewReader(text), "/proc/interrupts")
	if err != nil {
		return 0, false
	}
	n := uint64(0)
	for _, row := range t.Rows {
		switch {
		case row.Name == "CAL" || row.Name == "TLB" || row.Name == "RES" || row.Name == "IWI":
		case strings.HasPrefix(row.Name, "IPI") && runtime.GOARCH != "amd64":
		default:
			continue
		}
		for i, cpu := range t.CPUs {
			if on.Has(cpu) {
				n += row.Counts[i]
			}
		}
	}
	return n, true
}
