package cpumask

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// model is the same set as a plain map: the definition the mask is held against.
type model map[int]bool

func (s model) sorted() []int {
	var out []int
	for cpu := range s {
		out = append(out, cpu)
	}
	slices.Sort(out)
	return out
}

// drawMask yields a mask and its model; about half of them spill over 1024 CPUs.
func drawMask(t *rapid.T, label string) (*Mask, model) {
	limit := rapid.SampledFrom([]int{4, 64, 65, 1024, 1025, 8192, MaxCPUs}).Draw(t, label+" limit")
	cpus := rapid.SliceOfN(rapid.IntRange(0, limit-1), 0, 40).Draw(t, label)
	var m Mask
	s := model{}
	for _, cpu := range cpus {
		if !m.Set(cpu) {
			t.Fatalf("Set(%d) refused", cpu)
		}
		s[cpu] = true
	}
	if rapid.Bool().Draw(t, label+" range") {
		first := rapid.IntRange(0, limit-1).Draw(t, label+" first")
		last := min(limit-1, first+rapid.IntRange(0, 200).Draw(t, label+" len"))
		m.SetRange(first, last)
		for cpu := first; cpu <= last; cpu++ {
			s[cpu] = true
		}
	}
	return &m, s
}

func check(t *rapid.T, what string, m *Mask, s model) {
	t.Helper()
	want := s.sorted()
	if got := slices.Collect(m.All()); !slices.Equal(got, want) {
		t.Fatalf("%s: All = %v, want %v", what, got, want)
	}
	if got := m.Count(); got != len(want) {
		t.Fatalf("%s: Count = %d, want %d", what, got, len(want))
	}
	if m.IsEmpty() != (len(want) == 0) {
		t.Fatalf("%s: IsEmpty = %v with %v", what, m.IsEmpty(), want)
	}
	first, last := -1, -1
	if len(want) > 0 {
		first, last = want[0], want[len(want)-1]
	}
	if m.First() != first || m.Last() != last {
		t.Fatalf("%s: First, Last = %d, %d, want %d, %d", what, m.First(), m.Last(), first, last)
	}
}

func TestAlgebra(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		a, sa := drawMask(t, "a")
		b, sb := drawMask(t, "b")
		check(t, "a", a, sa)
		or, and, not := model{}, model{}, model{}
		for cpu := range sa {
			or[cpu] = true
			if sb[cpu] {
				and[cpu] = true
			} else {
				not[cpu] = true
			}
		}
		for cpu := range sb {
			or[cpu] = true
		}
		var m Mask
		for _, op := range []struct {
			name string
			do   func(*Mask)
			want model
		}{
			{"or", func(m *Mask) { m.Or(b) }, or},
			{"and", func(m *Mask) { m.And(b) }, and},
			{"andnot", func(m *Mask) { m.AndNot(b) }, not},
			{"or itself", func(m *Mask) { m.Or(m) }, sa},
			{"clear each", func(m *Mask) {
				for cpu := range sb {
					m.Clear(cpu)
				}
			}, not},
		} {
			m.CopyFrom(a) // also checks that storage of the round before is reused cleanly
			op.do(&m)
			check(t, op.name, &m, op.want)
		}
		check(t, "a after", a, sa) // CopyFrom was a real copy
		if got := a.IntersectCount(b); got != len(and) {
			t.Fatalf("IntersectCount = %d, want %d", got, len(and))
		}
		if a.Intersects(b) != (len(and) > 0) {
			t.Fatalf("Intersects = %v, want %v", a.Intersects(b), len(and) > 0)
		}
		if a.Equal(b) != slices.Equal(sa.sorted(), sb.sorted()) || a.Equal(b) != b.Equal(a) || !a.Equal(a) {
			t.Fatalf("Equal(%v, %v) = %v", a, b, a.Equal(b))
		}
		m.Reset()
		check(t, "reset", &m, model{})
		if !m.Equal(&Mask{}) {
			t.Fatal("a reset mask is not equal to the zero mask")
		}
	})
}

