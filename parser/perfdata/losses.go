package perfdata

import (
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// losses are what the recording says of samples that are not in it. LOST records
// say when a CPU's buffer had no room, LOST_SAMPLES at the end how many samples of
// each event and CPU were lost in all: the same ones, so the two are never added.
type losses struct {
	marked  map[int32]uint64 // by CPU, of LOST
	totals  map[int32]uint64 // by CPU, of LOST_SAMPLES; -1 for those of no known CPU
	byEvent map[string]uint64
	last    map[int32]int64 // time of the last event that was seen of each CPU
	end     int64           // of all
	dropped uint64          // left out by a filter of the recorder
	records int
}

func newLosses() losses {
	return losses{marked: map[int32]uint64{}, totals: map[int32]uint64{}, byEvent: map[string]uint64{}, last: map[int32]int64{}}
}

// saw notes until when there are events.
func (l *losses) saw(b *batch) {
	for _, cpu := range b.seen {
		if t := b.cpus[cpu+1].lastSeen; t > l.last[cpu] {
			l.last[cpu] = t
			l.end = max(l.end, t)
		}
	}
}

// total takes a LOST_SAMPLES. Those that perf writes at the end have the id of
// their event and no time; those of the kernel no id of use.
func (l *losses) total(s *Source, b *batch, r *rec) {
	whole := b.data[r.raw:][:r.rawN]
	if len(whole) < 16 {
		return
	}
	n := s.order.Uint64(whole[8:])
	if s.order.Uint16(whole[4:])&miscDropped != 0 {
		l.dropped += n
		return
	}
	cpu := r.cpu
	if r.attr >= 0 {
		a := b.dir.attrs[r.attr]
		if a.endID > 0 && a.endID <= len(whole)-headerSize {
			if known, ok := b.dir.cpuOf[s.order.Uint64(whole[len(whole)-a.endID:])]; ok {
				cpu = known
			} else if r.time == 0 {
				cpu = -1
			}
		}
		if name := a.fullName(); name != "" {
			l.byEvent[name] += n
		}
	}
	l.totals[cpu] += n
}

// lostRecord makes the loss that a LOST record tells of.
func (s *Source) lostRecord(b *batch, r *rec) *trace.Lost {
	whole := b.data[r.raw:][:r.rawN]
	if len(whole) < 24 {
		return nil
	}
	l := &s.losses
	n := s.order.Uint64(whole[16:])
	l.marked[r.cpu] += n
	l.records++
	since := r.since
	if since == 0 {
		since = s.lastOn(r.cpu)
	}
	s.lostTID = 0
	if r.attr >= 0 {
		if a := b.dir.attrs[r.attr]; a.endTID > 0 && a.endTID <= len(whole)-headerSize {
			s.lostTID = int32(s.order.Uint32(whole[len(whole)-a.endTID+4:]))
		}
	}
	s.lost = trace.Lost{CPU: r.cpu, N: n, Time: trace.Time(r.time), Since: trace.Time(since), At: trace.Pos{File: s.path, Off: b.off + int64(r.off)}}
	return &s.lost
}

// restOfLosses makes the losses after the last LOST record of each CPU, which only the
// totals tell of.
func (s *Source) restOfLosses() []trace.Record {
	l := &s.losses
	var out []trace.Record
	var cpus []int32
	var marked, totals uint64
	for cpu := range l.totals {
		cpus = append(cpus, cpu)
	}
	for _, n := range l.marked {
		marked += n
	}
	for _, n := range l.totals {
		totals += n
	}
	slices.Sort(cpus)
	if l.totals[-1] > 0 { // CPUs are not told apart
		if totals > marked {
			out = append(out, s.restOf(-1, totals-marked))
		}
		return out
	}
	for _, cpu := range cpus {
		if n := l.totals[cpu]; n > l.marked[cpu] {
			out = append(out, s.restOf(cpu, n-l.marked[cpu]))
		}
	}
	return out
}

// restOf is a loss between the last event of a CPU and the end.
func (s *Source) restOf(cpu int32, n uint64) *trace.Lost {
	l := &s.losses
	since, at := l.last[cpu], l.end
	if w := s.hint.Window; w != nil && int64(w.To) < at && int64(w.To) >= since {
		at = int64(w.To) // it may lie in the window
	}
	return &trace.Lost{CPU: cpu, N: n, Time: trace.Time(at), Since: trace.Time(since), At: trace.Pos{File: s.path, Off: -1}}
}

// countsMissing reports whether LOST records are there and what perf writes at the
// end is not: how many samples of each event were lost. It counts the same losses,
// so they are never without.
func (s *Source) countsMissing() bool {
	if s.losses.records == 0 || len(s.losses.totals) > 0 {
		return false
	}
	for _, a := range s.dir.attrs {
		if a.readFormat&readLost == 0 {
			return false
		}
	}
	return true
}

// noteLosses says in the description how many samples of which event were lost.
func (s *Source) noteLosses() {
	l := &s.losses
	if len(l.byEvent) > 0 {
		s.table.Meta.LostByEvent = l.byEvent
	}
	if l.dropped > 0 {
		s.remark("%d samples were left out by a filter of the recorder (a BPF program)", l.dropped)
	}
	seen := map[string]uint64{}
	for i, a := range s.dir.attrs {
		if i < len(s.samples) {
			seen[a.fullName()] += s.samples[i]
		}
	}
	for _, name := range []string{"ipi:ipi_send_cpu", "ipi:ipi_send_cpumask", "csd:csd_queue_cpu"} {
		if n := l.byEvent[name]; n > 0 {
			s.remark("%d of at least %d %s events were lost", n, n+seen[name]-s.twins.names[name], name)
		}
	}
}
