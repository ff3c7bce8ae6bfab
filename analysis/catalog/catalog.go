// Package catalog knows what kernel code says about an IPI: what a callback does and
// whether it can be avoided, which frames of a stack send, how they come to send, where an
// interrupt cut the stack, and what the target runs.
//
// All of it is rows of the embedded tables in data/; a user's file adds rows or replaces
// them (Load). The code here only looks names up. The tables:
//
//	callbacks   what a callback is, its class and mitigation
//	frames      what a stack frame is: see Level
//	rules       frame -> the function, or set a|b|c, that the hit makes the target run
//	narrow      a field of another event -> which one of a set it was
//	classes     (function, frame) -> class: the same flush is deferrable from vmalloc only
//	vectors     numbers of interrupts
//	recorders   names of the programs that record
//	knobs       settings that texts name: which kernels have them, what they cost
//	ticks       what keeps the tick of a CPU
//	dispatchers frame -> the event that names what it calls
//
// A stack is a []string, innermost frame first, as it was printed: "sym", "sym+0x1c/0x80",
// "sym [mod]", "sym (ffffffff81000000)". The tracepoint's own frame (trace_event_raw_event_*) may be
// there or not. Names are compared after ksym.Normalize.
//
// A *Catalog does not change and may be used by several goroutines. Lookups do not
// allocate; the strings they return are parts of the catalogue or of the frames given.
package catalog

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ipiscope/ipiscope/parser/ksym"
)

//go:embed data
var embedded embed.FS

// files are the embedded tables, in the order they are read.
var files = [...]string{"callbacks.tsv", "frames.tsv", "rules.tsv", "classes.tsv", "vectors.tsv", "knobs.tsv", "ticks.tsv"}

// A Catalog is the compiled tables.
type Catalog struct {
	tables *tables
	id     string
	kernel kernel    // that the rows were chosen for
	views  *sync.Map // kernel -> *Catalog, of the same tables

	callbacks []Callback // in file order
	callback  map[string]int
	frames    names[frame]
	rules     names[[]rule]
	narrows   map[narrowKey]string
	classes   map[string]*classTable
	recorders map[string]string // comm -> what it is
	unknown   Classification
	unnamed   Classification // of a function that is an address only
	// dispatchers are by the frame that calls what the event names
	dispatchers map[string]Dispatcher

	// the rows of the tables in their order, for Explain
	frameRows []FrameRow
	ruleRows  []RuleRow
	classRows []ClassRow
	vectors   []Vector
	knobs     []Knob
	ticks     map[string]Tick
}

// A Tick is a dependency that keeps the tick of a CPU, by the name that the event
// tick_stop has for it.
type Tick struct{ Name, Do, Why, Limit, Source string }

// A Knob is a setting that a text names.
type Knob struct {
	Name         string // as texts write it
	Since, Until string // Linux versions that have it, "" for no end
	Price        string // what texts say of a setting that harms, word for word
	Source       string
}

// A Dispatcher is a frame that calls what others asked for, a work or a timer, with the
// events that its calls lie between: their field Field names the function.
type Dispatcher struct{ Start, End, Field string }

// A Callback is one row about what an IPI makes its target run. Text columns are "" where
// the table has "-".
type Callback struct {
	Name   string
	Kind   string // sync, async, csd, irq_work, ttwu, resched, carrier, ipi_raise
	Arch   string // any, x86, arm64, arm, or several with commas
	Source string // file:line in Linux 6.12, or the file alone
	In61   bool   // Linux 6.1 has the same function
	// Since and Until are the Linux versions that have it, "" where that is not known.
	Since, Until string
	// Part is the part of the posted deferral series that would defer it for some of its
	// callers, or that work on its grounds would belong to: "text" or PartTLB.
	Part string

	Purpose string
	Causes  string // what usually leads to it
	Classification
}

// A Source is a table file in memory. Name is what errors call it.
type Source struct {
	Name string
	Data []byte
}

