package html

import (
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// maxFrame is how many characters of a frame's name there are.
const maxFrame = 100

// A flame is a call tree for the script of the page.
type flame struct {
	Total  int64    `json:"total"`
	Names  []string `json:"names"`
	Labels []string `json:"labels"`
	// Nodes are in the order of a walk from the outermost frame inwards: depth,
	// index of the name, hits, index of the label.
	Nodes [][4]int64 `json:"nodes"`
	Rest  string     `json:"rest,omitempty"`
}

// newFlame returns nil if there are no stacks to show.
func newFlame(st *result.Stacks, callers bool, l limits) *flame {
	if st == nil || st.Compares {
		return nil
	}
	root := st.Graph(callers)
	if root == nil || !slices.ContainsFunc(st.Samples, func(x result.Sample) bool { return x.Values[0] > 0 && x.Frames[0] != result.NoStack }) {
		return nil
	}
	f := &flame{Total: root.Values[0]}
	least := leastShown(root, l.frames)
	if least > 1 {
		f.Rest = fmt.Sprintf("Frames with fewer than %d hits are not shown.", least)
	}
	names, labels := interned{}, interned{}
	frames := limits{text: maxFrame}
	var walk func(n *result.Node, depth int64)
	walk = func(n *result.Node, depth int64) {
		if n.Values[0] < least {
			return
		}
		name := "all"
		if depth > 0 {
			name = frames.shown(n.Name)
		}
		f.Nodes = append(f.Nodes, [4]int64{depth, names.index(name, &f.Names), n.Values[0], labels.index(n.Label, &f.Labels)})
		for _, c := range n.Children {
			walk(c, depth+1)
		}
	}
	walk(root, 0)
	return f
}

// leastShown is how many hits a frame has at least for no more than most of them
// to be shown.
func leastShown(root *result.Node, most int) int64 {
	var hits []int64
	var walk func(*result.Node)
	walk = func(n *result.Node) {
		hits = append(hits, n.Values[0])
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(root)
	if len(hits) <= most {
		return 1
	}
	slices.Sort(hits)
	return hits[len(hits)-most-1] + 1
}

// interned gives each text an index into a list of them.
type interned map[string]int64

func (x interned) index(s string, list *[]string) int64 {
	i, ok := x[s]
	if !ok {
		i = int64(len(*list))
		x[s] = i
		*list = append(*list, s)
	}
	return i
}
