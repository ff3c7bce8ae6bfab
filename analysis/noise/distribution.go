package noise

import (
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// Of each sample there are three lengths: its own, what noise explains, and the
// rest. Of incomplete ones only the first is known.
const numParts = 3

func partNames() [numParts]string { return [numParts]string{"sample", "explained", "rest"} }

// ByPart is the value of by that tells the explained part of samples from the rest.
const ByPart = "part"

// Samples returns the lengths of the samples of osnoise, for plots: of each CPU, or
// by ByPart of what they consist of.
func (c *Counts) Samples(by string) []stat.Sample {
	var list []stat.Sample
	if by != ByPart {
		for _, n := range c.sortedCPUs() {
			list = append(list, stat.Sample{Name: strconv.Itoa(n), Dist: &c.cpus[n].parts[0]})
		}
		return list
	}
	for i, name := range partNames() {
		sum := &stat.Dist{}
		for _, n := range c.sortedCPUs() {
			sum.Merge(&c.cpus[n].parts[i])
		}
		list = append(list, stat.Sample{Name: name, Dist: sum})
	}
	return list
}

// Noises returns the single noises of each group, for plots.
func (c *Counts) Noises() []stat.Sample {
	var list []stat.Sample
	for _, g := range c.groups {
		list = append(list, stat.Sample{Name: strings.Join(g.key, ","), Dist: &g.times})
	}
	return list
}

// maxCurves is how many series a figure of a page has.
const maxCurves = 6

// Figures are how the samples and the single noises are distributed, for a page.
func (c *Counts) Figures() []*result.Figure {
	var figures []*result.Figure
	add := func(title, counted string, samples []stat.Sample, by string, x result.Axis) {
		if samples = stat.TopSamples(samples, maxCurves); len(samples) == 0 {
			return
		}
		fig := stat.Cumulative(samples, by, x)
		fig.Title, fig.Value.Label = title, "share of the "+counted
		figures = append(figures, fig)
	}
	axis := func(label string) result.Axis { return result.Axis{Name: "time", Label: label, Unit: "ns"} }
	add("Samples, what explains them, and the rest", "samples", c.Samples(ByPart), ByPart, axis("time of a sample"))
	add("Single noises", "noises", c.Noises(), "noise", axis("time of one noise, without what interrupted it"))
	return figures
}

// seesNoise reports whether a CPU's noise events were seen.
func (c *cpu) seesNoise() bool { return c.counts != [track.NumNoiseKinds]uint64{} }
