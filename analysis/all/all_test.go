package all

import (
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/events"
)

// What an analyzer promises is held against the catalogue of events, so that a
// name that no kernel has is found here and not by a person.
func TestAnalyzers(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Analyzers() {
		if a.Name == "" || seen[a.Name] {
			t.Errorf("analyzer %q: no name, or one that another has", a.Name)
		}
		seen[a.Name] = true
		if !strings.HasSuffix(a.Doc, ".") {
			t.Errorf("%s: Doc %q is no sentence", a.Name, a.Doc)
		}
		for _, list := range [][]string{a.Needs.All, a.Needs.Any, a.Needs.Optional, a.Needs.Also} {
			for _, name := range list {
				if !events.IsKnown(name) {
					t.Errorf("%s needs %q, which is no known event", a.Name, name)
				}
			}
		}
	}
}
