package perfdata

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestDamage does to recordings what disks, transfers and people do to files:
// wrong bytes, zeros, holes, parts that come twice. Nothing panics and nothing is
// made up: there are never more events than the bytes can hold.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	at := func(b []byte) (int, int) {
		i := r.IntN(len(b))
		return i, min(len(b), i+1+r.IntN(512))
	}
	kinds := map[string]func([]byte) []byte{
		"flip": func(b []byte) []byte { i, _ := at(b); b[i] ^= 1 << r.IntN(8); return b },
		"bytes": func(b []byte) []byte {
			i, j := at(b)
			for ; i < j; i++ {
				b[i] = byte(r.Uint32())
			}
			return b
		},
		"zeros": func(b []byte) []byte { i, j := at(b); clear(b[i:j]); return b },
		"hole":  func(b []byte) []byte { i, j := at(b); return append(b[:i], b[j:]...) },
		"twice": func(b []byte) []byte { i, j := at(b); return append(b[:j:j], append(bytes.Clone(b[i:j]), b[j:]...)...) },
	}
	for _, name := range []string{"k618-perf/task.data", "k618-perf/pipez.data.zst", "k618-perf/twice.data.zst", "k618-perf/killed.data.zst"} {
		whole := fixture(t, name)
		for kind, damage := range kinds {
			for range 40 {
				b := damage(bytes.Clone(whole))
				s, err := Open(bytes.NewReader(b), int64(len(b)), "damaged", Options{Threads: 1})
				if err != nil {
					continue
				}
				var sum uint64
				for _, n := range look(s).Events {
					sum += n
				}
				if sum > uint64(len(b)) {
					t.Errorf("%s, %s: %d events in %d bytes", name, kind, sum, len(b))
				}
				s.Close()
			}
		}
	}
}
