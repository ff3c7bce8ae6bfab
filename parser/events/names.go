package events

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// UseSymbols names addresses that the text prints as numbers by the kernel's
// symbols. A text does not say where its kernel lay, so they must be of the same
// boot.
func (d *Decoder) UseSymbols(load func(buildID string) (*ksym.Table, error)) {
	var table *ksym.Table
	loaded := false
	d.Names = func(addr uint64) (trace.Symbol, bool) {
		if !loaded {
			loaded = true
			var err error
			if table, err = load(d.table.Meta.BuildID); err != nil {
				d.table.Meta.Notes = append(d.table.Meta.Notes, fmt.Sprintf("--symbols: %v: addresses have no names", err))
			}
		}
		if table == nil {
			return trace.Symbol{}, false
		}
		s, ok := table.Lookup(addr)
		if !ok {
			return trace.Symbol{}, false
		}
		return trace.Symbol{Name: s.Name, Module: s.Module, Offset: s.Offset, HasOffset: true}, true
	}
}
