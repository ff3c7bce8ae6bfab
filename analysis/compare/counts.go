package compare

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// CountsHelp describes the text that ParseCounts reads.
const CountsHelp = `A run begins with a line "NAME DURATION", such as "before 20min", perhaps with
cpus=N for the number of isolated CPUs, work=N, and burst=N if hits come N at a
time, as 2 if both of two CPUs are hit by one send. Lines "COUNT FUNCTION", as
uniq -c prints them, or "FUNCTION COUNT" follow. FUNCTION may be KEY=VALUE for
another key than function. A function that a run does not have counts 0. Runs of
one NAME are repetitions. # begins a comment.`

// ParseCounts reads counts that were made elsewhere, in the form of CountsHelp.
// It returns the sides in the order of the text and the name of their key. path
// is for errors and the result's inputs.
func ParseCounts(path, text string) ([]Side, string, error) {
	p := countsParser{path: path}
	for line := range strings.Lines(text) {
		p.line++
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			if err := p.fields(fields); err != nil {
				return nil, "", fmt.Errorf("%s:%d: %w", path, p.line, err)
			}
		}
	}
	if len(p.sides) < 2 {
		return nil, "", fmt.Errorf("%s: %d groups of counts: want two or more. %s", path, len(p.sides), CountsHelp)
	}
	if p.key == "" {
		p.key = "function"
	}
	return p.sides, p.key, nil
}

type countsParser struct {
	path  string
	line  int
	sides []Side
	run   *Run // the one that is being read
	key   string
	seen  map[string]bool // names in run
}

func (p *countsParser) fields(f []string) error {
	if len(f) >= 2 {
		if d, ok := parseDuration(f[1]); ok {
			return p.newRun(f[0], d, f[2:])
		}
	}
	if p.run == nil {
		return fmt.Errorf("%q: want a line such as \"before 20min\" first", strings.Join(f, " "))
	}
	if len(f) != 2 {
		return fmt.Errorf("%q: want \"COUNT FUNCTION\", or \"NAME DURATION\" for a new run, with a duration such as 90s, 20min or 6h", strings.Join(f, " "))
	}
	name, number := f[1], f[0]
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		name, number = f[0], f[1]
		if n, err = strconv.ParseUint(number, 10, 64); err != nil {
			return fmt.Errorf("%q: neither %q nor %q is a count", strings.Join(f, " "), f[0], f[1])
		}
	}
	if n > 1<<53 {
		return fmt.Errorf("%d is too large a count", n)
	}
	return p.count(name, n)
}

func (p *countsParser) newRun(name string, duration time.Duration, options []string) error {
	run := Run{Input: result.Input{Path: p.path, Format: "counts"}, CPUs: 1, Duration: int64(duration)}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		var err error
		switch key {
		case "cpus":
			if run.CPUs, err = strconv.Atoi(value); err != nil || run.CPUs < 1 {
				return fmt.Errorf("%q: want a number of CPUs", o)
			}
		case "work":
			if run.Work, err = strconv.ParseFloat(value, 64); err != nil || !(run.Work > 0) {
				return fmt.Errorf("%q: want an amount of work, more than 0", o)
			}
		case "burst":
			if run.Burst, err = strconv.ParseFloat(value, 64); err != nil || !(run.Burst >= 1 && run.Burst < 1e9) {
				return fmt.Errorf("%q: want how many hits come at a time, 1 or more", o)
			}
		default:
			return fmt.Errorf("%q: want cpus=N, work=N or burst=N", o)
		}
	}
	at := -1
	for i := range p.sides {
		if p.sides[i].Name == name {
			at = i
		}
	}
	if at < 0 {
		p.sides = append(p.sides, Side{Name: name})
		at = len(p.sides) - 1
	}
	p.sides[at].Runs = append(p.sides[at].Runs, run)
	p.seen = map[string]bool{}
	p.run = &p.sides[at].Runs[len(p.sides[at].Runs)-1]
	return nil
}

func (p *countsParser) count(name string, n uint64) error {
	key := "function"
	if k, v, ok := strings.Cut(name, "="); ok {
		key, name = k, v
	}
	if p.key == "" {
		p.key = key
	}
	if key != p.key {
		return fmt.Errorf("%s=%s: the counts before are by %s: one file has one key", key, name, p.key)
	}
	name = strings.TrimSuffix(name, "+0x0") // as %pS prints a function
	if p.seen[name] {
		return fmt.Errorf("%s is counted twice in one run", name)
	}
	p.seen[name] = true
	p.run.Groups = append(p.run.Groups, Group{Key: []string{name}, Hits: n})
	p.run.Total.Hits += n
	return nil
}

// parseDuration reads a number with a unit.
func parseDuration(s string) (time.Duration, bool) {
	m := regexp.MustCompile(`^([0-9]+\.?[0-9]*)(ms|s|sec|m|min|h|d)$`).FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "sec": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	d := time.Duration(n * float64(unit))
	return d, err == nil && d > 0 && n < 1e6
}
