// Package all lists the analyzers. The list is written out, so that what there
// is can be read in one place and no import decides it.
package all

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/inventory"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/analysis/switches"
	"github.com/ipiscope/ipiscope/analysis/timeline"
	"github.com/ipiscope/ipiscope/analysis/whatif"
)

// Analyzers returns the analyzers that read traces.
func Analyzers() []analysis.Analyzer {
	return []analysis.Analyzer{
		ipi.Analyzer(),
		stacks.Analyzer(),
		switches.Analyzer(),
		listing.Analyzer(),
		timeline.Analyzer(),
		latency.Analyzer(),
		marks.Analyzer(),
		quiet.Analyzer(),
		noise.Analyzer(),
		whatif.Analyzer(),
		irqcount.Analyzer(),
		evidence.Analyzer(),
		contexts.Analyzer(),
		inventory.Analyzer(),
	}
}
