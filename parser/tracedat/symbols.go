package tracedat

import (
	"strconv"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// symbols resolves kernel addresses. The symbol table, often larger than the
// events, is read when the first address is asked for; every address is
// resolved once.
type symbols struct {
	f      *file
	table  *ksym.Table
	loaded bool
	byAddr map[symbolKey]trace.SymbolID
}

// symbolKey: one address is a different symbol with and without its offset.
type symbolKey struct {
	addr   uint64
	offset bool
}

func (y *symbols) at(addr uint64, offset bool) trace.SymbolID {
	key := symbolKey{addr, offset}
	id, ok := y.byAddr[key]
	if !ok {
		id = y.f.table.Symbol(y.resolve(addr, offset))
		y.byAddr[key] = id
	}
	return id
}

func (y *symbols) resolve(addr uint64, offset bool) trace.Symbol {
	if !y.loaded {
		y.load()
	}
	if addr == 0 { // %pS of NULL, whatever kallsyms has at 0 (per-CPU offsets on x86)
		return trace.Symbol{Name: "0x0"}
	}
	if y.table != nil {
		if sym, ok := y.table.Lookup(addr); ok {
			s := trace.Symbol{Name: sym.Name, Module: sym.Module}
			if offset {
				s.Offset, s.HasOffset = sym.Offset, true
			}
			return s
		}
	}
	return trace.Symbol{Name: "0x" + strconv.FormatUint(addr, 16)}
}

// load reads kallsyms. Without it addresses stay numbers.
func (y *symbols) load() {
	y.loaded = true
	f := y.f
	if !f.kallsyms.present {
		f.remark("no kallsyms: addresses have no names")
		return
	}
	c, err := f.sectionCursor(f.kallsyms, "kallsyms")
	if err == nil {
		text := c.block(uint64(c.u32("size")), maxSection, "kallsyms")
		if err = c.err; err == nil {
			y.table, err = ksym.NewTable(string(text))
		}
	}
	if err != nil {
		f.remark("kallsyms is not readable: addresses have no names: %v", err)
	}
}

// Symbols returns the traced kernel's symbols, nil if the file has none.
func (s *Source) Symbols() *ksym.Table {
	if !s.symbols.loaded {
		s.symbols.load()
	}
	return s.symbols.table
}
