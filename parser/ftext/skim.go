package ftext

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/blocks"
	"github.com/ipiscope/ipiscope/parser/internal/order"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A skimmer leaves out the events of a text that nobody looks at. It knows only
// the usual form of a header (see quick); every other line is kept for the Source
// to judge, and so is what may be read together with it.
type skimmer struct {
	hint  trace.Hint
	names scan.Names[class]
	flags [64]flagsWord

	b     *blocks.Block
	line  quick
	head  header      // of an unusual line
	part  bool        // the event of line takes part
	cpu   *blocks.CPU // that of such an event
	shape int8        // 1 or 2: headers have flags or have none; 0: not known yet
	// frames says what becomes of stack lines: they go with the line before.
	frames verdict
	// near is how many lines are kept for the one before: the Source looks at the
	// event after a loss for its time, and one comment may stand between.
	near int
}

type verdict uint8

const (
	keep verdict = iota
	skip
)

// A class is what is to be done with the events of one name.
type class struct {
	takesPart bool
	wanted    bool
	hasStack  bool // its stack is wanted
	isStack   bool
	isUser    bool // it is a stack of user space, which the wait is not for
}

// A flagsWord is a flags column that was checked, as it stands in the text.
type flagsWord struct {
	text  uint64
	flags trace.Flags
	depth uint8
}

func newSkimmer(h trace.Hint) *skimmer { return &skimmer{hint: h} }

// canSkim reports whether anything can be left out for a consumer. What was left
// out is not told by event, so whoever wants that sees all that takes part.
func canSkim(h *trace.Hint) bool {
	if h.ByEvent {
		h.Want = trace.Want{}
	}
	s := &h.Select
	return h.Want.Events != nil || h.Want.Stacks != nil || h.Window != nil || s.Events != nil || s.CPUs != nil || s.Instance != nil
}

// Filter implements blocks.Filter.
func (s *skimmer) Filter(b *blocks.Block) {
	s.b, s.shape, s.near, s.frames = b, 0, 0, keep
	s.line.prefix = nil // it lies in the block before
	text := b.Text[:cutRecord(b.Text)]
	for at := 0; at < len(text); {
		if isFrameAt(text, at) {
			at = s.stackLines(text, at)
			continue
		}
		end := at + bytes.IndexByte(text[at:], '\n') + 1
		line := text[at:end]
		if line[0] == '>' && len(line) > 2 { // a quoted line: this is a mail
			b.Forget()
			b.KeepAll()
			return
		}
		switch {
		case !s.line.parse(s, line):
			if !s.unusual(line) {
				b.Forget()
				b.KeepAll()
				return
			}
			b.Forget()
			b.Keep(end)
			s.frames, s.near = keep, 2
		case s.take() || s.near > 0:
			b.Keep(end)
			s.frames, s.near = keep, max(s.near-1, 0)
		default:
			s.skip(end)
		}
		at = end
	}
	if len(text) < len(b.Text) {
		b.Keep(len(b.Text))
	}
}

// cutRecord is where the event begins within which the text ends, be it in one of its
// stack lines: that is to be said. It is the length of a text that ends with a line.
func cutRecord(text []byte) int {
	at := bytes.LastIndexByte(text, '\n') + 1
	if at == len(text) {
		return at
	}
	for at > 0 && isFrameAt(text, at) {
		at = bytes.LastIndexByte(text[:at-1], '\n') + 1
	}
	return at
}

// isFrameAt is isFrame for the line that begins there.
func isFrameAt(text []byte, at int) bool {
	if at+1 < len(text) && text[at] == '=' {
		return text[at+1] == '>'
	}
	return at < len(text) && (text[at] == ' ' || text[at] == '\t') && isFrame(text[at:min(at+8, len(text))])
}

// stackLines takes the stack lines of which the first begins there, and returns
// where the last one ends.
func (s *skimmer) stackLines(text []byte, at int) int {
	end, n := at, 0
	for ; isFrameAt(text, end); n++ {
		end += bytes.IndexByte(text[end:], '\n') + 1
	}
	if s.frames == keep {
		s.b.Keep(end)
	} else {
		s.b.Skip(end, n, 0, true)
	}
	return end
}

