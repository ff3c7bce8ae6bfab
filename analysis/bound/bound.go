// Package bound holds figures against bounds as users write them: "> 0", "<= +5".
package bound

import (
	"fmt"
	"strconv"
	"strings"
)

// A Bound is one side of a comparison.
type Bound struct {
	Op    string // > >= < <= or ==
	Value float64
}

// Pattern is a regular expression with two groups, operator and number, which
// Parse takes.
const Pattern = `(>=|<=|==|>|<)\s*([+-]?[0-9]*\.?[0-9]+)`

// Parse reads the two groups of Pattern.
func Parse(op, number string) (Bound, error) {
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return Bound{}, fmt.Errorf("%q is no number", strings.TrimSpace(number))
	}
	return Bound{op, v}, nil
}

// Meets reports whether x is where the bound says. NaN never is.
func (b Bound) Meets(x float64) bool {
	switch b.Op {
	case ">":
		return x > b.Value
	case ">=":
		return x >= b.Value
	case "<":
		return x < b.Value
	case "<=":
		return x <= b.Value
	}
	return x == b.Value
}

// MayMeet tells of a figure known to be from least to most only: whether it
// meets the bound for sure, and whether it could.
func (b Bound) MayMeet(least, most float64) (sure, could bool) {
	sure = b.Meets(least) && b.Meets(most)
	could = b.Meets(least) || b.Meets(most) || b.Op == "==" && least <= b.Value && b.Value <= most
	return sure, could
}
