package key_test

import (
	"testing"

	"github.com/ipiscope/ipiscope/analysis/key"
)

// TestGroups fills more groups than the limit: the first ones stay complete, and
// nothing that was counted is lost.
func TestGroups(t *testing.T) {
	g := key.NewGroups[int](2, 3)
	for round := range 2 {
		for i := range key.ID(10) {
			n, isNew := g.Get(key.IDs{i, i})
			*n++
			if folded := round > 0 || i >= 3; g.Folded() != folded {
				t.Errorf("round %d, group %d: folded %v", round, i, g.Folded())
			}
			if want := round == 0 && i <= 3; isNew != want {
				t.Errorf("round %d, group %d: new %v", round, i, isNew)
			}
		}
	}
	sum, others := 0, 0
	for ids, n := range g.All() {
		sum += *n
		if key.PID.Text(ids[0], nil, nil) == key.Other {
			others = *n
		} else if *n != 2 || ids[0] >= 3 {
			t.Errorf("group %d has %d, want 2 in each of the first three", ids[0], *n)
		}
	}
	if len(g.All()) != 4 || sum != 20 || others != 14 {
		t.Errorf("%d groups with %d in all, %d in the last", len(g.All()), sum, others)
	}
	// what comes with the keys of all others is theirs
	h := key.NewGroups[int](2, 1)
	for ids, n := range g.All() {
		m, _ := h.Get(ids)
		*m += *n
	}
	sum = 0
	for _, n := range h.All() {
		sum += *n
	}
	if sum != 20 || len(h.All()) > 2 {
		t.Errorf("%d groups with %d in all", len(h.All()), sum)
	}
}
