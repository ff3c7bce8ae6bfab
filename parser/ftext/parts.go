package ftext

import (
	"bytes"
	"errors"
	"io"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Part is the text of one CPU, as per_cpu/cpuN/trace holds it.
type Part struct {
	R    io.Reader
	Name string // for messages
	// Line and Off are how many lines and bytes stand before it in what Name names.
	Line int
	Off  int64
}

// Parts reads the texts of several CPUs as one recording, in the order of time. It is
// a trace.Source and a trace.Hinter.
type Parts struct {
	all     []*Source
	current *Source
	open    []*Source // those that have a record, in the order of the parts
}

var (
	_ trace.Source = (*Parts)(nil)
	_ trace.Hinter = (*Parts)(nil)
)

// partBlock is the size of the blocks that a part is looked through in.
const partBlock = 64 << 10

// NewParts returns a source for the texts of several CPUs; name is that of the
// recording. Close closes closer.
func NewParts(parts []Part, name string, closer io.Closer, opts Options) (*Parts, error) {
	p := &Parts{}
	for _, part := range parts {
		o := opts
		o.part = &part
		// there may be hundreds: each is looked through as it is read, in small blocks
		o.Threads, o.blockSize = 1, partBlock
		if len(p.all) > 0 {
			o.with = p.all[0]
		}
		s, err := New(part.R, part.Name, o)
		if err != nil {
			return nil, err
		}
		s.closer = nil
		p.all = append(p.all, s)
	}
	p.all[0].closer = closer
	p.Table().Meta.Path = name
	return p, nil
}

// UseSymbols says where the symbols of addresses come from, see Source.UseSymbols.
func (p *Parts) UseSymbols(load func(buildID string) (*ksym.Table, error)) { p.all[0].UseSymbols(load) }

// Hint makes Scan pass over what is not in h, see Source.Hint.
func (p *Parts) Hint(h trace.Hint) {
	for _, s := range p.all {
		s.Hint(h)
	}
}

// Table returns the names and schemas seen so far.
func (p *Parts) Table() *trace.Table { return p.all[0].table }

// Scan advances to the next record: the earliest of those of the parts. What has no
// time is told as soon as it is reached.
func (p *Parts) Scan() bool {
	if p.current == nil {
		for _, s := range p.all {
			p.advance(s)
		}
	} else if s := p.current; s.Scan() {
		// it keeps its place
	} else {
		p.remove(s)
	}
	p.current = nil
	for _, s := range p.open {
		if p.current == nil || s.due() < p.current.due() {
			p.current = s
		}
	}
	if p.current == nil {
		return false
	}
	if e, ok := p.current.rec.(*trace.Event); ok {
		p.current.dec.Next(e.Payload()) // the parts share one
	}
	return true
}

func (p *Parts) advance(s *Source) {
	if s.Scan() {
		p.open = append(p.open, s)
	}
}

func (p *Parts) remove(s *Source) {
	for i, o := range p.open {
		if o == s {
			p.open = append(p.open[:i], p.open[i+1:]...)
			return
		}
	}
}

// due is when the current record's turn is.
func (s *Source) due() trace.Time {
	switch r := s.rec.(type) {
	case *trace.Event:
		return r.Time
	case *trace.Lost:
		if r.Time > 0 {
			return r.Time
		}
	}
	return -1
}

// Record returns the current record.
func (p *Parts) Record() trace.Record { return p.current.Record() }

// Raw returns the lines of the current record, see Source.Raw.
func (p *Parts) Raw() []byte { return p.current.Raw() }

// Err returns what ended the parts early.
func (p *Parts) Err() error {
	var all []error
	for _, s := range p.all {
		all = append(all, s.Err())
	}
	return errors.Join(all...)
}

// Close closes the parts.
func (p *Parts) Close() error {
	var all []error
	for _, s := range p.all {
		all = append(all, s.Close())
	}
	return errors.Join(all...)
}

// A Stretch is what pieces of a text show of when which CPU recorded.
type Stretch struct {
	CPU         int32
	First, Last trace.Time
}

// OneCPU looks at pieces of a kernel's text, the first of which is its begin. It is
// false if they hold no events or those of several CPUs.
func OneCPU(pieces ...[]byte) (s Stretch, ok bool) {
	var h header
	s.CPU = -1
	for i, piece := range pieces {
		if i > 0 {
			_, piece, _ = bytes.Cut(piece, []byte("\n")) // it begins anywhere in a line
		}
		for len(piece) > 0 {
			var line []byte
			var whole bool
			if line, piece, whole = bytes.Cut(piece, []byte("\n")); !whole {
				break
			}
			if !h.parse(styleTask, line, false) && !h.parse(styleNoTask, line, false) {
				continue
			}
			switch {
			case s.CPU < 0:
				s = Stretch{h.cpu, h.time, h.time}
			case s.CPU != h.cpu:
				return s, false
			}
			s.First, s.Last = min(s.First, h.time), max(s.Last, h.time)
		}
	}
	return s, s.CPU >= 0
}
