package track

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Records lists the hits, the sends and the requests of a trace one by one, each
// kind in the order of the trace and with all that becomes known about it. Sends
// of ipi_raise events are held until it is known that the trace has no others.
type Records struct {
	cfg        RecordsConfig
	table      *trace.Table
	deliveries *Deliveries
	hits       window[HitRecord]
	sends      window[SendRecord]
	requests   window[RequestRecord]
	// direct: there was an ipi_send_* event; raised: ipi_raise events were taken
	// for all there is
	direct, raised bool
	anyRun         bool
	err            error
}

// RecordsConfig says what is listed and who gets it. A function that is nil is
// told nothing; the others get records that are valid during the call. After an
// error nothing more is handed out.
type RecordsConfig struct {
	Config  // of its functions only Counts, Began and Stacked may be set
	Hit     func(*HitRecord) error
	Send    func(*SendRecord) error
	Request func(*RequestRecord) error
	// Run receives the functions that queued calls ran, and Unsent the
	// interrupts of IPIs that no recorded send led to: in no useful order.
	Run    func(*Run) error
	Unsent func(*Delivery) error
	// Noise and Report are those of DeliveryConfig.
	Noise  func(*Noise)
	Report func(*NoiseReport)
}

// A HitRecord is one target of one send.
type HitRecord struct {
	Serial              uint64 // of the send
	Time                trace.Time
	Sender, Target, PID int32
	Comm, Instance      trace.NameID
	Event               trace.EventID
	Callback, Callsite  trace.NameID
	Function            trace.NameID
	Evidence            Evidence
	Stack               trace.StackID
	Noise               bool // and not self
	Line                Line
	Arrival             Reason
	Joined              bool
	Entry, Exit         trace.Time // events of the interrupt, on arm64 of the handler, Never if not known
	Mode                Mode
	raise               bool
}

// ID tells the hit from all others of the trace.
func (h *HitRecord) ID() uint64 { return hitID(h.Serial, h.Target) }

// IsSelf reports whether the CPU sent to itself.
func (h *HitRecord) IsSelf() bool { return h.Sender == h.Target }

func hitID(serial uint64, target int32) uint64 { return serial<<16 | uint64(uint16(target)) }

// A SendRecord is one send event.
type SendRecord struct {
	Serial             uint64
	Time               trace.Time
	CPU, PID           int32
	Comm, Instance     trace.NameID
	Event              trace.EventID
	Callback, Callsite trace.NameID
	Stack              trace.StackID
	Targets            string       // all of them, as a list
	Function           trace.NameID // of a send without hits
	Evidence           Evidence
	Hits               []HitRecord // as far as the send knows them
	Requests           int64
	raise              bool
}

// A RequestRecord is one request.
type RequestRecord struct {
	Request
	// HasIPI says that it sent an IPI, at Sent; else Stack is 0.
	HasIPI bool
	Sent   trace.Time
	Event  trace.EventID // of the send
	Stack  trace.StackID
	// Start and End are when its function ran, Never if that is not known, and
	// Arrival says why.
	Arrival    Reason
	Start, End trace.Time
	Shared     bool
}

// NewRecords returns a Records for the events of one table.
func NewRecords(t *trace.Table, cfg RecordsConfig) *Records {
	r := &Records{cfg: cfg, table: t}
	c := cfg.Config
	c.Send, c.Queued, c.Request, c.Withdrawn = r.send, r.queued, r.orphaned, r.withdrawn
	r.deliveries = NewDeliveries(t, DeliveryConfig{Config: c, Delivery: r.delivery, Run: r.run, Noise: cfg.Noise, Report: cfg.Report})
	return r
}

// Event takes the next event of the trace.
func (r *Records) Event(e *trace.Event) { r.deliveries.Event(e) }

// Lost takes a gap in the events of one CPU.
func (r *Records) Lost(l *trace.Lost) { r.deliveries.Lost(l) }

// End hands out what is still held.
func (r *Records) End() {
	r.deliveries.End()
	r.raised = true
	r.hits.flush(0, 0, r.handHit)
	r.sends.flush(0, 0, r.handSend)
	r.requests.flush(0, 0, r.handRequest)
}

// Err is the first error that a function returned, or that the records cannot be
// told.
func (r *Records) Err() error { return r.err }

// send takes a send of which all is known but its arrivals.
func (r *Records) send(w *Send) {
	if !w.IsSecond() && !r.direct {
		r.direct = true
		if r.raised && r.err == nil {
			r.err = fmt.Errorf("%s: the first ipi_send event comes after %d ipi_raise records, which were taken for all there is: choose one kind with --events", r.table.Meta.Path, maxHeld)
		}
	}
	for i := range w.Hits {
		r.settle(w, &w.Hits[i])
	}
	if w.Counted && !(w.IsSecond() && r.direct) {
		r.list(w)
	}
	r.flush()
}

// settle tells a request what became of it: it sent this IPI.
func (r *Records) settle(w *Send, h *Hit) {
	s := r.requests.find(h.Request)
	switch {
	case h.Request == 0 || s == nil:
	case !w.Counted:
		s.waits |= isGone
	default:
		q := &s.record
		q.HasIPI, q.Sent, q.Event, q.Stack = true, w.Time, w.Event, w.Stack
		s.waits &^= waitsForIPI
	}
}

