package listing

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func (s *State) hit(h *track.HitRecord) error {
	facts := s.attr.Facts(h.Stack, h.Callsite)
	s.row = append(s.row[:0],
		result.Int(h.Time), result.Int(h.Sender), result.Int(h.Target), result.Int(h.PID), s.name(h.Comm),
		result.Str(s.table.Schema(h.Event).Name), s.name(h.Callback), s.name(h.Callsite),
		s.name(h.Function), result.Str(h.Evidence.String()),
		s.name(facts.Cause), s.name(facts.Entry), s.class(h.Function, h.Stack, h.Callsite),
		flag(h.IsSelf()), s.name(h.Instance), s.file(), s.name(facts.Mechanism), flag(h.Noise),
		s.stack(h.Stack), result.Str(h.Arrival.String()), flag(h.Joined), known(h.Entry), known(h.Exit), result.Str(h.Mode.String()))
	return s.cfg.Row(s.row)
}

func (s *State) send(w *track.SendRecord) error {
	facts := s.attr.Facts(w.Stack, w.Callsite)
	self, noise := false, 0
	for i := range w.Hits {
		self = self || w.Hits[i].IsSelf()
		if w.Hits[i].Noise {
			noise++
		}
	}
	s.row = append(s.row[:0],
		result.Int(w.Time), result.Int(w.CPU), result.Str(w.Targets), result.Int(w.PID), s.name(w.Comm),
		result.Str(s.table.Schema(w.Event).Name), s.name(w.Callback), s.name(w.Callsite),
		result.Str(s.joined(w, func(f trace.NameID, _ track.Evidence) string { return s.table.NameOf(f) })),
		result.Str(s.joined(w, func(_ trace.NameID, e track.Evidence) string { return e.String() })),
		s.name(facts.Cause), s.name(facts.Entry),
		result.Str(s.joined(w, func(f trace.NameID, _ track.Evidence) string {
			return s.attr.Class(f, w.Stack, w.Callsite).Class.String()
		})),
		result.Int(int64(len(w.Hits))), flag(self), result.Int(int64(noise)), result.Int(w.Requests),
		s.name(w.Instance), s.file(), s.name(facts.Mechanism), s.stack(w.Stack))
	return s.cfg.Row(s.row)
}

// joined is a text about each of the functions that a send brings, each
// different one once, as they come.
func (s *State) joined(w *track.SendRecord, text func(trace.NameID, track.Evidence) string) string {
	if len(w.Hits) == 0 {
		return text(w.Function, w.Evidence)
	}
	all := text(w.Hits[0].Function, w.Hits[0].Evidence)
	for i := range w.Hits[1:] {
		h, last := &w.Hits[i+1], &w.Hits[i]
		if h.Function == last.Function && h.Evidence == last.Evidence {
			continue
		}
		if t := text(h.Function, h.Evidence); !strings.Contains("+"+all+"+", "+"+t+"+") {
			all += "+" + t
		}
	}
	return all
}

func (s *State) request(q *track.RequestRecord) error {
	facts := s.attr.Facts(q.Stack, q.Callsite)
	event := track.NoIPI
	if q.HasIPI {
		event = s.table.Schema(q.Event).Name
	}
	s.row = append(s.row[:0],
		result.Int(q.Time), result.Int(q.CPU), result.Int(q.Target), result.Int(q.PID), s.name(q.Comm),
		s.name(q.Function), s.name(q.Callsite), flag(q.HasIPI), known(q.Sent), result.Str(event),
		s.name(facts.Cause), s.name(facts.Entry), s.class(q.Function, q.Stack, q.Callsite), s.name(facts.Mechanism),
		result.Str(q.Arrival.String()), known(q.Start), known(q.End), flag(q.Shared),
		s.name(q.Instance), s.file(), s.stack(q.Stack))
	return s.cfg.Row(s.row)
}
