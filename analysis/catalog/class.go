package catalog

import (
	"slices"
	"strings"
)

// A Class says what can be done about a hit.
type Class uint8

const (
	Unknown      Class = iota
	Deferrable         // the posted deferral series would defer it; no released kernel does
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
		Deferrable:   "the posted series would defer it to the next kernel entry of the target; it is not merged, for x86 with nohz_full only, and its last versions need page-table isolation (pti=on)",
		Candidate:    "coalescable, needs no argument and touches only kernel state, but no posted patch defers it",
		SelfFiltered: "the kernel already spares CPUs that are idle, in user mode or have nothing to do",
		Avoidable:    "configuration or the application decides whether it is sent",
		Returnable:   "root asks for it: the request could fail instead",
		Noise:        "caused by recording itself",
		Unavoidable:  "the target must act now",
	}[c]
}

// A Classification is the class of a hit with its grounds and what to do about it.
type Classification struct {
	Class Class
	Also  []Class // further classes that apply; the catalogue's own slice
	// Do is what to do, one sentence; Why is why the IPI is sent; Limit is what doing so
	// costs, risks or leaves. Source is where all that is written. "" if there is nothing to say.
	Do, Why, Limit, Source string
	// Root is the frame of the row that decided, "" if the callback alone did; FRAME<CALLER
	// for a frame and the one that called it.
	Root string
}

// Has reports that the class or one of Also is k.
func (c *Classification) Has(k Class) bool { return c.Class == k || slices.Contains(c.Also, k) }

// classTable is what [classes] has on one function.
type classTable struct {
	rows  rooted          // that decide a class
	texts rooted          // with no class: they change what is said, not what is decided
	other *Classification // for a stack without any of these frames
	// said is a row of texts put on a row that decides.
	said map[textOn]*Classification
	// byCause: a row for the cause comes before one for a frame that is only a way to send.
	byCause bool
}

type textOn struct{ text, class *Classification }

// rooted are rows by the frames that they are for.
type rooted struct {
	plain names[*Classification]
	pairs names[*[]paired] // by the inner one of the two frames
}

// A paired is a row for a frame and its caller.
type paired struct {
	caller names[bool]
	row    *Classification
}

// Classify returns the class of a hit by what it makes the target run (a name or set) and
// the stack of the send, which may be nil, or be the cause alone. Up to the first boundary
// the innermost frame and its caller that have a row for the function together decide, else, where
// the callback says so, the cause, else the innermost frame that has a row, else the row of the
// callback. A set without such a frame has the class of its members if they agree. It
// returns a row of the catalogue, or one with Class Unknown: never nil.
func (c *Catalog) Classify(function string, frames []string) *Classification {
	frames = frames[:c.firstContext(frames)]
	function = c.named(function, frames)
	class := c.decide(function, frames)
	for set := function; set != ""; {
		var member string
		member, set, _ = strings.Cut(set, "|")
		t := c.classes[callbackName(member)]
		if t == nil {
			continue
		}
		text := t.texts.pair(frames)
		if text == nil {
			text = t.texts.inner(frames)
		}
		if text != nil {
			if said := t.said[textOn{text, class}]; said != nil {
				return said
			}
		}
	}
	return class
}

// named is what a hit runs where the event has an address for it: what the stack tells. The catalogue
// has no rows for addresses.
func (c *Catalog) named(function string, frames []string) string {
	if callbackName(function) != function || !isAddress(function) {
		return function
	}
	if told, _, ok := c.ResolveFunction(frames); ok {
		return told
	}
	return function
}

// decide finds the row that decides the class.
func (c *Catalog) decide(function string, frames []string) *Classification {
	find := func(in func(*classTable) *Classification) *Classification {
		for set := function; set != ""; {
			var member string
			member, set, _ = strings.Cut(set, "|")
			if t := c.classes[callbackName(member)]; t != nil {
				if r := in(t); r != nil {
					return r
				}
			}
		}
		return nil
	}
	if r := find(func(t *classTable) *Classification { return t.rows.pair(frames) }); r != nil {
		return r
	}
	if i := c.causeAt(frames); i >= 0 {
		if r := find(func(t *classTable) *Classification { return t.cause(frames[i : i+1]) }); r != nil {
			return r
		}
	}
	for i := range frames {
		if r := find(func(t *classTable) *Classification { return t.rows.inner(frames[i : i+1]) }); r != nil {
			return r
		}
	}
	return c.decideAlone(function)
}

