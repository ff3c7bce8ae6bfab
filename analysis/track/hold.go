package track

import "github.com/ipiscope/ipiscope/parser/trace"

// Hold implements trace.Holder.
func (s *Sends) Hold(h *trace.Held) {
	for _, w := range s.queue[s.head:] {
		holdSend(h, w)
	}
	for i := range s.logic.calls {
		holdSend(h, s.logic.calls[i].send)
	}
	for _, m := range s.calls.byCPU {
		for _, c := range m {
			h.Stack(c.stack)
			h.Name(c.comm)
		}
	}
	for _, o := range s.doubles.calls.waiting {
		h.Stack(o.stack)
		h.Name(o.comm)
	}
}

func holdSend(h *trace.Held, w *Send) {
	if w != nil {
		h.Stack(w.Stack)
		h.Name(w.Comm)
	}
}

// Hold implements trace.Holder.
func (d *Deliveries) Hold(h *trace.Held) {
	d.sends.Hold(h)
	for _, f := range d.sent[d.head:] {
		holdFlights(h, f)
	}
	for i := range d.targets {
		t := &d.targets[i]
		for l := range t.pending {
			holdFlights(h, t.pending[l].first)
			holdFlights(h, t.early[l])
		}
		holdFlights(h, t.tail.first)
		for _, r := range t.wakes.queued {
			holdRequest(h, r)
		}
	}
	for _, r := range d.requests {
		holdRequest(h, r)
	}
	for i := range d.brackets.cpus {
		for j := range d.brackets.cpus[i].open {
			x := &d.brackets.cpus[i].open[j]
			holdFlights(h, x.flights)
			holdRequest(h, x.req)
		}
	}
}

func holdFlights(h *trace.Held, f *flight) {
	for ; f != nil; f = f.next {
		h.Stack(f.Stack)
		h.Name(f.Comm)
		holdRequest(h, f.req)
	}
}

func holdRequest(h *trace.Held, r *request) {
	if r != nil {
		h.Stack(r.Stack)
		h.Name(r.Comm)
	}
}

var (
	_ trace.Holder = (*Sends)(nil)
	_ trace.Holder = (*Deliveries)(nil)
)
