package states_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// stored are the states of docs/fleet/states.
func stored(t *testing.T) (all []states.Stored) {
	t.Helper()
	paths, err := filepath.Glob("../../../docs/fleet/states/*.zst")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := state.NewReader().Read(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, states.Stored{Path: path, State: s})
	}
	return all
}

func sum(t *testing.T, add func(*states.Merger, states.Stored) error, all []states.Stored) []byte {
	t.Helper()
	var m states.Merger
	for _, s := range all {
		if err := add(&m, s); err != nil {
			t.Fatal(err)
		}
	}
	total, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := total.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAddDistinct: where nothing is there twice it adds what Add adds, and it refuses
// what Add refuses.
func TestAddDistinct(t *testing.T) {
	all := stored(t)
	if !bytes.Equal(sum(t, (*states.Merger).Add, all), sum(t, (*states.Merger).AddDistinct, all)) {
		t.Error("the sums differ")
	}
	var m states.Merger
	other := *all[1].State
	other.Catalog = "another"
	if err := m.AddDistinct(all[0]); err != nil {
		t.Fatal(err)
	}
	err := m.AddDistinct(states.Stored{Path: "x", State: &other})
	if err == nil || !strings.Contains(err.Error(), "do not add up") {
		t.Errorf("counted with another catalogue: %v", err)
	}
}
