package states

import (
	"errors"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// DefaultBy is what hits are grouped by unless told otherwise.
const DefaultBy = "function"

// ParseKeys reads --by.
func ParseKeys(list string) ([]ipi.Key, error) {
	by, err := ipi.ParseKeys(list)
	return by, KeyError(err)
}

// KeyError lists the valid keys for one that does not exist.
func KeyError(err error) error {
	var unknown *key.UnknownError
	if errors.As(err, &unknown) {
		return cli.Unknown("key", unknown.Name, unknown.Valid)
	}
	return cli.Usage(err)
}
