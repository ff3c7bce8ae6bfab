package shift

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/bound"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// A Condition is one that a comparison must not meet: "function=do_sync_core
// p99 > 50us" or "verdict=grown p50 > +10%".
type Condition struct {
	Text     string
	terms    map[string]string // patterns by key
	quantile string
	bound    bound.Bound // of ns or percent
	percent  bool
}

// ConditionHelp describes the form of a Condition.
const ConditionHelp = `[KEY=PATTERN...] p50|p99 OP VALUE: OP is > >= < <= or ==. A VALUE with a unit
(ns us ms s) is compared with the after side, one such as +5% with the change.
KEY is one of --by, or verdict; in PATTERN * stands for any text. Each row that
matches is tested; one that the recordings do not tell of cannot be decided`

// ParseCondition reads a condition on rows that are grouped by these keys.
func ParseCondition(text string, by []string) (*Condition, error) {
	m := regexp.MustCompile(`^(.*?)\s*\b(p50|p99)\s*` + bound.Pattern + `\s*(%|ns|us|µs|ms|s)$`).FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("condition %q: want %s", text, ConditionHelp)
	}
	c := &Condition{Text: text, terms: map[string]string{}, quantile: m[2], percent: m[5] == "%"}
	var err error
	if c.bound, err = bound.Parse(m[3], m[4]); err != nil {
		return nil, fmt.Errorf("condition %q: %w", text, err)
	}
	if !c.percent {
		unit, err := time.ParseDuration("1" + m[5])
		if err != nil {
			return nil, fmt.Errorf("condition %q: %w", text, err)
		}
		c.bound.Value *= float64(unit)
	}
	for _, word := range strings.Fields(m[1]) {
		key, pattern, ok := strings.Cut(word, "=")
		if !ok || key != "verdict" && !slices.Contains(by, key) {
			return nil, fmt.Errorf("condition %q: %q: want KEY=PATTERN with a key of the rows (%s) or verdict", text, word, strings.Join(by, " "))
		}
		c.terms[key] = pattern
	}
	return c, nil
}

// Met says which row meets the condition, and why it cannot be decided; both are
// empty if no row meets it.
func (c *Condition) Met(set *result.Set) (met, undecided string) {
	t := set.Table("rows")
	matched := false
	for _, row := range t.Rows {
		at := func(name string) result.Value { return row[t.Index(name)] }
		if at("quantile").Str != c.quantile || !c.matchKeys(set.By, at) {
			continue
		}
		matched = true
		name := rowName(set.By, at)
		if reason := Reason(at("reason").Str); reason.isEvidence() {
			undecided = fmt.Sprintf("%s: %q cannot be decided: %s (%s)", name, c.Text, reason, reason.Meaning())
			continue
		}
		if pattern, ok := c.terms["verdict"]; ok && !matchText(pattern, at("verdict").Str) {
			continue
		}
		if c.holds(at) {
			return fmt.Sprintf("%s: %v -> %v, ratio %.3g, %s, q %.2g: meets %q", name,
				result.Duration(at("before.ns").Int), result.Duration(at("after.ns").Int), at("ratio").Float, at("verdict").Str, at("q").Float, c.Text), ""
		}
	}
	if !matched {
		undecided = fmt.Sprintf("%q cannot be decided: no row matches", c.Text)
	}
	return "", undecided
}

// matchKeys takes a row that may be the one that is meant, too.
func (c *Condition) matchKeys(by []string, at func(string) result.Value) bool {
	for _, k := range by {
		pattern, ok := c.terms[k]
		if ok && names.MatchFunc(at(k).Str, func(name string) bool { return matchText(pattern, name) }) == names.No && pattern != at(k).Str {
			return false
		}
	}
	return true
}

func (c *Condition) holds(at func(string) result.Value) bool {
	x := float64(at("after.ns").Int)
	if c.percent {
		x = 100 * (at("ratio").Float - 1)
	}
	return c.bound.Meets(x)
}

// rowName is a row as "function=do_sync_core p50".
func rowName(by []string, at func(string) result.Value) string {
	key := make([]string, len(by))
	for i, k := range by {
		key[i] = at(k).Str
	}
	return strings.TrimSpace(result.KeyText(by, key) + " " + at("quantile").Str)
}

// matchText reports whether s is pattern with any text in place of each *.
func matchText(pattern, s string) bool {
	quoted := strings.Split(pattern, "*")
	for i := range quoted {
		quoted[i] = regexp.QuoteMeta(quoted[i])
	}
	return regexp.MustCompile(`^` + strings.Join(quoted, ".*") + `$`).MatchString(s)
}
