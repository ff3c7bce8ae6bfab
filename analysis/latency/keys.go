package latency

import "github.com/ipiscope/ipiscope/analysis/key"

// A Key is something that deliveries and runs are grouped by.
type Key = key.Key

// keys are those that deliveries and runs have.
func keys() key.List {
	return key.List{
		key.Function, key.Callback, key.Callsite, key.Cause, key.Mechanism, key.Entry, key.Class, key.Comm, key.PID,
		key.Sender, key.Target, key.Pair, key.Line, key.Context, key.Evidence, key.Stack, key.Instance, key.File,
	}
}

// KeyNames lists all keys.
func KeyNames() []string { return keys().Names() }

// ParseKeys reads a comma-separated list of keys.
func ParseKeys(list string) ([]Key, error) { return keys().Parse(list) }
