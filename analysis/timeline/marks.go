package timeline

import (
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// requestArrow tells the numbers of arrows from requests to what they made run
// from those of hits.
const requestArrow = 1 << 55

func (s *State) send(w *track.SendRecord) error {
	own := *w
	s.put(item{start: w.Time, end: w.Time, rank: rankSend, draw: func() { s.drawSend(&own) }})
	return s.err
}

func (s *State) drawSend(w *track.SendRecord) {
	m := s.begin(result.MarkSend, w.CPU, w.Function, w.Time, track.Never)
	for i := range w.Hits {
		h := &w.Hits[i]
		m.From = append(m.From, h.ID())
		if i == 0 {
			m.Name = s.table.NameOf(h.Function)
		} else if h.Function != w.Hits[i-1].Function {
			m.Name += "+" + s.table.NameOf(h.Function)
		}
	}
	s.text("targets", w.Targets)
	s.text("event", s.table.Schema(w.Event).Name)
	s.named("callback", w.Callback)
	s.named("callsite", w.Callsite)
	s.named("comm", w.Comm)
	s.number("pid", int64(w.PID))
	s.named("instance", w.Instance)
	s.stack(w.Stack, w.Callsite)
	s.emit()
}

func (s *State) hit(h *track.HitRecord) error {
	own := *h
	start, end := h.Time, track.Never
	if h.Entry != track.Never {
		start, end = h.Entry, h.Exit
	}
	if h.Joined {
		end = track.Never // the stretch is that of the older hit
	}
	s.put(item{start: start, end: max(start, end), rank: rankInterrupt, draw: func() { s.drawHit(&own, start, end) }})
	return s.err
}

func (s *State) drawHit(h *track.HitRecord, start, end trace.Time) {
	m := s.begin(result.MarkHit, h.Target, h.Function, start, end)
	m.To = append(m.To, h.ID())
	s.text("interrupt", h.Line.String())
	s.text("arrival", h.Arrival.String())
	s.between("delivery_ns", h.Time, h.Entry)
	s.flag("joined", h.Joined)
	if h.Entry != track.Never {
		s.text("context", h.Mode.String())
	}
	s.text("evidence", h.Evidence.String())
	s.text("class", s.attr.Class(h.Function, h.Stack, h.Callsite).Class.String())
	s.number("sender", int64(h.Sender))
	s.named("comm", h.Comm)
	s.number("pid", int64(h.PID))
	s.named("callback", h.Callback)
	s.named("callsite", h.Callsite)
	s.flag("self", h.IsSelf())
	s.flag("noise", h.Noise)
	s.named("instance", h.Instance)
	s.stack(h.Stack, h.Callsite)
	s.emit()
}

func (s *State) request(q *track.RequestRecord) error {
	own := *q
	s.put(item{start: q.Time, end: q.Time, rank: rankRequest, draw: func() { s.drawRequest(&own) }})
	return s.err
}

func (s *State) drawRequest(q *track.RequestRecord) {
	m := s.begin(result.MarkRequest, q.CPU, q.Function, q.Time, track.Never)
	if q.Start != track.Never {
		m.From = append(m.From, requestArrow|q.Serial)
	}
	s.number("target", int64(q.Target))
	s.flag("ipi", q.HasIPI)
	s.text("arrival", q.Arrival.String())
	s.between("wait_ns", q.Time, q.End)
	s.named("callsite", q.Callsite)
	s.named("comm", q.Comm)
	s.number("pid", int64(q.PID))
	s.named("instance", q.Instance)
	s.stack(q.Stack, q.Callsite)
	s.emit()
}

func (s *State) run(r *track.Run) error {
	own := *r
	s.put(item{start: r.Start, end: max(r.Start, r.End), rank: rankFunction, draw: func() { s.drawRun(&own) }})
	return s.err
}

func (s *State) drawRun(r *track.Run) {
	m := s.begin(result.MarkFunction, r.CPU, r.Function, r.Start, r.End)
	if r.Serial != 0 {
		m.To = append(m.To, requestArrow|r.Serial)
		s.number("sender", int64(r.Sender))
		s.named("comm", r.Comm)
		s.number("pid", int64(r.PID))
	}
	s.text("arrival", r.Arrival.String())
	s.between("delivery_ns", r.Queued, r.Start)
	s.flag("shared", r.Shared)
	s.text("context", r.Mode.String())
	s.emit()
}

func (s *State) unsent(d *track.Delivery) error {
	own := *d
	start, end := d.Entered(), d.Left()
	if start == track.Never {
		return s.err
	}
	s.put(item{start: start, end: max(start, end), rank: rankInterrupt, draw: func() { s.drawUnsent(&own, start, end) }})
	return s.err
}

func (s *State) drawUnsent(d *track.Delivery, start, end trace.Time) {
	s.begin(result.MarkInterrupt, d.Target, d.Function, start, end)
	s.text("interrupt", d.Line.String())
	s.text("arrival", d.Arrival.String())
	s.text("context", d.Mode.String())
	s.emit()
}
