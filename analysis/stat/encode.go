package stat

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// storedDist is a Dist as JSON. Values and steps rise, and each is written as what it is
// above the one before it: such lists compress well.
type storedDist struct {
	Negative uint64   `json:"negative,omitzero"`
	Values   []uint64 `json:"values,omitzero"` // those that are kept as they are
	// Steps are those of the histogram that have values, each followed by how many
	Steps []uint64 `json:"steps,omitzero"`
	Min   int64    `json:"min,omitzero"` // where there are steps
	Max   int64    `json:"max,omitzero"`
}

// IsZero reports whether nothing was added.
func (d Dist) IsZero() bool { return d.count == 0 && d.negative == 0 }

// MarshalJSON implements json.Marshaler. Equal distributions are equal bytes, in
// whatever order values came.
func (d Dist) MarshalJSON() ([]byte, error) {
	x := storedDist{Negative: d.negative}
	last := int64(0)
	for _, v := range slices.Sorted(slices.Values(d.few)) {
		x.Values = append(x.Values, uint64(v-last))
		last = v
	}
	if d.many != nil {
		x.Min, x.Max = d.min, d.max
		step := 0
		for value, n := range d.many.all {
			at := stepOf(value)
			x.Steps = append(x.Steps, uint64(at-step), n)
			step = at
		}
	}
	return json.Marshal(x)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Dist) UnmarshalJSON(data []byte) error {
	var x storedDist
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	*d = Dist{negative: x.Negative}
	if len(x.Steps) > 0 {
		if len(x.Values) > 0 {
			return errors.New("a distribution with both values and steps")
		}
		return d.takeSteps(&x)
	}
	if len(x.Values) > exactValues {
		return fmt.Errorf("a distribution with %d values, want at most %d", len(x.Values), exactValues)
	}
	last := uint64(0)
	for _, v := range x.Values {
		if last += v; v > math.MaxInt64 || last > math.MaxInt64 {
			return fmt.Errorf("a duration above %d ns", int64(math.MaxInt64))
		}
		d.Add(int64(last))
	}
	return nil
}

// takeSteps takes a histogram.
func (d *Dist) takeSteps(x *storedDist) error {
	if len(x.Steps)%2 != 0 {
		return fmt.Errorf("%d numbers of steps, want pairs", len(x.Steps))
	}
	d.many = &histogram{}
	first, step := -1, uint64(0)
	for i := 0; i < len(x.Steps); i += 2 {
		n := x.Steps[i+1]
		if i > 0 && x.Steps[i] == 0 || x.Steps[i] >= steps || step+x.Steps[i] >= steps {
			return fmt.Errorf("step %d behind step %d of %d", x.Steps[i], step, steps)
		}
		step += x.Steps[i]
		if first < 0 {
			first = int(step)
		}
		if n == 0 || d.count+n < n {
			return fmt.Errorf("%d values in step %d", n, step)
		}
		d.count += n
		d.many.add(lastOf(int(step)), n)
	}
	if d.min, d.max = x.Min, x.Max; d.min < 0 || d.max < d.min || stepOf(d.min) != first || stepOf(d.max) != int(step) || d.count <= exactValues {
		return fmt.Errorf("%d values from %d to %d ns, which steps %d to %d do not hold", d.count, d.min, d.max, first, step)
	}
	return nil
}
