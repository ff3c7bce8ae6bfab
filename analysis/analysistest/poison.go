// Package analysistest holds what the tests of analyzers share: a Source that
// makes kept views fail, and the laws of merging.
package analysistest

import (
	"math"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Poison returns a Source that delivers copies of src's records and ruins each
// of them at the next Scan, payload first. A consumer that keeps a record or a
// view of it then reads nonsense or panics, where with src itself it may go
// well for as long as the source does not use its memory again.
func Poison(src trace.Source) trace.Source { return &poisoned{Source: src} }

type poisoned struct {
	trace.Source
	event  *trace.Event
	lost   *trace.Lost
	syntax *trace.SyntaxError
}

// Unwrap lets trace.As find what src can do besides.
func (p *poisoned) Unwrap() trace.Source { return p.Source }

// Scan implements trace.Source.
func (p *poisoned) Scan() bool {
	p.ruin()
	return p.Source.Scan()
}

// Close ruins the last record too.
func (p *poisoned) Close() error {
	p.ruin()
	return p.Source.Close()
}

// Record implements trace.Source.
func (p *poisoned) Record() trace.Record {
	switch r := p.Source.Record().(type) {
	case *trace.Event:
		if p.event == nil {
			p.event = &trace.Event{} // new memory each time: nobody gets at it by luck
			r.CopyTo(p.event)
		}
		return p.event
	case *trace.Lost:
		if p.lost == nil {
			p.lost = &trace.Lost{}
			*p.lost = *r
		}
		return p.lost
	case *trace.SyntaxError:
		if p.syntax == nil {
			p.syntax = &trace.SyntaxError{At: r.At, Msg: r.Msg, Text: append([]byte(nil), r.Text...)}
		}
		return p.syntax
	default:
		return r
	}
}

// bad is a byte that is no letter, no digit and no small number.
const bad = 0xa5

func (p *poisoned) ruin() {
	if e := p.event; e != nil {
		scribble(e.Payload())
		// without schema, table and decoder: asking it for anything panics
		*e = trace.Event{
			Time: math.MinInt64, Seq: math.MaxUint64, CPU: math.MinInt32, PID: math.MinInt32, TGID: math.MinInt32,
			ID: math.MaxUint32, Comm: math.MaxUint32, Instance: math.MaxUint32, Flags: bad, Preempt: bad,
		}
	}
	if l := p.lost; l != nil {
		*l = trace.Lost{CPU: math.MinInt32, Instance: math.MaxUint32, N: math.MaxUint64, Time: math.MinInt64}
	}
	if s := p.syntax; s != nil {
		scribble(s.Text)
		*s = trace.SyntaxError{Msg: "kept beyond the next Scan"}
	}
	p.event, p.lost, p.syntax = nil, nil, nil
}

func scribble(b []byte) {
	for i := range b {
		b[i] = bad
	}
}
