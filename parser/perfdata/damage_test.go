package perfdata

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
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

// walked are the places of a recording's records, found by their sizes.
func walked(t *testing.T, b []byte) (from, to int, at []int) {
	order, _ := orderOf(b)
	from, to = pipeHeader, len(b)
	if !IsPipe(b) {
		h, err := readHead(bytes.NewReader(b), int64(len(b)), "")
		if err != nil {
			t.Fatal(err)
		}
		from, to = int(h.data.off), int(h.data.off+h.data.size)
	}
	for i := from; i < to; {
		at = append(at, i)
		size := int(order.Uint16(b[i+6:]))
		if order.Uint32(b[i:]) == recTRACING {
			size += int(order.Uint32(b[i+8:])+7) &^ 7
		}
		i += size
	}
	return from, to, at
}

// samplesOf are those of the walked records that are samples.
func samplesOf(b []byte, at []int) []int {
	order, _ := orderOf(b)
	return slices.DeleteFunc(slices.Clone(at), func(i int) bool { return order.Uint32(b[i:]) != recSAMPLE })
}

// damages are what happens to recordings so that it can be noticed. Each returns
// nil if it cannot be done to a file.
func damages(t *testing.T, whole []byte, r *rand.Rand) map[string]func() []byte {
	const page = 4096
	from, to, records := walked(t, whole)
	samples := samplesOf(whole, records)
	order, _ := orderOf(whole)
	if len(samples) > 0 && !IsPipe(whole) {
		from = samples[0] // what stands before is no evidence
	}
	d := open(t, whole, Options{Threads: 1}).dir
	first := d.attrs[0]
	where := func(at int) (x [2]uint32) { // the CPU of a sample, and whether it is of an interrupt
		if a := d.attrs[d.ofSample(whole[at:])]; a.isTracepoint() {
			off, _ := a.rawAt(whole[at:], d)
			return [2]uint32{order.Uint32(whole[at+a.offCPU:]), uint32(trace.Flags(whole[at+off+4+2]) & trace.FlagsContext)}
		}
		return [2]uint32{maxCPU, uint32(at)}
	}
	pageAt := func() int { return from + r.IntN(max(1, to-from-page)) }
	one := func(change func(b []byte, at int)) func() []byte {
		return func() []byte {
			if len(samples) < 3 {
				return nil
			}
			b := bytes.Clone(whole)
			change(b, samples[1+r.IntN(len(samples)-2)])
			return b
		}
	}
	return map[string]func() []byte{
		"cut": func() []byte { return bytes.Clone(whole[:from+r.IntN(len(whole)-from)]) },
		"size": one(func(b []byte, at int) {
			order.PutUint16(b[at+6:], order.Uint16(b[at+6:])^1<<r.IntN(16))
		}),
		// 18 minutes and more, which no interrupt takes
		"time": one(func(b []byte, at int) {
			order.PutUint64(b[at+first.offTime:], order.Uint64(b[at+first.offTime:])^1<<(40+r.IntN(20)))
		}),
		"zeros": func() []byte {
			if to-from < 2*page {
				return nil
			}
			b := bytes.Clone(whole)
			clear(b[pageAt():][:page])
			return b
		},
		"repeated": func() []byte {
			if to-from < 3*page {
				return nil
			}
			b := bytes.Clone(whole)
			copy(b[pageAt():][:page], whole[pageAt():])
			return b
		},
		"exchanged": func() []byte {
			i, j := pageAt(), pageAt()
			if to-from < 3*page || max(i, j)-min(i, j) < page {
				return nil
			}
			b := bytes.Clone(whole)
			copy(b[i:][:page], whole[j:])
			copy(b[j:][:page], whole[i:][:page])
			return b
		},
		// a whole record, so that sizes lead on, after one that it may not stand after
		"record twice": func() []byte {
			if len(samples) < 8 {
				return nil
			}
			i := r.IntN(len(samples) / 2)
			size := func(i int) int { return int(order.Uint16(whole[samples[i]+6:])) }
			sample := func(i int) []byte { return whole[samples[i]:][:size(i)] }
			before := false // a later sample of the same CPU that is not of an interrupt
			for j := i + 1; j < len(samples); j++ {
				if before && size(i) == size(j) {
					b := bytes.Clone(whole)
					copy(b[samples[j]:], sample(i))
					return b
				}
				before = before || where(samples[i])[0] == where(samples[j])[0] && where(samples[j])[1] == 0 && d.timeOf(sample(i)) < d.timeOf(sample(j))
			}
			return nil
		},
		"no counts": func() []byte {
			b := bytes.Clone(whole)
			any := false
			for _, i := range records {
				if order.Uint32(b[i:]) == recLOSTSAMPLES {
					any = true
					order.PutUint32(b[i:], 99)
				}
			}
			if !any {
				return nil
			}
			return b
		},
		"no marks": func() []byte {
			b := bytes.Clone(whole)
			any := false
			for _, i := range records {
				if order.Uint32(b[i:]) == recLOST {
					any = true
					order.PutUint32(b[i:], 99)
				}
			}
			if !any {
				return nil
			}
			return b
		},
		"joined": func() []byte { return append(bytes.Clone(whole), whole...) },
	}
}

// TestNoticed does what can be noticed to recordings: if another result comes out,
// something was said. Held with other seeds when it was written.
func TestNoticed(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 4))
	done := map[string]int{}
	for _, name := range []string{
		"k618-perf/twice.data.zst", "k618-perf/lossy.data.zst", "k618-perf/c0.data.zst", "k72s4-41a-perf-g/perf.data.zst", "k72s4-41d-perf-pipe-g/pipe.data.zst",
		"ks390x72s4-40-perf/perf.data.zst", "k612s4-41n-perf-group-S/perf.data.zst",
	} {
		whole := fixture(t, name)
		want := look(open(t, whole, Options{Threads: 1}))
		all := damages(t, whole, r)
		for _, kind := range slices.Sorted(maps.Keys(all)) {
			for range 25 {
				b := all[kind]()
				if b == nil || bytes.Equal(b, whole) {
					continue
				}
				s, err := Open(bytes.NewReader(b), int64(len(b)), "damaged", Options{Threads: 1})
				if err != nil {
					done[kind]++
					continue
				}
				s.Hint(trace.Hint{ByEvent: true, Want: trace.Want{Events: []string{"ipi_send_cpu"}}})
				got := look(s)
				same := cmp.Equal(got.Events, want.Events) && cmp.Equal(got.CPUs, want.CPUs) && lostIn(got) >= lostIn(want)
				if !same && !got.Err || kind == "joined" && !got.Err {
					t.Errorf("%s, %s: nothing is said of %+v, which is %+v in the whole file", name, kind, got, want)
				}
				done[kind]++
				s.Close()
			}
		}
	}
	for _, kind := range []string{"cut", "size", "time", "zeros", "repeated", "exchanged", "record twice", "no counts", "no marks", "joined"} {
		if done[kind] < 10 {
			t.Errorf("%s: done %d times only", kind, done[kind])
		}
	}
}

func lostIn(x seen) (n uint64) {
	for _, m := range x.Lost {
		n += m
	}
	return n
}
