// Package perfscript reads the text that `perf script` prints for tracepoints,
// with any choice of columns (-F) that holds the time and the event.
//
// A sample is one line, its callchain the lines after it. The callchain becomes
// an event of its own, kernel_stack, right after its sample and with the same
// header: that is how ftrace records a stack. It ends where user space begins.
//
// perf prints neither common_flags nor common_preempt_count: events have no
// flags. Columns that were not printed are named in the trace's description;
// their values are -1.
//
// A trace in a mail is read as package ftext does it.
package perfscript

import (
	"bytes"
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/internal/mail"
	"github.com/ipiscope/ipiscope/parser/internal/order"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Options change how a text is read. The zero value is good for all.
type Options struct {
	// Noise is called with each line that belongs to no record (headers, blank
	// lines), with its line end, before the record that follows it. The bytes
	// are valid during the call.
	Noise func(line []byte)
	// Growing says that the text is still being written: what has come decides what
	// stands around the trace.
	Growing bool
	// Mixed says that other text stands around the trace, as in a mail.
	Mixed bool
}

// A Source reads one text. It is a trace.Source and a trace.Hinter.
type Source struct {
	in     lines.Reader
	name   string
	opts   Options
	closer io.Closer
	table  *trace.Table
	dec    *decoder
	wanted map[string]bool // nil: all
	// mail is set for a text that has other lines around or between those of
	// the trace.
	mail   *mail.Text
	joined []byte

	names scan.Names[known]
	known names
	tasks map[int32]trace.NameID // the last name of each thread
	twice twice
	stack *known

	head header
	comm trace.NameID // of head
	// after says what the lines of a callchain belong to.
	after owner
	seen  facts
	order order.Watch
	// waits is set while records that come before the current event are delivered.
	waits bool
	ends  order.Ends
	// deltas: times count from the event before, so they say nothing of order.
	deltas bool

	ev   trace.Event
	lost trace.Lost
	bad  trace.SyntaxError
	rec  trace.Record
}

var (
	_ trace.Source = (*Source)(nil)
	_ trace.Hinter = (*Source)(nil)
)

// owner is what stands before a callchain.
type owner uint8

const (
	nobody  owner = iota
	sample        // a sample that was delivered, or whose stack is wanted
	skipped       // one that nobody wants
)

// judged is how much of a text decides whether it is a mail.
const judged = 64 << 10

// New returns a source for the text that r holds. The name is for messages. It
// reads the first block and fails if that fails. Close closes r if it is an
// io.Closer.
func New(r io.Reader, name string, opts Options) (*Source, error) {
	s := &Source{in: *lines.New(r), name: name, opts: opts, table: trace.NewTable(), tasks: map[int32]trace.NameID{}}
	s.closer, _ = r.(io.Closer)
	s.dec = &decoder{Decoder: events.NewDecoder(s.table)}
	meta := &s.table.Meta
	meta.Path, meta.Format, meta.ClockUnit = name, "perf script text", "ns"
	// perf record's default, local_clock(), is what ftrace calls "perf".
	meta.Clock = "perf"
	meta.DroppedColumns = []string{"flags"}
	s.note(noFlags)
	s.order.Sorted = true
	ahead := judged
	if opts.Growing {
		ahead = 1
	}
	prefix := s.in.Ahead(ahead)
	if err := s.in.Err(); err != nil && len(prefix) == 0 {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if opts.Mixed || mail.LooksLike(prefix[:min(len(prefix), judged)], false, isTraceLine) {
		s.mail = mail.NewText(&s.in)
	}
	return s, nil
}

// Hint makes Scan skip the events that do not take part; kernel_stack stands
// for the callchains. It must be called before the first Scan.
func (s *Source) Hint(h trace.Hint) {
	s.wanted = nil
	if h.Select.Events == nil {
		return
	}
	s.wanted = make(map[string]bool, len(h.Select.Events))
	for _, name := range h.Select.Events {
		s.wanted[name] = true
	}
}

// Table returns the names and schemas seen so far.
func (s *Source) Table() *trace.Table { return s.table }

// Record returns the current record.
func (s *Source) Record() trace.Record { return s.rec }

// Raw returns the lines of the current record as they stand in the input, with
// their line ends. Of an overlong line it is the begin, of a Restart and the
// losses after it nothing. It is valid until the next Scan.
func (s *Source) Raw() []byte {
	if s.waits {
		return nil // of a record that is none of the text's
	}
	return s.in.Raw()
}

// Err returns the error that ended the input early.
func (s *Source) Err() error {
	if err := s.in.Err(); err != nil {
		return fmt.Errorf("%s: after line %d: %w", s.name, s.in.Line(), err)
	}
	return s.ends.Err()
}

// Close closes the reader if it can be closed.
func (s *Source) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

const overlong = "line is longer than 1 MiB; its rest is skipped"

// Scan advances to the next event, loss or bad line.
func (s *Source) Scan() bool {
	if s.waits {
		return s.afterRestart()
	}
	for {
		if s.mail != nil {
			return s.scanMail()
		}
		s.in.Begin()
		line, st := s.in.Next()
		switch st {
		case lines.End:
			s.endOpen()
			return false
		case lines.Long:
			return s.syntax(line, overlong)
		}
		if s.scanLine(line) {
			return s.whole()
		}
	}
}

// endOpen ends the input. One that does not end with a line is cut, whatever that
// line is: it may have been about to become an event's or a stack's.
func (s *Source) endOpen() {
	s.noteEnd()
	if s.rec = nil; s.in.IsOpen() {
		s.ends.Text(trace.Pos{File: s.name, Line: s.in.Line(), Off: s.in.Off()})
	}
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

// whole makes a bad line of a record whose last line has no end: the text was cut
// there. It is true, as there is a record in any case.
func (s *Source) whole() bool {
	if s.ends.Cut(s.rec, s.in.Raw(), s.pos()) {
		s.waits = false
		return s.syntax(s.in.Raw(), order.CutText)
	}
	return true
}

// scanLine is true if the line made a record.
func (s *Source) scanLine(line []byte) bool {
	if isChain(line) {
		return s.chain(line)
	}
	if len(line) == 0 {
		s.after = nobody
		return s.noise()
	}
	if mail.IsQuote(line) {
		s.mail = mail.NewText(&s.in)
		return s.mailLine(s.mail.Start(line, lines.OK))
	}
	if line[0] == '#' && s.comment(line) {
		return s.noise()
	}
	if s.head.parse(line) {
		return s.event(line)
	}
	if s.after != nobody && len(line) > 2 && line[0] == ' ' && line[1] == ' ' {
		return s.noise() // a line of -F srcline in the callchain of a skipped sample
	}
	s.after = nobody
	return s.other(line)
}

// event makes an event of a line whose header was parsed.
func (s *Source) event(line []byte) bool {
	h := &s.head
	payload := line[h.payload:]
	for n := len(payload); n > 0 && payload[n-1] == ' '; n-- {
		payload = payload[:n-1]
	}
	if h.event[0] == 'P' && isPerfRecord(h.event) {
		s.after = skipped
		return s.perfRecord(payload)
	}
	k := s.lookup(h.event)
	if k == nil {
		return s.syntax(line, "too many different event names; is this a trace?")
	}
	if s.after = sample; k.skip {
		s.after = skipped
		return false
	}
	s.learnFacts()
	s.comm = s.task(h)
	if k.layout.Strict() {
		payload = s.complete(k, payload)
	}
	s.lookAhead(payload)
	s.twice.event(k, h, payload)
	return s.deliver(k, payload)
}

// task is the name of a sample's thread. perf forgets it when the thread begins to
// exit, since 6.12, and prints :TID from then on.
func (s *Source) task(h *header) trace.NameID {
	if len(h.comm) > 1 && h.comm[0] == ':' && h.pid > 0 {
		if last, ok := s.tasks[h.pid]; ok && isTID(h.comm[1:], h.pid) {
			return last
		}
		return s.table.NameBytes(h.comm)
	}
	comm := s.table.NameBytes(h.comm)
	if last, ok := s.tasks[h.pid]; (!ok || last != comm) && h.pid > 0 && len(s.tasks) < 1<<20 {
		s.tasks[h.pid] = comm
	}
	return comm
}

func isTID(digits []byte, tid int32) bool {
	n, end := scan.Digits(digits, 0)
	return end == len(digits) && n == uint64(tid)
}

// complete returns the payload without the value that its line ends in the middle
// of, if it does: half a number is another number.
func (s *Source) complete(k *known, payload []byte) []byte {
	n := k.layout.Whole(payload)
	if n < len(payload) {
		s.ends.Line(s.pos())
	}
	return payload[:n]
}

// deliver fills in the event of s.head.
func (s *Source) deliver(k *known, payload []byte) bool {
	s.dec.Next(payload)
	k.layout.Learn(payload)
	h, e := &s.head, &s.ev
	e.Reset(s.table, s.dec, k.schema, payload)
	e.Time, e.CPU, e.PID, e.TGID, e.Comm = h.time, h.cpu, h.pid, h.tgid, s.comm
	e.At = s.pos()
	e.Seq = uint64(e.At.Line)
	s.rec = e
	if !s.deltas && s.order.Event(h.cpu, h.time, e.At) {
		s.waits = true
		s.rec = s.order.Next()
	}
	return true
}

const strayChain = "a callchain without the sample it belongs to"

// chain delivers the callchain that begins with that line.
func (s *Source) chain(line []byte) bool {
	switch s.after {
	case skipped:
		return false
	case nobody:
		s.group(line)
		text := bytes.TrimRight(s.in.Raw(), "\r\n")
		s.table.Meta.FramesLeft += 1 + bytes.Count(text, []byte("\n"))
		return s.syntax(text, strayChain)
	}
	s.after = nobody
	if s.stack == nil {
		s.stack = s.learn([]byte("ftrace:kernel_stack"))
	}
	payload := s.group(line)
	if s.stack.skip {
		return false
	}
	if len(payload) == 0 { // all of it is user space
		return s.noise()
	}
	return s.deliver(s.stack, payload)
}

func (s *Source) pos() trace.Pos {
	return trace.Pos{File: s.name, Line: s.in.First(), Off: s.in.Off()}
}

func (s *Source) syntax(line []byte, msg string) bool {
	s.bad = trace.SyntaxError{At: s.pos(), Msg: msg, Text: line}
	s.rec = &s.bad
	return true
}

func (s *Source) noise() bool {
	if s.opts.Noise != nil {
		s.opts.Noise(s.in.Raw())
	}
	return false
}
