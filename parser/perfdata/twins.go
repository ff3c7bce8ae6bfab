package perfdata

import (
	"bytes"
	"hash/maphash"
)

// A tracepoint that was opened twice (-e csd:csd_queue_cpu -e 'csd:*') gives two
// samples of each hit: on one CPU, of one thread, with the same bytes, a little
// apart. Which filters the two had is not in the file, so neither may be left out
// blindly: a sample is one of another's hits if it equals one of another attr
// that has no pair yet.

// maxUnpaired bounds the samples of a CPU that wait for their pair. It comes as
// soon as the kernel has done with the first.
const maxUnpaired = 64

// twins finds such pairs. The zero value is ready.
type twins struct {
	seed  maphash.Seed
	any   bool
	cpus  map[int32][]unpaired // newest last
	names map[string]uint64    // pairs by event
}

// An unpaired sample has no pair of the attrs that seen lacks.
type unpaired struct {
	hash   uint64
	config uint64
	tid    int32
	seen   []int32
	raw    []byte
}

// isSecond reports whether a sample is another attr's hit again.
func (w *twins) isSecond(a *attr, index, cpu, tid int32, raw []byte) bool {
	if !w.any {
		w.any, w.seed, w.cpus, w.names = true, maphash.MakeSeed(), map[int32][]unpaired{}, map[string]uint64{}
	}
	hash := maphash.Bytes(w.seed, raw)
	list := w.cpus[cpu]
	for i := len(list) - 1; i >= 0; i-- {
		u := &list[i]
		if u.hash != hash || u.config != a.config || u.tid != tid || !bytes.Equal(u.raw, raw) || contains(u.seen, index) {
			continue
		}
		u.seen = append(u.seen, index)
		return true
	}
	var u unpaired
	if len(list) == maxUnpaired {
		u = list[0]
		list = list[:copy(list, list[1:])]
	}
	u = unpaired{hash, a.config, tid, append(u.seen[:0], index), append(u.raw[:0], raw...)}
	w.cpus[cpu] = append(list, u)
	return false
}

func contains(list []int32, v int32) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}
