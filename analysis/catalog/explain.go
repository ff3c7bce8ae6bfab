package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// A FrameRow is a row of [frames]: what the functions of one name or prefix are.
type FrameRow struct {
	Name  string // NAME, or NAME* for a prefix
	Level Level
	Kind  Kind
	Via   string
	Text  string
}

// A RuleRow is a row of [rules]: what the target runs if this frame sends.
type RuleRow struct {
	Frame    string // NAME or NAME*
	Via      string // the group of the sending frame, "" for any
	Function string // a name or a set a|b|c
}

// A ClassRow is a row of [classes]: the class of a function that is sent from below
// Classification.Root.
type ClassRow struct {
	Function string
	Kernels  string // "Linux up to 7.0", "" for all
	Arch     string // "" for all
	TextOnly bool   // the class is another row's
	*Classification
}

// A Vector is a row of [vectors]. Text is "" where the table has "-".
type Vector struct {
	Number   string // decimal on x86, IPI0 and so on on arm64
	Arch     string
	Name     string // as the kernel's source calls it
	Event    string // name of its events without _entry, or the reason of ipi_raise
	Function string // the callback that tells more
	Source   string
	Purpose  string
	Do       string
}

// An Explanation is all that the catalogue has on a name. A name may be several things.
type Explanation struct {
	Name      string // as the tables have it; that of a frame may be a prefix, NAME*
	Callback  *Callback
	ByCaller  []ClassRow // the classes that the callback has by who sent it
	SentBy    []RuleRow  // frames from which the callback is sent
	Narrowed  []string   // "event field=value" that tells the callback from others of a set
	Frame     *FrameRow
	Runs      []RuleRow  // what the target runs if the frame sends
	ClassFrom []ClassRow // the classes that the frame decides
	Vector    *Vector
	Line      *InterruptLine // of /proc/interrupts
	Vectors   []*Vector      // of Line
	Recorder  string         // what a program is that records
}

// Explain looks a name up in all tables: a callback, a stack frame with or without offset
// and module, a pattern of the tables (NAME*), a vector by number (251, 0xfb), name or
// event, the reason of an ipi_raise, a line of /proc/interrupts (CAL), or a program that
// records. false if no table has it.
func (c *Catalog) Explain(name string) (*Explanation, bool) {
	name = strings.TrimSpace(name)
	x := &Explanation{Name: name}
	if v := c.findVector(name); v != nil {
		x.Vector, x.Name = v, v.Name
		if cb, ok := c.Callback(v.Function); ok && v.Arch == "arm64" {
			x.Name, x.Callback = cb.Name, cb // the reason is a callback, too
		}
	}
	if cb, ok := c.Callback(name); ok {
		x.Callback, x.Name = cb, cb.Name
	}
	if cb := x.Callback; cb != nil {
		x.ByCaller = pick(c.classRows, func(r ClassRow) bool { return r.Function == cb.Name })
		x.SentBy = pick(c.ruleRows, func(r RuleRow) bool { return Holds(r.Function, cb.Name) })
		for k, f := range c.narrows {
			if f == cb.Name {
				x.Narrowed = append(x.Narrowed, k.event+" "+k.field+"="+strconv.FormatUint(k.value, 10))
			}
		}
		slices.Sort(x.Narrowed)
	}
	c.explainFrame(x, name)
	x.Recorder = c.recorders[name]
	if l := findLine(name); l != nil {
		x.Line, x.Name = l, l.Name
		for _, v := range l.Vectors {
			x.Vectors = append(x.Vectors, c.vectorNamed(v))
		}
	}
	ok := x.Line != nil || x.Callback != nil || x.Frame != nil || x.Runs != nil || x.ClassFrom != nil || x.Vector != nil || x.Recorder != ""
	return x, ok
}

