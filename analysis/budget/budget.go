// Package budget holds what was measured on isolated CPUs against what is
// allowed, and says for each CPU whether it passed and why.
package budget

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Budget is what is allowed. Limits that are nil are not checked.
type Budget struct {
	// MaxHits are hits per CPU and hour: of all, by class, by function.
	MaxHits   *float64
	Classes   []Limit
	Functions []Limit
	// All counts self-IPIs and what the recorder caused too; else only
	// interference is counted.
	All bool
	// Interruptions are those of any kind per CPU and hour, by kind.
	Interruptions []Limit
	MaxHandler    *time.Duration // longest run of a function or handler
	MinQuiet      *time.Duration // least length of the longest quiet time
	// MaxInterruption is the longest time for which a CPU may not be left alone,
	// MaxStolen percent of its time, MaxDelivery the 99th percentile from send to entry.
	MaxInterruption *time.Duration
	MaxStolen       *float64
	MaxDelivery     *time.Duration
	// MaxUntraced is how many interrupts of kinds that the trace shows none of
	// /proc/interrupts may have counted on a CPU.
	MaxUntraced *uint64
	// MaxLost is how many events may be lost. A number that is not known is
	// more than any.
	MaxLost uint64
	NoiseBudget
	// Isolated says which CPUs are isolated, as --isolated does; "" leaves it to others.
	Isolated string
	// Groups are CPUs with limits of their own, which take the place of those above.
	Groups []Group
}

// A Limit is the hits per CPU and hour of one class or function.
type Limit struct {
	Name string
	Max  float64
}

// IsEmpty reports whether nothing is limited.
func (b *Budget) IsEmpty() bool {
	return !b.limits() && !slices.ContainsFunc(b.Groups, func(g Group) bool { return g.Limits.limits() })
}

// limits reports whether it limits anything itself.
func (b *Budget) limits() bool { return b.limitsHits() || !b.IsOfHits() }

func (b *Budget) limitsHits() bool { return b.MaxHits != nil || len(b.Classes)+len(b.Functions) > 0 }

// Times is the budget of what is measured of interruptions, without limits of hits: nil
// if there are none.
func (b *Budget) Times() *Budget {
	t := &Budget{
		MaxHandler: b.MaxHandler, MinQuiet: b.MinQuiet, MaxInterruption: b.MaxInterruption, MaxStolen: b.MaxStolen, MaxDelivery: b.MaxDelivery,
		MaxLost: b.MaxLost, All: b.All,
	}
	if t.IsEmpty() {
		return nil
	}
	return t
}

// NeedsQuiet reports whether all interruptions are needed to hold it against, not those
// by IPIs alone.
func (b *Budget) NeedsQuiet() bool {
	return b.MinQuiet != nil || b.MaxInterruption != nil || b.MaxStolen != nil
}

// IsOfHits reports that all it limits are hits and losses, of all CPUs alike.
func (b *Budget) IsOfHits() bool {
	return len(b.Interruptions)+len(b.Groups) == 0 && b.MaxHandler == nil && b.MinQuiet == nil && b.MaxInterruption == nil && b.MaxStolen == nil &&
		b.MaxDelivery == nil && b.MaxUntraced == nil && b.NoiseBudget.IsEmpty()
}

func checkRate(v float64) error {
	if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%v: want a number of hits per CPU and hour, 0 or more", v)
	}
	return nil
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
	case key == "interruption" && name != "":
		if !slices.Contains(Interruptions(), name) {
			return fmt.Errorf("%q: there are interruptions %s", s, strings.Join(Interruptions(), ", "))
		}
		b.Interruptions = append(b.Interruptions, Limit{name, max})
	default:
		return fmt.Errorf("%q: want all, class=NAME, function=NAME or interruption=KIND in front of the colon", s)
	}
	return nil
}