// list lists a send and its hits.
func (r *Records) list(w *Send) {
	on := waits(0)
	if w.IsSecond() {
		on = waitsForKind
	}
	var all []HitRecord
	requests := int64(0)
	for i := range w.Hits {
		h := r.hitOf(w, &w.Hits[i])
		requests += int64(w.Hits[i].Requests)
		if r.cfg.Hit != nil {
			r.hits.add(h.ID(), on|waitsForArrival, h)
		}
		if r.cfg.Send != nil {
			all = append(all, h)
		}
	}
	if r.cfg.Send == nil {
		return
	}
	r.sends.add(w.Serial, on, SendRecord{
		Serial: w.Serial, Time: w.Time, CPU: w.CPU, PID: w.PID, Comm: w.Comm, Instance: w.Instance, Event: w.Event,
		Callback: w.Callback, Callsite: w.Callsite, Stack: w.Stack, Targets: w.Targets.String(),
		Function: w.Function, Evidence: w.Evidence, Hits: all, Requests: requests, raise: w.IsSecond(),
	})
}

func (r *Records) hitOf(w *Send, h *Hit) HitRecord {
	noise := h.Target != w.CPU && r.cfg.Attribution != nil && r.cfg.Attribution.IsNoise(w, h)
	return HitRecord{
		Serial: w.Serial, Time: w.Time, Sender: w.CPU, Target: h.Target, PID: w.PID, Comm: w.Comm, Instance: w.Instance, Event: w.Event,
		Callback: w.Callback, Callsite: w.Callsite, Function: h.Function, Evidence: h.Evidence, Stack: w.Stack, Noise: noise,
		Line: w.Line, Arrival: NotRecorded, Entry: Never, Exit: Never, raise: w.IsSecond(),
	}
}

// delivery tells a hit what became of it.
func (r *Records) delivery(d *Delivery) {
	if !d.HasSend && r.cfg.Unsent != nil && r.err == nil {
		r.err = r.cfg.Unsent(d)
	}
	if !d.HasSend || r.cfg.Hit == nil {
		return
	}
	s := r.hits.find(hitID(d.Serial, d.Target))
	if s == nil {
		return
	}
	h := &s.record
	h.Arrival, h.Joined, h.Mode = d.Arrival, d.Joined, d.Mode
	h.Entry, h.Exit = d.Entered(), d.Left()
	s.waits &^= waitsForArrival
}

// queued lists a request.
func (r *Records) queued(q *Request) {
	if r.cfg.Request == nil {
		return
	}
	record := RequestRecord{Request: *q, Sent: Never, Arrival: NotRecorded, Start: Never, End: Never}
	on := waitsForIPI
	if p := r.deliveries.requests[q.CSD]; p != nil && p.Serial == q.Serial {
		on |= waitsForArrival
	} else if a := r.cfg.Attribution; a != nil && a.Kind(q.Function) == "irq_work" {
		record.Arrival = IRQWork
	}
	r.requests.add(q.Serial, on, record)
	r.flush()
}

// orphaned takes a request that sent no IPI.
func (r *Records) orphaned(q *Request) {
	if s := r.requests.find(q.Serial); s != nil {
		s.waits &^= waitsForIPI
	}
}

// withdrawn takes back a request that turned out to be none.
func (r *Records) withdrawn(serial uint64) {
	if s := r.requests.find(serial); s != nil {
		s.waits |= isGone
	}
}

// run tells a request when its function ran.
func (r *Records) run(u *Run) {
	r.anyRun = r.anyRun || u.Start != Never
	if s := r.requests.find(u.Serial); u.Serial != 0 && s != nil {
		q := &s.record
		q.Arrival, q.Start, q.End, q.Shared = u.Arrival, u.Start, u.End, u.Shared
		s.waits &^= waitsForArrival
	}
	if r.cfg.Run != nil && u.Start != Never && u.Counted && r.err == nil {
		r.err = r.cfg.Run(u)
	}
}

// flush hands out what is complete. Records wait for arrivals only where these
// are recorded.
func (r *Records) flush() {
	kind := waitsForKind
	if r.direct || r.raised {
		kind = 0
	}
	must, may := arrivals(r.deliveries.HasEntries())
	undecided := r.hits.flush(kind|must, may, r.handHit)
	undecided = r.sends.flush(kind, 0, r.handSend) || undecided
	must, may = arrivals(r.anyRun)
	r.requests.flush(waitsForIPI|must, may, r.handRequest)
	if undecided {
		r.raised = true
		r.flush()
	}
}

// arrivals says how long arrivals are waited for, by whether there were any.
func arrivals(any bool) (must, may waits) {
	if any {
		return waitsForArrival, 0
	}
	return 0, waitsForArrival
}

func (r *Records) handHit(h *HitRecord) {
	if r.err != nil || h.raise && r.direct {
		return
	}
	if h.Arrival != Matched && !r.deliveries.HasEntries() {
		h.Arrival = NotRecorded
	}
	r.err = r.cfg.Hit(h)
}

func (r *Records) handSend(w *SendRecord) {
	if r.err == nil && !(w.raise && r.direct) {
		r.err = r.cfg.Send(w)
	}
}

func (r *Records) handRequest(q *RequestRecord) {
	if r.err != nil {
		return
	}
	if q.Arrival != Matched && q.Arrival != IRQWork && !r.anyRun {
		q.Arrival = NotRecorded
	}
	r.err = r.cfg.Request(q)
}
