package quiet

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A doubt says in which way the longest quiet of a CPU may be wrong: shorter, for
// interruptions that do not show or went on; or either way, for events that were
// lost. Stretches in which some are known to be lost do not count, and who tells of
// some losses may not tell of all.
type doubt struct{ shorter, lossy bool }

func (d *doubt) add(o doubt) {
	d.shorter, d.lossy = d.shorter || o.shorter, d.lossy || o.lossy
}

func (d doubt) String() string {
	switch {
	case d.lossy:
		return "about"
	case d.shorter:
		return "at most"
	}
	return ""
}

// doubt says what a trace leaves open of all its CPUs.
func (s *State) doubt(in *result.Input) doubt {
	d := doubt{shorter: len(s.untold(in)) > 0 || s.unarrived() > 0, lossy: in.LacksEvents()}
	if !s.deliveries.HasEntries() { // sends tell of IPIs, those of all CPUs
		d.shorter = d.shorter || s.points > 0 || in.IsLossy() || len(in.Unrecorded)+len(in.Unsaid) > 0
	}
	return d
}

// mayBeOffline reports a CPU that was taken down or brought up, as its tasks tell,
// where nothing says when.
func (s *State) mayBeOffline(n int) bool {
	return s.cpus[n].hotplug && !s.deliveries.Online().IsTold()
}

// unarrived counts the hits without an interrupt in a trace that has interrupts of
// IPIs: those of other IPIs may be missing, too.
func (s *State) unarrived() uint64 {
	if !s.deliveries.HasEntries() {
		return 0
	}
	h := &s.deliveries.Hits
	return h[track.NoEntry] + h[track.TraceStart]
}

// untold are the events that end the quiet and may have been off: these CPUs show
// none either.
func (s *State) untold(in *result.Input) []string {
	return slices.DeleteFunc(slices.Clone(in.Untold), func(name string) bool {
		return slices.ContainsFunc(s.table.Lookup(name), func(sc *trace.Schema) bool {
			return int(sc.ID) < len(s.roles) && s.roles[sc.ID] != roleUnseen
		})
	})
}

// withoutEnd is how many interrupts and softirqs lack their entry or their exit.
func (t *cpuTotal) withoutEnd() uint64 {
	u := &t.unpaired
	return u[track.BracketVector] + u[track.BracketIRQ] + u[track.BracketIPI] + u[track.BracketSoftirq]
}

// bounds says of each CPU in which way its longest quiet may be wrong; nil if all
// are what they are.
func (c *Counts) bounds() map[int]string {
	list := map[int]string{}
	for n, t := range c.cpus {
		if text := t.doubt.String(); text != "" {
			list[n] = text
		}
	}
	return list
}

// warnBounds says why longest quiets are no more than bounds.
func (c *Counts) warnBounds(set *result.Set) {
	if len(c.bounds()) == 0 {
		return
	}
	var why []string
	var unpaired uint64
	for _, t := range c.cpus {
		unpaired += t.withoutEnd()
	}
	if unpaired > 0 {
		why = append(why, fmt.Sprintf("%d interrupts and softirqs have an entry without an exit, or an exit without an entry: how long they took is not known", unpaired))
	}
	if lacks := c.unsaidLacks(); len(lacks) > 0 {
		why = append(why, "nothing says that "+strings.Join(lacks, ", ")+" was recorded")
	}
	if c.noEntry > 0 {
		why = append(why, fmt.Sprintf("%d hits have no interrupt", c.noEntry))
	}
	if c.offline {
		why = append(why, "the thread ran that takes CPUs down (cpuhp/N), and no cpuhp event tells when they were offline")
	}
	if len(why) > 0 {
		set.Warn("quiet-bound", "the longest quiet is at most what is shown: "+strings.Join(why, "; "))
	}
}

// unsaidLacks are the missing events of which no other warning tells.
func (c *Counts) unsaidLacks() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(c.lacks)) {
		if said := name == "sched_switch" && !c.has[name] || isInterrupt(name) && !c.has[anyInterrupt]; !said {
			list = append(list, name)
		}
	}
	return list
}

// anyInterrupt stands for events of interrupts of any kind.
const anyInterrupt = "irq_vectors or irq_handler_entry"

func isInterrupt(event string) bool {
	return event == "irq_handler_entry" || event == "local_timer_entry"
}
