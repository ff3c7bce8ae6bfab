package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Why a verdict was taken back.
const (
	reasonMachines   = "machines"     // the sides call their functions by other names
	reasonUnrecorded = "not-recorded" // a side lacks sends, or targets of them
	reasonExcerpt    = "excerpt"      // a side is no whole recording, and has no rates
)

// A property is what two sides may differ in so that a difference of their hits
// need not be that of a change.
type property struct {
	name string
	of   func(*Run) string // "" if the run does not say
	// apart: functions have other names, or are known by other evidence
	apart bool
}

func properties() []property {
	return []property{
		{"architecture", func(r *Run) string { return family(r.Input.Arch) }, true},
		{"how the kernel tells of IPIs", func(r *Run) string { return r.Regime }, true},
		{"host", func(r *Run) string { return r.Input.Host }, false},
		{"number of CPUs", func(r *Run) string {
			if r.Input.CPUs == 0 {
				return ""
			}
			return fmt.Sprint(r.Input.CPUs)
		}, false},
		{"recorded events", func(r *Run) string { return strings.Join(r.Input.Tells, " ") }, false},
	}
}

// family is an architecture without its variants, as far as names of functions
// go; a text tells no more.
func family(arch string) string {
	switch {
	case arch == "x86_64", arch == "amd64", len(arch) == 4 && strings.HasPrefix(arch, "i") && strings.HasSuffix(arch, "86"):
		return "x86"
	case strings.HasPrefix(arch, "arm"), strings.HasPrefix(arch, "aarch64"):
		return "arm"
	}
	return arch
}

// differences says in what two sides differ, and whether rows of functions of
// one side have no counterpart on the other for that alone.
func differences(before, after *Side) (what []string, apart bool) {
	for _, p := range properties() {
		x, y := distinct(before, p.of), distinct(after, p.of)
		if x == "" || y == "" || x == y {
			continue
		}
		if p.name == "recorded events" {
			x, y = onlyOf(before, after), onlyOf(after, before)
		}
		what = append(what, fmt.Sprintf("%s (%s %s, %s %s)", p.name, before.Name, x, after.Name, y))
		apart = apart || p.apart
	}
	return what, apart
}

// onlyOf lists the events that a side has and the other has not.
func onlyOf(s, other *Side) string {
	var only []string
	for i := range s.Runs {
		for _, name := range s.Runs[i].Input.Tells {
			isOther := slices.ContainsFunc(other.Runs, func(r Run) bool { return slices.Contains(r.Input.Tells, name) })
			if !isOther && !slices.Contains(only, name) {
				only = append(only, name)
			}
		}
	}
	if only == nil {
		return "no others"
	}
	return "also " + strings.Join(only, " ")
}

// warnDifferent says that the sides are of different machines or were recorded
// differently.
func warnDifferent(set *result.Set, before, after *Side) {
	what, apart := differences(before, after)
	if what == nil {
		return
	}
	text := "the sides differ in " + strings.Join(what, ", ") + ": a difference of hits may be that of the machines or recordings"
	if apart {
		text += "; functions do not compare, so that no row of them is gone or new"
	}
	set.Warn("different-machines", text)
}

// restrain takes back verdicts that rest on hits that one side cannot have: those
// of a kind of sends that was not recorded there or has no targets, and of
// functions that the other machine calls by other names.
func (c *comparison) restrain(cfg Config) {
	_, apart := differences(c.before, c.after)
	apart = apart && slices.ContainsFunc(cfg.By, isOfFunction)
	moreBefore, moreAfter := lacks(c.before, c.after), lacks(c.after, c.before)
	for i := range c.rows {
		r := &c.rows[i]
		if apart && (r.verdict == Gone || r.verdict == New) {
			r.verdict, r.reason = Unclear, reasonMachines
		}
		r.doubt(moreBefore, moreAfter)
	}
	c.total.doubt(moreBefore, moreAfter)
	if !c.before.isExcerpt() && !c.after.isExcerpt() {
		return
	}
	for i := range c.rows {
		c.rows[i].verdict, c.rows[i].reason = Unclear, reasonExcerpt
	}
	c.total.verdict, c.total.reason = Unclear, reasonExcerpt
}

// isExcerpt reports a side of which a recording is no whole one.
func (s *Side) isExcerpt() bool {
	return slices.ContainsFunc(s.Runs, func(r Run) bool { return r.Input.Excerpt != "" })
}

// isOfFunction reports a key whose values are names of one kernel's functions.
func isOfFunction(key string) bool {
	switch key {
	case "function", "callback", "callsite", "cause", "mechanism", "entry", "stack":
		return true
	}
	return false
}

// lacks reports that a side may have had more hits than its recordings show,
// other than those that the other side lacks as well.
func lacks(s, other *Side) bool {
	for i := range s.Runs {
		in := &s.Runs[i].Input
		if in.Sent.Untargeted > 0 {
			return true
		}
		for _, what := range in.Missing {
			if slices.ContainsFunc(other.Runs, func(r Run) bool { return !slices.Contains(r.Input.Missing, what) }) {
				return true
			}
		}
	}
	return false
}

// doubt makes a row unclear whose verdict would not hold with more hits on a side.
func (r *row) doubt(moreBefore, moreAfter bool) {
	switch r.verdict {
	case Gone, Reduced:
		moreBefore = false // there would be fewer still
	case New, Grown:
		moreAfter = false
	case Unclear:
		return
	}
	if moreBefore || moreAfter {
		r.verdict, r.reason = Unclear, reasonUnrecorded
	}
}
