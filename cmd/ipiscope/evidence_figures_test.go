package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Figures are conclusions, too: that there were so many hits, that a CPU was quiet
// for so long, that no IPI took longer. With less evidence they may become bounds,
// and never another bare number that says more.
type figures struct {
	hits    int
	isBound bool               // hits are at least so many, or said to be a part of all
	quiet   map[string]bounded // by CPU
	longest map[string]bounded // by kind of events and what was timed
}

// bounded is a figure and what is said before it: at most, at least, about or
// nothing, which only a number that is what it is may have.
type bounded struct {
	value int64
	bound string
}

// figuresOf reads the figures of a recording.
func figuresOf(in []byte, flags []string, input string) figures {
	f := figures{quiet: map[string]bounded{}, longest: map[string]bounded{}}
	ask := func(to any, args ...string) (said []byte) {
		args = append(args, "--isolated", "2-3", "--format", "json")
		out, said, _ := invoke(in, append(append(args, flags...), input)...)
		if json.Unmarshal(out, to) != nil {
			f.isBound = true // there is no result
		}
		return said
	}
	var report struct{ Totals struct{ Hits int } }
	said := ask(&report, "report")
	f.hits = report.Totals.Hits
	for _, text := range []string{"lower bound", "a part of all", "events are missing", "no ipi_send_cpu,"} {
		f.isBound = f.isBound || bytes.Contains(said, []byte(text))
	}
	var quiet struct {
		CPUs []struct {
			CPU          int
			LongestQuiet int64  `json:"longest_quiet_ns"`
			Bound        string `json:"longest_quiet_bound"`
		}
	}
	ask(&quiet, "quiet")
	for _, c := range quiet.CPUs {
		f.quiet[string(rune('0'+c.CPU))] = bounded{c.LongestQuiet, c.Bound}
	}
	for _, kind := range []string{"vector", "ipi", "csd"} {
		f.readLongest(ask, kind)
	}
	return f
}

// readLongest reads the longest times over all groups.
func (f *figures) readLongest(ask func(any, ...string) []byte, kind string) {
	var latency struct {
		Groups []map[string]json.RawMessage
	}
	ask(&latency, "latency", "--kind", kind)
	for _, g := range latency.Groups {
		var least string
		if json.Unmarshal(g["at_least"], &least) != nil {
			continue
		}
		for _, name := range []string{"delivery", "handler", "bracket", "wait"} {
			var t struct {
				Count int
				Max   int64 `json:"max_ns"`
			}
			if json.Unmarshal(g[name], &t) != nil || t.Count == 0 {
				continue
			}
			b := f.longest[kind+" "+name]
			b.value = max(b.value, t.Max)
			if strings.Contains(least, name) {
				b.bound = "at least"
			}
			f.longest[kind+" "+name] = b
		}
	}
}

// holdFigures holds the law: a bare number is what it was with all evidence. What
// was a bound may be one still, and never a number.
func holdFigures(t failer, before, after figures, what string) {
	for cpu, now := range after.quiet {
		was, ok := before.quiet[cpu]
		switch {
		case !ok:
		case now.bound == "" && (was.bound != "" || now.value > was.value):
			t.Errorf("%s: CPU %s was quiet for %s %d ns, and is for %d", what, cpu, was.bound, was.value, now.value)
		case now.bound == "at most" && was.bound == "about":
			t.Errorf("%s: CPU %s was quiet for about %d ns, and is for at most %d", what, cpu, was.value, now.value)
		}
	}
	for name, now := range after.longest {
		was, ok := before.longest[name]
		switch {
		case ok && was.bound != "" && now.bound == "":
			t.Errorf("%s: the longest %s was at least %d ns, and is %d", what, name, was.value, now.value)
		case ok && now.bound == "" && now.value < was.value && !strings.Contains(what, "all but raises"): // other events time it then
			t.Errorf("%s: the longest %s was %d ns, and is %d", what, name, was.value, now.value)
		}
	}
}

// isVouchedFor reports whether the program takes what it saw for all hits there
// were: a limit that none of the recordings comes near passes.
func (v *verdicts) isVouchedFor() bool {
	for _, c := range v.checks {
		if c.Check == "hits per CPU and hour" && c.Limit == "10000000" && c.Result == "pass" {
			return true
		}
	}
	return false
}
