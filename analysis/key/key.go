// Package key is the vocabulary of what hits, requests and runs are grouped by:
// the names that --by takes, what each says, and the value it has.
package key

import (
	"fmt"
	"slices"
	"strings"
)

// A Key is something that is grouped by.
type Key uint8

const (
	Callback Key = iota
	Function
	Evidence
	Callsite
	Event
	Cause
	Mechanism
	Entry
	Class
	Classes
	Comm
	PID
	Sender
	Target
	Pair
	Line
	Context
	Stack
	Instance
	File
	Num
)

// docs are the names of the keys on the command line and in results, with what
// each says.
var docs = [Num]struct{ name, doc string }{
	Callback:  {"callback", "the callback that the send event names; requests that sent no IPI are under (no ipi)"},
	Function:  {"function", "what the hit makes its target run, by the best evidence there is"},
	Evidence:  {"evidence", "how the function is known: callback, csd, stack, callsite, handler or none"},
	Callsite:  {"callsite", "where the send was called from, with offset"},
	Event:     {"event", "the send event"},
	Cause:     {"cause", "the kernel function that made the send necessary, found in its stack, without one its callsite"},
	Mechanism: {"mechanism", "what the cause called that sends, such as static_key_enable"},
	Entry:     {"entry", "what entered the kernel: a system call, work, a timer, an interrupt, a kernel thread"},
	Class:     {"class", "what can be done about it: deferrable, candidate, avoidable, ..."},
	Classes:   {"classes", "the classes it may have where evidence is missing: a set a|b, or unknown"},
	Comm:      {"comm", "name of the sending task"},
	PID:       {"pid", "pid of the sending task"},
	Sender:    {"sender", "CPU that sent"},
	Target:    {"target", "CPU that was hit"},
	Pair:      {"pair", "sender and target, 0>2"},
	Line:      {"line", "the interrupt: reschedule, call_function, call_function_single, irq_work"},
	Context:   {"context", "what the target was doing: user, kernel, idle or unknown"},
	Stack:     {"stack", "the stack of the send, innermost frame first"},
	Instance:  {"instance", "trace instance that recorded the send"},
	File:      {"file", "input file"},
}

func (k Key) String() string { return docs[k].name }

// Doc is one sentence about the key.
func (k Key) Doc() string { return docs[k].doc }

// A List is the keys that an analysis knows, in the order they are listed in.
type List []Key

// Names lists them.
func (l List) Names() []string {
	names := make([]string, len(l))
	for i, k := range l {
		names[i] = k.String()
	}
	return names
}

// OfHits are the keys that a hit and a request have.
func OfHits() List {
	return List{Callback, Function, Evidence, Callsite, Event, Cause, Mechanism, Entry, Class, Comm, PID, Sender, Target, Stack, Instance, File}
}

// An UnknownError is a name that is no key of a List.
type UnknownError struct {
	Name  string
	Valid []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown key %q: want %s", e.Name, strings.Join(e.Valid, ", "))
}

// Parse reads a comma-separated list of keys.
func (l List) Parse(text string) ([]Key, error) {
	var keys []Key
	names := l.Names()
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		i := slices.Index(names, name)
		if i < 0 {
			return nil, &UnknownError{name, names}
		}
		if slices.Contains(keys, l[i]) {
			return nil, fmt.Errorf("key %q is given twice", name)
		}
		keys = append(keys, l[i])
	}
	return keys, nil
}