// decideAlone finds the row of a function that no frame tells more of.
func (c *Catalog) decideAlone(function string) *Classification {
	var first *Classification
	for set := function; set != ""; {
		var member string
		member, set, _ = strings.Cut(set, "|")
		class := c.alone(member)
		switch {
		case class == nil && isAddress(member):
			return &c.unnamed
		case class == nil || first != nil && first.Class != class.Class:
			return &c.unknown
		}
		if first == nil {
			first = class
		}
	}
	if first == nil {
		return &c.unknown
	}
	return first
}

func (c *Catalog) alone(name string) *Classification {
	if t := c.classes[callbackName(name)]; t != nil && t.other != nil {
		return t.other
	}
	if cb, ok := c.Callback(name); ok {
		return &cb.Classification
	}
	return nil
}

func (t *classTable) cause(frame []string) *Classification {
	if !t.byCause {
		return nil
	}
	return t.rows.inner(frame)
}

// inner is the row of the innermost frame that has one.
func (r *rooted) inner(frames []string) *Classification {
	for _, f := range frames {
		name, _ := symbolName(f)
		if row, _, ok := r.plain.find(name); ok {
			return row
		}
	}
	return nil
}

// pair is the row of the innermost frame that has one together with its caller.
func (r *rooted) pair(frames []string) *Classification {
	if r.pairs.isEmpty() {
		return nil
	}
	for i := 0; i+1 < len(frames); i++ {
		name, _ := symbolName(frames[i])
		list, _, ok := r.pairs.find(name)
		if !ok {
			continue
		}
		caller, _ := symbolName(frames[i+1])
		for j := range *list {
			if _, _, ok := (*list)[j].caller.find(caller); ok {
				return (*list)[j].row
			}
		}
	}
	return nil
}

// add enters the row of a root, FRAME or FRAME<CALLER.
func (r *rooted) add(root string, row *Classification) {
	frame, caller, isPair := strings.Cut(root, "<")
	if !isPair {
		r.plain.add(root, row)
		return
	}
	p := paired{row: row}
	p.caller.add(caller, true)
	if list, ok := r.pairs.get(frame); ok {
		*list = append(*list, p)
		return
	}
	r.pairs.add(frame, &[]paired{p})
}

// Possible returns the classes that a hit may have, in their order. Where a frame of the
// stack decided, or the stack was recorded to the boundary where it begins, that is what
// Classify says. Without a stack, or with one that was cut, a frame that is not seen may
// decide: then it is every class that a row gives one of the functions. Of a set that no
// frame decides it is the classes of all members.
func (c *Catalog) Possible(function string, frames []string) []Class {
	frames = c.FirstContext(frames)
	function = c.named(function, frames)
	whole := c.ends(frames)
	if by := c.decide(function, frames); by.Root != "" && (whole || !c.isOpen(function, by, frames)) {
		return []Class{by.Class}
	}
	var may [Unavoidable + 1]bool
	for member := range Members(function) {
		class := c.alone(member)
		if class == nil {
			return []Class{Unknown}
		}
		may[class.Class] = true
		if t := c.classes[callbackName(member)]; t != nil && !whole {
			t.rows.each(func(r *Classification) { may[r.Class] = true })
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

// isOpen reports whether frames farther out, of a stack that was cut, could come before the row that
// decided: those of a cause that is not seen, and those that decide with their caller.
func (c *Catalog) isOpen(function string, by *Classification, frames []string) bool {
	if strings.Contains(by.Root, "<") {
		return false
	}
	for member := range Members(function) {
		t := c.classes[callbackName(member)]
		if t != nil && (!t.rows.pairs.isEmpty() || t.byCause && c.causeAt(frames) < 0) {
			return true
		}
	}
	return false
}

// each calls f with every row.
func (r *rooted) each(f func(*Classification)) {
	r.plain.each(f)
	r.pairs.each(func(list *[]paired) {
		for i := range *list {
			f((*list)[i].row)
		}
	})
}
