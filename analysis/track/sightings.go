package track

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// sightings count the send events of a trace, whether a filter takes them or not.
type sightings struct {
	sent   result.Sent
	raised uint64 // ipi_raise without a known target
	calls  uint64 // that the function tracer shows
}

// add counts n events of a kind.
func (s *sightings) add(k kind, n uint64, untargeted bool) {
	lacks := &s.sent.Untargeted
	switch k {
	case kindSendCPU:
		s.sent.CPU += n
	case kindSendMask:
		s.sent.Mask += n
	default:
		s.sent.Raise += n
		lacks = &s.raised
	}
	if untargeted {
		*lacks += n
	}
}

// all are the sums: an ipi_raise is a send only where there is nothing better, and a call
// that the function tracer shows only where there is neither.
func (s *sightings) all() result.Sent {
	sent := s.sent
	switch {
	case sent.CPU+sent.Mask > 0:
	case sent.Raise > 0:
		sent.Untargeted = s.raised
	default:
		sent.Untargeted = s.calls
	}
	return sent
}

// Testify implements analysis.Witness for the states that hold a Sends.
func (s *Sends) Testify(in *result.Input) {
	in.Sent, in.Identity = s.seen.all(), s.identity
	if s.countsCalls() {
		in.Identity = s.functions.identity
	}
	if in.Arch == "" {
		in.Arch = archOf(s.table)
	}
	in.Tells = s.tells()
	if s.table.Meta.LongSize == 0 { // a file has a buffer of each CPU, be it empty
		silent := s.online.silent(s.cfg.Isolated, s.table.Meta.CPUs)
		in.Silent = together(in.Silent, &silent)
	}
	in.Notes = append(append(in.Notes, s.doubles.notes(s.table)...), s.functionNotes()...)
}

// archOf is the architecture that events of its own tell (arch/x86 has the
// irq_vectors events, arch/arm and arch/arm64 ipi_raise and ipi_entry).
func archOf(t *trace.Table) string {
	for _, x := range []struct{ event, arch string }{
		{"ipi_raise", "arm"}, {"ipi_entry", "arm"}, {"local_timer_entry", "x86"}, {"reschedule_entry", "x86"}, {"call_function_entry", "x86"}, {"call_function_single_entry", "x86"},
	} {
		if len(t.Lookup(x.event)) > 0 {
			return x.arch
		}
	}
	return ""
}