// Load returns the embedded catalogue with the rows of overlays, in order, added or put in
// the place of the rows with the same key. An overlay is a text in the embedded files' form:
//
//	[callbacks]
//	callback	class	mitigation
//	my_ipi	avoidable	unload my_driver
//
// a section, a line that names its columns (any order; the key columns are needed), then
// one row a line with a tab between cells. Columns not named keep the value they had, or
// are "-" in a new row. In [classes] function and root may be sets a|b|c, a row of each; root may be FRAME<CALLER
// for a frame and its caller, or - for any stack; a row without a class changes texts only; a do of =NAME
// takes the texts of the row for NAME. mitigation and reason are old names of do and why. Blank lines and lines that begin with # are skipped.
//
// The error joins one *Error per bad line, up to maxErrors of them.
func Load(overlays ...Source) (*Catalog, error) {
	t, sum := newTables(), sha256.New()
	var errs []error
	for _, name := range files {
		data, err := embedded.ReadFile("data/" + name)
		if err != nil {
			return nil, err
		}
		sum.Write(data)
		errs = append(errs, t.read(Source{name, data})...)
	}
	for _, o := range overlays {
		fmt.Fprintf(sum, "\noverlay of %d bytes\n%s", len(o.Data), o.Data)
		errs = append(errs, t.read(o)...)
	}
	c, more := t.compile(kernel{})
	if errs = append(errs, more...); len(errs) > 0 {
		return nil, errors.Join(errs[:min(len(errs), maxErrors)]...)
	}
	c.id = hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

// OrEmbedded is c, or the embedded catalogue where there is none.
func OrEmbedded(c *Catalog) *Catalog {
	if c == nil {
		c, _ = Load() // fails for tables of users only
	}
	return c
}

// ID tells catalogues apart: the SHA-256 of the tables with their overlays.
func (c *Catalog) ID() string { return c.id }

// PartTLB is the Part of a callback that flushes translations.
const PartTLB = "tlb"

// Reschedule is the function of the reschedule IPI, whose events print callback=0x0.
const Reschedule = "reschedule"

// Callback returns the row of a callback by its name as an event prints it; "0x0" is
// Reschedule. false says that the catalogue does not know it, not that it does not exist.
func (c *Catalog) Callback(name string) (*Callback, bool) {
	i, ok := c.callback[callbackName(name)]
	if !ok {
		return nil, false
	}
	return &c.callbacks[i], true
}

// Callbacks returns all rows in the order of the tables. The slice is the catalogue's own.
func (c *Catalog) Callbacks() []Callback { return c.callbacks }

// Tick returns what is known of a dependency of the tick.
func (c *Catalog) Tick(name string) (Tick, bool) {
	x, ok := c.ticks[name]
	return x, ok
}

// Recorder reports that comm is a program that records traces: what it causes is noise
// where the class of the hit has Noise among its Also.
func (c *Catalog) Recorder(comm string) bool {
	_, ok := c.recorders[comm]
	return ok
}

// callbackName is symbolName for what events call a callback: reasons of ipi_raise have
// blanks, a null pointer stands for the reschedule IPI.
func callbackName(s string) string {
	if s == "0x0" || s == "0" {
		return Reschedule
	}
	if name, _ := symbolName(s); name != "" {
		return name
	}
	return s
}

// symbolName is the normalised function of a frame and whether it lies in a module. The
// name is "" if the frame is a bare address.
func symbolName(s string) (name string, module bool) {
	if strings.IndexByte(s, '+') < 0 && strings.IndexByte(s, ' ') < 0 && !isDigit(s) && len(s) != 16 {
		return ksym.Normalize(s), false
	}
	sym, ok := ksym.ParseString(s)
	if !ok {
		return s, false
	}
	return ksym.Normalize(sym.Name), sym.Module != ""
}

// isAddress reports that a name is a number: nothing told the symbol.
func isAddress(s string) bool {
	name, _ := symbolName(s)
	return name == ""
}

func isDigit(s string) bool { return s != "" && s[0]-'0' <= 9 }
