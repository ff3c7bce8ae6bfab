package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// compile checks every row and builds the lookups for a kernel.
func (t *tables) compile(k kernel) (*Catalog, []error) {
	c := &Catalog{
		tables:      t,
		kernel:      k,
		views:       new(sync.Map),
		callback:    make(map[string]int),
		narrows:     make(map[narrowKey]string),
		classes:     make(map[string]*classTable),
		recorders:   make(map[string]string),
		dispatchers: make(map[string]Dispatcher),
		ticks:       make(map[string]Tick),
		unknown: Classification{
			Why: Unknown.Meaning(),
			Do:  "Look for its callers in the kernel source; a table file of your own (--catalog) can add a row.",
		},
	}
	c.unnamed = Classification{
		Why: "The events have addresses in the place of functions.",
		Do:  "Give the symbols of that kernel, a copy of its /proc/kallsyms, with --symbols FILE.",
	}
	rules := make(map[string]*[]rule)
	var errs []error
	for i := range t {
		for j := range t[i].rows {
			r := &t[i].rows[j]
			var err error
			switch t[i].name {
			case "callbacks":
				err = c.addCallback(r.cells)
			case "frames":
				err = c.addFrame(r.cells)
			case "rules":
				err = c.addRule(rules, r.cells)
			case "narrow":
				err = c.addNarrow(r.cells)
			case "vectors":
				c.addVector(r.cells)
			case "recorders":
				c.recorders[r.cells[0]] = undash(r.cells[1])
			case "knobs":
				err = c.addKnob(r.cells)
			case "ticks":
				x := r.cells
				c.ticks[x[0]] = Tick{Name: x[0], Do: undash(x[1]), Why: undash(x[2]), Limit: undash(x[3]), Source: undash(x[4])}
			case "dispatchers":
				c.dispatchers[r.cells[0]] = Dispatcher{Start: undash(r.cells[1]), End: undash(r.cells[2]), Field: undash(r.cells[3])}
			}
			if err != nil {
				errs = append(errs, r.errorf("[%s] %s: %w", t[i].name, r.cells[0], err))
			}
		}
	}
	for frame, list := range rules {
		c.rules.add(frame, *list)
	}
	return c, append(errs, c.addClasses(t.section("classes"), t.section("callbacks"))...)
}

func (c *Catalog) addCallback(cells []string) error {
	class, err := parseClass(cells[9], cells[10], texts{cells[13], cells[14], cells[15], cells[3]})
	if err != nil {
		return err
	}
	if cells[4] != "-" && cells[4] != "yes" && cells[4] != "no" {
		return fmt.Errorf("in_6.1 is %q; write yes or no", cells[4])
	}
	if cells[11] != "-" && cells[11] != "cause" {
		return fmt.Errorf("decides is %q; write cause, or - for the innermost frame that has a row", cells[11])
	}
	if _, err := parseRange(cells[5], cells[6]); err != nil {
		return err
	}
	class.Class = c.onKernel(class.Class, cells[2])
	cb := Callback{
		Name: cells[0], Kind: undash(cells[1]), Arch: undash(cells[2]), Source: undash(cells[3]), In61: cells[4] == "yes", Since: undash(cells[5]), Until: undash(cells[6]),
		Purpose: undash(cells[7]), Causes: undash(cells[8]), Part: undash(cells[12]), Classification: class,
	}
	c.callback[cells[0]] = len(c.callbacks)
	c.callbacks = append(c.callbacks, cb)
	return nil
}

func (c *Catalog) addFrame(cells []string) error {
	level, err := parseWord(levelNames[:], cells[1], "level")
	if err != nil {
		return err
	}
	kind, err := parseWord(kindNames[:], cells[2], "kind")
	if err != nil {
		return err
	}
	edge, err := parseWord(edgeNames[:], cells[5], "edge")
	if err != nil {
		return err
	}
	if err := checkName(cells[0]); err != nil {
		return err
	}
	f := frame{level: Level(level), kind: Kind(kind), via: undash(cells[3]), edge: uint8(edge)}
	switch cells[4] {
	case "-":
	case "callee":
		f.naming = byCallee
	case "self":
		f.naming = bySelf
	case "rest":
		f.naming = byRest
	case "none":
		f.naming = byNobody
	default:
		f.naming, f.name = byWord, cells[4]
	}
	c.frames.add(cells[0], f)
	c.frameRows = append(c.frameRows, FrameRow{Name: cells[0], Level: f.level, Kind: f.kind, Via: f.via, Text: undash(cells[6])})
	return nil
}

func (c *Catalog) addVector(cells []string) {
	c.vectors = append(c.vectors, Vector{
		Number: cells[0], Arch: undash(cells[1]), Name: undash(cells[2]), Event: undash(cells[3]), Function: undash(cells[4]),
		Source: undash(cells[5]), Purpose: undash(cells[6]), Do: undash(cells[7]),
	})
}

func (c *Catalog) addRule(rules map[string]*[]rule, cells []string) error {
	if err := checkName(cells[0]); err != nil {
		return err
	}
	if err := checkSet(cells[2]); err != nil {
		return err
	}
	list := rules[cells[0]]
	if list == nil {
		list = new([]rule)
		rules[cells[0]] = list
	}
	*list = append(*list, rule{via: undash(cells[1]), frame: cells[0], function: cells[2]})
	c.ruleRows = append(c.ruleRows, RuleRow{Frame: cells[0], Via: undash(cells[1]), Function: cells[2]})
	return nil
}

func (c *Catalog) addNarrow(cells []string) error {
	v, err := strconv.ParseUint(cells[2], 0, 64)
	if err != nil {
		return fmt.Errorf("value %q is not a number", cells[2])
	}
	if err := checkSet(cells[3]); err != nil {
		return err
	}
	c.narrows[narrowKey{cells[0], cells[1], v}] = cells[3]
	return nil
}

func (c *Catalog) addKnob(cells []string) error {
	if _, err := parseRange(cells[1], cells[2]); err != nil {
		return err
	}
	c.knobs = append(c.knobs, Knob{Name: cells[0], Since: undash(cells[1]), Until: undash(cells[2]), Price: undash(cells[3]), Source: undash(cells[4])})
	return nil
}

func parseWord(words []string, s, what string) (int, error) {
	for i, w := range words {
		if s == w || s == "-" && w == "" {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no %s %q; one of %s", what, s, strings.TrimSpace(strings.Join(words, " ")))
}

// checkSet looks at a function or set a|b|c.
func checkSet(s string) error {
	if s == "-" {
		return errors.New("no function")
	}
	for m := range Members(s) {
		if m == "" || strings.ContainsAny(m, " *") {
			return fmt.Errorf("%q is no function or set a|b|c", s)
		}
	}
	return nil
}

func undash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}
