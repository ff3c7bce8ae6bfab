package cli

import (
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/catalog"
)

// CatalogFlag is --catalog.
type CatalogFlag struct{ paths []string }

// AddTo defines the flag.
func (f *CatalogFlag) AddTo(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.paths, "catalog", nil, "add to the catalogue of callbacks and frames, or override it, with the rows of `FILE`")
}

// Load returns the catalogue.
func (f *CatalogFlag) Load() (*catalog.Catalog, error) {
	var overlays []catalog.Source
	for _, path := range f.paths {
		data, err := ReadFile(path, 0)
		if err != nil {
			return nil, err
		}
		overlays = append(overlays, catalog.Source{Name: path, Data: data})
	}
	c, err := catalog.Load(overlays...)
	return c, Usage(err)
}
