// Package catalogtest gives tests the catalogue.
package catalogtest

import (
	"testing"

	"github.com/ipiscope/ipiscope/analysis/catalog"
)

// Load returns the catalogue with overlays (catalog.Load); that there is none fails
// the test.
func Load(t testing.TB, overlays ...catalog.Source) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(overlays...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
