package catalog

import (
	"errors"
	"fmt"
	"strings"
)

// texts are the cells do, why, limit and source of a row.
type texts [4]string

// A variant is a row of [classes] that holds for the kernel.
type variant struct {
	*row
	kernels kernelRange
}

type classAt struct{ function, root string }

// noRoot is the root of a row that decides without a frame.
const noRoot = "-"

// addClasses builds the lookups of [classes] once all callbacks are known.
func (c *Catalog) addClasses(classes, callbacks *table) (errs []error) {
	chosen := make(map[classAt]variant)
	var order []classAt
	var others []variant // that hold, too, where the kernel is not known
	for i := range classes.rows {
		r := &classes.rows[i]
		v := variant{row: r}
		var err error
		if v.kernels, err = checkClass(r.cells); err != nil {
			errs = append(errs, r.errorf("[classes] %s: %w", r.cells[0], err))
			continue
		}
		at := classAt{r.cells[0], r.cells[1]}
		old, ok := chosen[at]
		switch {
		case !c.holds(v):
		case !ok:
			order = append(order, at)
			chosen[at] = v
		case c.isCloser(v, old):
			chosen[at] = v
			others = append(others, old)
		default:
			others = append(others, v)
		}
	}
	for _, at := range order {
		if err := c.addClass(at, chosen); err != nil {
			errs = append(errs, chosen[at].errorf("[classes] %s: %w", at.function, err))
		}
	}
	for _, v := range others {
		if row, err := c.classRow(classAt{v.cells[0], v.cells[1]}, v, chosen); err == nil {
			c.classRows = append(c.classRows, row)
		}
	}
	for i := range callbacks.rows {
		if err := c.inheritCallback(callbacks.rows[i].cells); err != nil {
			errs = append(errs, callbacks.rows[i].errorf("[callbacks] %s: %w", callbacks.rows[i].cells[0], err))
		}
	}
	if len(errs) == 0 {
		c.putTextsOn(callbacks)
	}
	return errs
}

func checkClass(cells []string) (kernelRange, error) {
	if cells[0] == "" || cells[1] == "" {
		return kernelRange{}, errors.New("an empty name in a set a|b|c")
	}
	if cells[1] != noRoot {
		frame, caller, isPair := strings.Cut(cells[1], "<")
		if err := checkName(frame); err != nil {
			return kernelRange{}, err
		}
		if err := checkName(caller); isPair && err != nil {
			return kernelRange{}, err
		}
		if isPair && (frame == "" || caller == "" || strings.Contains(caller, "<")) {
			return kernelRange{}, fmt.Errorf("root %q is no FRAME<CALLER", cells[1])
		}
	} else if cells[5] == "-" {
		return kernelRange{}, errors.New("a row without a root needs a class")
	}
	return parseRange(cells[3], cells[4])
}

// holds reports whether a row holds for the kernel, as far as it is known.
func (c *Catalog) holds(v variant) bool {
	arch := v.cells[2]
	return (c.kernel.version == 0 || v.kernels.has(c.kernel.version)) &&
		(c.kernel.arch == "" || arch == "-" || holdsOn(arch, c.kernel.arch))
}

// isCloser reports whether of two rows of one key that hold for the kernel v is meant: the one that
// was made for it; where the kernel is not known the one for all, else for newer ones.
func (c *Catalog) isCloser(v, old variant) bool {
	closer := func(known, is, was bool) (bool, bool) { return is == known, is != was }
	if yes, differ := closer(c.kernel.arch != "", v.cells[2] != "-", old.cells[2] != "-"); differ {
		return yes
	}
	if yes, differ := closer(c.kernel.version != 0, v.kernels != kernelRange{}, old.kernels != kernelRange{}); differ {
		return yes
	}
	return v.kernels.since > old.kernels.since
}

// deferredOn is the architecture that the posted deferral series is for.
const deferredOn = "x86"

// onKernel is the class of a row on the kernel's architecture: what the posted series defers it leaves
// as it is on others, unless the row is for the one architecture and says so.
func (c *Catalog) onKernel(class Class, arch string) Class {
	if class == Deferrable && c.kernel.arch != "" && c.kernel.arch != deferredOn && arch != c.kernel.arch {
		return Candidate
	}
	return class
}

func (c *Catalog) tableOf(function string) *classTable {
	t := c.classes[function]
	if t == nil {
		t = new(classTable)
		c.classes[function] = t
	}
	return t
}

func (c *Catalog) addClass(at classAt, chosen map[classAt]variant) error {
	row, err := c.classRow(at, chosen[at], chosen)
	if err != nil {
		return err
	}
	t := c.tableOf(at.function)
	switch {
	case at.root == noRoot:
		t.other = row.Classification
	case row.TextOnly:
		t.texts.add(at.root, row.Classification)
		if t.said == nil {
			t.said = make(map[textOn]*Classification)
		}
	default:
		t.rows.add(at.root, row.Classification)
	}
	c.classRows = append(c.classRows, row)
	return nil
}

