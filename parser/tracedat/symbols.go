package tracedat

import (
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// symbols resolves kernel addresses. The symbol table, often larger than the
// events, is read when the first address is asked for; every address is
// resolved once.
type symbols struct {
	f      *file
	byAddr map[symbolKey]trace.SymbolID
	recent [64]recentSymbol // by hash: few addresses come again and again

	once   sync.Once
	table  *ksym.Table // valid after read
	err    error
	loaded bool        // of the goroutine that asks for names
	early  atomic.Bool // a goroutine of its own reads the table
	apart  bool        // who asks for names is not who scans
}

// symbolKey: one address is a different symbol with and without its offset.
type symbolKey struct {
	addr   uint64
	offset bool
}

// A recentSymbol is an address that was asked for lately.
type recentSymbol struct {
	symbolKey
	id  trace.SymbolID
	any bool
}

func (y *symbols) at(addr uint64, offset bool) trace.SymbolID {
	key := symbolKey{addr, offset}
	r := &y.recent[addr*0x9e3779b97f4a7c15>>58]
	if r.any && r.symbolKey == key {
		return r.id
	}
	id, ok := y.byAddr[key]
	if !ok {
		id = y.f.table.Symbol(y.resolve(addr, offset))
		y.byAddr[key] = id
	}
	*r = recentSymbol{key, id, true}
	return id
}

func (y *symbols) resolve(addr uint64, offset bool) trace.Symbol {
	if sym, ok := y.lookup(addr); ok {
		s := trace.Symbol{Name: sym.Name, Module: sym.Module}
		if offset {
			s.Offset, s.HasOffset = sym.Offset, true
		}
		return s
	}
	return trace.Symbol{Name: "0x" + strconv.FormatUint(addr, 16)}
}

func (y *symbols) lookup(addr uint64) (ksym.Symbol, bool) {
	if !y.loaded {
		y.load()
	}
	// NULL is no symbol, whatever kallsyms has at 0 (per-CPU offsets on x86)
	if addr == 0 || y.table == nil {
		return ksym.Symbol{}, false
	}
	return y.table.Lookup(addr)
}

// load reads kallsyms. Without it addresses stay numbers.
func (y *symbols) load() {
	y.loaded = true
	y.read()
	if !y.apart {
		y.remark()
	}
}

// remark says why addresses stay numbers.
func (y *symbols) remark() {
	if !y.f.kallsyms.present {
		y.f.remark("no kallsyms: addresses have no names")
	}
	if y.err != nil {
		y.f.remark("kallsyms is not readable: addresses have no names: %v", y.err)
	}
}

// read reads the table once; whoever comes later waits for it.
func (y *symbols) read() {
	y.once.Do(func() {
		if !y.f.kallsyms.present {
			return
		}
		var c *cursor
		if c, y.err = y.f.lateCursor(y.f.kallsyms, "kallsyms"); y.err != nil {
			return
		}
		text := c.block(uint64(c.u32("size")), maxSection, "kallsyms")
		if y.err = c.err; y.err == nil {
			// nobody else has these bytes: they become a string as they are
			y.table, y.err = ksym.NewTable(unsafe.String(unsafe.SliceData(text), len(text)))
		}
	})
}

// failed is why the table could not be read, if it was to be.
func (y *symbols) failed() error {
	if !y.early.Load() && !y.loaded {
		return nil
	}
	y.read()
	return y.err
}

// expect gets the table ready while other work goes on.
func (y *symbols) expect() {
	if !y.early.Load() && y.early.CompareAndSwap(false, true) {
		go y.read()
	}
}

// Symbols returns the traced kernel's symbols, nil if the file has none.
func (s *Source) Symbols() *ksym.Table {
	if !s.symbols.loaded {
		s.symbols.load()
	}
	return s.symbols.table
}

// Symbol returns the kernel symbol that contains an address and the distance
// from its start. With Address and Static it makes a Source what a printer of
// its events asks for names (printfmt.Names). These three intern nothing; after
// ExpectNames they may be called by one goroutine while another one scans.
func (s *Source) Symbol(addr uint64) (name string, offset uint64, ok bool) {
	sym, ok := s.symbols.lookup(addr)
	return sym.Name, sym.Offset, ok
}

// ExpectNames lets one other goroutine than the one that scans ask for names. The
// symbol table is read from now on, and Err waits for it.
func (s *Source) ExpectNames() {
	if s.f.strings == nil {
		s.f.loadStrings()
	}
	if s.symbols.loaded {
		return
	}
	s.symbols.apart = true
	s.symbols.expect()
	if !s.f.kallsyms.present {
		s.symbols.remark()
	}
}

// Address returns where the first symbol of that name begins.
func (s *Source) Address(name string) (uint64, bool) {
	t := s.Symbols()
	if t == nil {
		return 0, false
	}
	r, ok := t.AddrOf(name)
	return r.Start, ok
}

// Static returns the string at a kernel address that the file's printk formats
// list.
func (s *Source) Static(addr uint64) (string, bool) { return s.f.stringAt(addr) }

// SetTGIDs tells the thread groups of tasks where the file does not: saved_tgids
// of tracefs. It must be called before the first Scan.
func (s *Source) SetTGIDs(byPID map[int32]int32) {
	for pid, tgid := range byPID {
		s.f.tgids[pid] = tgid
	}
}