// unusual looks in a line of another form for an event after which a stack may
// come. It is false if there may be one of which the CPU does not show.
func (s *skimmer) unusual(line []byte) bool {
	named := false
	for _, name := range s.hint.Want.Stacks {
		_, event, ok := strings.Cut(name, ":")
		if !ok {
			event = name
		}
		named = named || bytes.Contains(line, []byte(event))
	}
	if !named && len(s.hint.Want.Functions) > 0 && bytes.Contains(line, []byte(" <-")) { // the kernel's function tracer
		named = slices.ContainsFunc(s.hint.Want.Functions, func(f string) bool { return bytes.Contains(line, []byte(f)) })
	}
	if !named || line[0] == '#' {
		return true
	}
	for st := range styleCount {
		if s.head.parse(st, line, false) {
			if h, w := &s.head, s.hint.Window; w == nil || w.Has(h.time) {
				c, at := s.b.At(int(h.cpu)), trace.Context{PID: h.pid, Flags: h.flags & trace.FlagsContext, Depth: h.preempt & 0xf}
				if !c.Seen {
					c.Seen, c.First = true, at
				}
				c.Follow(at, true)
			}
			return true
		}
	}
	return false
}

// skip leaves out the event of s.line, which ends there.
func (s *skimmer) skip(end int) {
	l := &s.line
	if s.frames = keep; l.class.isStack {
		s.frames = skip
	}
	s.b.Skip(end, 1, 1, l.class.isStack)
	if s.part {
		s.cpu.Untold = true
		s.b.Event(l.time, s.hint.Window == nil || s.hint.Window.Has(l.time))
	}
}

func (s *skimmer) takesPart() bool {
	l, sel := &s.line, &s.hint.Select
	if sel.Instance != nil && *sel.Instance != "" { // its lines have another form
		return false
	}
	return l.class.takesPart && (sel.CPUs == nil || sel.CPUs.Has(l.cpu))
}

// take reports whether the event of s.line is kept.
func (s *skimmer) take() bool {
	l := &s.line
	if s.part = s.takesPart(); !s.part {
		return false
	}
	c := s.b.At(l.cpu)
	s.cpu = c
	back := false
	if !c.Timed || l.time < c.Last {
		back = s.goesBack(c)
	}
	c.Last, c.Untold = l.time, false
	if w := s.hint.Window; w != nil && !w.Has(l.time) {
		return back
	}
	return s.look(c) == keep || back
}

// goesBack reports whether the event of s.line is earlier than the one before on its
// CPU, if there is one: the Source judges that.
func (s *skimmer) goesBack(c *blocks.CPU) bool {
	if c.Timed {
		if c.Last-s.line.time > order.Jitter {
			s.b.Forget()
		} else {
			s.b.Tell()
		}
	}
	back := c.Timed
	if c.Timed = true; !c.Begun && !s.b.Forgot() {
		c.Begun, c.Begin = true, s.line.time
	}
	return back
}

// look decides about an event that takes part. An event after which a stack may
// come is followed until none can come any more, see trace.Want.
func (s *skimmer) look(c *blocks.CPU) verdict {
	l, k := &s.line, s.line.class
	waited := c.Waits
	first := !c.Seen || c.Anew
	if first {
		s.b.Tell()
	}
	if k.isStack {
		if waited && !k.isUser && l.context() == c.For {
			c.Waits = false
		}
		c.StackFirst = c.StackFirst || !c.Seen
		if first || waited || k.wanted {
			return keep
		}
		return skip
	}
	if !first && !waited && !k.wanted {
		return skip
	}
	at := l.context()
	if !c.Seen {
		c.Seen, c.First = true, at
	}
	c.Anew = false
	c.Follow(at, k.hasStack)
	return keep
}

// A quick is the header of an event line in the usual form, found at once:
//
//	"%16s-%-5d [%03d] %s %6lu.%06lu: "      trace-cmd report
//	"%16s-%-7d [%03d] %s %5lu.%06lu: "      the kernel
//	"%16s-%-7d (%7d) [%03d] %s %5lu.%06lu: " with record-tgid
//
// with or without the flags, with six digits or nine. What parse accepts is what
// header.parseTask finds in the line. Time 0 is not usual: the Source judges it.
type quick struct {
	cpu   int
	time  trace.Time
	pid   []byte
	flags *flagsWord // nil if there are none
	class *class
	// prefix is what the last header has up to its time: most often the next one has
	// the same. A line has need bytes at least to be one.
	prefix []byte
	need   int
}

