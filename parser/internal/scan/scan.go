// Package scan reads numbers and finds names in lines of text, for the readers
// of text formats.
package scan

import "iter"

// Digits reads decimal digits from i and returns the number and the offset
// after it. More than 19 digits give an unusable number; callers bound the
// length.
func Digits(b []byte, i int) (v uint64, end int) {
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		v = v*10 + uint64(b[i]-'0')
	}
	return v, i
}

// HexDigits is Digits for hex digits of either case. A number of more than 60
// bits is at least 1<<60.
func HexDigits(b []byte, i int) (v uint64, end int) {
	for ; i < len(b); i++ {
		n := b[i] - '0'
		if n > 9 {
			if n = (b[i] | 0x20) - 'a' + 10; n < 10 || n > 15 {
				break
			}
		}
		if v >= 1<<59 {
			v = 1 << 59 // too large for any caller
		}
		v = v<<4 | uint64(n)
	}
	return v, i
}

// MaxNames bounds the different event names of a text. A kernel has about two
// thousand; damage must not fill the memory.
const MaxNames = 1 << 14

// Names holds what is known of the event names of a text. The zero value is
// empty.
type Names[T any] struct {
	all    map[string]*named[T]
	recent [256]*named[T] // some of all, by a cheap hash
}

type named[T any] struct {
	name  string
	value T
}

// Find returns the value of a name, nil if it has none. It does not allocate.
func (n *Names[T]) Find(name []byte) *T {
	slot := &n.recent[(len(name)*5+int(name[0])+int(name[len(name)-1])*11+int(name[len(name)/2])*3)%len(n.recent)]
	if k := *slot; k != nil && k.name == string(name) {
		return &k.value
	}
	k := n.all[string(name)]
	if k == nil {
		return nil
	}
	*slot = k
	return &k.value
}

// Add gives a name that has none a value and returns it, nil if there are too
// many names already.
func (n *Names[T]) Add(name string, value T) *T {
	if len(n.all) >= MaxNames {
		return nil
	}
	if n.all == nil {
		n.all = map[string]*named[T]{}
	}
	k := &named[T]{name, value}
	n.all[name] = k
	return &k.value
}

// All yields the values of all names, in no order.
func (n *Names[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, k := range n.all {
			if !yield(&k.value) {
				return
			}
		}
	}
}

// IsFull reports whether no name can be added.
func (n *Names[T]) IsFull() bool { return len(n.all) >= MaxNames }
