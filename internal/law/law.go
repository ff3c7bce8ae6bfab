// Package law runs property tests so that they can be had again: a test that passed
// passes again, whoever runs it. Other draws are for those who look for defects:
//
//	IPISCOPE_LAWS=random go test ./...   draws of another seed each time
//	IPISCOPE_LAWS=42 go test ./...       those of seed 42
//
// -rapid.seed does the same for one package.
package law

import (
	"flag"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// usual is the seed of all draws unless another one is asked for.
const usual = "20261201"

// Check is rapid.Check with the seed that is asked for.
func Check(t *testing.T, prop func(*rapid.T)) {
	t.Helper()
	if err := seed(os.Getenv("IPISCOPE_LAWS")); err != nil {
		t.Fatalf("IPISCOPE_LAWS: want random or a number: %v", err)
	}
	rapid.Check(t, prop)
}

// seed sets the seed unless a flag did. A seed of 0 is rapid's word for random ones.
func seed(asked string) error {
	f := flag.Lookup("rapid.seed")
	if f.Value.String() != "0" {
		return nil
	}
	switch asked {
	case "":
		asked = usual
	case "random":
		asked = "0"
	}
	return f.Value.Set(asked)
}