// classRow reads a row.
func (c *Catalog) classRow(at classAt, v variant, chosen map[classAt]variant) (ClassRow, error) {
	said, err := c.inherit(at, texts(v.cells[7:11]), chosen, 0)
	if err != nil {
		return ClassRow{}, err
	}
	class := Classification{Do: undash(said[0]), Why: undash(said[1]), Limit: undash(said[2]), Source: undash(said[3])}
	if v.cells[5] != "-" || v.cells[6] != "-" {
		word := v.cells[5]
		if word == "-" {
			word = classNames[Unknown]
		}
		if class, err = parseClass(word, v.cells[6], said); err != nil {
			return ClassRow{}, err
		}
	}
	class.Class = c.onKernel(class.Class, v.cells[2])
	c.sayKernels(&class, v)
	if at.root != noRoot {
		class.Root = at.root
	}
	return ClassRow{Function: at.function, Kernels: v.kernels.String(), Arch: undash(v.cells[2]), TextOnly: v.cells[5] == "-", Classification: &class}, nil
}

// sayKernels puts before what is to be done for which kernels that is, where the recording does not
// tell whether its own is one of them.
func (c *Catalog) sayKernels(class *Classification, v variant) {
	var on []string
	if arch := v.cells[2]; arch != "-" && c.kernel.arch == "" {
		on = append(on, arch)
	}
	if s := v.kernels.String(); s != "" && c.kernel.version == 0 {
		on = append(on, s)
	}
	if len(on) > 0 && class.Do != "" {
		class.Do = strings.Join(on, ", ") + ": " + class.Do
	}
}

// maxInherit bounds how many rows a text may be taken through.
const maxInherit = 4

// inherit fills the texts that a row leaves to others: "=NAME" takes those of the row for NAME and
// the same root, else of NAME's callback; without a do they are those of the callback.
func (c *Catalog) inherit(at classAt, own texts, chosen map[classAt]variant, depth int) (texts, error) {
	from, named := strings.CutPrefix(own[0], "=")
	var base texts
	switch {
	case named:
		if depth == maxInherit {
			return own, fmt.Errorf("%s goes round in circles", own[0])
		}
		next := classAt{from, at.root}
		if v, ok := chosen[next]; ok {
			var err error
			if base, err = c.inherit(next, texts(v.cells[7:11]), chosen, depth+1); err != nil {
				return own, err
			}
		} else if cb, ok := c.Callback(from); ok {
			base = callbackTexts(cb)
		} else {
			return own, fmt.Errorf("no callback %q to take texts from", from)
		}
		own[0] = "-"
	case own[0] == "-":
		cb, ok := c.Callback(at.function)
		if !ok {
			return own, nil
		}
		base = callbackTexts(cb)
	default:
		return own, nil
	}
	for i := range own {
		if own[i] == "-" {
			own[i] = base[i]
		}
	}
	return own, nil
}

func callbackTexts(cb *Callback) texts {
	t := texts{cb.Do, cb.Why, cb.Limit, cb.Classification.Source}
	for i := range t {
		if t[i] == "" {
			t[i] = "-"
		}
	}
	return t
}

// inheritCallback gives a callback with "=NAME" the texts of that one.
func (c *Catalog) inheritCallback(cells []string) error {
	from, ok := strings.CutPrefix(cells[13], "=")
	if !ok {
		return nil
	}
	base, ok := c.Callback(from)
	if !ok || strings.HasPrefix(base.Do, "=") {
		return fmt.Errorf("no callback %q with a text of its own to take it from", from)
	}
	cb := &c.callbacks[c.callback[cells[0]]]
	cb.Do = base.Do
	if cells[14] == "-" {
		cb.Why = base.Why
	}
	if cells[15] == "-" {
		cb.Limit = base.Limit
	}
	return nil
}

// putTextsOn makes what is said where a row with texts meets one that decides.
func (c *Catalog) putTextsOn(callbacks *table) {
	for i := range callbacks.rows {
		if callbacks.rows[i].cells[11] == "cause" {
			c.tableOf(callbacks.rows[i].cells[0]).byCause = true
		}
	}
	for _, text := range c.classRows {
		if !text.TextOnly {
			continue
		}
		t := c.classes[text.Function]
		put := func(class *Classification) {
			if class != nil {
				t.said[textOn{text.Classification, class}] = combined(text.Classification, class)
			}
		}
		for _, r := range c.classRows {
			if r.Function == text.Function && !r.TextOnly {
				put(r.Classification)
			}
		}
		put(c.alone(text.Function))
	}
}

// combined is a class with the texts and further classes of a row that has no class.
func combined(text, class *Classification) *Classification {
	said := *class
	said.Root = text.Root
	if text.Do != "" {
		said.Do, said.Why, said.Limit, said.Source = text.Do, text.Why, text.Limit, text.Source
	}
	for _, also := range text.Also {
		if !said.Has(also) {
			said.Also = append(said.Also[:len(said.Also):len(said.Also)], also)
		}
	}
	return &said
}

// parseClass reads the cells of a class with its texts.
func parseClass(class, also string, said texts) (Classification, error) {
	n, err := parseWord(classNames[:], class, "class")
	if err != nil {
		return Classification{}, err
	}
	c := Classification{Class: Class(n), Do: undash(said[0]), Why: undash(said[1]), Limit: undash(said[2]), Source: undash(said[3])}
	if c.Why == "" {
		c.Why = c.Class.Meaning()
	}
	if also == "-" {
		return c, nil
	}
	for word := range strings.SplitSeq(also, ",") {
		k, err := parseWord(classNames[:], strings.TrimSpace(word), "also")
		if err != nil {
			return c, err
		}
		c.Also = append(c.Also, Class(k))
	}
	return c, nil
}
