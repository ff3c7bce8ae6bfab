package stat

import "slices"

// Largest keeps the largest of the values that it is given, at most so many.
type Largest[T any] struct {
	n       int
	compare func(a, b *T) int
	list    []T // the largest first
}

// NewLargest keeps n values; compare is below 0 where its first one comes before the
// other, and 0 for equal ones alone, so that the order of giving does not matter.
func NewLargest[T any](n int, compare func(a, b *T) int) Largest[T] {
	return Largest[T]{n: n, compare: compare}
}

// Add gives it a value.
func (l *Largest[T]) Add(v *T) {
	if len(l.list) == l.n {
		if l.n == 0 || l.compare(v, &l.list[l.n-1]) >= 0 {
			return
		}
		l.list = l.list[:l.n-1]
	}
	at := len(l.list)
	for at > 0 && l.compare(v, &l.list[at-1]) < 0 {
		at--
	}
	l.list = slices.Insert(l.list, at, *v)
}

// Takes reports whether it would keep a value.
func (l *Largest[T]) Takes(v *T) bool {
	return l.n > 0 && (len(l.list) < l.n || l.compare(v, &l.list[l.n-1]) < 0)
}

// Merge gives it all that another one keeps.
func (l *Largest[T]) Merge(o *Largest[T]) {
	for i := range o.list {
		l.Add(&o.list[i])
	}
}

// All are the values, the largest first. They are not to be changed.
func (l *Largest[T]) All() []T { return l.list }
