package perfdata

import (
	"bytes"
	"strconv"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// tasks are the names of threads, as they are at the time of the records.
type tasks struct {
	comms map[int32]trace.NameID
	// saved are those of the kernel's list at the end of the recording, for
	// threads that nothing else names.
	saved map[int32]trace.NameID
}

// record takes a COMM, FORK or EXIT. The name of a task that exits is kept: it
// goes on for a little. perf forgets it since 6.12.
func (ts *tasks) record(s *Source, rec []byte) {
	u32 := func(off int) int32 { return int32(s.order.Uint32(rec[off:])) }
	switch s.order.Uint32(rec) {
	case recCOMM:
		if len(rec) > 16 {
			comm := rec[16:]
			if n := bytes.IndexByte(comm, 0); n >= 0 {
				comm = comm[:n]
			}
			ts.comms[u32(12)] = s.table.NameBytes(comm)
		}
	case recFORK:
		if len(rec) >= 24 {
			if comm, ok := ts.comms[u32(20)]; ok {
				ts.comms[u32(16)] = comm
			}
		}
	}
}

// name returns the name of a thread.
func (ts *tasks) name(s *Source, tid int32) trace.NameID {
	if comm, ok := ts.comms[tid]; ok {
		return comm
	}
	comm, ok := ts.saved[tid]
	if !ok {
		comm = s.table.Name(":" + strconv.Itoa(int(tid)))
	}
	ts.comms[tid] = comm
	return comm
}
