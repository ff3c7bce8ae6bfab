package result

// Quantiles describe a distribution of durations in nanoseconds. All are 0 if
// Count is.
type Quantiles struct {
	Count                         uint64
	Min, P50, P90, P99, P999, Max int64
}

// QuantileCols are the columns of Quantiles; their names begin with prefix and
// a dot, which makes them a nested object. head is what people call the
// distribution.
func QuantileCols(prefix, head, help string) []Col {
	col := func(name, of string) Col {
		return Col{Name: prefix + "." + name + "_ns", Head: head + " " + of, Unit: "ns", Help: help}
	}
	return []Col{
		{Name: prefix + ".count", Head: head + " n", Help: "number of: " + help},
		col("min", "min"), col("p50", "p50"), col("p90", "p90"), col("p99", "p99"), col("p999", "p99.9"), col("max", "max"),
	}
}

// Values are the values of QuantileCols.
func (q Quantiles) Values() []Value {
	values := []Value{Int(q.Count), Int(q.Min), Int(q.P50), Int(q.P90), Int(q.P99), Int(q.P999), Int(q.Max)}
	for i := range values[1:] {
		values[1+i].Void = q.Count == 0
	}
	return values
}

// SpareQuantiles are the columns of QuantileCols that people miss least, in the order
// of Table.Spare: the longest and the 99th percentile are what they came for.
func SpareQuantiles(prefix string) []string {
	var names []string
	for _, name := range []string{"p999_ns", "min_ns", "p90_ns", "p50_ns", "count"} {
		if prefix != "" {
			name = prefix + "." + name
		}
		names = append(names, name)
	}
	return names
}
