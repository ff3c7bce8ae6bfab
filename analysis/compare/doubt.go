package compare

import (
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/names"
)

// A worst is by how much more hits a row may have had than were counted as its
// own: hits of unknown function, cause or class may be any row's, and so may
// events that were lost.
type worst struct {
	// unknown are the hits of each run, before and after, that may be the row's.
	unknown [2][]float64
	// lost are the hits that lost events of each run may have been.
	lost [2][]float64
	// endless says of a side that the number of lost events is not known.
	endless [2]bool
	// nameless says that the row itself is of what is not known: what it counts
	// may be anything.
	nameless bool
}

// most is how many hits a side may have had, infinite if that has no bound.
func (w *worst) most(side int, hits uint64) float64 {
	if w.endless[side] {
		return math.Inf(1)
	}
	return float64(hits) + sum(w.unknown[side]) + sum(w.lost[side])
}

// doubts finds what may be a row's in the runs of both sides.
type doubts struct {
	by    []string
	vague []vagueKey
	lost  [2][]float64
	none  [2][]float64
	ends  [2]bool // a side lost an unknown number of events
}

// A vagueKey is a key that may stand for others, and its hits in each run.
type vagueKey struct {
	key  []string
	hits [2][]float64
}

func newDoubts(p *pair, by []string) *doubts {
	d := &doubts{by: by}
	at := map[string]int{}
	for i, s := range p.sides() {
		d.lost[i], d.none[i] = make([]float64, len(s.Runs)), make([]float64, len(s.Runs))
		for j := range s.Runs {
			run := &s.Runs[j]
			d.lost[i][j] = float64(run.Input.Lost) * float64(run.CPUs)
			d.ends[i] = d.ends[i] || run.Input.LostUnknown || run.Input.Incomplete || run.Input.Excerpt != ""
			for _, g := range run.Groups {
				if g.Hits == 0 || !isVague(by, g.Key) {
					continue
				}
				id := keyID(g.Key)
				k, ok := at[id]
				if !ok {
					k = len(d.vague)
					at[id] = k
					d.vague = append(d.vague, vagueKey{g.Key, [2][]float64{make([]float64, len(p.before.Runs)), make([]float64, len(p.after.Runs))}})
				}
				d.vague[k].hits[i][j] += float64(g.Hits)
			}
		}
	}
	return d
}

// of is the doubt about a row; the total has what is unknown in it.
func (d *doubts) of(r *row) worst {
	w := worst{lost: d.lost, endless: d.ends, unknown: d.none}
	if r.key == nil {
		return w
	}
	w.nameless = isNameless(d.by, r.key)
	w.unknown = [2][]float64{slices.Clone(d.none[0]), slices.Clone(d.none[1])}
	for _, v := range d.vague {
		if slices.Equal(v.key, r.key) || !mayBeSame(d.by, v.key, r.key) {
			continue
		}
		for i := range v.hits {
			for j, n := range v.hits[i] {
				w.unknown[i][j] += n
			}
		}
	}
	return w
}

// isVague reports a key that may be several others, isNameless one that may be
// any other.
func isVague(by, values []string) bool {
	for k, v := range values {
		if isBlank(by[k], v) || hasSets(by[k]) && names.IsSet(v) {
			return true
		}
	}
	return false
}

func isNameless(by, values []string) bool {
	for k, v := range values {
		if isBlank(by[k], v) {
			return true
		}
	}
	return false
}

// isBlank reports a value that may be any.
func isBlank(by, value string) bool {
	return value == key.Other || isFound(by) && slices.ContainsFunc(slices.Collect(names.Members(value)), names.IsUnknown)
}

// isFound reports the keys whose value is found from evidence, which may be
// missing, hasSets those where it may be a set.
func isFound(by string) bool { return hasSets(by) || by == "stack" || by == "callsite" }

func hasSets(by string) bool {
	switch by {
	case "function", "callback", "cause", "mechanism", "entry", "class":
		return true
	}
	return false
}

// mayBeSame reports that two keys may mean the same.
func mayBeSame(by, a, b []string) bool {
	for k, name := range by {
		switch {
		case a[k] == b[k] || isBlank(name, a[k]) || isBlank(name, b[k]):
		case !hasSets(name) || !names.Overlap(a[k], b[k]):
			return false
		}
	}
	return true
}

// evidence says what of that which was not seen is taken into account.
type evidence int

const (
	seen     evidence = iota // the hits as they were counted
	unknowns                 // with the unknown ones
	losses                   // with those that were lost, too
)

// probability is that of the row's difference if what was not seen on the other
// side was its own: hits after against a row that fell, hits before against one
// that rose. It is never less than that of the hits that were seen.
func (r *row) probability(e evidence, noise float64, cfg Config) float64 {
	p := r.counts.PWithin(noise)
	if e == seen {
		return p
	}
	side := 1
	if r.ratio > 1 {
		side = 0
	}
	more, bounded := r.more(side, e)
	switch {
	case r.worst.nameless || !bounded:
		return 1
	case sum(more) == 0:
		return p
	}
	c := r.with(side, more, cfg)
	if (c.Ratio() < 1) != (r.ratio < 1) {
		return 1
	}
	return max(p, c.PWithin(noise))
}

// more is what may be the row's of a side, and whether that has a bound.
func (r *row) more(side int, e evidence) (more []float64, bounded bool) {
	more = slices.Clone(r.worst.unknown[side])
	if e == unknowns {
		return more, true
	}
	for j, n := range r.worst.lost[side] {
		more[j] += n
	}
	return more, !r.worst.endless[side]
}

// isWithin reports that the rates are shown to be within the margin, whatever
// of what was not seen is the row's.
func (r *row) isWithin(e evidence, cfg Config) bool {
	within := func(lo, hi float64) bool { return lo >= 1/cfg.Margin && hi <= cfg.Margin }
	if !within(r.equal[0], r.equal[1]) {
		return false
	}
	if e == seen {
		return true
	}
	if r.worst.nameless {
		return false
	}
	for side := range 2 {
		more, bounded := r.more(side, e)
		if !bounded {
			return false
		}
		if sum(more) == 0 {
			continue
		}
		if !within(r.with(side, more, cfg).Interval(1 - 2*cfg.Alpha)) {
			return false
		}
	}
	return true
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}
