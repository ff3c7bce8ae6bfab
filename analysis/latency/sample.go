package latency

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Samples returns one time of each group, for plots.
func (c *Counts) Samples(t Time) []stat.Sample {
	var samples []stat.Sample
	for _, g := range c.Groups() {
		samples = append(samples, stat.Sample{Name: strings.Join(g.Key, ","), Dist: &g.Times[t]})
	}
	return samples
}
