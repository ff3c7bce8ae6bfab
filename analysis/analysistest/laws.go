package analysistest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A Merging is a result that can be added up from parts.
type Merging[S any] struct {
	Zero  func() S      // the sum of no parts
	Part  func(i int) S // a fresh copy of the i'th part, for i in [0, Parts)
	Parts int
	Merge func(into, from S)
	// Text shows all of a sum, but no more than what merging keeps.
	Text func(S) string
	// Unordered is Text without what depends on the order of the parts. It is
	// nil if the order must not show.
	Unordered func(S) string
}

// Laws checks that merging is a monoid whose identity is Zero, commutative but
// for what Unordered leaves out, and that it leaves its right-hand side alone.
func (m *Merging[S]) Laws(t *testing.T) {
	t.Helper()
	if m.Parts < 3 {
		t.Fatalf("%d parts are too few for the laws", m.Parts)
	}
	unordered := m.Unordered
	if unordered == nil {
		unordered = m.Text
	}
	for i := range m.Parts {
		part := m.Text(m.Part(i))
		m.same(t, "zero + part", m.Text(m.sum(m.Zero(), m.Part(i))), part)
		m.same(t, "part + zero", m.Text(m.sum(m.Part(i), m.Zero())), part)
		j := (i + 1) % m.Parts
		m.same(t, "a + b = b + a", unordered(m.sum(m.Part(i), m.Part(j))), unordered(m.sum(m.Part(j), m.Part(i))))
	}
	for i := range m.Parts - 2 {
		a, b, c := func() S { return m.Part(i) }, func() S { return m.Part(i + 1) }, func() S { return m.Part(i + 2) }
		m.same(t, "(a + b) + c = a + (b + c)", m.Text(m.sum(m.sum(a(), b()), c())), m.Text(m.sum(a(), m.sum(b(), c()))))
	}
	m.untouched(t)
	m.split(t)
}

// untouched merges a part and then goes on adding to the sum: the part must not
// notice.
func (m *Merging[S]) untouched(t *testing.T) {
	t.Helper()
	for i := range m.Parts {
		for _, into := range []S{m.Zero(), m.Part((i + 1) % m.Parts)} {
			from := m.Part(i)
			before := m.Text(from)
			m.Merge(into, from)
			m.Merge(into, m.Part((i+2)%m.Parts))
			m.Merge(into, m.Part(i))
			m.same(t, "the right-hand side after merging", m.Text(from), before)
		}
	}
}

// split adds up all parts in one go, and those before and behind each place
// apart.
func (m *Merging[S]) split(t *testing.T) {
	t.Helper()
	sum := func(from, to int) S {
		s := m.Zero()
		for i := from; i < to; i++ {
			m.Merge(s, m.Part(i))
		}
		return s
	}
	whole := m.Text(sum(0, m.Parts))
	for at := range m.Parts + 1 {
		m.same(t, "split", m.Text(m.sum(sum(0, at), sum(at, m.Parts))), whole)
	}
}

func (m *Merging[S]) sum(a, b S) S {
	m.Merge(a, b)
	return a
}

func (m *Merging[S]) same(t *testing.T, law, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s (-want +got):\n%s", law, cmp.Diff(want, got))
	}
}
