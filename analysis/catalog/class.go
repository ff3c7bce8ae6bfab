package catalog

import (
	"slices"
	"strings"
)

// A Class says what can be done about a hit.
type Class uint8

const (
	Unknown      Class = iota
	Deferrable         // the posted deferral series defers it
	Candidate          // could be deferred on the same grounds, but is not
	SelfFiltered       // the kernel already spares CPUs that need not answer
	Avoidable          // configuration or the application decides
	Returnable         // asked for by root; the request could fail instead
	Noise              // caused by recording
	Unavoidable        // needed now
)

var classNames = [...]string{"unknown", "deferrable", "candidate", "self-filtered", "avoidable", "returnable", "noise", "unavoidable"}

func (c Class) String() string { return classNames[c] }

// ClassNames lists all classes.
func ClassNames() []string { return classNames[:] }

// IsClass reports whether there is a class of that name.
func IsClass(name string) bool { return slices.Contains(classNames[:], name) }

// Meaning is one sentence about the class, without a full stop.
func (c Class) Meaning() string {
	return [...]string{
		Unknown:      "the catalogue has no row for it",
		Deferrable:   "the posted series defers it to the next kernel entry of the target",
		Candidate:    "coalescable, needs no argument and touches only kernel state, but no posted patch defers it",
		SelfFiltered: "the kernel already spares CPUs that are idle, in user mode or have nothing to do",
		Avoidable:    "configuration or the application decides whether it is sent",
		Returnable:   "root asks for it: the request could fail instead",
		Noise:        "caused by recording itself",
		Unavoidable:  "the target must act now",
	}[c]
}

// A Classification is the class of a hit with its grounds.
type Classification struct {
	Class      Class
	Also       []Class // further classes that apply; the catalogue's own slice
	Reason     string
	Mitigation string
	Root       string // the frame of the row that decided, "" if the callback alone did
}

// Has reports that the class or one of Also is k.
func (c *Classification) Has(k Class) bool {
	if c.Class == k {
		return true
	}
	for _, a := range c.Also {
		if a == k {
			return true
		}
	}
	return false
}

// Classify returns the class of a hit by what it makes the target run (a name or set) and
// the stack of the send, which may be nil, or be the cause alone. The innermost frame up to
// the first boundary that has a row for the function decides, else the row of the callback.
// A set without such a frame has the class of its members if they agree. It returns a row
// of the catalogue, or one with Class Unknown: never nil.
func (c *Catalog) Classify(function string, frames []string) *Classification {
	for _, f := range frames[:c.firstContext(frames)] {
		name, _ := symbolName(f)
		for set := function; set != ""; {
			var member string
			member, set, _ = strings.Cut(set, "|")
			if n := c.classes[callbackName(member)]; n != nil {
				if r, _, ok := n.find(name); ok {
					return r
				}
			}
		}
	}
	var first *Classification
	for set := function; set != ""; {
		var member string
		member, set, _ = strings.Cut(set, "|")
		cb, ok := c.Callback(member)
		if !ok || first != nil && first.Class != cb.Class {
			return &c.unknown
		}
		if first == nil {
			first = &cb.Classification
		}
	}
	if first == nil {
		return &c.unknown
	}
	return first
}

// Possible returns the classes that a hit may have, in their order. Where a frame of the
// stack decided, or the stack was recorded to the boundary where it begins, that is what
// Classify says. Without a stack, or with one that was cut, a frame that is not seen may
// decide: then it is every class that a row gives one of the functions. Of a set that no
// frame decides it is the classes of all members.
func (c *Catalog) Possible(function string, frames []string) []Class {
	if by := c.Classify(function, frames); by.Root != "" {
		return []Class{by.Class}
	}
	whole := c.ends(frames)
	var may [Unavoidable + 1]bool
	for member := range Members(function) {
		name := callbackName(member)
		cb, ok := c.Callback(member)
		if !ok {
			return []Class{Unknown}
		}
		may[cb.Class] = true
		if rows := c.classes[name]; rows != nil && !whole {
			rows.each(func(r *Classification) { may[r.Class] = true })
		}
	}
	var list []Class
	for class, is := range may {
		if is {
			list = append(list, Class(class))
		}
	}
	return list
}
