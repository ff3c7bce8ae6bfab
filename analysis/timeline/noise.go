package timeline

import (
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// noise takes a noise event of osnoise or timerlat. What ran somewhere before its
// record is shown from when it came to the record, with its net time beside it.
func (s *State) noise(n *track.Noise) {
	if n.Broken || s.err != nil {
		return
	}
	own := *n
	s.put(item{start: n.Begin, end: max(n.Begin, n.End), rank: rankNoise, draw: func() { s.drawNoise(&own) }})
}

func (s *State) drawNoise(n *track.Noise) {
	m := s.begin(result.MarkNoise, n.CPU, n.Name, n.Begin, max(n.Begin, n.End))
	m.OnNoise = true
	if m.Name == "" {
		m.Name = n.Kind.String()
	}
	s.text("kind", n.Kind.String())
	s.number("net_ns", n.Net)
	if n.Kind == track.NoiseThread {
		s.number("pid", int64(n.ID))
	}
	s.emit()
}

// reported takes what the measuring thread says of a sample or an activation. An
// activation is a moment: what it interrupted may have begun before it was due.
func (s *State) reported(r *track.NoiseReport) {
	own := *r
	switch {
	case s.err != nil:
	case r.Kind == track.ReportSample:
		end := r.Begin + trace.Time(r.Length)
		s.put(item{start: r.Begin, end: end, rank: rankSample, draw: func() { s.drawSample(&own) }})
	case r.Kind == track.ReportActivation && r.Context > 0:
		s.put(item{start: r.At, end: r.At, rank: rankSample, draw: func() { s.drawActivation(&own) }})
	}
}

func (s *State) drawSample(r *track.NoiseReport) {
	m := s.begin(result.MarkSample, r.CPU, 0, r.Begin, r.Begin+trace.Time(r.Length))
	m.Name, m.OnNoise = "sample", true
	s.number("length_ns", r.Length)
	s.number("interference", int64(min(r.Interference, 1<<62)))
	s.emit()
}

func (s *State) drawActivation(r *track.NoiseReport) {
	m := s.begin(result.MarkSample, r.CPU, 0, r.At, track.Never)
	m.Name, m.OnNoise = "activation", true
	s.number("seq", int64(min(r.Seq, 1<<62)))
	s.text("context", [...]string{"irq", "thread", "user-ret"}[min(r.Context, 2)])
	s.number("latency_ns", r.Latency)
	s.emit()
}
