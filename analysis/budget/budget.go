// Package budget holds what was measured on isolated CPUs against what is
// allowed, and says for each CPU whether it passed and why.
package budget

import (
	"fmt"
	"math"
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
	All        bool
	MaxHandler *time.Duration // longest run of a function or handler
	MinQuiet   *time.Duration // least length of the longest quiet time
	// MaxUntraced is how many interrupts of kinds that the trace shows none of
	// /proc/interrupts may have counted on a CPU.
	MaxUntraced *uint64
	// MaxLost is how many events may be lost. A number that is not known is
	// more than any.
	MaxLost uint64
	NoiseBudget
}

// A Limit is the hits per CPU and hour of one class or function.
type Limit struct {
	Name string
	Max  float64
}

// IsEmpty reports whether nothing is limited.
func (b *Budget) IsEmpty() bool {
	return b.MaxHits == nil && len(b.Classes)+len(b.Functions) == 0 && b.MaxHandler == nil && b.MinQuiet == nil && b.MaxUntraced == nil && b.NoiseBudget.IsEmpty()
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
	default:
		return fmt.Errorf("%q: want all, class=NAME or function=NAME in front of the colon", s)
	}
	return nil
}
