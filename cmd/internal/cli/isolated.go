package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Isolated is the set of CPUs that --isolated names.
type Isolated struct {
	Mask cpumask.Mask
	All  bool // no set was given: every CPU counts
	// Note says where the set comes from if that needs saying.
	Note string
	// host and cpus describe the machine whose set it is, for Check.
	host string
	cpus int
	// open is a kernel command line whose lists depend on the number of CPUs
	// ("1-N", "all"): Check completes the set.
	open string
}

// ParseIsolated reads the argument of --isolated: a CPU list, or a file that
// holds one or a kernel command line.
func ParseIsolated(arg string) (*Isolated, error) {
	m, listErr := cpumask.ParseList([]byte(arg))
	if listErr == nil {
		if m.IsEmpty() {
			return nil, fmt.Errorf("--isolated %q names no CPU: want a list such as 2-3,8", arg)
		}
		return &Isolated{Mask: m}, nil
	}
	text, err := ReadFile(arg, 0)
	if err != nil {
		if strings.ContainsAny(arg, "/.") {
			return nil, fmt.Errorf("--isolated: %w", err)
		}
		return nil, fmt.Errorf("--isolated %q: %w; want a list such as 2-3,8, a file, or auto", arg, listErr)
	}
	iso, err := isolatedFromText(text)
	if err != nil {
		return nil, fmt.Errorf("--isolated %s: %w", arg, err)
	}
	return iso, nil
}

// isolatedFromText reads a CPU list, as in /sys/devices/system/cpu/isolated, or
// a kernel command line, as in /proc/cmdline.
func isolatedFromText(text []byte) (*Isolated, error) {
	text = bytes.TrimSpace(text)
	if m, err := cpumask.ParseList(text); err == nil && !m.IsEmpty() {
		return &Isolated{Mask: m}, nil
	}
	return isolatedFromCmdline(string(text))
}

// isolatedFromCmdline takes the CPUs that nohz_full= and isolcpus= name
// (Documentation/admin-guide/kernel-parameters.txt). isolcpus= may have flags
// before its list; managed_irq alone does not keep tasks away and isolates
// nothing.
func isolatedFromCmdline(cmdline string) (*Isolated, error) {
	iso := &Isolated{}
	nohz, isol, err := cmdlineSets(cmdline, cpumask.MaxCPUs)
	if err != nil {
		return nil, err
	}
	iso.Mask.Or(&nohz)
	iso.Mask.Or(&isol)
	switch {
	case iso.Mask.IsEmpty() && strings.Contains(cmdline, "isolcpus=managed_irq"):
		return nil, errors.New("isolcpus=managed_irq keeps interrupts away but no tasks: no CPU is isolated")
	case iso.Mask.IsEmpty():
		return nil, errors.New("neither a CPU list nor a kernel command line with nohz_full= or isolcpus=")
	}
	if !nohz.IsEmpty() && !isol.IsEmpty() && !nohz.Equal(&isol) {
		iso.Note = fmt.Sprintf("nohz_full=%s and isolcpus=%s differ; taking all of them", nohz.String(), isol.String())
	}
	if iso.Mask.Has(cpumask.MaxCPUs - 1) { // only "N" and "all" reach that far
		iso.open, iso.Note = cmdline, ""
	}
	return iso, nil
}

// cmdlineSets reads the lists of a kernel command line for a machine of nbits
// CPUs.
func cmdlineSets(cmdline string, nbits int) (nohz, isol cpumask.Mask, err error) {
	for word := range strings.FieldsSeq(cmdline) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || key != "nohz_full" && key != "isolcpus" {
			continue
		}
		value = strings.Trim(value, `"`)
		into := &nohz
		if key == "isolcpus" {
			flags, list := cutFlags(value)
			if len(flags) == 1 && flags[0] == "managed_irq" {
				continue
			}
			value, into = list, &isol
		}
		// The kernel reads these with cpulist_parse; ranges may have a stride.
		m, err := cpumask.ParseBitmapList([]byte(value), nbits)
		if err != nil {
			return nohz, isol, fmt.Errorf("%s: %w", word, err)
		}
		into.Or(&m)
	}
	return nohz, isol, nil
}

// complete fixes a set that depends on the number of CPUs.
func (iso *Isolated) complete(m *trace.Meta) error {
	if m.CPUs == 0 {
		return Usage(fmt.Errorf("%s: the kernel command line isolates CPUs up to the last one, and the trace does not say which that is: give the CPUs as a list", m.Path))
	}
	nohz, isol, err := cmdlineSets(iso.open, m.CPUs)
	if err != nil {
		return Usage(fmt.Errorf("%s: %w", m.Path, err))
	}
	nohz.Or(&isol)
	if iso.cpus != 0 && iso.cpus != m.CPUs {
		return Usage(fmt.Errorf("%s: has %d CPUs, the trace before it %d: the same kernel command line isolates others", m.Path, m.CPUs, iso.cpus))
	}
	iso.Mask, iso.cpus = nohz, m.CPUs
	return nil
}

// cutFlags splits "domain,managed_irq,2-3" into its flags and its list.
func cutFlags(value string) (flags []string, list string) {
	rest := value
	for {
		word, tail, _ := strings.Cut(rest, ",")
		switch word {
		case "nohz", "domain", "managed_irq":
			flags = append(flags, word)
			rest = tail
			continue
		}
		return flags, rest
	}
}
