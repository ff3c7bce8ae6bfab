package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/names"
)

// Terms choose rows: each names a key and a pattern for its value, and all must
// match.
type Terms []Term

// A Term is one "key=pattern". In a pattern * stands for any text and | stands
// between alternatives.
type Term struct{ Key, Pattern string }

// ParseTerms reads terms that blanks or commas separate. Their keys are those
// that rows are grouped by, or columns of the result.
func ParseTerms(text string, by []string, columns ...string) (Terms, error) {
	var terms Terms
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		key, pattern, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q: want terms such as function=do_sync_core, where * stands for any text", text)
		}
		if !slices.Contains(by, key) && !slices.Contains(columns, key) {
			return nil, fmt.Errorf("%q: rows do not have the key %q: they are grouped by %s (--by)", text, key, strings.Join(by, ","))
		}
		terms = append(terms, Term{key, pattern})
	}
	if terms == nil {
		return nil, fmt.Errorf("no terms: want some such as function=do_sync_core")
	}
	return terms, nil
}

// answer says whether a row of these values is one that the terms choose: a
// value that is a set, or not known, may be.
func (ts Terms) answer(by, values []string) names.Answer {
	answer := names.Is
	for _, t := range ts {
		i := slices.Index(by, t.Key)
		if i < 0 || i >= len(values) {
			return names.No
		}
		answer = min(answer, t.answer(values[i]))
	}
	return answer
}

// controls says whether a row is one of the control: sets that hold a name are,
// but what is not known is not.
func (ts Terms) controls(by, values []string) bool {
	answer := ts.answer(by, values)
	return answer == names.Is || answer == names.May && !isNameless(by, values)
}

// answer takes the pattern as a whole first: a set "a|b" is given as tables
// print it.
func (t Term) answer(value string) names.Answer {
	parts := strings.Split(t.Pattern, "|")
	matches := func(name string) bool {
		return match(t.Pattern, name) || slices.ContainsFunc(parts, func(p string) bool { return match(p, name) })
	}
	switch {
	case matches(value):
		return names.Is
	case value == key.Other:
		return names.May
	case hasSets(t.Key):
		return names.MatchFunc(value, matches)
	case isBlank(t.Key, value):
		return names.May
	}
	return names.No
}

// match reports whether s is pattern with any text in place of each *.
func match(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return s == pattern
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], next
	}
}
