package trace

import (
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

func TestNames(t *testing.T) {
	tab := NewTable()
	if id := tab.Name(""); id != 0 || tab.NameOf(0) != "" {
		t.Errorf("the empty name is %d", id)
	}
	buf := []byte("worker")
	a := tab.NameBytes(buf)
	copy(buf, "WORKER") // the table does not keep what it was given
	b := tab.Name("worker")
	c := tab.Name("other")
	if a != b || a == c || tab.NameOf(a) != "worker" || tab.NameOf(c) != "other" {
		t.Errorf("worker is %d and %d (%q), other %d (%q)", a, b, tab.NameOf(a), c, tab.NameOf(c))
	}
	if a != 1 || c != 2 {
		t.Errorf("ids %d and %d are not dense", a, c)
	}
}

func TestSymbols(t *testing.T) {
	tab := NewTable()
	for _, tt := range []struct {
		s    Symbol
		text string
	}{
		{Symbol{Name: "irq_work_queue", Offset: 0x2d, HasOffset: true}, "irq_work_queue+0x2d"},
		{Symbol{Name: "irq_work_queue"}, "irq_work_queue"},
		{Symbol{Name: "f", Module: "kvm", HasOffset: true}, "f+0x0"}, // trace-cmd does not print modules either
		{Symbol{Name: "0x0"}, "0x0"},
	} {
		id := tab.Symbol(tt.s)
		if again := tab.Symbol(tt.s); again != id {
			t.Errorf("%v is %d and %d", tt.s, id, again)
		}
		if tab.SymbolOf(id) != tt.s || tab.NameOf(tab.SymbolText(id)) != tt.text || tab.NameOf(tab.SymbolName(id)) != tt.s.Name {
			t.Errorf("%+v: %+v, text %q, name %q", tt.s, tab.SymbolOf(id), tab.NameOf(tab.SymbolText(id)), tab.NameOf(tab.SymbolName(id)))
		}
	}
}

func TestStacks(t *testing.T) {
	tab := NewTable()
	if tab.Stacks() != 1 || len(tab.StackOf(0)) != 0 {
		t.Errorf("%d stacks, the first has %d frames", tab.Stacks(), len(tab.StackOf(0)))
	}
	key := []byte{1, 2, 3}
	if _, ok := tab.Stack(key); ok {
		t.Error("an unknown stack was found")
	}
	f := []SymbolID{tab.Symbol(Symbol{Name: "a"}), tab.Symbol(Symbol{Name: "b"})}
	id := tab.AddStack(key, f)
	key[0] = 9
	if got, ok := tab.Stack([]byte{1, 2, 3}); !ok || got != id || len(tab.StackOf(id)) != 2 || tab.Stacks() != 2 {
		t.Errorf("stack %d, %v, want %d", got, ok, id)
	}
}

func TestLookup(t *testing.T) {
	tab := NewTable()
	a := &Schema{System: "ipi", Name: "send", Type: 1, Fields: []Field{{Name: "x"}, {Name: "y"}}}
	b := &Schema{System: "other", Name: "send", Type: 2}
	c := &Schema{Name: "bare", Type: -1}
	for i, s := range []*Schema{a, b, c} {
		if id := tab.AddSchema(s); int(id) != i || s.ID != id || tab.Schema(id) != s {
			t.Errorf("schema %d has id %d", i, id)
		}
	}
	for _, tt := range []struct {
		name string
		want []*Schema
	}{
		{"send", []*Schema{a, b}}, {"ipi:send", []*Schema{a}}, {"other:send", []*Schema{b}}, {"bare", []*Schema{c}}, {":bare", []*Schema{c}},
		{"no:send", nil}, {"nosuch", nil}, {"", nil}, {"ipi:", nil},
	} {
		got := tab.Lookup(tt.name)
		if len(got) != len(tt.want) {
			t.Errorf("%q: %d schemas, want %d", tt.name, len(got), len(tt.want))
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%q: %s", tt.name, got[i].FullName())
			}
		}
		_ = append(got, nil) // must not reach into the table
	}
	if got := tab.Lookup("send"); got[0] != a || got[1] != b {
		t.Error("what Lookup returned could be used to change the table")
	}
	if a.FullName() != "ipi:send" || c.FullName() != "bare" {
		t.Errorf("%q, %q", a.FullName(), c.FullName())
	}
	if a.Ref("y") != 1 || a.Ref("z") != NoField || a.Fields[1].Index != 1 {
		t.Errorf("fields %+v", a.Fields)
	}
	if r := a.AddField(Field{Name: "z"}); r != 2 || a.Ref("z") != 2 {
		t.Errorf("the added field is %d", r)
	}
}

