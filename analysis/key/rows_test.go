package key

import (
	"strings"
	"testing"
)

// TestRows: a key without a part of its row is found here and not where it is
// asked for. docs/adding.md has the recipe.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for k := range Num {
		r := &rows[k]
		switch {
		case r.name == "" || strings.ContainsAny(r.name, " ,=|") || seen[r.name]:
			t.Errorf("key %d: name %q: want one of its own that --by can take", k, r.name)
		case r.doc == "":
			t.Errorf("key %s has no doc", r.name)
		case r.id == nil || r.text == nil:
			t.Errorf("key %s has no id or no text", r.name)
		}
		seen[r.name] = true
	}
}
