package perfdata

import (
	"encoding/binary"
	"math/bits"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// The bits of sample_type that decide where the parts of a sample are
// (include/uapi/linux/perf_event.h, enum perf_event_sample_format).
const (
	sampleIP         = 1 << 0
	sampleTID        = 1 << 1
	sampleTime       = 1 << 2
	sampleAddr       = 1 << 3
	sampleRead       = 1 << 4
	sampleCallchain  = 1 << 5
	sampleID         = 1 << 6
	sampleCPU        = 1 << 7
	samplePeriod     = 1 << 8
	sampleStreamID   = 1 << 9
	sampleRaw        = 1 << 10
	sampleRegsUser   = 1 << 12
	sampleStackUser  = 1 << 13
	sampleIdentifier = 1 << 16
)

// The bits of read_format.
const (
	readEnabled = 1 << 0
	readRunning = 1 << 1
	readID      = 1 << 2
	readGroup   = 1 << 3
	readLost    = 1 << 4
)

// Bits of perf_event_attr's bit field.
const (
	bitInherit     = 1
	bitSampleIDAll = 18
	bitUseClock    = 25
)

const (
	// attrSmallest is the size of the first perf_event_attr, PERF_ATTR_SIZE_VER0.
	// It has grown with almost every kernel since; what is after the parts that
	// are read here does not matter.
	attrSmallest   = 64
	typeTracepoint = 2
)

// An attr is an opened event.
type attr struct {
	typ                            uint32
	config, sampleType, readFormat uint64
	sampleIDAll, useClock, inherit bool
	clockid                        int32
	regsUser                       int    // registers of user space in a sample
	name                           string // as perf was given it; empty if the recording does not say
	ids                            []uint64
	schema                         *trace.Schema // nil if it is no tracepoint, or the format is not known
	twin                           bool          // another attr opens the same tracepoint

	// offsets in a sample, 0 if it has no such part
	offTID, offTime, offCPU, offID int
	offRest                        int // of what has no fixed place
	// distances from the end of other records, 0 if they have no such part
	endTID, endTime, endCPU, endID int
	trailer                        int
}

// parseAttr reads a perf_event_attr of at least attrSmallest bytes.
func parseAttr(b []byte, order binary.ByteOrder) *attr {
	a := &attr{typ: order.Uint32(b), config: order.Uint64(b[8:]), sampleType: order.Uint64(b[24:]), readFormat: order.Uint64(b[32:])}
	bit := func(n int) bool { return b[40+n/8]>>(n%8)&1 != 0 }
	if order == binary.ByteOrder(binary.BigEndian) {
		// C lays bit fields out from the top bit of each byte there.
		bit = func(n int) bool { return b[40+n/8]>>(7-n%8)&1 != 0 }
	}
	a.sampleIDAll, a.useClock, a.inherit = bit(bitSampleIDAll), bit(bitUseClock), bit(bitInherit)
	if len(b) >= 96 {
		a.clockid = int32(order.Uint32(b[92:]))
		a.regsUser = bits.OnesCount64(order.Uint64(b[80:]))
	}
	a.lay()
	return a
}

// lay finds where the parts of this event's records are.
func (a *attr) lay() {
	at := 8
	has := func(bit uint64) int {
		if a.sampleType&bit == 0 {
			return 0
		}
		at += 8
		return at - 8
	}
	a.offID = has(sampleIdentifier)
	has(sampleIP)
	a.offTID, a.offTime = has(sampleTID), has(sampleTime)
	has(sampleAddr)
	if id := has(sampleID); a.offID == 0 {
		a.offID = id
	}
	has(sampleStreamID)
	a.offCPU = has(sampleCPU)
	has(samplePeriod)
	a.offRest = at

	if !a.sampleIDAll {
		return
	}
	end := 0
	behind := func(bit uint64) int {
		if a.sampleType&bit == 0 {
			return 0
		}
		end += 8
		return end
	}
	a.endID = behind(sampleIdentifier)
	a.endCPU = behind(sampleCPU)
	behind(sampleStreamID)
	if id := behind(sampleID); a.endID == 0 {
		a.endID = id
	}
	a.endTime, a.endTID = behind(sampleTime), behind(sampleTID)
	a.trailer = end
}

// isTracepoint reports whether its samples are events of ours.
func (a *attr) isTracepoint() bool { return a.typ == typeTracepoint && a.sampleType&sampleRaw != 0 }

// clock is the name of the clock that the events were given.
func (a *attr) clock() string {
	if !a.useClock {
		return "perf" // sched_clock, which ftrace calls so
	}
	switch a.clockid { // clock_gettime(2)
	case 0:
		return "real"
	case 1:
		return "mono"
	case 4:
		return "mono_raw"
	case 7:
		return "boot"
	case 11:
		return "tai"
	}
	return "unknown"
}

// A directory tells which event a record belongs to. It does not change once a
// batch has it.
type directory struct {
	order binary.ByteOrder
	attrs []*attr
	// byID are the attrs of ids, by index + 1: small ones in a list.
	small  []int32
	byID   map[uint64]int32
	cpuOf  map[uint64]int32 // of ids
	guests map[uint64]bool  // ids of a guest's events
	plan   *plan
}

const smallIDs = 1 << 16

func newDirectory(order binary.ByteOrder) *directory {
	return &directory{order: order, byID: map[uint64]int32{}, cpuOf: map[uint64]int32{}, guests: map[uint64]bool{}}
}

// clone returns a directory that may be changed.
func (d *directory) clone() *directory {
	c := *d
	c.attrs = append([]*attr(nil), d.attrs...)
	c.small = append([]int32(nil), d.small...)
	c.byID, c.cpuOf, c.guests = cloneMap(d.byID), cloneMap(d.cpuOf), cloneMap(d.guests)
	c.plan = nil
	return &c
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// setID says whose id it is.
func (d *directory) setID(id uint64, attr int) {
	if id >= smallIDs {
		d.byID[id] = int32(attr + 1)
		return
	}
	for uint64(len(d.small)) <= id {
		d.small = append(d.small, make([]int32, id+1-uint64(len(d.small)))...)
	}
	d.small[id] = int32(attr + 1)
}

// attrOf returns the index of an id's attr, -1 if there is none.
func (d *directory) attrOf(id uint64) int {
	if id < uint64(len(d.small)) {
		return int(d.small[id]) - 1
	}
	return int(d.byID[id]) - 1
}

// ofSample returns whose sample it is, -1 if it does not say.
func (d *directory) ofSample(rec []byte) int {
	if len(d.attrs) == 1 {
		return 0
	}
	// The id lies at one place in all samples.
	if len(d.attrs) == 0 || d.attrs[0].offID == 0 || d.attrs[0].offID+8 > len(rec) {
		return -1
	}
	return d.attrOf(d.order.Uint64(rec[d.attrs[0].offID:]))
}

// ofOther returns whose record it is that is no sample, -1 if it does not say.
// What perf made up itself has the id 0.
func (d *directory) ofOther(rec []byte) int {
	if len(d.attrs) == 0 {
		return -1
	}
	if len(d.attrs) > 1 {
		if end := d.attrs[0].endID; end > 0 && end <= len(rec)-8 {
			if i := d.attrOf(d.order.Uint64(rec[len(rec)-end:])); i >= 0 {
				return i
			}
		}
	}
	// Kernel records come from the one event that asks for them, and end as its
	// samples do but for those perf made up.
	return 0
}

// fullName is the event's name, as far as it is known.
func (a *attr) fullName() string {
	if a.schema != nil {
		return a.schema.FullName()
	}
	return a.name
}