// explainFrame adds what the tables of frames have.
func (c *Catalog) explainFrame(x *Explanation, name string) {
	matches := func(pattern string) bool { return pattern == name }
	if !strings.HasSuffix(name, "*") && !strings.HasPrefix(name, "[") {
		symbol, _ := symbolName(name)
		if symbol == "" {
			return
		}
		matches = func(pattern string) bool { return Matches(pattern, symbol) }
		if x.Callback == nil && x.Vector == nil {
			x.Name = symbol
		}
	}
	best := -1
	for i, r := range c.frameRows {
		if matches(r.Name) && (best < 0 || isCloser(r.Name, c.frameRows[best].Name)) {
			best = i
		}
	}
	if best >= 0 {
		x.Frame = &c.frameRows[best]
	}
	x.Runs = closest(c.ruleRows, func(r RuleRow) (string, bool) { return r.Frame, matches(r.Frame) })
	x.ClassFrom = pick(c.classRows, func(r ClassRow) bool {
		frame, caller, isPair := strings.Cut(r.Root, "<")
		return r.Root != "" && (matches(frame) || isPair && matches(caller))
	})
}

// Matches reports whether a name is, or begins with, what a row of the tables is for:
// NAME, or NAME* with # for a hexadecimal digit.
func Matches(pattern, name string) bool {
	stem, star := strings.CutSuffix(pattern, "*")
	return pattern == name || star && hasPrefix(name, stem)
}

// isCloser reports whether pattern a decides before b: an exact name before any prefix, a
// longer prefix before a shorter one.
func isCloser(a, b string) bool {
	starA, starB := strings.HasSuffix(a, "*"), strings.HasSuffix(b, "*")
	if starA != starB {
		return starB
	}
	return len(a) > len(b)
}

// closest returns the rows of the one pattern that decides.
func closest(rows []RuleRow, of func(RuleRow) (string, bool)) []RuleRow {
	var out []RuleRow
	for _, r := range rows {
		pattern, ok := of(r)
		switch {
		case !ok:
		case len(out) == 0 || isCloser(pattern, out[0].Frame):
			out = []RuleRow{r}
		case pattern == out[0].Frame:
			out = append(out, r)
		}
	}
	return out
}

func pick[T any](rows []T, keep func(T) bool) []T {
	var out []T
	for _, r := range rows {
		if keep(r) {
			out = append(out, r)
		}
	}
	return out
}

// findVector finds a vector by its number, name or event.
func (c *Catalog) findVector(name string) *Vector {
	number := name
	if n, err := strconv.ParseUint(name, 0, 16); err == nil && name != "0x0" && name != "0" {
		number = strconv.FormatUint(n, 10)
	}
	for i := range c.vectors {
		v := &c.vectors[i]
		short := strings.TrimSuffix(v.Name, "_VECTOR")
		event := strings.TrimSuffix(strings.TrimSuffix(name, "_entry"), "_exit")
		if v.Number == strings.ToUpper(number) || strings.EqualFold(v.Name, name) || strings.EqualFold(short, name) || v.Event != "" && v.Event == event {
			return v
		}
	}
	return nil
}

// Names lists every name that Explain knows, sorted.
func (c *Catalog) Names() []string {
	var names []string
	for i := range c.callbacks {
		names = append(names, c.callbacks[i].Name)
	}
	for _, r := range c.frameRows {
		names = append(names, r.Name)
	}
	for _, r := range c.ruleRows {
		names = append(names, r.Frame)
	}
	for _, r := range c.classRows {
		if r.Root != "" {
			names = append(names, strings.Split(r.Root, "<")...)
		}
	}
	for _, v := range c.vectors {
		names = append(names, v.Number, v.Name)
		if v.Event != "" {
			names = append(names, v.Event)
		}
	}
	for comm := range c.recorders {
		names = append(names, comm)
	}
	for _, l := range interruptLines() {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Vectors returns the rows of the table of vectors. The slice is the catalogue's own.
func (c *Catalog) Vectors() []Vector { return c.vectors }

// ClassRows returns the rows of the classes by who sent. The slice is the catalogue's own.
func (c *Catalog) ClassRows() []ClassRow { return c.classRows }
