package main

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A toldEvent is what must be the same in every round.
type toldEvent struct {
	time    trace.Time
	cpu     int32
	pid     int32
	id      trace.EventID
	payload uint64 // hashed
}

func tellEvents(t *testing.T, path string) (events []toldEvent, lost int) {
	t.Helper()
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for src.Scan() {
		switch e := src.Record().(type) {
		case *trace.Event:
			h := fnv.New64a()
			h.Write(e.Payload())
			events = append(events, toldEvent{e.Time, e.CPU, e.PID, e.ID, h.Sum64()})
		case *trace.Lost:
			lost++
		default:
			t.Fatal(e)
		}
	}
	if src.Err() != nil {
		t.Fatal(src.Err())
	}
	return events, lost
}

// TestEnlarge reads enlarged recordings back: every round holds the events of
// the original, at times that are all later by the same, and losses stay.
func TestEnlarge(t *testing.T) {
	for _, name := range []string{"k612s4-06-multi", "k612s4-07-lost", "karm64s4-21-ipi-all"} {
		path := filepath.Join("..", "..", "fixtures", name, "trace.dat")
		want, wantLost := tellEvents(t, path)
		for _, compression := range []string{"none", "zstd"} {
			out := filepath.Join(t.TempDir(), "big.dat")
			if err := enlarge(out, path, 32<<20, compression); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, gotLost := tellEvents(t, out)
			rounds := len(got) / len(want)
			if rounds < 2 {
				t.Fatalf("%s: %d rounds: nothing was repeated", name, rounds)
			}
			if len(got) != rounds*len(want) || gotLost != rounds*wantLost {
				t.Fatalf("%s, %s: %d events and %d losses in %d rounds of %d and %d", name, compression, len(got), gotLost, rounds, len(want), wantLost)
			}
			for i, g := range got {
				round, at := i/len(want), i%len(want)
				w := want[at]
				w.time += got[round*len(want)].time - want[0].time
				if g != w {
					t.Fatalf("%s, %s: event %d of round %d is %+v, want %+v", name, compression, at, round, g, w)
				}
				if i > 0 && at == 0 && g.time <= got[i-1].time {
					t.Fatalf("%s: round %d begins at %d, before the last event of the one before at %d", name, round, g.time, got[i-1].time)
				}
			}
		}
	}
}

func TestEnlargeRefuses(t *testing.T) {
	whole := filepath.Join("..", "..", "fixtures", "k612s4-06-multi", "trace.dat")
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "big.dat")
	for _, n := range []int{len(data) / 2, 20} {
		cut := filepath.Join(t.TempDir(), "cut.dat")
		if err := os.WriteFile(cut, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := enlarge(out, cut, 1<<20, "none"); err == nil {
			t.Errorf("a file cut after %d bytes was enlarged", n)
		}
	}
	if err := enlarge(out, whole, 1<<20, "lz4"); err == nil {
		t.Error("compression lz4 was taken")
	}
}
