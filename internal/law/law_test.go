package law

import (
	"flag"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCheck: the same draws each time, others with another seed.
func TestCheck(t *testing.T) {
	given := flag.Lookup("rapid.seed").Value
	before := given.String()
	t.Cleanup(func() { _ = given.Set(before) })
	draws := func(asked string) (all []int) {
		_ = given.Set("0")
		t.Setenv("IPISCOPE_LAWS", asked)
		Check(t, func(t *rapid.T) { all = append(all, rapid.Int().Draw(t, "n")) })
		return all
	}
	usual := draws("")
	if !slices.Equal(usual, draws("")) {
		t.Error("other draws than before")
	}
	for _, asked := range []string{"7", "random"} {
		if slices.Equal(usual, draws(asked)) {
			t.Errorf("%s: the usual draws", asked)
		}
	}
	if seed("seven") == nil && given.String() == "0" {
		t.Error("seven is taken")
	}
}

// TestFlag: a flag wins.
func TestFlag(t *testing.T) {
	given := flag.Lookup("rapid.seed").Value
	before := given.String()
	t.Cleanup(func() { _ = given.Set(before) })
	_ = given.Set("5")
	if err := seed("7"); err != nil || given.String() != "5" {
		t.Errorf("%s, %v", given, err)
	}
}
