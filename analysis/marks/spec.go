package marks

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Grammar describes the values of --mark for people.
const Grammar = `NAME=REGEXP          counts the lines that match
NAME.begin=REGEXP    and NAME.end=REGEXP: spans from one line to the other
NAME.expect=REGEXP   a line that should come between the two

Named groups, (?P<task>\S+), that begin and end both have pair the lines: a span
ends with the line of equal values. Without any, begin and end belong together if
the same task wrote them.`

// A Mark is what lines of trace_printk and trace_marker say: occurrences that are
// counted, or spans from one line to another.
type Mark struct {
	Name string
	// Point matches what is counted; nil for spans.
	Point *Pattern
	// Begin and End match the ends of spans; Expect, if not nil, what should come
	// between them.
	Begin, End, Expect *Pattern
	// Limit is how long spans may be, in ns; 0 is for ever.
	Limit int64
}

// A Pattern is a regular expression. Its named groups are keys.
type Pattern struct {
	re     *regexp.Regexp
	names  []string // of the groups, sorted
	groups []int    // their indexes
}

// Match reports whether a line matches.
func (p *Pattern) Match(line []byte) bool { return p.re.Match(line) }

// keyed appends the values of the groups called keys to dst.
func (p *Pattern) keyed(dst, line []byte, keys []string) ([]byte, bool) {
	if len(keys) == 0 {
		return dst, p.re.Match(line)
	}
	m := p.re.FindSubmatchIndex(line)
	if m == nil {
		return dst, false
	}
	for i, name := range p.names {
		if !slices.Contains(keys, name) {
			continue
		}
		if at := 2 * p.groups[i]; m[at] >= 0 {
			dst = append(dst, bytes.TrimSpace(line[m[at]:m[at+1]])...)
		}
		dst = append(dst, 0)
	}
	return dst, true
}

// keys are the names of the groups that pair the lines of a span.
func (m *Mark) keys() []string {
	return slices.DeleteFunc(slices.Clone(m.Begin.names), func(n string) bool { return !slices.Contains(m.End.names, n) })
}

// Parse reads values of --mark, and of --mark-limit: "4ms" for all spans or
// "NAME=4ms" for those of one name.
func Parse(specs, limits []string) ([]Mark, error) {
	var marks []Mark
	for _, spec := range specs {
		name, text, ok := strings.Cut(spec, "=")
		name, part, _ := strings.Cut(name, ".")
		if !ok || !isName(name) || text == "" {
			return nil, fmt.Errorf("--mark %q: want NAME=REGEXP, or NAME.begin=REGEXP and NAME.end=REGEXP", spec)
		}
		p, err := compile(text)
		if err != nil {
			return nil, fmt.Errorf("--mark %q: %w", spec, err)
		}
		i := slices.IndexFunc(marks, func(m Mark) bool { return m.Name == name })
		if i < 0 {
			i = len(marks)
			marks = append(marks, Mark{Name: name})
		}
		slot := marks[i].slot(part)
		switch {
		case slot == nil:
			return nil, fmt.Errorf("--mark %q: %q is no part of a mark: want %s.begin, %s.end or %s.expect", spec, part, name, name, name)
		case *slot != nil:
			return nil, fmt.Errorf("--mark %q: was given before", spec)
		}
		*slot = p
	}
	for i := range marks {
		if err := marks[i].check(); err != nil {
			return nil, err
		}
	}
	return marks, setLimits(marks, limits)
}

// slot is where the pattern of a part goes, nil if there is no such part.
func (m *Mark) slot(part string) **Pattern {
	switch part {
	case "":
		return &m.Point
	case "begin":
		return &m.Begin
	case "end":
		return &m.End
	case "expect":
		return &m.Expect
	}
	return nil
}

func (m *Mark) check() error {
	switch isSpan := m.Begin != nil || m.End != nil || m.Expect != nil; {
	case m.Point != nil && isSpan:
		return fmt.Errorf("--mark %s: is counted (%s=) or a span (%s.begin=), not both: give one of them another name", m.Name, m.Name, m.Name)
	case isSpan && (m.Begin == nil || m.End == nil):
		return fmt.Errorf("--mark %s: a span needs both %s.begin=REGEXP and %s.end=REGEXP", m.Name, m.Name, m.Name)
	}
	return nil
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

func compile(text string) (*Pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	p := &Pattern{re: re}
	for _, name := range re.SubexpNames() {
		if name != "" {
			p.names = append(p.names, name)
		}
	}
	slices.Sort(p.names)
	if len(slices.Compact(slices.Clone(p.names))) < len(p.names) {
		return nil, fmt.Errorf("two groups have one name")
	}
	for _, name := range p.names {
		p.groups = append(p.groups, re.SubexpIndex(name))
	}
	return p, nil
}

func setLimits(marks []Mark, limits []string) error {
	for _, text := range limits {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			name, value = "", text
		}
		limit, err := time.ParseDuration(value)
		if err != nil || limit <= 0 {
			return fmt.Errorf("--mark-limit %q: want a length such as 4ms, or NAME=4ms", text)
		}
		found := false
		for i := range marks {
			if marks[i].Begin != nil && (name == "" || marks[i].Name == name) {
				marks[i].Limit, found = int64(limit), true
			}
		}
		if !found {
			return fmt.Errorf("--mark-limit %q: no --mark of that name is a span", text)
		}
	}
	return nil
}