// TestTablesAreIndependent: what one table knows is nothing to another one, so
// an id must not cross from one to the other.
func TestTablesAreIndependent(t *testing.T) {
	one, two := NewTable(), NewTable()
	one.Name("first")
	a, b := one.Name("x"), two.Name("x")
	if a == b || one.NameOf(a) != two.NameOf(b) {
		t.Errorf("ids %d, %d", a, b)
	}
}

func TestKnownNamesDoNotAllocate(t *testing.T) {
	tab := NewTable()
	name, key := []byte("worker"), []byte{1, 2, 3}
	sym := Symbol{Name: "f", Offset: 4, HasOffset: true}
	tab.NameBytes(name)
	tab.AddStack(key, nil)
	tab.Symbol(sym)
	if n := testing.AllocsPerRun(100, func() {
		tab.NameBytes(name)
		tab.Name("worker")
		tab.Stack(key)
		tab.Symbol(sym)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// constant is a Decoder that knows the first byte of the payload.
type constant struct{}

func (constant) Uint(e *Event, f *Field) (uint64, bool)     { return uint64(e.Payload()[f.Off]), true }
func (constant) Bytes(e *Event, f *Field) ([]byte, bool)    { return e.Payload()[f.Off:], true }
func (constant) Symbol(e *Event, f *Field) (SymbolID, bool) { return 0, false }
func (constant) Mask(*Event, *Field, *cpumask.Mask) bool    { return false }
func (constant) Stack(e *Event) (StackID, bool)             { return 7, true }

func TestCopyTo(t *testing.T) {
	tab := NewTable()
	s := &Schema{Name: "x", Fields: []Field{{Name: "a", Off: 1}}}
	tab.AddSchema(s)
	payload := []byte{10, 20, 30}
	var e, kept Event
	e.Reset(tab, constant{}, s, payload)
	e.Time, e.CPU = 5, 3
	e.CopyTo(&kept)
	payload[1] = 99 // the Source goes on
	e.Reset(tab, constant{}, s, payload[:1])
	if v, ok := kept.Uint(0); !ok || v != 20 || kept.Time != 5 || kept.CPU != 3 || kept.Schema() != s || kept.Table() != tab || len(kept.Payload()) != 3 {
		t.Errorf("the copy changed: %d %+v", v, kept)
	}
	if e.TGID != -1 || e.Time != 0 {
		t.Errorf("Reset left %+v", e)
	}
	// The copy's memory is used again.
	e.Reset(tab, constant{}, s, payload)
	if n := testing.AllocsPerRun(100, func() { e.CopyTo(&kept) }); n != 0 {
		t.Errorf("%v allocations per copy, want 0", n)
	}
	if _, ok := kept.Uint(NoField); ok {
		t.Error("NoField has a value")
	}
	if _, ok := kept.Bytes(NoField); ok {
		t.Error("NoField has bytes")
	}
	if kept.Stack() != 0 {
		t.Error("an event that is no stack has one")
	}
}

func TestPos(t *testing.T) {
	for _, tt := range []struct {
		p    Pos
		want string
	}{
		{Pos{File: "a.txt", Line: 3, Off: 77}, "a.txt:3"},
		{Pos{File: "a.dat", Off: 0x40}, "a.dat: offset 0x40"},
		{Pos{File: "a.dat", Off: -1}, "a.dat"},
	} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	e := SyntaxError{At: Pos{File: "a", Line: 1}, Msg: "bad"}
	if e.Error() != "a:1: bad" {
		t.Error(e.Error())
	}
}

func TestClockComparable(t *testing.T) {
	for clock, want := range map[string]bool{"": false, "local": false, "counter": false, "uptime": false, "global": true, "mono": true, "x86-tsc": true} {
		if m := (Meta{Clock: clock}); m.ClockComparable() != want {
			t.Errorf("%q: %v", clock, !want)
		}
	}
}

func BenchmarkNameBytes(b *testing.B) {
	tab := NewTable()
	names := [][]byte{[]byte("swapper/3"), []byte("kworker/2:1H"), []byte("trace-cmd")}
	for _, n := range names {
		tab.NameBytes(n)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tab.NameBytes(names[i%len(names)])
	}
}

// TestDescribe: a text learns an event's fields while it is read. Those that
// its format has are as the format says, known at once or later.
func TestDescribe(t *testing.T) {
	tab := NewTable()
	format := &Schema{System: "mine", Name: "e", Type: 300, Print: "fmt"}
	format.AddField(Field{Name: "hidden", Size: 4})
	format.AddField(Field{Name: "early", Kind: KindInt, Size: 1, Off: 8, Signed: true})
	format.AddField(Field{Name: "late", Kind: KindInt, Size: 2, Off: 10, Signed: true})
	tab.Describe([]*Schema{format})
	s := &Schema{Name: "e", Type: -1}
	s.AddField(Field{Name: "early"})
	tab.AddSchema(s)
	s.AddField(Field{Name: "unheard"})
	ref := s.AddField(Field{Name: "late"})
	if s.System != "mine" || s.Type != 300 || s.Print != "fmt" || s.Ref("hidden") != NoField {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]Field{
		"early":   {Name: "early", Kind: KindInt, Size: 1, Off: 8, Signed: true, Index: 0},
		"unheard": {Name: "unheard", Index: 1},
		"late":    {Name: "late", Kind: KindInt, Size: 2, Off: 10, Signed: true, Index: 2},
	} {
		if got := s.Fields[s.Ref(name)]; got != want {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	if ref != 2 {
		t.Errorf("the reference is %d, want 2", ref)
	}
	if tab.AddSchema(&Schema{Name: "other"}); tab.Schema(1).Format != nil {
		t.Error("another event is described too")
	}
}

type holding struct {
	stacks []StackID
	names  []NameID
}

func (x holding) Hold(h *Held) {
	for _, id := range x.stacks {
		h.Stack(id)
	}
	for _, id := range x.names {
		h.Name(id)
	}
}

// TestForget: what nobody holds is forgotten and its ids come again; what is held, and
// what is not the name of a task alone, stays.
func TestForget(t *testing.T) {
	tab := NewTable()
	frames := []SymbolID{tab.Symbol(Symbol{Name: "a"})}
	gone, kept := tab.AddStack([]byte("gone"), frames), tab.AddStack([]byte("kept"), frames)
	task, held, both := tab.TaskName("task"), tab.TaskName("held"), tab.TaskName("a")
	later := tab.TaskName("later")
	tab.NameBytes([]byte("later"))
	if n := tab.Forgettable(); n != 4 {
		t.Errorf("%d may be forgotten", n)
	}
	was := tab.Generation()
	tab.Forget(holding{[]StackID{kept}, []NameID{held}})
	if tab.Generation() == was || tab.Forgettable() != 2 {
		t.Errorf("generation %d, %d may be forgotten", tab.Generation(), tab.Forgettable())
	}
	if _, ok := tab.Stack([]byte("gone")); ok || tab.HasName("task") || len(tab.StackOf(0)) != 0 {
		t.Error("something was not forgotten")
	}
	if id, ok := tab.Stack([]byte("kept")); !ok || id != kept || tab.NameOf(held) != "held" || tab.Name("a") != both || tab.Name("later") != later {
		t.Error("something was forgotten")
	}
	if tab.AddStack([]byte("new"), frames) != gone || tab.Name("new") != task || tab.NameOf(task) != "new" {
		t.Error("ids do not come again")
	}
}
