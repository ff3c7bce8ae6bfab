// Package trace is the vocabulary that every reader and every analyzer of
// ipiscope shares: events, losses, bad input, the schemas that describe event
// payloads, and the table that names belong to.
//
// A reader of one input format implements Source. Whoever consumes a Source
// sees the same types whatever the bytes were: a ring-buffer page out of a
// trace.dat, a line of /sys/kernel/tracing/trace, or perf script text.
//
// # Three kinds of trouble
//
// A bad line or page is a record with a position (SyntaxError) and reading goes
// on. Input that could not be read to its end is Source.Err. A result that is
// doubtful is a warning on that result and not this package's business.
// Dropped events are records too (Lost), so that no count can be made without
// seeing them.
package trace

import "fmt"

// Time is a time stamp on the clock of the trace. It is in nanoseconds unless
// Meta.ClockUnit says otherwise: clocks such as x86-tsc and counter tick in
// units of their own. It is parsed as an integer and never passes through a
// float.
type Time int64

// EventID, NameID, SymbolID and StackID are dense, start at 0 and belong to one
// Table. The zero NameID is the empty string, the zero StackID is "no stack".
type (
	EventID  uint32
	NameID   uint32
	SymbolID uint32
	StackID  uint32
)

// Pos says where in the input something was found. Line is 0 for binary input.
type Pos struct {
	File string
	Line int   // 1-based line of a text input, else 0
	Off  int64 // byte offset, -1 if unknown
}

// String gives file:line for text and "file: offset N" for binary input.
func (p Pos) String() string {
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	case p.Off >= 0:
		return fmt.Sprintf("%s: offset %#x", p.File, p.Off)
	}
	return p.File
}

// A Record is one of *Event, *Lost, *SyntaxError, *Restart, *Skipped and *Until. More may be
// added: a consumer ignores what it does not know.
type Record interface{ record() }

// Lost says that events are missing from the stream of one CPU, before the
// next event of that CPU in the same buffer. What a consumer tracks per CPU and
// what began before Time must not be paired with what comes after it.
type Lost struct {
	CPU      int32
	Instance NameID
	N        uint64 // number of dropped events, 0 if the recording does not know
	Time     Time   // time of the first event after the gap
	Since    Time   // time of the last event before it, 0 if there is none or the source does not know
	At       Pos
}

func (*Lost) record() {}

// SyntaxError is a part of the input that could not be understood. It is not
// fatal: reading continues after it.
type SyntaxError struct {
	At   Pos
	Msg  string
	Text []byte // the offending text or nil; valid until the next Scan
}

func (*SyntaxError) record() {}

// Restart says that the events after it belong to another recording than those
// before, or to a part of one that stands at the wrong place: the time between
// them does not count. A Lost for each CPU follows it.
type Restart struct {
	At   Pos
	Time Time // of the first event after it
	Msg  string
}

func (*Restart) record() {}

// Until says that nothing that happened before Time follows. A source that delivers
// events while they happen says so now and then, also if there are none: what waits
// for something that would have come by then need wait no longer.
type Until struct{ Time Time }

func (*Until) record() {}

func (e *SyntaxError) Error() string { return e.At.String() + ": " + e.Msg }

// A Source delivers the records of one trace in its total order: by time, then
// buffer, then CPU, then position within that CPU's buffer, which is the order
// in which trace-cmd prints them. Text comes in the order of its lines.
//
//	for src.Scan() {
//		switch r := src.Record().(type) {
//		case *trace.Event:
//		case *trace.Lost:
//		case *trace.SyntaxError:
//		}
//	}
//	err := src.Err()
type Source interface {
	// Scan advances to the next record. It returns false at the end of the
	// input or when no more of it can be read.
	Scan() bool
	// Record returns the current record. It is owned by the Source and valid
	// until the next Scan.
	Record() Record
	// Err reports why Scan returned false before the end of the trace, or that
	// the trace was damaged on the way. It is nil for a whole trace.
	Err() error
	// Table returns the names, schemas and description of this trace. It grows
	// while scanning.
	Table() *Table
	Close() error
}

// As finds in a Source, or in one that it wraps (Unwrap() Source), what
// implements T.
func As[T any](s Source) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		w, ok := s.(interface{ Unwrap() Source })
		if !ok {
			break
		}
		s = w.Unwrap()
	}
	var none T
	return none, false
}

// What follows are abilities that not every Source has, for As. Those that have to do with
// kernel symbols are in package ksym, those of printers in tracecmd and perftext.

// A Texter is a Source of text, which still has the lines of its current record.
type Texter interface{ Raw() []byte }

// A Framer is a text in a binary file, with what trace-cmd report prints around
// it.
type Framer interface{ Frame() (head, tail string) }

// A FormatUser is a Source that may lack the formats of its events. It must be told
// them before the first Scan.
type FormatUser interface{ UseFormats([]*Schema) }

// A Progresser is a Source that knows how much of its input it has read.
type Progresser interface {
	// Progress returns bytes read and bytes in all; the latter is 0 if it is
	// not known.
	Progress() (done, total int64)
}
