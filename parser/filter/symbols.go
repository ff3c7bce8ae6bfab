package filter

import "github.com/ipiscope/ipiscope/parser/ksym"

// KernelSymbols makes Symbols of a kallsyms table.
func KernelSymbols(t *ksym.Table) Symbols { return tableSymbols{t} }

type tableSymbols struct{ t *ksym.Table }

func (s tableSymbols) Range(name string) (start, end uint64, ok bool) {
	r, ok := s.t.AddrOf(name)
	return r.Start, r.End, ok
}

func (s tableSymbols) RangeAt(addr uint64) (start, end uint64, ok bool) {
	sym, ok := s.t.Lookup(addr)
	start = addr - sym.Offset
	return start, start + max(sym.Size, sym.Offset+1), ok
}
