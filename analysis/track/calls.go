package track

import "github.com/ipiscope/ipiscope/parser/trace"

// calls holds the queued calls whose IPI has not been seen, per sending CPU.
//
// A csd_queue_cpu and the send it leads to happen in one context with the same
// callsite and target, but not next to one another: an interrupt in between may
// queue and send to the same target. The context tells the two apart, where
// CPU and pid alone would give a wrong function.
type calls struct {
	byCPU []map[packedKey]call
}

type callKey struct {
	trace.Context
	target   int32
	callsite trace.NameID
}

// packedKey is a callKey as two words, which a map hashes at once: without the
// gaps between small fields.
type packedKey [2]uint64

func (k callKey) pack() packedKey {
	return packedKey{
		uint64(uint32(k.PID))<<32 | uint64(k.Flags)<<8 | uint64(k.Depth),
		uint64(uint32(k.target))<<32 | uint64(k.callsite),
	}
}

func (p packedKey) unpack() callKey {
	return callKey{
		trace.Context{PID: int32(p[0] >> 32), Flags: trace.Flags(p[0] >> 8), Depth: uint8(p[0])},
		int32(p[1] >> 32), trace.NameID(p[1]),
	}
}

type call struct {
	serial         uint64
	time           trace.Time
	function       trace.NameID
	comm, instance trace.NameID
	csd            uint64
	stack          trace.StackID
}

// at returns the map of one CPU.
func (c *calls) at(cpu int32) map[packedKey]call {
	if cpu < 0 {
		cpu = 0
	}
	for int(cpu) >= len(c.byCPU) {
		c.byCPU = append(c.byCPU, nil)
	}
	if c.byCPU[cpu] == nil {
		c.byCPU[cpu] = map[packedKey]call{}
	}
	return c.byCPU[cpu]
}

// queue remembers a call. It returns the one with the same key that was waiting
// for an IPI: that one sent none.
func (c *calls) queue(cpu int32, k callKey, v call) (older call, stale bool) {
	m := c.at(cpu)
	p := k.pack()
	older, stale = m[p]
	m[p] = v
	return older, stale
}

// take returns the newest call with this key and forgets it.
func (c *calls) take(cpu int32, k callKey) (call, bool) {
	m := c.at(cpu)
	p := k.pack()
	v, ok := m[p]
	if ok {
		delete(m, p)
	}
	return v, ok
}

// clear forgets all calls of a CPU, handing each to f.
func (c *calls) clear(cpu int32, f func(callKey, call)) {
	m := c.at(cpu)
	for p, v := range m {
		f(p.unpack(), v)
	}
	clear(m)
}
