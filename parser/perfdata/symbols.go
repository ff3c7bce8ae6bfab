package perfdata

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// symbols resolves kernel addresses. A perf.data holds no symbols of the kernel,
// so they come from outside: those of the same boot, or of the same build, which
// lay elsewhere.
type symbols struct {
	src    *Source
	load   func(buildID string) (*ksym.Table, error) // nil: none were given
	table  *ksym.Table                               // moved to where the kernel was
	loaded bool
	asked  bool // for a name of an address that is not 0
	byAddr map[symbolKey]trace.SymbolID

	kernel  region // its name is that of the symbol that lies at ref
	ref     uint64
	modules []region // by start
	named   []region // BPF programs and the like, by start
	dirty   bool
}

type symbolKey struct {
	addr   uint64
	offset bool
}

// A region is a range of addresses.
type region struct {
	start, size uint64
	name        string
}

func (r region) has(addr uint64) bool { return addr-r.start < r.size }

// maxRegions bounds what a recording may say of modules and programs.
const maxRegions = 1 << 16

// mapRecord takes what a MMAP, MMAP2 or KSYMBOL says of the kernel.
func (s *Source) mapRecord(typ uint32, rec []byte) {
	y := &s.symbols
	u64 := func(off int) uint64 { return s.order.Uint64(rec[off:]) }
	misc := s.order.Uint16(rec[4:])
	switch {
	case typ == recKSYMBOL && len(rec) > 24:
		if s.order.Uint16(rec[22:])&1 == 0 && len(y.named) < maxRegions { // else it is unregistered
			y.named = append(y.named, region{u64(8), uint64(s.order.Uint32(rec[16:])), cstring(rec[24:])})
			y.dirty = true
		}
		return
	case typ == recKSYMBOL || misc&7 != miscKernel:
		return
	}
	at := 40
	if typ == recMMAP2 {
		if at = 72; misc&miscBuildID != 0 && len(rec) >= 64 && strings.HasPrefix(cstring(rec[min(at, len(rec)):]), "[kernel") {
			s.setBuildID(rec[44:64])
		}
	}
	if len(rec) <= at {
		return
	}
	name := cstring(rec[at:])
	r := region{u64(16), u64(24), name}
	if symbol, ok := strings.CutPrefix(name, "[kernel.kallsyms]"); ok {
		r.name = symbol
		y.kernel, y.ref = r, u64(32)
		return
	}
	if strings.HasPrefix(name, "[guest.kernel") || len(y.modules) >= maxRegions {
		return
	}
	r.name = moduleName(name)
	y.modules = append(y.modules, r)
	y.dirty = true
}

