package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Unknown is the error for a name that is not among the valid ones: it lists
// them and guesses which was meant.
func Unknown(kind, name string, valid []string) error {
	msg := fmt.Sprintf("unknown %s %q", kind, name)
	if guess := closest(name, valid); guess != "" {
		msg += fmt.Sprintf(": did you mean %s?", guess)
	}
	return Usage(fmt.Errorf("%s (valid: %s)", msg, strings.Join(valid, " ")))
}

// UnknownBriefly is Unknown for names of which there are too many to list.
func UnknownBriefly(kind, name string, valid []string) error {
	if guess := closest(name, valid); guess != "" {
		return Usage(fmt.Errorf("unknown %s %q: did you mean %s?", kind, name, guess))
	}
	return Usage(fmt.Errorf("unknown %s %q", kind, name))
}

// Unheard is UnknownBriefly with who it is that does not know the name.
func Unheard(kind, name, who string, valid []string) error {
	msg := fmt.Sprintf("unknown %s %q: %s", kind, name, who)
	if guess := closest(name, valid); guess != "" {
		msg += fmt.Sprintf("; did you mean %s?", guess)
	}
	return Usage(errors.New(msg))
}

// FlagError is an error of the flags of a command, with a guess which one was meant.
func FlagError(flags *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if guess := closest(unknown.GetSpecifiedName(), names); guess != "" {
			return Usage(fmt.Errorf("%w: did you mean --%s?", err, guess))
		}
	}
	return Usage(err)
}

// closest returns the valid name with the fewest edits, if they are few enough
// to be a slip.
func closest(name string, valid []string) string {
	best, least := "", len(name)/3+2
	for _, v := range valid {
		if d := distance(strings.ToLower(name), strings.ToLower(v)); d < least {
			best, least = v, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
