package states

import (
	"encoding/json"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/analysis/switches"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Supplement is a further analysis that a report is asked for: it reads the
// traces together with the report and adds its tables to the result.
type Supplement struct {
	// Start makes the state for a trace, and what takes up what that state found.
	// Traces may be read at once: nothing of one is kept in the supplement.
	Start func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input))
	AddTo func(*result.Set)
	// stored is how the sums go into a state file and come from one, nil if they
	// cannot.
	stored *storedPart
}

// A storedPart is the sums of a supplement in a state file.
type storedPart struct {
	name    string
	version int
	state   func() (json.RawMessage, error)
	add     func(json.RawMessage, []result.Input) error
}

// perSwitch tells how many IPIs a CPU sends for each of its context switches.
func perSwitch() Supplement {
	total := switches.NewCounts()
	return Supplement{
		Start: func(trace.Source, func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := switches.New()
			return s, func(in result.Input) { total.Merge(s.Counts(in.Path)) }
		},
		AddTo: total.AddTo,
		stored: &storedPart{"switches", switches.StateVersion, total.State, func(sums json.RawMessage, _ []result.Input) error {
			c, err := switches.Decode(sums)
			if err == nil {
				total.Merge(c)
			}
			return err
		}},
	}
}

// callTree has the stacks that sent, by class, for a flame graph. cat may be nil
// where they come from states.
func callTree(isolated *cpumask.Mask, cat *catalog.Catalog) Supplement {
	config := stacks.Config{Isolated: isolated, Catalog: cat, Labels: []key.Key{key.Class}}
	total := stacks.NewCounts(config)
	return Supplement{
		Start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			own := config
			own.Counts = counts
			s := stacks.New(src.Table(), own)
			return s, func(in result.Input) { total.Merge(s.Counts(in)) }
		},
		AddTo: func(set *result.Set) { set.Stacks = total.Result().Stacks },
		stored: &storedPart{"stacks", stacks.StateVersion, total.State, func(sums json.RawMessage, inputs []result.Input) error {
			c, err := stacks.Decode(sums, config, inputs)
			if err == nil {
				total.Merge(c)
			}
			return err
		}},
	}
}
