// Package fleet says how the IPIs that hit isolated CPUs are spread over many
// machines. A machine is the unit: what happens on one tells little of another, so
// that a rate of all of them together may be that of none. docs/fleet.md describes the
// method.
package fleet

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/fleet/v1"

const nsPerHour = 3600e9

// A Trace is what was counted in one recording of a machine.
type Trace struct {
	Host string // name of the machine, or what stands for it
	// Date is when it was recorded, as text that sorts by time; "" if nothing says.
	Date string
	// Is is what else is known of the machine: kernel, arch, and groups.
	Is      map[string]string
	Input   result.Input
	CPUTime float64 // of the isolated CPUs while they were watched, ns
	Total   uint64  // hits
	Groups  []Group
}

// A Group is the hits with one combination of keys.
type Group struct {
	Key  []string
	Hits uint64
}

// A Fleet is the recordings of machines. The zero Fleet has none.
type Fleet struct {
	by     []string
	units  map[string]*unit
	keys   map[string][]string
	hits   map[string]uint64 // of all units, by key
	inputs []result.Input
	left   []string // paths of inputs that no rate can be had of
}

// A unit is a machine, or those that are one in what Over says.
type unit struct {
	name    string
	date    string // the first one
	is      map[string]string
	cpuTime float64
	total   uint64
	hits    map[string]uint64
	first   map[string]string // by key: the date of the first recording that has it
	// doubted: events were lost, or sends were not recorded
	doubted bool
}

// New returns a Fleet of groups by these keys.
func New(by []string) *Fleet {
	return &Fleet{by: by, units: map[string]*unit{}, keys: map[string][]string{}, hits: map[string]uint64{}}
}

// Add adds a recording to the unit of that name: its host, or what its hosts are to be
// taken together by. Recordings of one unit add up.
func (f *Fleet) Add(name string, t *Trace) {
	if !t.Input.HasRate() || t.CPUTime <= 0 {
		f.left = append(f.left, t.Input.Path)
		return
	}
	f.inputs = append(f.inputs, t.Input)
	u := f.units[name]
	if u == nil {
		u = &unit{name: name, date: t.Date, is: maps.Clone(t.Is), hits: map[string]uint64{}, first: map[string]string{}}
		f.units[name] = u
	}
	if t.Date != "" && (u.date == "" || t.Date < u.date) {
		u.date = t.Date
	}
	for k, v := range t.Is {
		if u.is[k] != v {
			u.is[k] = "several"
		}
	}
	u.cpuTime += t.CPUTime
	u.total += t.Total
	u.doubted = u.doubted || t.Input.MayLack()
	for _, g := range t.Groups {
		if g.Hits == 0 { // of sends to others, or of requests
			continue
		}
		id := strings.Join(g.Key, "\x00")
		f.keys[id] = g.Key
		u.hits[id] += g.Hits
		f.hits[id] += g.Hits
		if old := u.first[id]; t.Date != "" && (old == "" || t.Date < old) {
			u.first[id] = t.Date
		}
	}
}

// rate is hits per isolated CPU and hour.
func (u *unit) rate(hits uint64) float64 { return float64(hits) * nsPerHour / u.cpuTime }

// sorted are the units by name.
func (f *Fleet) sorted() []*unit {
	return slices.SortedFunc(maps.Values(f.units), func(a, b *unit) int { return cmp.Compare(a.name, b.name) })
}

// groupsByHits are the keys of all groups, those with the most hits first.
func (f *Fleet) groupsByHits() []string {
	return slices.SortedFunc(maps.Keys(f.keys), func(a, b string) int { return cmp.Or(cmp.Compare(f.hits[b], f.hits[a]), cmp.Compare(a, b)) })
}

// A spread is the rates of one group over units, those without hits too.
type spread struct {
	rates []float64 // sorted
	hit   int       // units with hits
	hits  uint64
	time  float64
	worst *unit
}

// spreadOf is that of a group, or of all hits if id is nil.
func spreadOf(units []*unit, id *string) spread {
	s := spread{rates: make([]float64, 0, len(units))}
	most := -1.0
	for _, u := range units {
		n := u.total
		if id != nil {
			n = u.hits[*id]
		}
		rate := u.rate(n)
		s.rates = append(s.rates, rate)
		s.hits += n
		s.time += u.cpuTime
		if n > 0 {
			s.hit++
		}
		if rate > most {
			most, s.worst = rate, u
		}
	}
	slices.Sort(s.rates)
	return s
}

// pooled is the rate of all units together.
func (s *spread) pooled() float64 { return float64(s.hits) * nsPerHour / s.time }

// quantile interpolates between the values next to rank q (n - 1), the definition 7 of
// R. J. Hyndman, Y. Fan, The American Statistician 50, 1996, which is what R, NumPy and
// DuckDB's quantile_cont do.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
