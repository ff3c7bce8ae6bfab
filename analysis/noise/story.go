package noise

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A clause is parts of the same kind and name, as a sentence names them.
type clause struct {
	text  string // without the time
	many  string // the name of several
	extra string
	n     int
	took  int64
	one   int64 // the longest
}

// clauses puts parts together that read alike, the longest first.
func clauses(parts []partRow) []clause {
	var list []clause
	for i := range parts {
		p := &parts[i]
		c := clause{n: 1, took: p.took, one: p.took}
		c.text, c.many, c.extra = p.words()
		j := slices.IndexFunc(list, func(o clause) bool { return o.text == c.text && o.extra == c.extra })
		if j < 0 {
			list = append(list, c)
			continue
		}
		list[j].n++
		list[j].took += c.took
		list[j].one = max(list[j].one, c.one)
	}
	slices.SortStableFunc(list, func(a, b clause) int { return cmp.Or(cmp.Compare(b.one, a.one), cmp.Compare(a.text, b.text)) })
	return list
}

// words are how a part is called.
func (p *partRow) words() (one, many, extra string) {
	switch p.kind {
	case "ipi":
		if p.sender >= 0 {
			extra = " (from " + p.comm + " on CPU " + strconv.Itoa(p.sender)
			if p.cause != "" && !strings.HasPrefix(p.cause, "(no ") {
				extra += ", " + p.cause
			}
			extra += ")"
		}
		name := strings.TrimPrefix(p.function, "IPI ") // of arm64, whose IPIs are called so
		return "IPI " + name, "IPIs " + name, extra
	case "timer":
		switch {
		case p.name == "timer interrupt":
			return "its timer interrupt", "timer interrupts", ""
		case p.keptBy != "" && p.keptBy != tickStopped && p.keptBy != tickNotSaid:
			return "tick", "ticks", " kept by " + p.keptBy
		case p.expired != "":
			extra = " (" + p.expired + ")"
		}
		return "timer interrupt", "timer interrupts", extra
	case "task":
		if p.work != "" {
			extra = " (" + p.work + ")"
		}
		return "task " + p.name, "times task " + p.name, extra
	case "idle":
		return "idle", "times idle", ""
	case "softirq":
		return "softirq " + p.name, "softirqs " + p.name, ""
	case "nmi":
		return "NMI", "NMIs", ""
	}
	return "interrupt " + p.name, "interrupts " + p.name, ""
}

func (c *clause) String() string {
	if c.n > 1 {
		return strconv.Itoa(c.n) + " " + c.many + " " + result.Duration(c.took) + c.extra
	}
	return c.text + " " + result.Duration(c.took) + c.extra
}

// story says what a sample consists of.
func (x *sampleRow) story() string {
	var words []string
	for _, c := range clauses(x.parts) {
		words = append(words, c.String())
	}
	rest := result.Duration(x.length - x.explained)
	switch {
	case x.incomplete:
		words = append(words, fmt.Sprintf("what is missing of %d noise events", x.interference))
	case x.interference == 0:
		words = append(words, rest+" hardware or hypervisor")
	default:
		words = append(words, rest+" entry and exit code, or hardware")
	}
	return strings.Join(words, " + ")
}

// story says what an activation consists of.
func (x *activationRow) story() string {
	var words []string
	if x.late > 0 {
		words = append(words, result.Duration(x.late)+" late")
	}
	for _, c := range clauses(x.parts) {
		words = append(words, c.String())
	}
	if x.incomplete {
		return strings.Join(append(words, "what is missing: noise events were lost"), " + ")
	}
	if rest := x.length - x.explained - max(0, x.late); rest != 0 {
		words = append(words, result.Duration(rest)+" entry and exit code, or hardware")
	}
	return strings.Join(words, " + ")
}

// verdict says the worst in one sentence.
func (c *Counts) verdict(isolated string) string {
	cpus := cpumask.Named(isolated)
	switch {
	case len(c.samples) > 0:
		x := &c.samples[0]
		return fmt.Sprintf("%s: %d samples; longest %s CPU %d: %s = %s", cpus, c.totals.samples, result.Moment(x.start, false), x.cpu, result.Duration(x.length), x.story())
	case len(c.activs) > 0:
		x := &c.activs[0]
		return fmt.Sprintf("%s: %d activations; longest due %s on CPU %d: %s = %s", cpus, c.totals.activations, result.Moment(x.due, false), x.cpu, result.Duration(x.length), x.story())
	case c.totals.noises > 0:
		return fmt.Sprintf("%s: %d noises of %s in %s", cpus, c.totals.noises, result.Duration(c.totals.noise), result.Duration(c.duration))
	case len(c.hwlat) > 0:
		return fmt.Sprintf("%d hardware latencies", len(c.hwlat))
	}
	return cpus + ": no noise recorded"
}

// advice says what to do about what kept a tick.
func advice(cat *catalog.Catalog, by string) string {
	x, ok := cat.Tick(by)
	if !ok {
		return ""
	}
	return strings.TrimSpace(x.Why + " " + x.Do + " " + x.Limit)
}
