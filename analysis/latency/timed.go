package latency

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// A Timed is one time of a group with its values in order, for comparisons.
type Timed struct {
	Key    []string
	Values stat.Sequence
	// Means says which events it was measured with: values that were measured
	// differently do not compare.
	Means string
}

// means are the events that each measure is taken from.
func (m measure) means() string {
	return [numMeasures]string{
		"send to vector entry", "send to ipi_entry", "csd_queue_cpu to csd_function_entry", "ipi_entry to ipi_exit", "ipi_entry to ipi_exit",
		"csd_function_entry to csd_function_exit", "vector entry to exit", "irq_handler_entry to irq_handler_exit", "csd_queue_cpu to csd_function_exit",
	}[m]
}

// Timed returns the groups that have values of a time, in the order of their
// keys. It needs Config.Sequences and an ended trace.
func (s *State) Timed(t Time) []Timed {
	byKey := map[string]*Timed{}
	for ids, g := range s.groups.All() {
		if g.sequences == nil {
			continue
		}
		var key []string
		for i, k := range s.cfg.By {
			key = append(key, k.Text(ids[i], s.table, s.attr))
		}
		for _, m := range s.measures()[t] {
			if g.sequences[m].Count()+g.sequences[m].Negative() == 0 {
				continue
			}
			id := strings.Join(key, "\x00")
			x := byKey[id]
			if x == nil {
				x = &Timed{Key: key}
				byKey[id] = x
			}
			x.Values.Merge(&g.sequences[m])
			x.addMeans(m.means())
		}
	}
	var list []Timed
	for _, x := range byKey {
		list = append(list, *x)
	}
	slices.SortFunc(list, func(a, b Timed) int { return slices.Compare(a.Key, b.Key) })
	return list
}

// addMeans adds one in alphabetical order.
func (x *Timed) addMeans(m string) {
	all := strings.Split(x.Means, ", ")
	if x.Means == "" {
		all = nil
	}
	if !slices.Contains(all, m) {
		all = append(all, m)
	}
	slices.Sort(all)
	x.Means = strings.Join(all, ", ")
}

// Missing is how many values of a time the trace lacks at most, over all groups:
// those of events whose counterpart was not seen.
func (s *State) Missing(t Time) uint64 {
	runs := s.deliveries.Runs()
	arrivals := &s.deliveries.Arrivals
	var n uint64
	counted := map[*track.Account]bool{}
	add := func(a *track.Account) {
		if !counted[a] {
			counted[a] = true
			n += unseen(a)
		}
	}
	used := map[measure]bool{}
	for _, g := range s.groups.All() {
		for _, m := range s.measures()[t] {
			used[m] = used[m] || g.sequences != nil && g.sequences[m].Count() > 0
		}
	}
	for m := range used {
		if !used[m] {
			continue
		}
		switch m {
		case vectorDelivery:
			add(&s.deliveries.Hits)
			add(&arrivals[track.BracketVector])
		case ipiDelivery:
			add(&s.deliveries.Hits)
			add(&arrivals[track.BracketIPI])
		case csdDelivery:
			add(&s.deliveries.Requests)
			add(&arrivals[track.BracketCall])
		case csdWait:
			add(&s.deliveries.Requests)
			add(&arrivals[track.BracketCall])
			add(&runs[track.BracketCall])
		// what was sent and not seen to arrive was not seen to run either
		case csdHandler:
			add(&s.deliveries.Requests)
			add(&runs[track.BracketCall])
		case ipiHandler, callHandler:
			add(&s.deliveries.Hits)
			add(&runs[track.BracketIPI])
		case vectorBracket:
			add(&s.deliveries.Hits)
			add(&runs[track.BracketVector])
		case irqBracket:
			add(&s.deliveries.Hits)
			add(&runs[track.BracketIRQ])
		}
	}
	return n
}

// unseen counts the events of an account that have a counterpart which was not
// recorded.
func unseen(a *track.Account) (n uint64) {
	for _, r := range []track.Reason{track.Lost, track.TraceStart, track.TraceEnd, track.NoSend, track.NoEntry, track.NoExit} {
		n += a[r]
	}
	return n
}

// Folded reports whether the trace had more groups than Config.MaxGroups.
func (s *State) Folded() bool { return s.groups.Folded() }
