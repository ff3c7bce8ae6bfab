// Package budget holds what was measured on isolated CPUs against what is
// allowed, and says for each CPU whether it passed and why.
package budget

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A Budget is what is allowed. Limits that are nil are not checked.
type Budget struct {
	// MaxHits are hits per CPU and hour: of all, by class, by function.
	MaxHits   *float64
	Classes   []Limit
	Functions []Limit
	// All counts self-IPIs and what the recorder caused too; else only
	// interference is counted.
	All        bool
	MaxHandler *time.Duration // longest run of a function or handler
	MinQuiet   *time.Duration // least length of the longest quiet time
	// MaxLost is how many events may be lost. A number that is not known is
	// more than any.
	MaxLost uint64
}

// A Limit is the hits per CPU and hour of one class or function.
type Limit struct {
	Name string
	Max  float64
}

// IsEmpty reports whether nothing is limited.
func (b *Budget) IsEmpty() bool {
	return b.MaxHits == nil && len(b.Classes)+len(b.Functions) == 0 && b.MaxHandler == nil && b.MinQuiet == nil
}

// file is the form of a budget file.
type file struct {
	MaxHits    *float64           `yaml:"max_hits_per_cpu_hour"`
	Classes    map[string]float64 `yaml:"classes"`
	Functions  map[string]float64 `yaml:"functions"`
	Count      string             `yaml:"count"`
	MaxHandler string             `yaml:"max_handler"`
	MinQuiet   string             `yaml:"min_quiet"`
	MaxLost    *uint64            `yaml:"max_lost"`
}

// Format describes a budget file.
const Format = `max_hits_per_cpu_hour: 10
classes:               # hits per CPU and hour by class
  deferrable: 0
functions:             # and by function
  do_sync_core: 0
count: interference    # or hits: self-IPIs and the recorder's too
max_handler: 50us
min_quiet: 1s          # the longest quiet time of each CPU
max_lost: 0            # events`

// Parse reads a budget file. name is what errors call it.
func Parse(data []byte, name string) (*Budget, error) {
	var f file
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w; the form is\n\n%s", name, err, Format)
	}
	b := &Budget{MaxHits: f.MaxHits}
	var err error
	switch f.Count {
	case "", "interference":
	case "hits":
		b.All = true
	default:
		return nil, fmt.Errorf("%s: count: %q: want interference or hits", name, f.Count)
	}
	if f.MaxLost != nil {
		b.MaxLost = *f.MaxLost
	}
	for _, l := range []struct {
		key  string
		from map[string]float64
		to   *[]Limit
	}{{"classes", f.Classes, &b.Classes}, {"functions", f.Functions, &b.Functions}} {
		for n, max := range l.from {
			*l.to = append(*l.to, Limit{n, max})
			if err := checkRate(max); err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", name, l.key, n, err)
			}
		}
		slices.SortFunc(*l.to, func(a, b Limit) int { return strings.Compare(a.Name, b.Name) })
	}
	if f.MaxHits != nil {
		if err := checkRate(*f.MaxHits); err != nil {
			return nil, fmt.Errorf("%s: max_hits_per_cpu_hour: %w", name, err)
		}
	}
	if b.MaxHandler, err = parseTime(f.MaxHandler); err != nil {
		return nil, fmt.Errorf("%s: max_handler: %w", name, err)
	}
	if b.MinQuiet, err = parseTime(f.MinQuiet); err != nil {
		return nil, fmt.Errorf("%s: min_quiet: %w", name, err)
	}
	return b, nil
}

func checkRate(v float64) error {
	if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%v: want a number of hits per CPU and hour, 0 or more", v)
	}
	return nil
}

func parseTime(s string) (*time.Duration, error) {
	if s == "" {
		return nil, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return nil, fmt.Errorf("%q: want a time such as 50us or 1.5s", s)
	}
	return &d, nil
}

// AddLimit adds a limit in the form of the command line: all:10,
// class=deferrable:0 or function=do_sync_core:0.
func (b *Budget) AddLimit(s string) error {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return fmt.Errorf("%q: want WHAT:NUMBER, such as all:10, class=deferrable:0 or function=do_sync_core:0", s)
	}
	what, number := s[:i], s[i+1:]
	max, err := strconv.ParseFloat(number, 64)
	if err == nil {
		err = checkRate(max)
	}
	if err != nil {
		return fmt.Errorf("%q: %q is no number of hits per CPU and hour", s, number)
	}
	key, name, _ := strings.Cut(what, "=")
	switch {
	case what == "all":
		b.MaxHits = &max
	case key == "class" && name != "":
		b.Classes = append(b.Classes, Limit{name, max})
	case key == "function" && name != "":
		b.Functions = append(b.Functions, Limit{name, max})
	default:
		return fmt.Errorf("%q: want all, class=NAME or function=NAME in front of the colon", s)
	}
	return nil
}
