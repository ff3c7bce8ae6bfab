package marks

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Counts are the marks of one or more traces. A fresh Counts is the identity of
// Merge, which is associative and commutative.
type Counts struct {
	marks    []Mark
	sums     []counts
	hits     uint64
	duration int64 // ns, summed over the traces
}

// NewCounts returns the sum of no traces.
func NewCounts(marks []Mark) *Counts { return &Counts{marks: marks, sums: make([]counts, len(marks))} }

// Counts returns what s found.
func (s *State) Counts() *Counts {
	c := NewCounts(s.cfg.Marks)
	c.duration, c.hits = s.span.Duration(), s.hits
	for i := range s.marks {
		c.sums[i].add(&s.marks[i].sum)
		if !s.isDirect {
			c.sums[i].hits += s.marks[i].raised
		}
	}
	if !s.isDirect {
		c.hits += s.raised
	}
	return c
}

// Merge adds o to c. Both must have the same marks; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for i := range o.sums {
		c.sums[i].add(&o.sums[i])
	}
	c.hits += o.hits
	c.duration += o.duration
}

func (c *counts) add(o *counts) {
	c.points += o.points
	c.lengths.Merge(&o.lengths)
	c.over += o.over
	c.unexpected += o.unexpected
	c.unbegun += o.unbegun
	c.unended += o.unended
	c.lost += o.lost
	c.openTime += o.openTime
	c.hits += o.hits
	for _, x := range o.overruns {
		c.keep(x)
	}
}

// compareOverruns puts the longest first; the order is total but for spans that
// are alike.
func compareOverruns(a, b overrun) int {
	return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
}

// AddTo adds the tables to a report.
func (c *Counts) AddTo(set *result.Set) {
	set.Tables = append(set.Tables, c.table(), c.overrunTable())
	var none, lost uint64
	for i := range c.sums {
		s := &c.sums[i]
		lost += s.lost
		if s.points+s.lengths.Count()+s.unbegun+s.unended+s.lost == 0 {
			none++
			set.Warn("no-marks", fmt.Sprintf("no line matches --mark %s", c.marks[i].Name))
		}
		if n := s.lengths.Negative(); n > 0 {
			set.Warn("clock", fmt.Sprintf("--mark %s: %d spans end before they begin: clocks of CPUs differ (record with -C mono)", c.marks[i].Name, n))
		}
	}
	if lost > 0 {
		set.Warn("lost-spans", fmt.Sprintf("%d spans were open where events were lost: their ends may be lost, too", lost))
	}
}

func (c *Counts) table() *result.Table {
	t := &result.Table{Name: "marks", Title: "marks", Cols: []result.Col{
		{Name: "mark", Head: "mark", Key: true},
		{Name: "kind", Head: "kind", Help: "span or count"},
		{Name: "count", Head: "n", Help: "spans that ended, or lines that match"},
		{Name: "unended", Head: "no end", Help: "beginnings without an end"},
		{Name: "unbegun", Head: "no begin", Help: "ends without a beginning"},
		{Name: "unexpected", Head: "spurious", Help: "spans that ended without the line that should come in between"},
		{Name: "lost", Head: "lost", Help: "spans that were open where events were lost"},
		{Name: "limit_ns", Head: "limit", Unit: "ns", Help: "what --mark-limit says; 0 is none"},
		{Name: "over", Head: "over limit", Help: "spans that were longer"},
	}}
	t.Cols = append(t.Cols, result.QuantileCols("length", "length", "the spans' lengths")...)
	t.Cols = append(t.Cols,
		result.Col{Name: "open_ns", Head: "open", Unit: "ns", Help: "time with at least one span open"},
		result.Col{Name: "hits", Head: "hits then", Help: "hits of isolated CPUs while a span was open"},
		result.Col{Name: "hits_share", Head: "of hits", Unit: "1", Help: "part of all hits"},
		result.Col{Name: "rate_hz", Head: "per second", Unit: "Hz", Help: "hits per second while a span was open; of lines that are counted, lines per second"},
	)
	t.Show = []string{"count", "mark", "length.p50_ns", "length.p99_ns", "length.max_ns", "over", "unended", "unbegun", "unexpected", "lost", "open_ns", "hits", "hits_share", "rate_hz"}
	for i, m := range c.marks {
		t.Rows = append(t.Rows, c.row(&m, &c.sums[i]))
	}
	return t
}

func (c *Counts) row(m *Mark, s *counts) []result.Value {
	void := func(v result.Value) result.Value {
		v.Void = m.Begin == nil
		return v
	}
	kind, count, rate := "span", s.lengths.Count(), per(s.hits, s.openTime)
	if m.Point != nil {
		kind, count, rate = "count", s.points, per(s.points, c.duration)
	}
	row := []result.Value{
		result.Str(m.Name), result.Str(kind), result.Int(count), void(result.Int(s.unended)), void(result.Int(s.unbegun)), void(result.Int(s.unexpected)),
		void(result.Int(s.lost)), void(result.Int(m.Limit)), void(result.Int(s.over)),
	}
	row = append(row, s.lengths.Quantiles().Values()...)
	share := 0.0
	if c.hits > 0 {
		share = float64(s.hits) / float64(c.hits)
	}
	return append(row, void(result.Int(s.openTime)), void(result.Int(s.hits)), void(result.Float(share)), result.Float(rate))
}

func per(n uint64, ns int64) float64 {
	if ns <= 0 {
		return 0
	}
	return float64(n) * 1e9 / float64(ns)
}

// overrunTable lists the longest spans beyond their limit.
func (c *Counts) overrunTable() *result.Table {
	t := &result.Table{Name: "overruns", Title: "spans over their limit", Cols: []result.Col{
		{Name: "mark", Head: "mark", Key: true},
		{Name: "start_ns", Head: "start", Unit: "clock", Help: "on the trace's clock"},
		{Name: "length_ns", Head: "length", Unit: "ns"},
		{Name: "of", Head: "of", Help: "what paired the lines"},
	}, Show: []string{"length_ns", "mark", "start_ns", "of"}}
	for i, m := range c.marks {
		for _, o := range c.sums[i].overruns {
			t.Rows = append(t.Rows, []result.Value{result.Str(m.Name), result.Int(int64(o.start)), result.Int(o.length), result.Str(o.key)})
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int { return b[2].Compare(a[2]) })
	return t
}
