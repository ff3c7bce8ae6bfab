package budget

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// A NoiseBudget limits what osnoise and timerlat measured. Limits that are nil are
// not checked.
type NoiseBudget struct {
	MaxSample    *time.Duration // longest sample of osnoise
	MaxRest      *time.Duration // longest time in a sample that no event explains
	MaxLatency   *time.Duration // longest activation of timerlat
	MinAvailable *float64       // percent of the time of the measuring thread
	MaxNoise     []NoiseLimit   // longest single noise
}

// A NoiseLimit is the longest that one noise of a function, interrupt or task may
// take.
type NoiseLimit struct {
	Name string
	Max  time.Duration
}

// IsEmpty reports whether nothing is limited.
func (b *NoiseBudget) IsEmpty() bool {
	return b.MaxSample == nil && b.MaxRest == nil && b.MaxLatency == nil && b.MinAvailable == nil && len(b.MaxNoise) == 0
}

// AddNoise adds a limit in the form of the command line, do_sync_core:5us.
func (b *NoiseBudget) AddNoise(s string) error {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return fmt.Errorf("%q: want NAME:TIME, such as do_sync_core:5us", s)
	}
	d, err := time.ParseDuration(s[i+1:])
	if err != nil || d < 0 {
		return fmt.Errorf("%q: %q is no time such as 5us", s, s[i+1:])
	}
	b.MaxNoise = append(b.MaxNoise, NoiseLimit{s[:i], d})
	return nil
}

// readNoises reads limits by name, in the order of the file.
func readNoises(v *yaml.Node, to *[]NoiseLimit) error {
	if v.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: want names and times such as do_sync_core: 5us", shown(v))
	}
	return pairs(v, func(key, value *yaml.Node) error {
		l := NoiseLimit{Name: key.Value}
		err := readTime(value, &l.Max)
		*to = append(*to, l)
		return err
	})
}

func readPercent(v *yaml.Node, to *float64) error {
	if err := v.Decode(to); err != nil || v.Kind != yaml.ScalarNode || *to < 0 || *to > 100 {
		return fmt.Errorf("%s: want percent, such as 99.99", shown(v))
	}
	return nil
}

// Noise is what osnoise and timerlat measured on one CPU.
type Noise struct {
	Samples, Incomplete     uint64
	Longest, Rest, Shortest int64 // ns: of samples
	Activations             uint64
	Latency                 int64
	Available               float64 // percent, -1 if it is not known
	Noises                  uint64
	Singles                 []Single
}

// A Single is the longest noise of a function, interrupt or task.
type Single struct {
	Name    string
	Longest int64
}

// noiseRules are the checks of one CPU.
func (b *NoiseBudget) noiseRules(m *Measured, c *CPU) []rule {
	var list []rule
	x := &c.Noise
	longest := func(name string, limit time.Duration, measured int64, missing string) rule {
		r := rule{name: name, limit: result.Duration(int64(limit)), bar: float64(limit), outcome: Undecided, measured: "none seen"}
		switch {
		case m.Ticks:
			r.reason = noNanoseconds
			return r
		case measured >= 0:
			r.measured, r.value = m.atLeast()+beside(measured, int64(limit)), float64(measured)
		}
		switch {
		case measured > int64(limit):
			r.outcome, r.reason = Fail, exceeds(measured, int64(limit))
		case missing != "":
			r.reason = missing
		case m.isLossy():
			r.reason = "events were lost: there may be a longer one"
		case m.excerpt() != "":
			r.reason = m.excerpt()
		default:
			r.outcome = Pass
		}
		return r
	}
	noSamples := missing(x.Samples == 0, "not recorded: no sample of osnoise")
	if b.MaxSample != nil {
		r := longest("longest sample", *b.MaxSample, known(x.Longest, x.Samples), noSamples)
		if r.outcome == Pass && int64(*b.MaxSample) < x.Shortest {
			r.outcome, r.reason = Undecided, fmt.Sprintf("samples below %s are not recorded", result.Duration(x.Shortest))
		}
		list = append(list, r)
	}
	if b.MaxRest != nil {
		why := noSamples
		if x.Incomplete > 0 {
			why = fmt.Sprintf("of %d of %d samples noise events are missing: their rest is not known", x.Incomplete, x.Samples)
		}
		list = append(list, longest("longest unexplained", *b.MaxRest, known(x.Rest, x.Samples), why))
	}
	if b.MaxLatency != nil {
		list = append(list, longest("longest timer latency", *b.MaxLatency, known(x.Latency, x.Activations), missing(x.Activations == 0, "not recorded: no activation of timerlat")))
	}
	if b.MinAvailable != nil {
		list = append(list, b.available(x, m))
	}
	for _, l := range b.MaxNoise {
		is, may := int64(-1), int64(-1)
		for _, s := range x.Singles {
			switch names.Match(s.Name, l.Name) {
			case names.Is:
				is = max(is, s.Longest)
			case names.May:
				may = max(may, s.Longest)
			}
		}
		why := missing(x.Noises == 0, "not recorded: no noise event")
		if why == "" {
			why = m.unobserved(c)
		}
		if why == "" && may > int64(l.Max) {
			why = fmt.Sprintf("one of %s may be it: its function is not known", result.Duration(may))
		}
		list = append(list, longest("longest noise of "+l.Name, l.Max, is, why))
	}
	return list
}

func missing(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func known(ns int64, n uint64) int64 {
	if n == 0 {
		return -1
	}
	return ns
}

func (b *NoiseBudget) available(x *Noise, m *Measured) rule {
	limit := *b.MinAvailable
	r := rule{name: "available", limit: fmt.Sprintf("at least %.5g %%", limit), bar: limit, outcome: Undecided, least: true}
	if x.Available < 0 {
		r.measured, r.reason = "not known", "not recorded: no run and no sample of osnoise"
		return r
	}
	r.measured, r.value, r.outcome = fmt.Sprintf("%.5f %%", x.Available), x.Available, Pass
	switch {
	case x.Available < limit:
		r.outcome, r.reason = Fail, fmt.Sprintf("%.5f %% is less than %.5g %%", x.Available, limit)
	case m.isLossy():
		r.outcome, r.reason = Undecided, "events were lost: runs may be missing"
	case m.excerpt() != "":
		r.outcome, r.reason = Undecided, m.excerpt()
	}
	return r
}
