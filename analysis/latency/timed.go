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
	return s.lacking(t, track.Lost, track.TraceStart, track.TraceEnd, track.NoSend, track.NoEntry, track.NoExit)
}

// unmeasured is how many values of a time may be longer than all that were measured.
// What the ends of the recording cut off is not among them, but for hits from before
// the first entry of their line: they may have taken long.
func (s *State) unmeasured(t Time) uint64 {
	n := s.lacking(t, track.Lost, track.NoSend, track.NoEntry, track.NoExit)
	if s.usesHits(t) {
		n += s.deliveries.Hits[track.TraceStart] + s.deliveries.Hits[track.NotSampled]
	}
	return n
}

// usesHits reports whether a time is measured from sends of IPIs on.
func (s *State) usesHits(t Time) bool {
	return slices.ContainsFunc(s.used(t), func(m measure) bool { return m == vectorDelivery || m == ipiDelivery })
}

// used are the measures that have values of a time.
func (s *State) used(t Time) (list []measure) {
	for _, m := range s.measures()[t] {
		for _, g := range s.groups.All() {
			if d := g.dists[m]; d != nil && d.Count() > 0 {
				list = append(list, m)
				break
			}
		}
	}
	return list
}

// lacking counts the events of which a time is measured and that have no
// counterpart for one of these reasons.
func (s *State) lacking(t Time, reasons ...track.Reason) (n uint64) {
	counted := map[*track.Account]bool{}
	for _, m := range s.used(t) {
		for _, a := range s.accountsOf(m) {
			if counted[a] {
				continue
			}
			counted[a] = true
			for _, r := range reasons {
				n += a[r]
			}
		}
	}
	return n
}

// accountsOf are those of the events that a measure needs: what was sent and not
// seen to arrive was not seen to run either.
func (s *State) accountsOf(m measure) []*track.Account {
	d := s.deliveries
	runs, arrivals := d.Runs(), &d.Arrivals
	switch m {
	case vectorDelivery:
		return []*track.Account{&d.Hits, &arrivals[track.BracketVector]}
	case ipiDelivery:
		return []*track.Account{&d.Hits, &arrivals[track.BracketIPI]}
	case csdDelivery:
		return []*track.Account{&d.Requests, &arrivals[track.BracketCall]}
	case csdWait:
		return []*track.Account{&d.Requests, &arrivals[track.BracketCall], &runs[track.BracketCall]}
	case csdHandler:
		return []*track.Account{&d.Requests, &runs[track.BracketCall]}
	case ipiHandler, callHandler:
		return []*track.Account{&d.Hits, &runs[track.BracketIPI]}
	case vectorBracket:
		return []*track.Account{&d.Hits, &runs[track.BracketVector]}
	}
	return []*track.Account{&d.Hits, &runs[track.BracketIRQ], &runs[track.BracketIPI]}
}

// Folded reports whether the trace had more groups than Config.MaxGroups.
func (s *State) Folded() bool { return s.groups.Folded() }