// commEnd is where "%16s-" ends. A comm has at most 15 bytes (TASK_COMM_LEN).
const commEnd = 17

func (q *quick) parse(s *skimmer, line []byte) bool {
	i := len(q.prefix) - 1
	if i < 0 || len(line) < q.need || !bytes.Equal(line[:i+1], q.prefix) {
		q.prefix = nil
		if i = q.parseTask(s, line); i < 0 {
			return false
		}
		q.prefix = line[:i+1] // with what ends the flags
	}
	if i = q.parseTime(line, i); i < 0 || q.time == 0 {
		return false
	}
	return q.parseName(s, line, i)
}

// parseTask reads what stands before the time, and returns where that may begin.
func (q *quick) parseTask(s *skimmer, line []byte) int {
	if len(line) < 40 || line[0] != ' ' || line[commEnd-1] != '-' || hasColon(line) && !bytes.Contains(line[:commEnd-1], []byte("kworker/")) {
		return -1
	}
	i := commEnd
	for line[i]-'0' <= 9 && i < commEnd+7 {
		i++
	}
	if i == commEnd || line[i] != ' ' {
		return -1
	}
	q.pid = line[commEnd:i]
	for line[i] == ' ' && i < 30 {
		i++
	}
	if line[i] == '(' {
		if i = behindTGID(line, i); i < 0 {
			return -1
		}
	}
	if line[i] != '[' {
		return -1
	}
	start := i + 1
	cpu := 0
	for i = start; i < len(line) && line[i]-'0' <= 9 && i < start+4; i++ {
		cpu = cpu*10 + int(line[i]-'0')
	}
	if i-start < 3 || i+24 > len(line) || line[i] != ']' || line[i+1] != ' ' {
		return -1
	}
	q.cpu, q.need = cpu, max(40, i+24)
	return q.parseFlags(s, line, i+2)
}

// hasColon reports whether the task column holds a colon: what stands before it
// could be taken for a header of its own then.
func hasColon(line []byte) bool {
	const ones, tops, colons = 0x0101010101010101, 0x8080808080808080, ':' * 0x0101010101010101
	a, b := binary.LittleEndian.Uint64(line)^colons, binary.LittleEndian.Uint64(line[8:])^colons
	return ((a-ones)&^a|(b-ones)&^b)&tops != 0
}

// behindTGID skips "(    202) " or "(-------) " at i.
func behindTGID(line []byte, i int) int {
	n := bytes.IndexByte(line[i:min(i+16, len(line))], ')')
	if n < 2 {
		return -1
	}
	text := line[i+1 : i+n]
	if text[0] != '-' {
		start := skipSpaces(text, 0)
		if _, end := scan.Digits(text, start); end != len(text) || start == end || end-start > 9 {
			return -1
		}
	}
	start := i + n + 1
	if i = skipSpaces(line, start); i == start || i == len(line) {
		return -1
	}
	return i
}

func skipSpaces(line []byte, i int) int {
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return i
}

// parseFlags reads the flags at i, if there are any, and returns where the time
// may begin. All headers of a block have them, or none has: others are left to the
// Source, which notes what a text lacks.
func (q *quick) parseFlags(s *skimmer, line []byte, i int) int {
	shape := int8(2)
	q.flags = nil
	if line[i] != ' ' && line[i]-'0' > 9 {
		text := binary.LittleEndian.Uint64(line[i:])
		n := bits.TrailingZeros64(blanks(text)) / 8
		// the length tells words that end in NULs apart
		if n >= 8 || !q.checkFlags(s, line[i:i+n], text&(1<<(8*n)-1)|uint64(n)<<56) {
			return -1
		}
		i += n
		shape = 1
	}
	if s.shape == 0 {
		s.shape = shape
	}
	if s.shape != shape {
		return -1
	}
	return i
}

