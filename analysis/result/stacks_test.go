package result_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
)

// samples are any stacks with two values, a key and a label.
func samples() *rapid.Generator[*result.Stacks] {
	return rapid.Custom(func(t *rapid.T) *result.Stacks {
		word := rapid.SampledFrom([]string{"a", "b", "c"})
		st := &result.Stacks{Values: make([]result.Col, 2), Keys: make([]result.Col, 1), Labels: make([]result.Col, 1)}
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			st.Samples = append(st.Samples, result.Sample{
				Frames: rapid.SliceOfN(word, 1, 4).Draw(t, "frames"), Key: []string{word.Draw(t, "key")}, Labels: []string{word.Draw(t, "label")},
				Values: rapid.SliceOfN(rapid.Int64Range(0, 9), 2, 2).Draw(t, "values"),
			})
		}
		return st
	})
}

// TestStacksAddUp: neither merging, nor groups, nor a tree from either end loses or
// invents anything.
func TestStacksAddUp(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		st := samples().Draw(t, "stacks")
		want := st.Total()
		if diff := cmp.Diff(want, st.Merge().Total()); diff != "" {
			t.Fatalf("merged: %s", diff)
		}
		grouped := []int64{0, 0}
		for _, g := range st.Groups() {
			for i, v := range g.Values {
				grouped[i] += v
			}
		}
		if diff := cmp.Diff(want, grouped); diff != "" {
			t.Fatalf("groups: %s", diff)
		}
		for _, callers := range []bool{false, true} {
			root := result.Tree(st.Samples, 2, callers, 0)
			if diff := cmp.Diff(want, root.Values); diff != "" {
				t.Fatalf("tree: %s", diff)
			}
			addsUp(t, root)
		}
	})
}

// addsUp: a node has what ends in it and what its children have.
func addsUp(t *rapid.T, n *result.Node) {
	sum := append([]int64(nil), n.Self...)
	for i, c := range n.Children {
		addsUp(t, c)
		for v := range sum {
			sum[v] += c.Values[v]
		}
		if i > 0 && c.Values[0] > n.Children[i-1].Values[0] {
			t.Fatalf("%s comes behind a smaller one", c.Name)
		}
	}
	if diff := cmp.Diff(n.Values, sum); diff != "" {
		t.Fatalf("%s: %s", n.Name, diff)
	}
}

func TestTree(t *testing.T) {
	st := []result.Sample{
		{Frames: []string{"send", "flush", "exit"}, Labels: []string{"avoidable"}, Values: []int64{3}},
		{Frames: []string{"send", "exit"}, Labels: []string{"noise"}, Values: []int64{2}},
		{Frames: []string{"send"}, Labels: []string{"noise"}, Values: []int64{1}},
	}
	show := func(callers bool) string {
		var out string
		var walk func(n *result.Node, indent string)
		walk = func(n *result.Node, indent string) {
			out += fmt.Sprintf("%s%q %d %d %s\n", indent, n.Name, n.Values[0], n.Self[0], n.Label)
			for _, c := range n.Children {
				walk(c, indent+" ")
			}
		}
		walk(result.Tree(st, 1, callers, 0), "")
		return out
	}
	const callees = `"" 6 0 
 "exit" 5 0 
  "flush" 3 0 avoidable
   "send" 3 3 avoidable
  "send" 2 2 noise
 "send" 1 1 noise
`
	const callers = `"" 6 0 
 "send" 6 1 
  "flush" 3 0 avoidable
   "exit" 3 3 avoidable
  "exit" 2 2 noise
`
	if diff := cmp.Diff(callees, show(false)); diff != "" {
		t.Errorf("from outside: %s", diff)
	}
	if diff := cmp.Diff(callers, show(true)); diff != "" {
		t.Errorf("from inside: %s", diff)
	}
}
