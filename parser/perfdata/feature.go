package perfdata

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// Features of the header (tools/perf/util/header.h).
const (
	featTracing    = 1
	featBuildID    = 2
	featHost       = 3
	featRelease    = 4
	featVersion    = 5
	featArch       = 6
	featCPUs       = 7
	featCommand    = 11
	featEvents     = 12
	featTimes      = 21
	featDirectory  = 24
	featCompressed = 27
	featClock      = 29
	lastFeature    = 63
)

// readFeatures reads the sections after the data, whose list is in the order of
// the bits.
func (s *Source) readFeatures(r io.ReaderAt, size int64, h *head) error {
	at := h.data.off + h.data.size
	end := at
	for f := range len(h.features) * 64 {
		if !h.has(f) {
			continue
		}
		var b [16]byte
		if _, err := r.ReadAt(b[:], int64(at)); err != nil {
			return fmt.Errorf("offset %#x: the list of what the file says beside its events is not there (cut off?)", at)
		}
		at += 16
		part := span{h.order.Uint64(b[:]), h.order.Uint64(b[8:])}
		if !part.within(size) {
			return fmt.Errorf("offset %#x: feature %d should have %d bytes, the file has %d (cut off?)", part.off, f, part.size, size)
		}
		end = max(end, at, part.off+part.size)
		limit := uint64(maxFeature)
		if f == featTracing {
			limit = maxSection
		}
		if !s.wantsFeature(f) || part.size == 0 {
			continue
		}
		if part.size > limit {
			return fmt.Errorf("offset %#x: feature %d should have %d bytes, want at most %d", part.off, f, part.size, limit)
		}
		body := make([]byte, part.size)
		if _, err := r.ReadAt(body, int64(part.off)); err != nil {
			return fmt.Errorf("offset %#x: reading feature %d: %w", part.off, f, err)
		}
		if f == featTracing {
			s.readFormats(body)
		} else {
			s.feature(f, body)
		}
	}
	if uint64(size) > end {
		return fmt.Errorf("offset %#x: %d bytes stand after all that the file says it has: they are not read (two files joined?)", end, uint64(size)-end)
	}
	return nil
}

func (s *Source) wantsFeature(f int) bool {
	switch f {
	case featTracing, featBuildID, featHost, featRelease, featVersion, featArch, featCPUs, featCommand, featEvents, featDirectory, featTimes, featCompressed, featClock:
		return true
	}
	return false
}

// A reader reads the parts of a section. After its end everything is zero.
type reader struct {
	b     []byte
	order binary.ByteOrder
}

func (r *reader) u32() uint32 {
	if len(r.b) < 4 {
		r.b = nil
		return 0
	}
	v := r.order.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *reader) u64() uint64 {
	if len(r.b) < 8 {
		r.b = nil
		return 0
	}
	v := r.order.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) bytes(n uint32) []byte {
	n = min(n, uint32(len(r.b)))
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// str reads a string with its padded length in front.
func (r *reader) str() string { return cstring(r.bytes(r.u32())) }

func cstring(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return text
}

// feature takes what a section says.
func (s *Source) feature(f int, body []byte) {
	r, m := &reader{body, s.order}, &s.table.Meta
	switch f {
	case featBuildID:
		s.readBuildIDs(body)
	case featHost:
		m.Host = r.str()
	case featRelease:
		m.Kernel = r.str()
	case featVersion:
		m.Tool = "perf " + r.str()
	case featArch:
		m.Arch = r.str()
	case featCPUs:
		// The first is how many CPUs there can be; the kernel's document has the
		// two the other way round.
		m.CPUs = max(m.CPUs, int(min(r.u32(), maxCPU+1)))
		s.online = int(min(r.u32(), maxCPU+1))
	case featCommand:
		s.readCommand(r)
	case featEvents:
		s.readEventNames(r)
	case featTimes:
		s.times = stretch{min: int64(r.u64()), max: int64(r.u64())}
	case featCompressed:
		m.Compression = "zstd"
	case featClock:
		r.u32()
		r.u32()
		wall, clock := r.u64(), r.u64()
		s.wall, s.hasWall = int64(wall-clock), wall > 0
	}
}

// readCommand takes the command line. perf 7.2 writes the program's name alone.
func (s *Source) readCommand(r *reader) {
	var words []string
	for n := min(r.u32(), 4096); n > 0 && len(r.b) > 0; n-- {
		words = append(words, r.str())
	}
	if len(words) > 1 {
		s.table.Meta.Command = strings.Join(words, " ")
	}
}

// readEventNames takes the names of the events, as perf was given them.
func (s *Source) readEventNames(r *reader) {
	n, size := r.u32(), r.u32()
	for ; n > 0 && size >= attrSmallest && uint64(len(r.b)) >= uint64(size); n-- {
		r.bytes(size)
		ids := r.u32()
		name := r.str()
		for ; ids > 0 && len(r.b) >= 8; ids-- {
			if i := s.dir.attrOf(r.u64()); i >= 0 {
				s.dir.attrs[i].name = name
			}
		}
	}
}

// readBuildIDs takes the kernel's build-id: records of type 0 with a pid, 20
// bytes, and a name.
func (s *Source) readBuildIDs(b []byte) {
	for len(b) >= 8 {
		size := int(s.order.Uint16(b[6:]))
		if size < 8 || size > len(b) {
			return
		}
		s.buildIDRecord(b[:size])
		b = b[size:]
	}
}

func (s *Source) buildIDRecord(rec []byte) {
	if len(rec) < 37 || s.order.Uint16(rec[4:])&7 != miscKernel {
		return
	}
	if name := cstring(rec[36:]); strings.HasPrefix(name, "[kernel.kallsyms]") || strings.Contains(name, "vmlinux") {
		s.setBuildID(rec[12:32])
	}
}

func (s *Source) setBuildID(id []byte) { s.table.Meta.BuildID = hex.EncodeToString(id) }

// readFormats takes the formats of the recorded tracepoints.
func (s *Source) readFormats(blob []byte) {
	h, err := tracedat.ReadHead(blob)
	if err != nil {
		s.note(fmt.Errorf("%s: %w", s.path, err))
	}
	if len(h.Formats) == 0 {
		return
	}
	s.formats = true
	m := &s.table.Meta
	m.LongSize = int(h.Page.CommitSize)
	s.decoder.LongSize, s.decoder.BigEndian, s.bigEndian = m.LongSize, h.BigEndian, h.BigEndian
	for _, text := range h.Unread {
		s.remark("%s", text)
	}
	s.addFormats(h.Formats)
	for tid, comm := range h.Comms {
		s.tasks.saved[tid] = s.table.Name(comm)
	}
	s.strings = h.Strings
}

// addFormats takes formats that have the ids of the traced kernel.
func (s *Source) addFormats(formats []*trace.Schema) {
	for _, f := range formats {
		if f.Type < 0 || f.Type > maxEventType || s.byType[f.Type] != nil {
			continue
		}
		s.byType[f.Type] = f
		s.table.AddSchema(f)
		if !s.hasCommon {
			if c, err := tracefmt.CommonOf(f); err == nil {
				s.common, s.hasCommon = c, true
			}
		}
	}
	s.bindAttrs()
}

// maxEventType bounds common_type, which has 16 bits.
const maxEventType = 1<<16 - 1
