package compare

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A Condition is one that a comparison must not meet: "function=do_sync_core >
// 0" or "hits > +5%".
type Condition struct {
	Text    string
	terms   Terms
	metric  string // hits, sends or rate
	op      string
	value   float64
	percent bool
}

// ConditionHelp describes the form of a Condition.
const ConditionHelp = `[KEY=PATTERN...] [hits|sends|rate] OP VALUE: OP is > >= < <= or ==. A plain
VALUE is compared with the after side, one such as +5% with the change of the
rate. With keys (those of --by, and verdict) each matching row is tested,
without them all hits together`

// ParseCondition reads a condition on rows that are grouped by these keys.
func ParseCondition(text string, by []string) (*Condition, error) {
	m := regexp.MustCompile(`^(.*?)\s*(>=|<=|==|>|<)\s*([+-]?[0-9]*\.?[0-9]+)\s*(%?)$`).FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("condition %q: want %s", text, ConditionHelp)
	}
	c := &Condition{Text: text, metric: "hits", op: m[2], percent: m[4] != ""}
	var err error
	if c.value, err = strconv.ParseFloat(m[3], 64); err != nil {
		return nil, fmt.Errorf("condition %q: %w", text, err)
	}
	words := strings.Fields(m[1])
	if n := len(words); n > 0 && !strings.Contains(words[n-1], "=") {
		c.metric, words = words[n-1], words[:n-1]
		if !slices.Contains([]string{"hits", "sends", "rate"}, c.metric) {
			return nil, fmt.Errorf("condition %q: unknown figure %q (valid: hits sends rate)", text, c.metric)
		}
	}
	if len(words) > 0 {
		if c.terms, err = ParseTerms(strings.Join(words, " "), by, "verdict"); err != nil {
			return nil, fmt.Errorf("condition %q: %w", text, err)
		}
	}
	return c, nil
}

// Met returns what meets the condition, the first row or the total, as a
// sentence; it is empty if nothing does.
func (c *Condition) Met(set *result.Set) string {
	t := set.Table("total")
	if c.terms != nil {
		t = set.Table("rows")
	}
	names := append([]string{"verdict"}, set.By...)
	for _, row := range t.Rows {
		at := func(name string) result.Value { return row[t.Index(name)] }
		if c.terms != nil {
			values := []string{at("verdict").Str}
			for _, k := range set.By {
				values = append(values, at(k).Str)
			}
			if !c.terms.match(names, values) {
				continue
			}
		}
		if !c.holds(at) {
			continue
		}
		name := "all hits"
		if c.terms != nil {
			var key []string
			for _, k := range set.By {
				key = append(key, at(k).Str)
			}
			name = rowName(set.By, key)
		}
		if i := t.Index("group"); i >= 0 {
			name += " in " + row[i].Str
		}
		return fmt.Sprintf("%s: hits %d -> %d, %s, %s, q %.2g: meets %q",
			name, at("before.hits").Int, at("after.hits").Int, change(at("ratio").Float), at("verdict").Str, at("q").Float, c.Text)
	}
	return ""
}

func (c *Condition) holds(at func(string) result.Value) bool {
	var x float64
	switch {
	case c.percent && c.metric == "sends":
		// sends are not in a rate of their own: that of the hits, corrected
		hits := float64(at("after.hits").Int) / float64(at("before.hits").Int)
		sends := float64(at("after.sends").Int) / float64(at("before.sends").Int)
		x = 100 * (at("ratio").Float*sends/hits - 1)
	case c.percent:
		x = 100 * (at("ratio").Float - 1)
	case c.metric == "rate":
		x = at("after.rate").Float
	default:
		x = float64(at("after." + c.metric).Int)
	}
	if math.IsNaN(x) {
		return false // nothing before, nothing after
	}
	switch c.op {
	case ">":
		return x > c.value
	case ">=":
		return x >= c.value
	case "<":
		return x < c.value
	case "<=":
		return x <= c.value
	}
	return x == c.value
}

// rowName is a row's key as "function=do_sync_core".
func rowName(by, key []string) string {
	var parts []string
	for i, k := range key {
		parts = append(parts, by[i]+"="+k)
	}
	return strings.Join(parts, " ")
}
