// Package tracetest makes traces for tests out of a few words, one event a
// line, so that a test shows what happens instead of how bytes lie.
//
//	at 1.000000 cpu 0 task bash-12 flags d.h1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=7
//	at 1.000001 cpu 0 task bash-12 flags d.h1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=h
//	at 1.000002 cpu 0 task bash-12 flags d.h1 kernel_stack f g h
//	lost cpu 0 at 1.5 n 3
//	until at 1.6
//
// Flags are the column that ftrace prints: irqs-off, need-resched, context,
// preempt depth. They may be left out, which makes an event without flags.
// "instance NAME" puts an event into a trace instance's buffer.
// Lines that begin with # and empty lines are nothing.
package tracetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Source delivers the records of a script.
type Source struct {
	table   *trace.Table
	records []trace.Record
	next    int
}

// Parse makes a Source of a script. It panics on a line that it does not
// understand: a broken script is a broken test.
func Parse(script string) *Source {
	s := &Source{table: trace.NewTable()}
	s.table.Meta = trace.Meta{Path: "test", Format: "test", Clock: "mono", ClockUnit: "ns"}
	for n, line := range strings.Split(script, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := s.add(words); err != nil {
			panic(fmt.Sprintf("line %d: %s: %v", n+1, line, err))
		}
	}
	return s
}

func (s *Source) add(words []string) error {
	e := &trace.Event{}
	var at, cpu, n int64
	task, flags, instance := "task-1", "", ""
	isLost := words[0] == "lost"
	isUntil := words[0] == "until"
	if isLost || isUntil {
		words = words[1:]
	}
	for len(words) >= 2 {
		var err error
		switch words[0] {
		case "at":
			at, err = nanoseconds(words[1])
		case "cpu":
			cpu, err = strconv.ParseInt(words[1], 10, 32)
		case "task":
			task = words[1]
		case "flags":
			flags = words[1]
		case "instance":
			instance = words[1]
		case "n":
			n, err = strconv.ParseInt(words[1], 10, 64)
		default:
			goto payload
		}
		if err != nil {
			return err
		}
		words = words[2:]
	}
payload:
	if isLost {
		s.records = append(s.records, &trace.Lost{CPU: int32(cpu), N: uint64(n), Time: trace.Time(at)})
		return nil
	}
	if isUntil {
		s.records = append(s.records, &trace.Until{Time: trace.Time(at)})
		return nil
	}
	if len(words) == 0 {
		return fmt.Errorf("no event name")
	}
	e.Reset(s.table, decoder{}, s.schema(words), []byte(strings.Join(words[1:], " ")))
	e.Time, e.CPU, e.Seq = trace.Time(at), int32(cpu), uint64(len(s.records))
	comm, pid, _ := cutLast(task, '-')
	p, err := strconv.ParseInt(pid, 10, 32)
	if err != nil {
		return err
	}
	e.PID, e.Comm, e.Instance = int32(p), s.table.Name(comm), s.table.Name(instance)
	if m := &s.table.Meta; instance != "" && !slices.Contains(m.Instances, instance) {
		m.Instances = append(m.Instances, instance)
	}
	if flags != "" {
		setFlags(e, flags)
	}
	s.records = append(s.records, e)
	return nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func setFlags(e *trace.Event, flags string) {
	e.HasFlags = true
	if strings.ContainsRune("dD", rune(flags[0])) {
		e.Flags |= trace.FlagIRQsOff
	}
	if len(flags) > 1 {
		if strings.ContainsRune("NnBb", rune(flags[1])) {
			e.Flags |= trace.FlagNeedResched
		}
		if strings.ContainsRune("LlBb", rune(flags[1])) {
			e.Flags |= trace.FlagNeedReschedLazy
		}
		if strings.ContainsRune("NLBp", rune(flags[1])) {
			e.Flags |= trace.FlagPreemptResched
		}
	}
	if len(flags) > 2 {
		switch flags[2] {
		case 'h':
			e.Flags |= trace.FlagHardIRQ
		case 's':
			e.Flags |= trace.FlagSoftIRQ
		case 'H':
			e.Flags |= trace.FlagHardIRQ | trace.FlagSoftIRQ
		case 'Z', 'z':
			e.Flags |= trace.FlagNMI
		}
	}
	if len(flags) > 3 && flags[3] != '.' {
		depth, _ := strconv.ParseUint(flags[3:4], 16, 8)
		e.Preempt = uint8(depth)
	}
}

func nanoseconds(s string) (int64, error) {
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	return n*1e9 + f, err
}

// schema returns the schema of an event, with the fields of its first line.
func (s *Source) schema(words []string) *trace.Schema {
	system, name, ok := strings.Cut(words[0], ":")
	if !ok {
		system, name = "", words[0]
	}
	if found := s.table.Lookup(name); len(found) > 0 {
		return found[0]
	}
	schema := &trace.Schema{System: system, Name: name, Type: -1, IsStack: name == "kernel_stack" || name == "user_stack"}
	for _, w := range words[1:] {
		if key, _, ok := strings.Cut(w, "="); ok {
			schema.AddField(trace.Field{Name: key})
		}
	}
	s.table.AddSchema(schema)
	return schema
}

// Scan implements trace.Source.
func (s *Source) Scan() bool {
	s.next++
	return s.next <= len(s.records)
}

// Record implements trace.Source.
func (s *Source) Record() trace.Record { return s.records[s.next-1] }

// Err implements trace.Source.
func (s *Source) Err() error { return nil }

// Table implements trace.Source.
func (s *Source) Table() *trace.Table { return s.table }

// Close implements trace.Source.
func (s *Source) Close() error { return nil }

// A decoder reads key=value words.
type decoder struct{}

func (decoder) Bytes(e *trace.Event, f *trace.Field) ([]byte, bool) {
	for w := range strings.FieldsSeq(string(e.Payload())) {
		if key, value, ok := strings.Cut(w, "="); ok && key == f.Name {
			return []byte(value), true
		}
	}
	return nil, false
}

func (d decoder) Uint(e *trace.Event, f *trace.Field) (uint64, bool) {
	b, ok := d.Bytes(e, f)
	n, err := strconv.ParseInt(string(b), 0, 64)
	return uint64(n), ok && err == nil
}

func (d decoder) Symbol(e *trace.Event, f *trace.Field) (trace.SymbolID, bool) {
	b, ok := d.Bytes(e, f)
	if !ok {
		return 0, false
	}
	return e.Table().Symbol(symbol(string(b))), true
}

func symbol(s string) trace.Symbol {
	name, off, ok := strings.Cut(s, "+0x")
	n, err := strconv.ParseUint(off, 16, 64)
	if !ok || err != nil {
		return trace.Symbol{Name: s}
	}
	return trace.Symbol{Name: name, Offset: n, HasOffset: true}
}

func (d decoder) Mask(e *trace.Event, f *trace.Field, m *cpumask.Mask) bool {
	b, ok := d.Bytes(e, f)
	if !ok {
		return false
	}
	parsed, err := cpumask.ParseList(b)
	*m = parsed
	return err == nil
}

// Stack takes the words of the payload for frames, innermost first.
func (decoder) Stack(e *trace.Event) (trace.StackID, bool) {
	t := e.Table()
	if id, ok := t.Stack(e.Payload()); ok {
		return id, true
	}
	var frames []trace.SymbolID
	for w := range strings.FieldsSeq(string(e.Payload())) {
		frames = append(frames, t.Symbol(trace.Symbol{Name: w}))
	}
	return t.AddStack(e.Payload(), frames), true
}
