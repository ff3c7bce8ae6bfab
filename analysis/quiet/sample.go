package quiet

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Samples returns the lengths of the quiet stretches of each CPU, for plots.
func (c *Counts) Samples() []stat.Sample {
	var samples []stat.Sample
	for _, x := range c.CPUs() {
		samples = append(samples, stat.Sample{Name: strconv.Itoa(x.CPU), Dist: &x.Quiet})
	}
	return samples
}
