package result

// Time is the axis that values over time stand on: cells of equal width from the
// first send of a trace on. Several traces lie over one another, each from its own
// first send.
type Time struct {
	Width int64 // of a cell, ns or ticks
	Cells int
	// Lead is the time in front of the first cell, the longest of all traces, and
	// End that of the end of the longest trace, which lies in the last cell. Both
	// count from the same start as Gaps, the stretches in which events were lost.
	Lead, End int64
	Gaps      []Span
	// Ends are how long the traces last behind the beginning of the first cell.
	Ends []int64
	// Origin is the start on the trace's clock, 0 of several traces.
	Origin int64
}
