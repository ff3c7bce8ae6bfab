package tracedat

import (
	"bytes"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A told event is what must be the same in every round.
type toldEvent struct {
	time    trace.Time
	cpu     int32
	pid     int32
	id      trace.EventID
	payload uint64 // hashed
}

func tellEvents(t *testing.T, r io.ReaderAt, size int64) (events []toldEvent, lost int) {
	t.Helper()
	src, err := Open(r, size, "enlarged", Options{})
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
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, wantLost := tellEvents(t, bytes.NewReader(original), int64(len(original)))
		for _, compression := range []string{"none", "zstd"} {
			out, err := os.Create(filepath.Join(t.TempDir(), "big.dat"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			rounds, err := Enlarge(out, bytes.NewReader(original), int64(len(original)), 32<<20, path, compression)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if rounds < 2 {
				t.Fatalf("%s: %d rounds: nothing was repeated", name, rounds)
			}
			st, err := out.Stat()
			if err != nil {
				t.Fatal(err)
			}
			got, gotLost := tellEvents(t, out, st.Size())
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
	data, err := os.ReadFile(filepath.Join("..", "..", "fixtures", "k612s4-06-multi", "trace.dat"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "big.dat"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, n := range []int{len(data) / 2, 20} { // cut off
		if _, err := Enlarge(out, bytes.NewReader(data[:n]), int64(n), 1<<20, "cut.dat", "none"); err == nil {
			t.Errorf("a file cut after %d bytes was enlarged", n)
		}
	}
	if _, err := Enlarge(out, bytes.NewReader(data), int64(len(data)), 1<<20, "a.dat", "lz4"); err == nil {
		t.Error("compression lz4 was taken")
	}
}
