package result

import "slices"

// An Example is one event behind a row, as it was recorded, or says that there is none.
type Example struct {
	Row   string   // what row it is of, for people
	Note  string   // which of its events it is, and what it lacks
	Lines []string // the event, then the frames of its stack
	Idle  bool     // nothing was hit in the row
}

// Shown are the examples of the rows that people are shown: the first top ones, 0 for
// all, and those of rows without a hit if all rows are wanted.
func Shown(examples []Example, top int, all bool) []Example {
	if !all {
		examples = slices.DeleteFunc(slices.Clone(examples), func(x Example) bool { return x.Idle })
	}
	if top > 0 && top < len(examples) {
		examples = examples[:top]
	}
	return examples
}
