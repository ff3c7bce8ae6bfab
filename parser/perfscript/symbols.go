package perfscript

import (
	"bytes"
	"strconv"

	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Of a recording that went through a pipe perf script names the frames of
// callchains, and prints the addresses in fields as they are. A callsite is a
// frame of its own event's callchain, so its name is there.

// maxKnown bounds the addresses that are remembered.
const maxKnown = 1 << 16

// names are what is known of the kernel's addresses.
type names struct {
	frames map[uint64]trace.Symbol // of callchains
	given  func(addr uint64) (trace.Symbol, bool)
	// same and other count frames that the given symbols name alike, and otherwise
	same, other int
	doubted     bool
}

// UseSymbols says where the symbols of addresses come from that the text prints as
// numbers. It must be called before the first Scan.
func (s *Source) UseSymbols(load func(buildID string) (*ksym.Table, error)) {
	s.dec.UseSymbols(load)
	s.known.given = s.dec.Names
	s.dec.Names = s.nameOf
}

// nameOf names an address by the callchains of the text, or by the symbols that
// were given.
func (s *Source) nameOf(addr uint64) (trace.Symbol, bool) {
	if sym, ok := s.known.frames[addr]; ok {
		return sym, true
	}
	if s.known.given == nil || s.doubt() {
		return trace.Symbol{}, false
	}
	return s.known.given(addr)
}

// doubt reports whether the given symbols are of another boot: they name frames
// otherwise than the text does.
func (s *Source) doubt() bool {
	k := &s.known
	if !k.doubted && k.other > 4 && k.other > k.same {
		k.doubted = true
		s.note("--symbols are of another boot or kernel: they name " + strconv.Itoa(k.other) + " of " + strconv.Itoa(k.other+k.same) + " frames otherwise than the text: no names are taken from them")
	}
	return k.doubted
}

// lookAhead learns the callchain after an event whose fields hold addresses.
func (s *Source) lookAhead(payload []byte) {
	at := bytes.Index(payload, []byte("callsite=0x"))
	if at < 0 {
		return
	}
	if s.dec.Names == nil {
		s.dec.Names = s.nameOf
	}
	addr, ok := hexAt(payload[at+len("callsite=0x"):])
	if _, known := s.known.frames[addr]; !ok || known || s.mail != nil || len(s.known.frames) >= maxKnown {
		return
	}
	for ahead := 0; ahead < maxChain; {
		line, after, more := s.in.Peek(ahead)
		if !more || !isChain(line) {
			return
		}
		ahead = after
		if f, ok := parseFrame(line); ok && f.inKernel() {
			s.learnFrame(&f)
		}
	}
}

// maxChain bounds how far a callchain is looked at ahead, in bytes.
const maxChain = 64 << 10

// learnFrame remembers what a callchain says of an address.
func (s *Source) learnFrame(f *frame) {
	addr, ok := hexAt(f.addr)
	if !ok || len(f.symbol) == 0 || string(f.symbol) == "[unknown]" {
		return
	}
	k := &s.known
	if _, old := k.frames[addr]; old || len(k.frames) >= maxKnown {
		return
	}
	sym := s.table.SymbolOf(s.dec.symbol(s.table, f))
	if k.frames == nil {
		k.frames = map[uint64]trace.Symbol{}
	}
	k.frames[addr] = sym
	if k.given != nil {
		if given, ok := k.given(addr); ok && ksym.Normalize(given.Name) == ksym.Normalize(sym.Name) {
			k.same++
		} else {
			k.other++
		}
	}
}

// hexAt reads the hex digits that b begins with.
func hexAt(b []byte) (uint64, bool) {
	n := 0
	for n < len(b) && isHex(b[n]) {
		n++
	}
	v, err := strconv.ParseUint(string(b[:n]), 16, 64)
	return v, err == nil
}
