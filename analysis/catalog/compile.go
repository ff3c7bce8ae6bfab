package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// compile checks every row and builds the lookups.
func (t *tables) compile() (*Catalog, []error) {
	c := &Catalog{
		callback:  make(map[string]int),
		narrows:   make(map[narrowKey]string),
		classes:   make(map[string]*names[*Classification]),
		recorders: make(map[string]string),
		unknown: Classification{
			Reason:     Unknown.Meaning(),
			Mitigation: "find its callers in the kernel source; a table file of your own can add a row",
		},
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
			case "classes":
				err = c.addClass(r.cells)
			case "vectors":
				c.addVector(r.cells)
			case "recorders":
				c.recorders[r.cells[0]] = undash(r.cells[1])
			}
			if err != nil {
				errs = append(errs, r.errorf("[%s] %s: %w", t[i].name, r.cells[0], err))
			}
		}
	}
	for frame, list := range rules {
		c.rules.add(frame, *list)
	}
	return c, errs
}

func (c *Catalog) addCallback(cells []string) error {
	class, err := newClassification(cells[7:])
	if err != nil {
		return err
	}
	if cells[4] != "-" && cells[4] != "yes" && cells[4] != "no" {
		return fmt.Errorf("in_6.1 is %q; write yes or no", cells[4])
	}
	c.callback[cells[0]] = len(c.callbacks)
	c.callbacks = append(c.callbacks, Callback{
		Name: cells[0], Kind: undash(cells[1]), Arch: undash(cells[2]), Source: undash(cells[3]), In61: cells[4] == "yes",
		Purpose: undash(cells[5]), Causes: undash(cells[6]), Classification: class,
	})
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
		Source: undash(cells[5]), Purpose: undash(cells[6]), Mitigation: undash(cells[7]),
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

func (c *Catalog) addClass(cells []string) error {
	if err := checkName(cells[1]); err != nil {
		return err
	}
	class, err := newClassification(cells[2:])
	if err != nil {
		return err
	}
	class.Root = cells[1]
	n := c.classes[cells[0]]
	if n == nil {
		n = new(names[*Classification])
		c.classes[cells[0]] = n
	}
	n.add(cells[1], &class)
	c.classRows = append(c.classRows, ClassRow{Function: cells[0], Classification: &class})
	return nil
}

// newClassification reads the cells class, also, reason, mitigation.
func newClassification(cells []string) (Classification, error) {
	class, err := parseWord(classNames[:], cells[0], "class")
	if err != nil {
		return Classification{}, err
	}
	c := Classification{Class: Class(class), Reason: undash(cells[2]), Mitigation: undash(cells[3])}
	if c.Reason == "" {
		c.Reason = c.Class.Meaning()
	}
	if cells[1] != "-" {
		for word := range strings.SplitSeq(cells[1], ",") {
			also, err := parseWord(classNames[:], strings.TrimSpace(word), "also")
			if err != nil {
				return c, err
			}
			c.Also = append(c.Also, Class(also))
		}
	}
	return c, nil
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