// blanks marks the first blank of eight bytes, and perhaps bytes after it.
func blanks(text uint64) uint64 {
	const ones, tops, blanks = 0x0101010101010101, 0x8080808080808080, ' ' * 0x0101010101010101
	x := text ^ blanks
	return (x - ones) &^ x & tops
}

func (q *quick) checkFlags(s *skimmer, t []byte, text uint64) bool {
	w := &s.flags[text*0x9e3779b97f4a7c15>>58]
	if w.text != text {
		f, depth, ok := parseFlags(t, false)
		if !ok {
			return false
		}
		*w = flagsWord{text, f & trace.FlagsContext, depth & 0xf}
	}
	q.flags = w
	return true
}

// parseTime reads the time that begins with blanks at i and returns the offset
// after its colon.
func (q *quick) parseTime(line []byte, i int) int {
	for i < len(line) && line[i] == ' ' {
		i++
	}
	start, sec := i, trace.Time(0)
	for i < len(line) && line[i]-'0' <= 9 {
		sec = sec*10 + trace.Time(line[i]-'0')
		i++
	}
	if i == start || i-start > 9 || i+12 > len(line) || line[i] != '.' {
		return -1
	}
	sub, end := trace.Time(0), i+7
	for i++; i < end; i++ {
		n := line[i] - '0'
		if n > 9 {
			return -1
		}
		sub = sub*10 + trace.Time(n)
	}
	if line[i] == ':' {
		q.time = sec*1e9 + sub*1000
		return i + 1
	}
	for end = i + 3; i < end; i++ {
		n := line[i] - '0'
		if n > 9 {
			return -1
		}
		sub = sub*10 + trace.Time(n)
	}
	if line[i] != ':' {
		return -1
	}
	q.time = sec*1e9 + sub
	return i + 1
}

// parseName finds the class of the event whose name stands after blanks at i.
func (q *quick) parseName(s *skimmer, line []byte, i int) bool {
	start := i
	for i < len(line) && line[i] == ' ' {
		i++
	}
	if i == start || i == len(line) {
		return false
	}
	if line[i] == '<' {
		switch {
		case bytes.HasPrefix(line[i:], []byte("<stack trace")):
			q.class = s.classOf([]byte("kernel_stack"))
		case bytes.HasPrefix(line[i:], []byte("<user stack trace")):
			q.class = s.classOf([]byte("user_stack"))
		default:
			return false
		}
		return true
	}
	n := bytes.IndexByte(line[i:min(i+64, len(line))], ':')
	if n <= 0 || i+n+1 == len(line) || nameByte(line[i+n+1]) {
		return false
	}
	q.class = s.classOf(line[i : i+n])
	return q.class != nil
}

// context is that of the event.
func (q *quick) context() trace.Context {
	pid, _ := scan.Digits(q.pid, 0)
	c := trace.Context{PID: int32(pid)}
	if q.flags != nil {
		c.Flags, c.Depth = q.flags.flags, q.flags.depth
	}
	return c
}

// classOf looks a name up, nil if it is none or there are too many.
func (s *skimmer) classOf(name []byte) *class {
	if k := s.names.Find(name); k != nil {
		return k
	}
	return s.classify(string(name))
}

func (s *skimmer) classify(name string) *class {
	for i := range len(name) {
		if !nameByte(name[i]) {
			return nil
		}
	}
	event := name
	if name == "tracing_mark_write" {
		event = "print"
	}
	schema, ok := events.New(event)
	if !ok {
		schema = &trace.Schema{Name: event}
	}
	k := class{
		isStack: schema.IsStack, isUser: event == "user_stack",
		takesPart: s.hint.Select.HasEvent(schema),
		wanted:    s.hint.Want.Events == nil || trace.Names(s.hint.Want.Events, schema),
		hasStack:  s.hint.Want.Stacks == nil || trace.Names(s.hint.Want.Stacks, schema),
	}
	if k.isStack {
		k.wanted = s.hint.Want.Stacks == nil
	}
	if len(s.hint.Want.Functions) > 0 && trace.IsFunction(schema) {
		k.wanted, k.hasStack = true, true
	}
	return s.names.Add(name, k)
}
