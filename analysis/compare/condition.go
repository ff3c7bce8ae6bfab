package compare

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/bound"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// A Condition is one that a comparison must not meet: "function=do_sync_core >
// 0" or "hits > +5%".
type Condition struct {
	Text    string
	terms   Terms
	metric  string // hits, sends or rate
	bound   bound.Bound
	percent bool
}

// ConditionHelp describes the form of a Condition.
const ConditionHelp = `[KEY=PATTERN...] [hits|sends|rate] OP VALUE: OP is > >= < <= or ==. A plain
VALUE is compared with the after side, one such as +5% with the change of the
rate. With keys (those of --by, and verdict) each matching row is tested,
without them all hits together`

// ParseCondition reads a condition on rows that are grouped by these keys.
func ParseCondition(text string, by []string) (*Condition, error) {
	m := regexp.MustCompile(`^(.*?)\s*` + bound.Pattern + `\s*(%?)$`).FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, fmt.Errorf("condition %q: want %s", text, ConditionHelp)
	}
	c := &Condition{Text: text, metric: "hits", percent: m[4] != ""}
	var err error
	if c.bound, err = bound.Parse(m[2], m[3]); err != nil {
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

// An Outcome is what a comparison says of a condition.
type Outcome struct {
	// Met is what meets the condition, the first row or the total, as a sentence.
	Met string
	// Undecided says, where nothing meets it, which hits that may be of another
	// name, or which lost events, could.
	Undecided string
}

// Functions are the functions that the condition names, but for patterns.
func (c *Condition) Functions() []string {
	var list []string
	for _, t := range c.terms {
		for name := range strings.SplitSeq(t.Pattern, "|") {
			if t.Key == "function" && !strings.Contains(name, "*") {
				list = append(list, name)
			}
		}
	}
	return list
}

// Look holds the condition against a comparison.
func (c *Condition) Look(set *result.Set) Outcome {
	if c.terms == nil {
		return c.lookAt(set, set.Table("total"))
	}
	return c.lookAt(set, set.Table("rows"))
}

// lookAt goes through the rows of each group.
func (c *Condition) lookAt(set *result.Set, t *result.Table) Outcome {
	var undecided string
	noRates := set.Excerpt() != "" && (c.percent || c.metric == "rate")
	for g, total := range set.Table("total").Rows {
		exposure := exposures(set, g)
		all := newReading(figures{set.Table("total"), total}, exposure)
		found, may := false, reading{exposure: exposure}
		for _, row := range t.Rows {
			r := figures{t, row}
			if r.group() != all.group {
				continue
			}
			key, verdict := c.answer(r)
			switch {
			case key == names.No || verdict == names.No:
				found = found || key == names.Is
			case key == names.May:
				may.mayBe(r)
			default:
				found = true
				x := newReading(r, exposure)
				sure, could := c.holds(x)
				sure, could = sure && !noRates, could || noRates
				if sure && verdict == names.Is {
					return Outcome{Met: c.met(set, r)}
				}
				if (sure || could) && undecided == "" {
					undecided = fmt.Sprintf("%s: hits %d -> %d, but with hits of unknown names and lost events up to %s -> %s", r.name(set),
						r.at("before.hits").Int, r.at("after.hits").Int, upTo(x.most[0]), upTo(x.most[1]))
				}
			}
		}
		may.mayBeLost(all)
		if _, could := c.holds(may); !found && c.terms != nil && could && undecided == "" {
			undecided = fmt.Sprintf("no hit%s is known to match, but up to %s after may", inGroup(all.group), upTo(may.most[1]))
		}
	}
	if undecided == "" {
		return Outcome{}
	}
	return Outcome{Undecided: fmt.Sprintf("%s: %q cannot be decided; record what tells functions and causes (csd:csd_queue_cpu, stacks), without losses", undecided, c.Text)}
}

// answer says whether a row is one of the condition's, by its keys and by its
// verdict: one that is unclear for want of evidence may be any.
func (c *Condition) answer(r figures) (key, verdict names.Answer) {
	key, verdict = names.Is, names.Is
	for _, t := range c.terms {
		value := r.at(t.Key).Str
		switch {
		case t.Key != "verdict":
			key = min(key, t.answer(value))
		case t.answer(value) == names.Is:
		case value == string(Unclear) && isWithheld(r.at("reason").Str):
			verdict = min(verdict, names.May)
		default:
			verdict = names.No
		}
	}
	return key, verdict
}

// isWithheld reports the reasons for which a verdict is withheld that the hits
// as they were counted would have.
func isWithheld(reason string) bool {
	return reason == reasonUnknown || reason == reasonLost || reason == reasonExcerpt
}

func (c *Condition) met(set *result.Set, r figures) string {
	if set.Excerpt() != "" {
		return fmt.Sprintf("%s: hits %d -> %d: meets %q", r.name(set), r.at("before.hits").Int, r.at("after.hits").Int, c.Text)
	}
	return fmt.Sprintf("%s: hits %d -> %d, %s, %s, q %.2g: meets %q", r.name(set),
		r.at("before.hits").Int, r.at("after.hits").Int, change(r.at("ratio").Float), r.at("verdict").Str, r.at("q").Float, c.Text)
}

func upTo(n float64) string {
	if math.IsInf(n, 1) {
		return "any number"
	}
	return fmt.Sprintf("%.0f", n)
}

func inGroup(group string) string {
	if group == "" {
		return ""
	}
	return " in " + group
}

// figures are a row of a comparison's tables.
type figures struct {
	t   *result.Table
	row []result.Value
}

func (r figures) at(name string) result.Value { return r.row[r.t.Index(name)] }

func (r figures) group() string {
	if i := r.t.Index("group"); i >= 0 {
		return r.row[i].Str
	}
	return ""
}

func (r figures) name(set *result.Set) string {
	name := "all hits"
	if r.t.Name == "rows" {
		var key []string
		for _, k := range set.By {
			key = append(key, r.at(k).Str)
		}
		name = result.KeyText(set.By, key)
	}
	return name + inGroup(r.group())
}

// exposures are those of the first side and of the group at index g.
func exposures(set *result.Set, g int) [2]float64 {
	t := set.Table("sides")
	at := t.Index("exposure")
	return [2]float64{t.Rows[0][at].Float, t.Rows[g+1][at].Float}
}

// A reading is the hits of a row, before and after, and the most that may have
// been its own.
type reading struct {
	group             string
	hits, most, sends [2]float64
	exposure          [2]float64
	ratio, rate       float64 // fitted; the rate is that after
}

func newReading(r figures, exposure [2]float64) reading {
	x := reading{group: r.group(), exposure: exposure, ratio: r.at("ratio").Float, rate: r.at("after.rate").Float}
	for i, side := range []string{"before", "after"} {
		x.hits[i], x.sends[i] = float64(r.at(side+".hits").Int), float64(r.at(side+".sends").Int)
		x.most[i] = r.at(side + ".most").Float
	}
	return x
}

// mayBe takes in hits that may be of the name that is looked for.
func (x *reading) mayBe(r figures) {
	x.most[0] += float64(r.at("before.hits").Int)
	x.most[1] += float64(r.at("after.hits").Int)
}

// mayBeLost takes in those that lost events may have been.
func (x *reading) mayBeLost(all reading) {
	x.group = all.group
	for i := range x.most {
		x.most[i] += all.most[i] - all.hits[i]
	}
}

// holds reports whether a row meets the condition whatever may be its own, and
// whether it could.
func (c *Condition) holds(x reading) (sure, could bool) {
	least, most := math.Inf(1), math.Inf(-1)
	for _, h := range [][2]float64{x.hits, {x.hits[0], x.most[1]}, {x.most[0], x.hits[1]}} {
		v := c.valueOf(x, h)
		if math.IsNaN(v) {
			continue // nothing before, nothing after
		}
		least, most = min(least, v), max(most, v)
	}
	if least > most {
		return false, false
	}
	sure, could = c.bound.MayMeet(least, most)
	return sure && !math.IsNaN(c.valueOf(x, x.hits)), could
}

// valueOf is the figure that is compared, for these hits.
func (c *Condition) valueOf(x reading, hits [2]float64) float64 {
	switch {
	case c.percent:
		ratio := hits[1] / hits[0] * x.exposure[0] / x.exposure[1]
		if x.hits[0] > 0 && x.hits[1] > 0 {
			ratio = x.ratio * hits[1] / x.hits[1] * x.hits[0] / hits[0]
			if c.metric == "sends" {
				// sends have no rate of their own: that of the hits, corrected
				ratio *= x.sends[1] / x.sends[0] / (x.hits[1] / x.hits[0])
			}
		}
		return 100 * (ratio - 1)
	case c.metric == "rate" && x.hits[1] > 0:
		return x.rate * hits[1] / x.hits[1]
	case c.metric == "rate":
		return hits[1] / x.exposure[1]
	case c.metric == "sends":
		return x.sends[1] + hits[1] - x.hits[1]
	}
	return hits[1]
}
