package budget

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// A Suggestion makes a budget of recordings that are good. Every recording passes what
// it writes, and so do all together.
type Suggestion struct {
	// Runs are the recordings one by one, All is their sum.
	Runs []*Measured
	All  *Measured
	// Margin is how many times the longest that was seen may be.
	Margin float64
	// CountAll counts self-IPIs and the recorder's hits, too.
	CountAll bool
	// Command and Version say how the file came about.
	Command, Version string

	lost uint64
	left []string
}

// confidence is that of the rates of all CPUs together.
const confidence = 0.95

// Write returns the text of a budget file. It is an error if the recordings cannot pass
// any budget, or decide nothing.
func (s *Suggestion) Write() (string, error) {
	s.lost = s.All.lost()
	for _, m := range s.each() {
		base := Budget{MaxLost: s.lost}
		if r := base.lost(m); r.outcome != Pass {
			return "", fmt.Errorf("no budget passes on these recordings: %s", r.reason)
		}
		if m.Ticks {
			return "", errors.New("no budget passes on these recordings: " + noNanoseconds)
		}
	}
	if len(s.All.CPUs) == 0 {
		return "", errors.New("no isolated CPU is in the recordings")
	}
	limits := s.keep([][]candidate{
		{s.rate("max_hits_per_cpu_hour", "hits", func(c *CPU) uint64 { return s.budget().count(c, always).all })},
		s.classes(),
		s.interruptions(),
		{
			s.most("max_handler", "%s ran for", func(c *CPU) int64 { return c.Handler }, func(c *CPU) string { return c.Function }),
			s.most("max_interruption", "not left alone for", func(c *CPU) int64 { return c.Interruption.Longest }, nil),
			s.stolen(),
			s.most("max_delivery_p99", "p99 of a recording", delivered, nil),
			s.leastQuiet(),
		},
		s.noises(),
	})
	if len(limits) == 0 {
		return "", fmt.Errorf("the recordings decide nothing: %s", strings.Join(s.left, "; "))
	}
	text := s.head() + strings.Join(limits, "")
	for _, l := range s.left {
		text += "# not limited: " + l + "\n"
	}
	return text, s.verify(text)
}

// verify holds the recordings against a budget as it will be read.
func (s *Suggestion) verify(text string) error {
	b, err := Parse([]byte(text), "the suggested budget")
	if err != nil {
		return err
	}
	for _, m := range s.each() {
		if set, outcome := b.Check(m); outcome != Pass {
			return errors.New(set.Verdict)
		}
	}
	return nil
}

// each are the recordings, and all of them together.
func (s *Suggestion) each() []*Measured { return append(slices.Clone(s.Runs), s.All) }

func (s *Suggestion) budget() *Budget { return &Budget{All: s.CountAll, MaxLost: s.lost} }

func always(*Hits) names.Answer { return names.Is }

// A candidate is a limit that is written if all recordings pass it.
type candidate struct {
	section, key string
	value        string // "" if nothing was seen
	why          string
	probe        string // a value that everything known is within, to learn what is not known
}

// text is the lines of a file.
func (c *candidate) text() string {
	if c.section != "" {
		return fmt.Sprintf("  %s: %s  # %s\n", c.key, c.value, c.why)
	}
	return fmt.Sprintf("%s: %s  # %s\n", c.key, c.value, c.why)
}

// keep returns the lines of those that every recording passes, and notes why others
// are left out.
func (s *Suggestion) keep(all [][]candidate) []string {
	var lines []string
	for _, list := range all {
		section := ""
		for i := range list {
			c := &list[i]
			if c.key == "" {
				continue
			}
			if why := s.refused(c); why != "" {
				s.left = append(s.left, strings.TrimPrefix(c.section+"."+c.key, ".")+": "+why)
				continue
			}
			if c.section != section {
				lines = append(lines, c.section+":\n")
			}
			section = c.section
			lines = append(lines, c.text())
		}
	}
	return lines
}

// refused says why a recording does not pass a limit; "" if all do.
func (s *Suggestion) refused(c *candidate) string {
	if c.value == "" {
		probe := candidate{key: c.key, value: c.probe}
		if c.probe == "" {
			return c.why
		}
		return cmp.Or(s.refused(&probe), c.why)
	}
	head := s.count()
	if c.section != "" {
		head += c.section + ":\n"
	}
	b, err := Parse([]byte(head+c.text()), "limit")
	if err != nil {
		return err.Error()
	}
	b.MaxLost = s.lost
	for _, m := range s.each() {
		for i := range m.CPUs {
			for _, r := range b.rules(m, &m.CPUs[i]) {
				if r.outcome != Pass {
					return fmt.Sprintf("CPU %d: %s", m.CPUs[i].CPU, r.reason)
				}
			}
		}
	}
	return ""
}

