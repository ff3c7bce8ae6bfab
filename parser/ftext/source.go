// Package ftext reads ftrace text: the kernel's files trace and trace_pipe and
// what `trace-cmd report` prints, in every layout of their options.
//
// Both print one line per event, stacks as further lines. A line is anchored on
// what the printers guarantee (kernel/trace/trace_output.c, trace_print_context;
// trace-cmd's tracecmd/trace-read.c), not on how lines usually look: a comm may
// hold blanks, dashes and brackets.
//
// What a text does not hold is said in the trace's description: DroppedColumns
// names missing parts of the header, Notes what else is lost. An event whose
// text has no CPU at all (option nocontext-info) has CPU and PID -1.
//
// A trace may also stand in a mail, quoted, wrapped or encoded, between prose.
// Whether it does is decided by the first 64 KiB, or later by a quoted line; a
// clean trace then pays nothing. The lines of a mail that are no trace are
// neither events nor errors: they are counted in Meta.LinesLeft.
package ftext

import (
	"bytes"
	"fmt"
	"io"
	"runtime"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/blocks"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/internal/mail"
	"github.com/ipiscope/ipiscope/parser/internal/order"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Options change how a text is read. The zero value is good for all.
type Options struct {
	// Clock is the name of the trace's clock if the caller knows it ("boot").
	// No text says it, and some clocks are printed without a unit.
	Clock string
	// Noise is called with each line that belongs to no record (headers, blank
	// lines), with its line end, before the record that follows it. The bytes
	// are valid during the call.
	Noise func(line []byte)
	// Threads is how many goroutines look through the text at once where much of
	// it may be passed over (see Source.Hint); 0 is one for each processor.
	Threads int
	// Growing says that the text is still being written: what has come decides what
	// stands around the trace.
	Growing bool
	// Mixed says that other text stands around the trace, as in a mail.
	Mixed bool

	blockSize int     // for tests; 0 is the usual size
	part      *Part   // what is read, if it is part of a recording
	with      *Source // whose table it shares then
}

// A Source reads one text. It is a trace.Source and a trace.Hinter.
type Source struct {
	in     lines.Reader
	name   string
	opts   Options
	closer io.Closer
	table  *trace.Table
	dec    *decoder
	wanted map[string]bool // by event name; nil: all

	names *scan.Names[known]

	// blocks leaves out events that nobody looks at; nil if all are read.
	blocks *blocks.Reader
	// mail is set for a text that has other lines around or between those of
	// the trace.
	mail   *mail.Text
	joined []byte

	head    header
	style   style
	dialect dialect
	// inherit is the instance of a loss line, whose event line has no prefix.
	inherit []byte
	// skipStack is set while stack lines follow an event that nobody wants.
	skipStack bool
	seen      facts
	order     order.Watch
	// waits is set while records that come before the current event are delivered.
	waits bool
	// nests are the functions of function_graph that are open, by CPU; inNest is that
	// around the current event, whose stack comes next. made: it is the current one.
	nests    map[int32]*nest
	inNest   *nest
	nestText []byte
	opener   []byte // the function of a line that lost its CPU
	made     bool

	ends       order.Ends
	entries    entries
	framesLeft int // frames of stacks that stand after no event
	comm       []byte
	commName   trace.NameID // comm's

	ev      trace.Event
	lost    trace.Lost
	bad     trace.SyntaxError
	skipped trace.Skipped
	rec     trace.Record
}

var (
	_ trace.Source = (*Source)(nil)
	_ trace.Hinter = (*Source)(nil)
)

// dialect is who printed the text, as far as it is known yet.
type dialect uint8

const (
	unknownDialect dialect = iota
	kernelDialect
	traceCmdDialect
)

// known is what is known of an event name.
type known struct {
	schema *trace.Schema
	layout *events.Layout
	skip   bool
	stack  bool
	// whole: the printed name is part of the payload, as in the kernel's
	// "tracing_mark_write: text", a print event.
	whole bool
}

// New returns a source for the text that r holds, which starts at its first
// byte. The name is for messages. It reads the first block and fails if that
// fails. Close closes r if it is an io.Closer.
func New(r io.Reader, name string, opts Options) (*Source, error) {
	s := &Source{in: *lines.New(r), name: name, opts: opts}
	s.closer, _ = r.(io.Closer)
	if with := opts.with; with != nil {
		s.table, s.dec, s.names = with.table, with.dec, with.names
	} else {
		s.table, s.names = trace.NewTable(), &scan.Names[known]{}
		s.dec = &decoder{Decoder: events.NewDecoder(s.table)}
	}
	meta := &s.table.Meta
	meta.Path, meta.Format, meta.Clock = name, "ftrace text", opts.Clock
	ahead := judged
	if opts.Growing {
		ahead = 1
	}
	prefix := s.in.Ahead(ahead)
	if err := s.in.Err(); err != nil && len(prefix) == 0 {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if opts.Mixed || mail.LooksLike(prefix[:min(len(prefix), judged)], hasHead(prefix), isTraceLine) {
		s.mail = mail.NewText(&s.in)
	}
	return s, nil
}

// UseSymbols says where the symbols of addresses come from that the text prints as
// numbers. It must be called before the first Scan.
func (s *Source) UseSymbols(load func(buildID string) (*ksym.Table, error)) { s.dec.UseSymbols(load) }

// Hint makes Scan pass over what is not in h. It must be called before the first
// Scan, and Close be called once it was.
func (s *Source) Hint(h trace.Hint) {
	s.wanted = nil
	if h.Select.Events != nil {
		s.wanted = make(map[string]bool, len(h.Select.Events))
		for _, name := range h.Select.Events {
			s.wanted[name] = true
		}
	}
	if s.mail == nil && s.opts.Noise == nil && canSkim(&h) {
		s.in.Divert(func(rest io.Reader) lines.Feed {
			s.blocks = blocks.NewReader(rest, s.opts.blockSize, s.threads(), func() blocks.Filter { return newSkimmer(h) })
			return s.blocks
		})
	}
}

func (s *Source) threads() int {
	if s.opts.Threads > 0 {
		return s.opts.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Table returns the names and schemas seen so far.
func (s *Source) Table() *trace.Table { return s.table }

// Record returns the current record.
func (s *Source) Record() trace.Record { return s.rec }

// Raw returns the lines of the current record as they stand in the input,
// with their line ends: a stack event's stack is among them. Of an overlong
// line it is the begin, of a Restart and the losses after it nothing. It is valid
// until the next Scan.
func (s *Source) Raw() []byte {
	if s.waits || s.made {
		return nil // of a record that is none of the text's
	}
	return s.in.Raw()
}

// Err returns the error that ended the input early.
func (s *Source) Err() error {
	if s.in.Err() == nil {
		return s.ends.Err()
	}
	return fmt.Errorf("%s: after line %d: %w", s.name, s.in.Line(), s.in.Err())
}

// Close closes the reader if it can be closed.
func (s *Source) Close() error {
	if s.blocks != nil {
		s.blocks.Close()
	}
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// Scan advances to the next event, loss or bad line, or says what was passed
// over.
func (s *Source) Scan() bool {
	if s.waits {
		return s.afterRestart()
	}
	if s.made = false; s.inNest != nil && s.nested() {
		return true
	}
	for {
		if s.passedOver() {
			return true
		}
		if s.mail != nil {
			return s.scanMail()
		}
		if gap := s.in.Begin(); gap != nil {
			s.stepOver(gap)
		}
		line, st := s.in.Next()
		switch st {
		case lines.End:
			s.endOpen()
			return s.passedOver()
		case lines.Long:
			return s.syntax(line, overlong)
		}
		if s.scanLine(line) {
			return s.whole()
		}
	}
}

// stepOver notes what is known of lines that were left out.
func (s *Source) stepOver(gap *lines.Gap) {
	if gap.Bytes > 0 {
		s.skipStack = gap.InStack
		s.entries.have += uint64(gap.Events)
	}
	if gap.Events > 0 {
		s.ev.Time = trace.Time(gap.Time)
	}
	for _, end := range s.in.Ends() {
		s.order.Before(end.CPU, trace.Time(end.Last))
	}
}

// passedOver is true if it made a record of what was passed over.
func (s *Source) passedOver() bool {
	if s.blocks == nil {
		return false
	}
	skipped, ok := s.blocks.Skipped()
	if ok {
		s.skipped = skipped
		s.rec = &s.skipped
	}
	return ok
}

const overlong = "line is longer than 1 MiB; its rest is skipped"

// scanLine is true if the line made a record.
func (s *Source) scanLine(line []byte) bool {
	if mail.IsQuote(line) {
		s.mail = mail.NewText(&s.in)
		return s.mailLine(s.mail.Start(line, lines.OK))
	}
	if isFrame(line) {
		return s.orphan()
	}
	s.skipStack = false
	if len(line) > 0 && line[0] == '#' {
		s.comment(line)
		return s.noise()
	}
	if s.parseHeader(line) {
		return s.event(line)
	}
	return s.other(line)
}

// parseHeader tries the style of the line before first.
func (s *Source) parseHeader(line []byte) bool {
	fromTraceCmd := s.dialect == traceCmdDialect
	if s.head.parse(s.style, line, fromTraceCmd) {
		return true
	}
	for st := range styleCount {
		if st != s.style && (s.dialect == kernelDialect || st < styleRaw) && s.head.parse(st, line, fromTraceCmd) {
			s.style = st
			return true
		}
	}
	return false
}

// event makes an event of a line whose header was parsed.
func (s *Source) event(line []byte) bool {
	h := &s.head
	s.entries.entry(h.cpu)
	if h.typ != 0 {
		return s.numbered(h.typ, line[len(line):])
	}
	if h.time == 0 && s.order.Newest() > 1e9 {
		return s.timeless()
	}
	payload := trimRight(line[h.payload:])
	k, payload, msg := s.identify(payload)
	if msg != "" {
		return s.syntax(line, msg)
	}
	return s.deliver(k, payload, line)
}

// deliver fills in the event of s.head.
func (s *Source) deliver(k *known, payload, line []byte) bool {
	s.facts()
	inherit := s.inherit
	s.inherit = nil
	if k.skip {
		s.skipStack = k.stack
		return false
	}
	at := s.pos()
	instance, comm := s.head.split()
	if inherit != nil {
		instance = inherit
	}
	// Interning comes before the stack is read: that moves the buffer.
	var instanceID trace.NameID
	if len(instance) > 0 {
		instanceID = s.table.NameBytes(instance)
		s.instance(instance)
	}
	commID := s.commID(comm)
	if k.stack {
		payload = s.group(line, payload)
	} else if k.layout.Strict() {
		payload = s.complete(k, payload)
	}
	s.dec.Next(payload)
	k.layout.Learn(payload)
	h, e := &s.head, &s.ev
	e.Reset(s.table, s.dec, k.schema, payload)
	e.Time, e.CPU, e.PID, e.TGID = h.time, h.cpu, h.pid, h.tgid
	e.Comm, e.Instance = commID, instanceID
	e.Flags, e.Preempt, e.HasFlags = h.flags, h.preempt, h.hasFlags
	e.Seq, e.At = uint64(at.Line), at
	s.rec = e
	s.order.Ticks = h.noDot && s.table.Meta.ClockUnit != ""
	if s.order.Event(h.cpu, h.time, at) {
		s.waits = true
		s.rec = s.order.Next()
	}
	return true
}

// commID interns a comm, which most often is that of the event before.
func (s *Source) commID(comm []byte) trace.NameID {
	if !bytes.Equal(comm, s.comm) || s.comm == nil {
		s.comm, s.commName = append(s.comm[:0], comm...), s.table.NameBytes(comm)
	}
	return s.commName
}

// afterRestart delivers what says that another recording begins, then its first
// event.
func (s *Source) afterRestart() bool {
	if s.rec = s.order.Next(); s.rec == nil {
		s.waits = false
		s.rec = &s.ev
	}
	return true
}

func (s *Source) pos() trace.Pos {
	return s.place(s.in.First())
}

// place is a line of the text, at which the current record begins or which it is.
func (s *Source) place(line int) trace.Pos {
	at := trace.Pos{File: s.name, Line: line, Off: s.in.Off()}
	if p := s.opts.part; p != nil {
		at.Line, at.Off = at.Line+p.Line, at.Off+p.Off
	}
	return at
}

func (s *Source) syntax(line []byte, msg string) bool {
	s.bad = trace.SyntaxError{At: s.pos(), Msg: msg, Text: line}
	s.rec = &s.bad
	return true
}
