package tracecmd

import (
	"hash/maphash"

	"github.com/ipiscope/ipiscope/parser/printfmt"
)

// A symbolCache remembers the symbols of the addresses that were asked for
// last. A trace uses few addresses very often, and a look-up in the symbol table
// touches memory all over it.
type symbolCache struct {
	printfmt.Names
	slots [1 << symbolBits]symbolSlot
	addrs map[string]uint64 // the few names that print fmts use
}

const symbolBits = 12

type symbolSlot struct {
	addr, offset uint64
	name         string
	used, found  bool
}

func newSymbolCache(n printfmt.Names) *symbolCache {
	return &symbolCache{Names: n, addrs: map[string]uint64{}}
}

// Address implements printfmt.Names.
func (c *symbolCache) Address(name string) (uint64, bool) {
	addr, ok := c.addrs[name]
	if !ok {
		addr, _ = c.Names.Address(name)
		c.addrs[name] = addr
	}
	return addr, addr != 0
}

// Symbol implements printfmt.Names.
func (c *symbolCache) Symbol(addr uint64) (name string, offset uint64, ok bool) {
	// Fibonacci hashing: return addresses differ in their low bits
	s := &c.slots[addr*0x9e3779b97f4a7c15>>(64-symbolBits)]
	if !s.used || s.addr != addr {
		s.name, s.offset, s.found = c.Names.Symbol(addr)
		s.addr, s.used = addr, true
	}
	return s.name, s.offset, s.found
}

// A stackCache remembers the printed form of stacks. Most of a trace with
// stacks is stacks, and few of them are different.
type stackCache struct {
	seed  maphash.Seed
	texts map[uint64]cachedStack
	arena []byte
}

// A cachedStack is where raw frames and their text lie in the arena.
type cachedStack struct {
	raw, text, end int
}

// maxArena bounds the cache; a full one is emptied.
const maxArena = 8 << 20

// get returns the text of a stack with these raw bytes.
func (c *stackCache) get(raw []byte) (text []byte, key uint64, ok bool) {
	if c.texts == nil {
		c.seed, c.texts = maphash.MakeSeed(), map[uint64]cachedStack{}
	}
	key = maphash.Bytes(c.seed, raw)
	s, ok := c.texts[key]
	if !ok || string(c.arena[s.raw:s.text]) != string(raw) {
		return nil, key, false
	}
	return c.arena[s.text:s.end], key, true
}

func (c *stackCache) put(key uint64, raw, text []byte) {
	if len(c.arena)+len(raw)+len(text) > maxArena {
		c.arena = c.arena[:0]
		clear(c.texts)
	}
	s := cachedStack{raw: len(c.arena)}
	c.arena = append(c.arena, raw...)
	s.text = len(c.arena)
	c.arena = append(c.arena, text...)
	s.end = len(c.arena)
	c.texts[key] = s
}