func (s *Suggestion) count() string {
	if s.CountAll {
		return "count: hits\n"
	}
	return ""
}

// head says what the file was made of.
func (s *Suggestion) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Suggested by ipiscope %s: %s\n", s.Version, s.Command)
	for _, m := range s.Runs {
		for _, in := range m.Inputs {
			lost := "no event was lost"
			if in.LacksEvents() {
				lost = fmt.Sprintf("NOT A GOOD RECORDING: %d events were lost, and each counts as a hit and an interruption of every CPU", in.Lost)
			}
			fmt.Fprintf(&b, "# %s: %v, %d events, %s\n", comment(in.Path), result.Duration(m.Duration), in.Events, lost)
		}
	}
	each := 1 - (1-confidence)/float64(len(s.All.CPUs))
	fmt.Fprintf(&b, "# Rates per CPU and hour: what a Poisson process as seen on the worst CPU of the worst recording stays below\n"+
		"# (upper end of its interval, Garwood 1936; %g %% for all %d CPUs together, %.4g %% for each). Hits that come in bursts vary\n"+
		"# more, and a longer recording gives a tighter limit.\n", 100*confidence, len(s.All.CPUs), 100*each)
	fmt.Fprintf(&b, "# Times: %g times the longest of all recordings (--suggest-margin), the least quiet divided by it. The longest itself\n"+
		"# would not do: where recordings are alike, 1 in %d further ones has a longer one.\n", s.Margin, len(s.Runs)+1)
	if isolated := s.All.Isolated; isolated != "" {
		fmt.Fprintf(&b, "isolated: %s\n", isolated)
	}
	fmt.Fprintf(&b, "max_lost: %d\n%s", s.lost, s.count())
	return b.String()
}

// comment is text as it may stand behind a #.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// rate limits what n counts: to what a process of the rate seen stays below. Events that
// were lost may each have been one.
func (s *Suggestion) rate(key, what string, n func(*CPU) uint64) candidate {
	return s.rateOf("", key, what, func(_ *Measured, c *CPU) uint64 { return n(c) })
}

func (s *Suggestion) rateOf(section, key, what string, n func(*Measured, *CPU) uint64) candidate {
	most, c := -1.0, candidate{section: section, key: key, why: "the recordings have no length"}
	each := 1 - (1-confidence)/float64(len(s.All.CPUs))
	for _, m := range s.each() {
		for i := range m.CPUs {
			x := &m.CPUs[i]
			hours := float64(m.watched(x)) / nsPerHour
			if hours <= 0 {
				continue
			}
			seen := n(m, x)
			if bound := stat.UpperBound(float64(seen+m.lost()), each) / hours; bound > most {
				most = bound
				c.why = fmt.Sprintf("%d %s of CPU %d in %s, %s per hour", seen, what, x.CPU, result.Duration(m.watched(x)), number(float64(seen)/hours))
			}
		}
	}
	if most >= 0 && !math.IsInf(most, 0) {
		c.value = strconv.FormatFloat(upTo(most), 'f', -1, 64)
	}
	return c
}

// classes limits those that were seen.
func (s *Suggestion) classes() []candidate {
	var seen []string
	for i := range s.All.CPUs {
		for _, h := range s.All.CPUs[i].Hits {
			if n := h.Interference; n == 0 && !(s.CountAll && h.Hits > 0) {
				continue
			}
			if !names.IsSet(h.Class) && !names.IsUnknown(h.Class) && !slices.Contains(seen, h.Class) {
				seen = append(seen, h.Class)
			}
		}
	}
	slices.Sort(seen)
	var list []candidate
	for _, name := range seen {
		list = append(list, s.rateOf("classes", name, name+" hits, or of no known class,", func(_ *Measured, c *CPU) uint64 {
			t := s.budget().count(c, func(h *Hits) names.Answer { return names.Match(h.Class, name) })
			return t.is + t.unknown + t.inSets
		}))
	}
	return list
}

