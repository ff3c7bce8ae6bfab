package result

import (
	"cmp"
	"slices"
)

// Stacks is what was counted by call stack: the input of call trees, flame
// graphs and profiles. The values of all samples add up to those of the result.
type Stacks struct {
	// Values describes the counts of each sample; people are shown the first.
	Values []Col
	// Keys describes the words of each sample: the group it belongs to, a call
	// tree of its own. They are the keys that were asked for (--by).
	Keys []Col
	// Labels describes further words of each sample, for programs that pick
	// samples by them.
	Labels []Col
	// Compares says that there are two values, before and after, and that their
	// difference is what matters.
	Compares bool
	Samples  []Sample
}

// A Sample is one stack with what was counted there. No two samples have the same
// frames, key and labels.
type Sample struct {
	Frames []string // function names, innermost frame first; never empty
	Key    []string // as Stacks.Keys
	Labels []string // as Stacks.Labels
	Values []int64  // as Stacks.Values
}

// NoStack is the only frame of what was counted without a stack.
const NoStack = "(no stack)"

// Sort orders the samples: the largest first value first, then by text, so that
// the order is total.
func (s *Stacks) Sort() {
	slices.SortFunc(s.Samples, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(b.Values[0], a.Values[0]), slices.Compare(a.Key, b.Key),
			slices.Compare(a.Frames, b.Frames), slices.Compare(a.Labels, b.Labels))
	})
}

// Total adds up the values of all samples.
func (s *Stacks) Total() []int64 {
	sum := make([]int64, len(s.Values))
	for _, x := range s.Samples {
		addValues(sum, x.Values)
	}
	return sum
}

// Merge returns the samples with those that differ by labels only taken
// together, in the order of Sort.
func (s *Stacks) Merge() *Stacks {
	m := &Stacks{Values: s.Values, Keys: s.Keys}
	index := map[string]int{}
	for _, x := range s.Samples {
		id := identity(x.Key, x.Frames)
		i, ok := index[id]
		if !ok {
			i = len(m.Samples)
			index[id] = i
			m.Samples = append(m.Samples, Sample{Frames: x.Frames, Key: x.Key, Values: make([]int64, len(s.Values))})
		}
		addValues(m.Samples[i].Values, x.Values)
	}
	m.Sort()
	return m
}

// Graph is the call tree of all samples with a first value, as Tree makes it: the group
// that was asked for is the frame next to the root, and labels are classes. nil if
// there are no such samples.
func (s *Stacks) Graph(callers bool) *Node {
	class := func(Sample) string { return "" }
	isClass := func(c Col) bool { return c.Name == "class" }
	if i := slices.IndexFunc(s.Labels, isClass); i >= 0 {
		class = func(x Sample) string { return x.Labels[i] }
	} else if i := slices.IndexFunc(s.Keys, isClass); i >= 0 {
		class = func(x Sample) string { return x.Key[i] }
	}
	names := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		names[i] = k.Name
	}
	var samples []Sample
	for _, x := range s.Samples {
		if x.Values[0] == 0 {
			continue
		}
		frames := x.Frames
		if group := KeyText(names, x.Key); len(names) > 0 && callers {
			frames = append([]string{group}, frames...)
		} else if len(names) > 0 {
			frames = append(slices.Clone(frames), group)
		}
		samples = append(samples, Sample{Frames: frames, Labels: []string{class(x)}, Values: x.Values})
	}
	if samples == nil {
		return nil
	}
	return Tree(samples, len(s.Values), callers, 0)
}

// Groups splits the samples by key, the group with the largest sum first.
func (s *Stacks) Groups() []Group {
	index := map[string]int{}
	var groups []Group
	for _, x := range s.Samples {
		id := identity(x.Key, nil)
		i, ok := index[id]
		if !ok {
			i = len(groups)
			index[id] = i
			groups = append(groups, Group{Key: x.Key, Values: make([]int64, len(s.Values))})
		}
		groups[i].Samples = append(groups[i].Samples, x)
		addValues(groups[i].Values, x.Values)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Values[0], a.Values[0]), slices.Compare(a.Key, b.Key))
	})
	return groups
}

// A Group is the samples with one key and their sum.
type Group struct {
	Key     []string
	Values  []int64
	Samples []Sample
}

// identity is the lists as one string.
func identity(lists ...[]string) string {
	n := 0
	for _, l := range lists {
		for _, s := range l {
			n += len(s) + 1
		}
		n++
	}
	b := make([]byte, 0, n)
	for _, l := range lists {
		for _, s := range l {
			b = append(append(b, s...), 0)
		}
		b = append(b, 1)
	}
	return string(b)
}

func addValues(sum, values []int64) {
	for i, v := range values {
		sum[i] += v
	}
}

// A Node is a function in a call tree: its values are those of all samples that
// pass through it.
type Node struct {
	Name     string
	Values   []int64
	Self     []int64 // of the samples that end here
	Children []*Node // the largest first value first
	// Label is the word that the samples have for the label asked for, "" if
	// they differ.
	Label string
}

// Tree merges the stacks of samples into a call tree: callees below their
// caller, the outermost frame on top, or with callers set the callers below the
// frame that sent. n is the number of values; label the index of a label or -1.
// The root has no name and holds everything.
func Tree(samples []Sample, n int, callers bool, label int) *Node {
	b := treeBuilder{values: n, children: map[*Node]map[string]*Node{}}
	root := b.node("")
	for i, x := range samples {
		word := ""
		if label >= 0 {
			word = x.Labels[label]
		}
		at := root
		b.pass(at, x.Values, word, i == 0)
		for f := range x.Frames {
			name := x.Frames[f]
			if !callers {
				name = x.Frames[len(x.Frames)-1-f]
			}
			next := b.children[at][name]
			isNew := next == nil
			if isNew {
				next = b.node(name)
				b.children[at][name] = next
				at.Children = append(at.Children, next)
			}
			at = next
			b.pass(at, x.Values, word, isNew)
		}
		addValues(at.Self, x.Values)
	}
	root.sort()
	return root
}

type treeBuilder struct {
	values   int
	children map[*Node]map[string]*Node
}

func (b *treeBuilder) node(name string) *Node {
	n := &Node{Name: name, Values: make([]int64, b.values), Self: make([]int64, b.values)}
	b.children[n] = map[string]*Node{}
	return n
}

// pass counts a sample at a node that it passes through.
func (b *treeBuilder) pass(n *Node, values []int64, label string, isNew bool) {
	addValues(n.Values, values)
	switch {
	case isNew:
		n.Label = label
	case n.Label != label:
		n.Label = ""
	}
}

func (n *Node) sort() {
	slices.SortFunc(n.Children, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(b.Values[0], a.Values[0]), cmp.Compare(a.Name, b.Name))
	})
	for _, c := range n.Children {
		c.sort()
	}
}
