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
	Kind
	Name
	Num
)

// String is the key's name on the command line and in results.
func (k Key) String() string { return rows[k].name }

// Doc is one sentence about the key.
func (k Key) Doc() string { return rows[k].doc }

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
	var l List
	for k := range Num {
		if rows[k].ofHits {
			l = append(l, k)
		}
	}
	return l
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