// tells lists the events by which hits and functions are known that the trace
// has, or that its file has formats of.
func (s *Sends) tells() []string {
	var names []string
	for _, name := range []string{"csd_function_entry", "csd_queue_cpu", "ipi_raise", "ipi_send_cpu", "ipi_send_cpumask", "kernel_stack"} {
		for _, schema := range s.table.Lookup(name) {
			seen := int(schema.ID) < len(s.roles) && s.roles[schema.ID].kind != kindUnseen
			if seen || s.table.Meta.LongSize > 0 && name != "kernel_stack" { // every file has the format of that
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// Testify implements analysis.Witness for the states that hold a Deliveries.
// Isolated CPUs may record nothing, but not those to which IPIs were sent in a
// recording that has interrupts of IPIs.
func (d *Deliveries) Testify(in *result.Input) {
	d.sends.Testify(in)
	isolated := d.cfg.Isolated
	if d.table.Meta.LongSize > 0 || !d.anyEntry || isolated == nil {
		return
	}
	var hit cpumask.Mask
	hit.CopyFrom(&d.sends.online.seen)
	hit.And(isolated)
	hit.AndNot(&d.sends.online.own)
	in.Silent = together(in.Silent, &hit)
}

// together adds CPUs to a list.
func together(list string, more *cpumask.Mask) string {
	all, err := cpumask.ParseList([]byte(list))
	if err != nil {
		return list
	}
	all.Or(more)
	return all.String()
}

// Testify implements analysis.Witness for the states that hold a Records.
func (r *Records) Testify(in *result.Input) { r.deliveries.Testify(in) }

// SentOf counts the sends of a trace by the events that were counted by their
// id. Of their targets it says only what the fields of the events tell.
func SentOf(t *trace.Table, events []uint64) result.Sent {
	var s sightings
	for id, n := range events {
		schema := t.Schema(trace.EventID(id))
		r := classify(schema)
		switch r.kind {
		case kindSendCPU, kindSendMask, kindRaise:
			s.add(r.kind, n, !r.hasTarget(schema))
		}
	}
	return s.all()
}

// manySends is from how many events of one kind on it is worth a warning that an
// input shows none of the other kind, which may have been off.
const manySends = 50

// manySystems is from how many event systems on a file lists the formats of all
// that its kernel has, as trace-cmd extract and copies of tracefs do, and not of
// what was recorded.
const manySystems = 30

// sendKinds are the events that together tell of every IPI since Linux 6.4
// (include/trace/events/ipi.h): those to one CPU and those to a set.
func sendKinds() [2]string { return [2]string{"ipi_send_cpu", "ipi_send_cpumask"} }

// A Recording is what an input says about which events were on.
type Recording struct {
	table    *trace.Table
	chosen   *trace.Selection
	recorded []string // of --recorded
	lists    bool     // its formats are those of the events that were recorded
}

// NewRecording returns that of a trace. chosen is what takes part of it, and
// recorded what somebody says was on, nil if nobody does. Of a text the table
// knows more when it was read.
func NewRecording(t *trace.Table, chosen *trace.Selection, recorded []string) *Recording {
	r := &Recording{table: t, chosen: chosen, recorded: recorded}
	systems := map[string]bool{}
	for _, s := range t.Schemas() {
		systems[s.System] = true
	}
	r.lists = t.Meta.LongSize > 0 && len(systems) < manySystems
	return r
}

// NoteUnrecorded says in the description of an input which sends it lacks though
// no event was lost, and of which it does not say: a pass, or a row that is gone,
// needs all of them. chosen is what takes part of the trace; in.Recorded says
// what was on, where somebody knows.
func NoteUnrecorded(t *trace.Table, in *result.Input, chosen *trace.Selection) {
	r := NewRecording(t, chosen, in.Recorded)
	r.noteCPUs(in)
	r.noteQuiet(in)
	if in.Silent != "" && in.Recorded == nil && chosen.CPUs == nil {
		silent, _ := cpumask.ParseList([]byte(in.Silent))
		for cpu := range silent.All() { // one by one: sides of a comparison may lack some in common
			in.Missing = append(in.Missing, fmt.Sprint("CPU ", cpu))
		}
		in.Unsaid = append(in.Unsaid, "there is no event of "+silent.Named()+", and nothing says that they were recorded (--recorded ipi_send_cpu,ipi_send_cpumask,... says so)")
	}
	in.Unrecorded = append(in.Unrecorded, t.Meta.Partial...)
	if in.Sent.CPU+in.Sent.Mask == 0 {
		if state, _ := r.Was("ipi", "ipi_raise", in.Sent.Raise > 0); state == On {
			return // it tells of every IPI of arm and arm64
		}
	}
	kinds := sendKinds()
	for i, n := range [2]uint64{in.Sent.CPU, in.Sent.Mask} {
		others := in.Sent.CPU + in.Sent.Mask - n
		state, why := r.Was("ipi", kinds[i], n > 0)
		if state != On {
			in.Missing = append(in.Missing, kinds[i])
		}
		switch {
		case state == Off:
			in.Unrecorded = append(in.Unrecorded, kinds[i]+" "+why)
		case state == Unsaid && others >= manySends:
			in.Unrecorded = append(in.Unrecorded, fmt.Sprintf("%s seems to have been off: there is none beside %d %s (--recorded says that it was on)", kinds[i], others, kinds[1-i]))
		case state == Unsaid:
			in.Unsaid = append(in.Unsaid, fmt.Sprintf("there is no %s event, and nothing says that it was recorded (--recorded %s says so)", kinds[i], strings.Join(kinds[:], ",")))
		}
	}
}

// noteQuiet notes which events that end the quiet may have been off: without IPIs
// (see above), and not those of which noise events tell.
func (r *Recording) noteQuiet(in *result.Input) {
	ends := [][3]string{{"sched", "sched_switch", "thread_noise"}, {"irq", "irq_handler_entry", "irq_noise"}, {"irq", "softirq_entry", "softirq_noise"}}
	if arch := cmp.Or(r.table.Meta.Arch, archOf(r.table)); arch == "" || strings.HasPrefix(arch, "x86") || strings.HasPrefix(arch, "i") {
		ends = append(ends, [3]string{"irq_vectors", "local_timer_entry", "irq_noise"})
	}
	for _, e := range ends {
		noise, _ := r.Was("osnoise", e[2], false)
		if state, _ := r.Was(e[0], e[1], false); state != On && noise != On {
			in.Untold = append(in.Untold, e[1])
		}
	}
}

// A State says whether an event was recorded.
type State uint8

const (
	Unsaid State = iota // the input does not tell
	Off
	On
)

// Was finds out whether an event was recorded, and if it was off says why. seen
// says that the input has such an event.
func (r *Recording) Was(system, event string, seen bool) (state State, why string) {
	known := len(r.table.Lookup(event)) > 0
	switch {
	case !r.chosen.HasEvent(&trace.Schema{System: system, Name: event}):
		return Off, "is left out by --events"
	case r.recorded == nil && !r.noted(system, event):
		return Off, "was recorded with a filter that leaves some out: " + r.filterOf(system, event)
	case seen, r.recorded != nil && Asserts(r.recorded, system, event):
		return On, ""
	case r.recorded != nil:
		return Off, "is not among what --recorded names"
	case r.lists && !known:
		return Off, "was not recorded: its format is not in the file"
	case known && r.chosen.Instance == nil && (r.lists || r.table.Meta.LongSize == 0):
		return On, "" // a text knows what it has shown, outside of the window too
	}
	return Unsaid, "is not there, and nothing says that it was recorded (--recorded says so)"
}

// filterOf is the filter with which ipiscope record recorded an event, empty for
// all of them or if it is not known.
func (r *Recording) filterOf(system, event string) string {
	if n := r.table.Meta.Recorded; n != nil {
		for _, e := range n.Events {
			if e.Name == system+":"+event {
				return e.Filter
			}
		}
	}
	return ""
}

// noted reports whether nothing says that a filter kept an event of the recorded
// CPUs out.
func (r *Recording) noted(system, event string) bool {
	filter := r.filterOf(system, event)
	field := "CPU" // the one that records, of what happens on the isolated CPUs
	switch event {
	case "ipi_send_cpumask":
		field = "cpumask"
	case "ipi_send_cpu", "csd_queue_cpu":
		field = "cpu"
	}
	return filter == "" || takesAll(filter, field, &r.table.Meta.Recorded.Targets)
}

// takesAll reports whether a filter lets through whatever a field says of any CPU
// of a set. It knows the forms that ipiscope record writes: FIELD & CPUS{LIST},
// and ranges of numbers for kernels without that.
func takesAll(filter, field string, cpus *cpumask.Mask) bool {
	var taken cpumask.Mask
	if list, ok := strings.CutPrefix(filter, field+" & CPUS{"); ok {
		list, ok = strings.CutSuffix(list, "}")
		m, err := cpumask.ParseList([]byte(list))
		if !ok || err != nil {
			return false
		}
		taken = m
	} else {
		for term := range strings.SplitSeq(filter, " || ") {
			first, last, ok := rangeOf(term, field)
			if !ok {
				return false
			}
			taken.SetRange(first, last)
		}
	}
	var missing cpumask.Mask
	missing.CopyFrom(cpus)
	missing.AndNot(&taken)
	return missing.IsEmpty()
}

// rangeOf takes "FIELD == N" or "(FIELD >= N && FIELD <= M)" apart.
func rangeOf(term, field string) (first, last int, ok bool) {
	const most = 1 << 16 // above CONFIG_NR_CPUS of any kernel
	if n, err := fmt.Sscanf(term, "("+field+" >= %d && "+field+" <= %d)", &first, &last); err == nil && n == 2 {
		return first, last, 0 <= first && first <= last && last < most && term == fmt.Sprintf("(%s >= %d && %s <= %d)", field, first, field, last)
	}
	n, err := fmt.Sscanf(term, field+" == %d", &first)
	return first, first, err == nil && n == 1 && 0 <= first && first < most && term == fmt.Sprintf("%s == %d", field, first)
}

// Asserts reports whether a list of events, as trace-cmd record -e takes them,
// holds one: by name, by system, as system:name, with * for any text.
func Asserts(list []string, system, event string) bool {
	return slices.ContainsFunc(list, func(word string) bool {
		s, e, both := strings.Cut(word, ":")
		switch {
		case both:
			return matches(s, system) && matches(e, event)
		case matches(word, system):
			return true
		}
		return matches(word, event)
	})
}

// matches reports whether a shell pattern takes a name; a bad pattern takes none.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// noteCPUs notes which senders --cpu leaves out.
func (r *Recording) noteCPUs(in *result.Input) {
	if r.chosen.CPUs == nil {
		return
	}
	var missing cpumask.Mask
	if n := r.table.Meta.CPUs; n > 0 {
		missing.SetRange(0, n-1)
		missing.AndNot(r.chosen.CPUs)
	}
	if !missing.IsEmpty() || r.table.Meta.CPUs == 0 {
		in.Missing = append(in.Missing, missing.Named())
	}
	switch {
	case !missing.IsEmpty():
		in.Unrecorded = append(in.Unrecorded, "sends of "+missing.Named()+" are left out by --cpu")
	case r.table.Meta.CPUs == 0:
		in.Unsaid = append(in.Unsaid, "--cpu may leave out CPUs that send")
	}
}