func TestRoundTrips(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		m, s := drawMask(t, "m")
		list, err := ParseList([]byte(m.String()))
		if err != nil || !list.Equal(m) {
			t.Fatalf("list %q read back as %v, %v", m, list, err)
		}
		nbits := rapid.IntRange(max(1, m.Last()+1), MaxCPUs).Draw(t, "nbits")
		hex, err := ParseHex([]byte(m.Hex(nbits)))
		if err != nil || !hex.Equal(m) {
			t.Fatalf("hex %q read back as %v, %v", m.Hex(nbits), hex, err)
		}
		// math/big is the second opinion on the digits.
		want := new(big.Int)
		for cpu := range s {
			want.SetBit(want, cpu, 1)
		}
		digits := slices.DeleteFunc([]byte(m.Hex(nbits)), func(c byte) bool { return c == ',' })
		got, _ := new(big.Int).SetString(string(digits), 16)
		if got.Cmp(want) != 0 || len(digits) != (nbits+3)/4 {
			t.Fatalf("Hex(%d) = %s, want value %x", nbits, m.Hex(nbits), want)
		}
		// The kernel reads what it prints.
		if m.Last() < nbits {
			kernel, err := ParseBitmapList([]byte(m.String()), nbits)
			if err != nil || !kernel.Equal(m) {
				t.Fatalf("kernel list %q read as %v, %v", m, kernel, err)
			}
		}
		text, err := m.MarshalText()
		var back Mask
		if err != nil || back.UnmarshalText(text) != nil || !back.Equal(m) {
			t.Fatalf("text %q read back as %v", text, back)
		}
	})
}

func TestOutOfRange(t *testing.T) {
	var m Mask
	for _, cpu := range []int{-1, MaxCPUs, math.MaxInt, math.MinInt} {
		if m.Set(cpu) || m.SetRange(cpu, cpu) || m.SetRange(0, cpu) || m.Has(cpu) {
			t.Errorf("CPU %d was accepted", cpu)
		}
		m.Clear(cpu)
	}
	if m.SetRange(3, 2) {
		t.Error("an empty range was accepted")
	}
	if !m.IsEmpty() || m.n != 0 {
		t.Errorf("refused numbers left %v behind", m)
	}
}

func TestAllStopsEarly(t *testing.T) {
	m, err := ParseList([]byte("1,70,5000"))
	if err != nil {
		t.Fatal(err)
	}
	for cpu := range m.All() {
		if cpu != 1 {
			t.Fatalf("went on to %d", cpu)
		}
		break
	}
}

func TestNoAllocations(t *testing.T) {
	list, hex := []byte("0-3,8,1000-1023"), []byte("00000000,0000000e")
	a, _ := ParseList(list)
	b, _ := ParseList([]byte("2-5"))
	big, _ := ParseList([]byte("0-8191"))
	bigText := []byte("0-8191")
	buf := make([]byte, 0, 4096)
	var sink int
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"ParseList", func() { m, _ := ParseList(list); sink += m.n }},
		{"ParseHex", func() { m, _ := ParseHex(hex); sink += m.n }},
		{"ParseBitmapList", func() { m, _ := ParseBitmapList(list, 1024); sink += m.n }},
		{"IsHexWords", func() { IsHexWords(hex) }},
		{"Or And AndNot", func() { m := a; m.Or(&b); m.AndNot(&b); m.And(&a); sink += m.Count() }},
		{"count", func() { sink += a.IntersectCount(&b) + a.First() + a.Last() }},
		{"All", func() {
			for cpu := range a.All() {
				sink += cpu
			}
		}},
		{"AppendList", func() { buf = a.AppendList(buf[:0]) }},
		{"AppendHex", func() { buf = a.AppendHex(buf[:0], 8192) }},
		{"reused storage", func() { _ = big.UnmarshalText(bigText) }},
	} {
		if n := testing.AllocsPerRun(100, c.do); n != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, n)
		}
	}
	_ = sink
}

func BenchmarkOr1024(b *testing.B) {
	m, _ := ParseList([]byte("0-1023"))
	o, _ := ParseList([]byte("0-1023"))
	for b.Loop() {
		m.Or(&o)
	}
}

func BenchmarkIntersectCount8(b *testing.B) {
	m, _ := ParseList([]byte("2-3"))
	o, _ := ParseList([]byte("0-7"))
	for b.Loop() {
		m.IntersectCount(&o)
	}
}

func BenchmarkAll80(b *testing.B) {
	m, _ := ParseList([]byte("1-79"))
	s := 0
	for b.Loop() {
		for cpu := range m.All() {
			s += cpu
		}
	}
}
