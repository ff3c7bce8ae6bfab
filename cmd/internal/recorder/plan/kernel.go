package plan

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A Kernel is what a kernel can record: found out from its tracefs, since
// distributions carry events back, or taken from what is known of its version.
type Kernel struct {
	// Release is for people: "6.12.107".
	Release string
	// CPUSets says that filters take CPUS{LIST} (Linux 6.6).
	CPUSets bool
	// StackTriggers says that an event may have the trigger stacktrace.
	StackTriggers bool
	// event finds an event by "name" or "system:name", nil if there is none.
	event func(name string) (*trace.Schema, error)
	// names lists all events, for those who misspell one.
	names func() []string
}

// Probe asks a tracefs. Whether filters take CPUS{} only a write can tell: until
// then the release does.
func Probe(fs tracefs.FS, release string, longSize int) *Kernel {
	k := &Kernel{Release: release, CPUSets: !isBefore(release, 6, 6), StackTriggers: true}
	k.event = func(name string) (*trace.Schema, error) { return probe(fs, name, longSize) }
	k.names = func() []string {
		var names []string
		systems, _ := fs.Names("events") // none if it cannot be read
		for _, s := range systems {
			of, _ := fs.Names("events/" + s) // a file lists nothing
			for _, n := range of {
				if n != "enable" && n != "filter" {
					names = append(names, s+":"+n)
				}
			}
		}
		return names
	}
	return k
}

// probe reads the format of an event. A name without a system is looked for
// where the catalogue has it, then everywhere.
func probe(fs tracefs.FS, name string, longSize int) (*trace.Schema, error) {
	system, event, ok := strings.Cut(name, ":")
	if !ok {
		if system = systemOf(fs, name); system == "" {
			return nil, nil
		}
		event = name
	}
	if strings.ContainsAny(system+event, "/.") || !tracefs.Has(fs, path.Join("events", system, event, "format")) {
		return nil, nil
	}
	text, err := fs.ReadFile(path.Join("events", system, event, "format"))
	if err != nil {
		return nil, err
	}
	s, err := tracefmt.ParseFormat(text, longSize)
	if err != nil {
		return nil, fmt.Errorf("the format of %s:%s: %w", system, event, err)
	}
	s.System = system
	return s, nil
}

func systemOf(fs tracefs.FS, event string) string {
	if s, ok := events.New(event); ok && tracefs.Has(fs, path.Join("events", s.System, event)) {
		return s.System
	}
	systems, _ := fs.Names("events") // none if it cannot be read
	for _, s := range systems {
		if tracefs.Has(fs, path.Join("events", s, event)) {
			return s
		}
	}
	return ""
}

// Arches are the architectures whose interrupts have events of their own.
func Arches() []string { return []string{"x86", "arm64"} }

// Known is the kernel of a version and an architecture as the catalogue of
// events has it. Its version is like "6.12"; "" is the newest.
func Known(version, arch string) (*Kernel, error) {
	if version == "" {
		version = "6.12"
	}
	if _, _, ok := majorMinor(version); !ok {
		return nil, fmt.Errorf("kernel %q: want a version such as 6.12", version)
	}
	has := func(s *trace.Schema) bool {
		switch s.Name {
		case "ipi_raise", "ipi_entry", "ipi_exit": // arch/arm, arch/arm64/kernel/smp.c
			return arch == "arm64"
		case "ipi_send_cpu", "ipi_send_cpumask":
			return !isBefore(version, 6, 4)
		}
		switch s.Name {
		case "osnoise_sample", "timerlat_sample":
			return !isBefore(version, 6, 15)
		}
		switch s.System {
		case "osnoise":
			return !isBefore(version, 5, 14)
		case "csd":
			return !isBefore(version, 6, 5)
		case "irq_vectors", "exceptions":
			return arch == "x86"
		}
		return true
	}
	k := &Kernel{Release: version, CPUSets: !isBefore(version, 6, 6), StackTriggers: true}
	k.event = func(name string) (*trace.Schema, error) {
		if s, ok := events.New(name); ok && has(s) {
			return s, nil
		}
		return nil, nil
	}
	k.names = func() []string {
		var names []string
		for e := range events.All() {
			names = append(names, e.System+":"+e.Name)
		}
		return names
	}
	return k, nil
}

// isBefore compares a release with a version. One that is no number is new.
func isBefore(release string, major, minor int) bool {
	a, b, ok := majorMinor(release)
	return ok && (a < major || a == major && b < minor)
}

func majorMinor(release string) (major, minor int, ok bool) {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	digits := func(s string) string {
		if i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			return s[:i]
		}
		return s
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(digits(parts[1]))
	return major, minor, err1 == nil && err2 == nil
}

// Names lists the kernel's events as system:name, sorted.
func (k *Kernel) Names() []string {
	names := k.names()
	slices.Sort(names)
	return names
}
