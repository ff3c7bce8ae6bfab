package trace

import (
	"strconv"
	"strings"
)

// A Symbol is a kernel address as a person reads it.
type Symbol struct {
	Name   string // without offset and module; "0x0" for NULL; 0x and hex digits if unresolved
	Module string // without brackets
	Offset uint64
	// HasOffset is false for symbols that were printed without one (%ps, stack
	// lines).
	HasOffset bool
}

// String gives the form that trace-cmd prints for %pS, sym+0x24.
func (s Symbol) String() string {
	if !s.HasOffset {
		return s.Name
	}
	return s.Name + "+0x" + strconv.FormatUint(s.Offset, 16)
}

// A Table holds what the events of one trace refer to: names, symbols, stacks,
// schemas, and the description of the trace. It belongs to one Source and is
// not safe for concurrent use.
type Table struct {
	Meta Meta

	schemas  []*Schema
	byName   map[string][]*Schema
	names    []string
	nameIDs  map[string]NameID
	symbols  []Symbol
	symIDs   map[Symbol]SymbolID
	symNames []NameID
	symTexts []NameID
	stacks   [][]SymbolID
	stackIDs map[string]StackID
	formats  map[string]*Schema // by name: see Describe
	forgettable
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{
		byName:   map[string][]*Schema{},
		names:    []string{""},
		nameIDs:  map[string]NameID{"": 0},
		symIDs:   map[Symbol]SymbolID{},
		stacks:   [][]SymbolID{nil},
		stackIDs: map[string]StackID{},
	}
}

// AddSchema gives s the next EventID.
func (t *Table) AddSchema(s *Schema) EventID {
	if f := t.formats[s.Name]; f != nil {
		s.complete(f)
	}
	s.ID = EventID(len(t.schemas))
	for i := range s.Fields {
		s.Fields[i].Index = FieldRef(i)
	}
	t.schemas = append(t.schemas, s)
	t.byName[s.Name] = append(t.byName[s.Name], s)
	return s.ID
}

// Describe gives the kernel's formats of events that are known by name only, as
// those of a text. Schemas that are added later take types, sizes and offsets
// from them.
func (t *Table) Describe(formats []*Schema) {
	if t.formats == nil {
		t.formats = map[string]*Schema{}
	}
	for _, f := range formats {
		t.formats[f.Name] = f
	}
}

// Schemas returns all schemas, indexed by EventID.
func (t *Table) Schemas() []*Schema { return t.schemas }

// Schema returns the schema of an id that this table gave out.
func (t *Table) Schema(id EventID) *Schema { return t.schemas[id] }

// Lookup returns the schemas that "name" or "system:name" stands for, in the
// order they were added.
func (t *Table) Lookup(name string) []*Schema {
	system, event, ok := strings.Cut(name, ":")
	if !ok {
		return t.byName[name]
	}
	for i, s := range t.byName[event] {
		if s.System == system {
			return t.byName[event][i : i+1 : i+1]
		}
	}
	return nil
}

// Name interns s.
func (t *Table) Name(s string) NameID {
	if id, ok := t.nameIDs[s]; ok {
		return t.kept(id)
	}
	return t.addName(strings.Clone(s))
}

// NameBytes interns b; it allocates only for a name that is new.
func (t *Table) NameBytes(b []byte) NameID {
	if id, ok := t.nameIDs[string(b)]; ok {
		return t.kept(id)
	}
	return t.addName(string(b))
}

// kept makes a name one that is not forgotten: it is not that of a task alone.
func (t *Table) kept(id NameID) NameID {
	if len(t.tasks) > 0 {
		delete(t.tasks, id)
	}
	return id
}

// HasName reports whether s was interned.
func (t *Table) HasName(s string) bool {
	_, ok := t.nameIDs[s]
	return ok
}

func (t *Table) addName(s string) NameID {
	if id, ok := reuse(&t.freeNames); ok {
		t.names[id], t.nameIDs[s] = s, id
		return id
	}
	id := NameID(len(t.names))
	t.names = append(t.names, s)
	t.nameIDs[s] = id
	return id
}

// NameOf returns the string of a NameID.
func (t *Table) NameOf(id NameID) string { return t.names[id] }

// Symbol interns s.
func (t *Table) Symbol(s Symbol) SymbolID {
	if id, ok := t.symIDs[s]; ok {
		return id
	}
	id := SymbolID(len(t.symbols))
	t.symbols = append(t.symbols, s)
	t.symIDs[s] = id
	t.symNames = append(t.symNames, t.Name(s.Name))
	t.symTexts = append(t.symTexts, t.Name(s.String()))
	return id
}

// SymbolOf returns the symbol of an id.
func (t *Table) SymbolOf(id SymbolID) Symbol { return t.symbols[id] }

// SymbolName returns the interned name of a symbol, without its offset.
func (t *Table) SymbolName(id SymbolID) NameID { return t.symNames[id] }

// SymbolText returns the interned form sym+0x24 of a symbol.
func (t *Table) SymbolText(id SymbolID) NameID { return t.symTexts[id] }

// Stack returns the id of the stack that was added under this key: the raw
// bytes of the stack in the input. It does not allocate.
func (t *Table) Stack(key []byte) (StackID, bool) {
	id, ok := t.stackIDs[string(key)]
	return id, ok
}

// AddStack adds a stack, innermost frame first, under the raw bytes it was
// read from. frames is kept.
func (t *Table) AddStack(key []byte, frames []SymbolID) StackID {
	if id, ok := reuse(&t.freeStacks); ok {
		t.stacks[id], t.stackIDs[string(key)] = frames, id
		return id
	}
	id := StackID(len(t.stacks))
	t.stacks = append(t.stacks, frames)
	t.stackIDs[string(key)] = id
	return id
}

// StackOf returns the frames of a stack, innermost first. They must not be
// changed.
func (t *Table) StackOf(id StackID) []SymbolID { return t.stacks[id] }

// Stacks is the number of different stacks, the empty one included.
func (t *Table) Stacks() int { return len(t.stacks) }