// moduleName is a module's name from the path of its file, or in brackets.
func moduleName(name string) string {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		return strings.TrimSuffix(inner, "]")
	}
	base, _, _ := strings.Cut(path.Base(name), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

func (y *symbols) sort() {
	if y.dirty {
		y.dirty = false
		byStart := func(a, b region) int { return cmp.Compare(a.start, b.start) }
		slices.SortStableFunc(y.modules, byStart)
		slices.SortStableFunc(y.named, byStart)
	}
}

// in finds the region that holds an address.
func in(all []region, addr uint64) (region, bool) {
	i, _ := slices.BinarySearchFunc(all, addr, func(r region, a uint64) int {
		if r.start <= a {
			return -1
		}
		return 1
	})
	if i == 0 || !all[i-1].has(addr) {
		return region{}, false
	}
	return all[i-1], true
}

// at interns the symbol of an address.
func (y *symbols) at(addr uint64, offset bool) trace.SymbolID {
	key := symbolKey{addr, offset}
	id, ok := y.byAddr[key]
	if !ok {
		id = y.src.table.Symbol(y.resolve(addr, offset))
		y.byAddr[key] = id
	}
	return id
}

func (y *symbols) resolve(addr uint64, offset bool) trace.Symbol {
	name, module, off, ok := y.lookup(addr)
	if !ok {
		return trace.Symbol{Name: "0x" + strconv.FormatUint(addr, 16), Module: module}
	}
	s := trace.Symbol{Name: name, Module: module}
	if offset {
		s.Offset, s.HasOffset = off, true
	}
	return s
}

// lookup finds the symbol of an address. Of one in a module without symbols it
// returns the module.
func (y *symbols) lookup(addr uint64) (name, module string, offset uint64, ok bool) {
	if addr == 0 { // NULL is no symbol
		return "", "", 0, false
	}
	y.asked = true
	if !y.loaded {
		y.get()
	}
	y.sort()
	if r, ok := in(y.named, addr); ok {
		return r.name, "bpf", addr - r.start, true
	}
	mod, inModule := in(y.modules, addr)
	if y.table != nil && (inModule || !y.hasKernel() || y.kernel.has(addr)) {
		if sym, ok := y.table.Lookup(addr); ok && (!inModule || sym.Module == mod.name) {
			return sym.Name, sym.Module, sym.Offset, true
		}
	}
	return "", mod.name, 0, false
}

// hasKernel reports whether the recording says where the kernel lay.
func (y *symbols) hasKernel() bool { return y.kernel.size > 0 }

// get loads the table and moves it to where the kernel lay.
func (y *symbols) get() {
	y.loaded = true
	if y.load == nil {
		return
	}
	s := y.src
	t, err := y.load(s.table.Meta.BuildID)
	switch {
	case err != nil:
		s.note(fmt.Errorf("%s: --symbols: %w", s.path, err))
		return
	case t == nil:
		return
	case t.Hidden():
		s.remark("--symbols: all addresses are 0: the kernel hides them from readers without rights (kptr_restrict): take kallsyms as root")
		return
	}
	y.table = t
	if !y.hasKernel() {
		s.remark("the recording does not say where the kernel lay: --symbols is of use only if it is of the same boot")
		return
	}
	ref, ok := t.AddrOf(cmp.Or(y.kernel.name, "_text"))
	if !ok {
		s.remark("--symbols has no %s, so that it cannot be told where the kernel lay when it was taken: it is of use only if it is of the same boot", cmp.Or(y.kernel.name, "_text"))
		return
	}
	shift := y.ref - ref.Start
	if align := y.alignment(); shift%align != 0 {
		s.remark("--symbols are of another kernel: %s lies at %#x there and at %#x in the recording, which is not how one build moves: no names are taken from it", y.kernel.name, ref.Start, y.ref)
		y.table = nil
		return
	}
	if end, ok := t.AddrOf("_etext"); ok && end.Start-ref.Start > y.kernel.size {
		s.remark("--symbols are of another kernel: its text has %d bytes, that of the recording at most %d: no names are taken from it", end.Start-ref.Start, y.kernel.size)
		y.table = nil
		return
	}
	if shift != 0 {
		y.table = t.Moved(shift)
	}
	// The record's length ends before the code that runs at boot only.
	if end, ok := t.AddrOf("_end"); ok && end.Start > ref.Start && end.Start-ref.Start < 1<<30 {
		y.kernel.size = max(y.kernel.size, end.Start-ref.Start)
	}
}

// alignment is that of a kernel's place in memory: KASLR moves it by whole pages
// of 2 MiB on x86 (arch/x86/boot/compressed/kaslr.c), by 64 KiB at least elsewhere.
func (y *symbols) alignment() uint64 {
	if strings.HasPrefix(y.src.table.Meta.Arch, "x86") {
		return 2 << 20
	}
	return 4 << 10
}

// Symbols returns the kernel's symbols where the recording has it, nil if none
// were given.
func (s *Source) Symbols() *ksym.Table {
	if !s.symbols.loaded {
		s.symbols.get()
	}
	return s.symbols.table
}

// UseSymbols says where kernel symbols come from; build-ids tell kernels apart. It
// must be called before the first Scan.
func (s *Source) UseSymbols(load func(buildID string) (*ksym.Table, error)) { s.symbols.load = load }

// Symbol implements printfmt.Names.
func (s *Source) Symbol(addr uint64) (name string, offset uint64, ok bool) {
	name, _, offset, ok = s.symbols.lookup(addr)
	return name, offset, ok
}

// Address implements printfmt.Names. perf knows no variables: what print fmts
// compute with vmemmap_base counts from 0 there.
func (s *Source) Address(string) (uint64, bool) { return 0, false }

// Static implements printfmt.Names.
func (s *Source) Static(addr uint64) (string, bool) {
	text, ok := s.strings[addr]
	return text, ok
}

// Frame returns what perf prints of an address in a callchain: its symbol, and
// what it lies in.
func (s *Source) Frame(addr uint64) (name string, offset uint64, object string, ok bool) {
	name, module, offset, ok := s.symbols.lookup(addr)
	switch {
	case module == "bpf":
		object = name
	case module != "":
		object = "[" + module + "]"
	case ok || s.symbols.kernel.has(addr) || !s.symbols.hasKernel():
		object = "[kernel.kallsyms]"
	default:
		object = "[unknown]"
	}
	return name, offset, object, ok
}

// noteSymbols says what was missing for names.
func (s *Source) noteSymbols() {
	y := &s.symbols
	if y.load == nil && y.asked {
		id := s.table.Meta.BuildID
		where := "~/.debug/[kernel.kallsyms]/BUILD-ID/kallsyms"
		if id != "" {
			where = "~/.debug/[kernel.kallsyms]/" + id + "/kallsyms"
		}
		text := "a perf.data holds no kernel symbols: addresses have no names: give --symbols with /proc/kallsyms of that boot (as root) or of the same build, with " + where + ", or with the tar of perf archive"
		if id != "" {
			text += "; the kernel's build-id is " + id
		}
		s.remark("%s", text)
	}
}