func (s *Suggestion) interruptions() []candidate {
	var list []candidate
	for _, kind := range Interruptions() {
		what := kind + " interruptions"
		if kind == anyKind {
			what = "interruptions"
		}
		list = append(list, s.rateOf("interruptions", kind, what, func(m *Measured, c *CPU) uint64 {
			is, may, _ := m.tallyOf(c, kind)
			return is + may
		}))
	}
	return list
}

func delivered(c *CPU) int64 {
	if c.Deliveries == 0 {
		return -1
	}
	return c.Delivery
}

// most limits a time to a multiple of the longest of all CPUs and recordings. ns is
// negative where there was none.
func (s *Suggestion) most(key, what string, ns func(*CPU) int64, who func(*CPU) string) candidate {
	longest, c := int64(0), candidate{key: key, why: "none was seen", probe: "1000h"}
	for _, m := range s.each() {
		for i := range m.CPUs {
			x := &m.CPUs[i]
			if d := ns(x); d > longest {
				longest = d
				text := what
				if who != nil {
					text = fmt.Sprintf(what, comment(who(x)))
				}
				c.why = fmt.Sprintf("CPU %d: %s %s", x.CPU, text, result.Duration(d))
			}
		}
	}
	if longest > 0 {
		c.value = time.Duration(upTo(float64(longest) * s.Margin)).String()
	}
	return c
}

// noises are the limits of what osnoise and timerlat measured, where they did.
func (s *Suggestion) noises() []candidate {
	list := []candidate{
		s.most("max_sample", "longest sample", func(c *CPU) int64 { return known(c.Noise.Longest, c.Noise.Samples) }, nil),
		s.most("max_rest", "longest rest", func(c *CPU) int64 { return known(c.Noise.Rest, c.Noise.Samples) }, nil),
		s.most("max_timer_latency", "latest activation", func(c *CPU) int64 { return known(c.Noise.Latency, c.Noise.Activations) }, nil),
		s.available(),
	}
	return slices.DeleteFunc(list, func(c candidate) bool { return c.value == "" })
}

func (s *Suggestion) stolen() candidate {
	most, c := 0.0, candidate{key: "max_stolen", why: "none was seen", probe: "100"}
	for _, m := range s.each() {
		for i := range m.CPUs {
			x := &m.CPUs[i]
			if r := m.stolen(x, 100); r.value > most {
				most, c.why = r.value, fmt.Sprintf("CPU %d: %s", x.CPU, percent(r.value))
			}
		}
	}
	if most > 0 {
		c.value = strconv.FormatFloat(min(100, upTo(most*s.Margin)), 'f', -1, 64)
	}
	return c
}

func (s *Suggestion) leastQuiet() candidate {
	least, c := int64(-1), candidate{key: "min_quiet"}
	for _, m := range s.each() {
		for i := range m.CPUs {
			if x := &m.CPUs[i]; least < 0 || x.Quiet < least {
				least, c.why = x.Quiet, fmt.Sprintf("CPU %d: longest quiet time %s", x.CPU, result.Duration(x.Quiet))
			}
		}
	}
	if d := time.Duration(downTo(float64(least) / s.Margin)); d > 0 {
		c.value = d.String()
	} else {
		c.why = "a CPU was never quiet"
	}
	return c
}

// available leaves the margin to what is missing from all of the time.
func (s *Suggestion) available() candidate {
	least, c := 100.0, candidate{}
	for _, m := range s.each() {
		for i := range m.CPUs {
			if x := &m.CPUs[i]; x.Noise.Samples > 0 && x.Noise.Available >= 0 && x.Noise.Available <= least {
				least = x.Noise.Available
				c = candidate{key: "min_available", why: fmt.Sprintf("CPU %d: %.5f %%", x.CPU, least)}
			}
		}
	}
	if c.key != "" {
		c.value = strconv.FormatFloat(max(0, 100-upTo((100-least)*s.Margin)), 'f', 7, 64)
	}
	return c
}

// upTo rounds up to two digits, downTo down.
func upTo(v float64) float64   { return rounded(v, math.Ceil) }
func downTo(v float64) float64 { return rounded(v, math.Floor) }

func rounded(v float64, by func(float64) float64) float64 {
	if v <= 0 {
		return 0
	}
	step := math.Pow(10, math.Floor(math.Log10(v))-1)
	if step < 1 { // a power of ten below 1 is not exact, that above is
		per := math.Round(1 / step)
		return by(v*per) / per
	}
	return by(v/step) * step
}
