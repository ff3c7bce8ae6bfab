package timeline

import (
	"bufio"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Field numbers of Perfetto's trace format (google/perfetto, protos/perfetto/
// trace); the messages are in testdata/perfetto.proto, against which a test
// holds what is written.
const (
	tracePacket = 1 // Trace

	packetTimestamp  = 8 // TracePacket
	packetSequence   = 10
	packetTrackEvent = 11
	packetInterned   = 12
	packetFlags      = 13
	packetTrack      = 60

	trackUUID     = 1 // TrackDescriptor
	trackName     = 2
	trackParent   = 5
	trackOrdering = 11
	trackRank     = 12

	eventCategoryID = 3 // TrackEvent
	eventAnnotation = 4
	eventType       = 9
	eventNameID     = 10
	eventTrack      = 11
	eventFlows      = 47
	eventFlowsEnd   = 48

	annotationNameID = 1 // DebugAnnotation
	annotationInt    = 4
	annotationArray  = 12
	annotationTextID = 17

	internedCategories = 1 // InternedData
	internedNames      = 2
	internedArgs       = 3
	internedTexts      = 29

	typeBegin, typeEnd, typeInstant = 1, 2, 3 // TrackEvent.Type
	stateCleared, needsState        = 1, 2    // TracePacket.SequenceFlags
	orderExplicit                   = 3       // TrackDescriptor.ChildTracksOrdering
)

// maxInterned bounds the texts that are remembered; beyond it the numbering
// begins anew, which the format provides for.
const maxInterned = 1 << 18

// perfetto writes one sequence of packets. A text is written where it is first
// used and is a number from then on.
type perfetto struct {
	w        *bufio.Writer
	trace    uint64 // counts traces from 1
	timeline result.Timeline
	tracks   map[uint64]bool // that are described
	interned map[internKey]uint64
	next     [internedTexts + 1]uint64
	cleared  bool
	begun    bool // the trace has a mark

	packet, event, fresh, scratch []byte // reused
}

type internKey struct {
	kind protowire.Number
	text string
}

func newPerfetto(w io.Writer) Writer {
	return &perfetto{w: bufio.NewWriterSize(w, 64<<10), tracks: map[uint64]bool{}, interned: map[internKey]uint64{}}
}

// Numbers of tracks: a trace, its two groups, its CPUs, and their noise.
func (p *perfetto) traceTrack() uint64        { return p.trace << 32 }
func (p *perfetto) groupTrack(g int) uint64   { return p.trace<<32 | uint64(1+g) }
func (p *perfetto) cpuTrack(cpu int32) uint64 { return p.trace<<32 | uint64(4+cpu) } // -1 is 3

// noiseTracks is how far the tracks of noise are behind those of the CPUs.
const noiseTracks = 1 << 24

func (p *perfetto) Begin(t result.Timeline) error {
	p.trace++
	p.timeline, p.begun = t, false
	p.describe(p.traceTrack(), 0, traceName(t), int64(p.trace))
	for g := range 2 {
		p.describe(p.groupTrack(g), p.traceTrack(), groupName(t, g), int64(g))
	}
	return nil
}

// describe writes what a track is called and where it is shown.
func (p *perfetto) describe(id, parent uint64, name string, rank int64) {
	d := appendVarint(nil, trackUUID, id)
	d = appendText(d, trackName, name)
	if parent != 0 {
		d = appendVarint(d, trackParent, parent)
	}
	d = appendVarint(d, trackOrdering, orderExplicit)
	d = appendVarint(d, trackRank, uint64(rank))
	p.packet = appendVarint(p.packet[:0], packetSequence, 1)
	p.packet = appendBytes(p.packet, packetTrack, d)
	p.write()
	p.tracks[id] = true
}

func (p *perfetto) Mark(m *result.Mark) error {
	if !p.begun {
		p.begun = true
		p.draw(&result.Mark{Category: "recording", Name: "recording", Start: m.Start, Moment: true, Args: traceArgs(p.timeline)}, p.traceTrack())
	}
	track := p.cpuTrack(m.CPU)
	rank := int64(m.CPU)
	if m.OnNoise {
		track, rank = track+noiseTracks, rank+noiseTracks
	}
	if !p.tracks[track] {
		p.describe(track, p.groupTrack(groupOf(m)), trackNameOf(m), rank)
	}
	p.draw(m, track)
	_, err := p.w.Write(nil) // the first error stays
	return err
}

// traceArgs are facts about a trace as a whole.
func traceArgs(t result.Timeline) []result.Field {
	unit := "ns"
	if t.Ticks {
		unit = "ticks"
	}
	return []result.Field{
		{Name: "file", Value: result.Str(t.Path)},
		{Name: "kernel", Value: result.Str(t.Kernel)},
		{Name: "clock", Value: result.Str(t.Clock)},
		{Name: "unit", Value: result.Str(unit)},
		{Name: "isolated", Value: result.Str(t.Isolated)},
	}
}

// draw writes a mark on a track.
func (p *perfetto) draw(m *result.Mark, track uint64) {
	if len(p.interned) > maxInterned {
		p.interned, p.cleared = map[internKey]uint64{}, false
	}
	p.fresh = p.fresh[:0]
	kind := uint64(typeBegin)
	if m.Moment {
		kind = typeInstant
	}
	e := appendVarint(p.event[:0], eventCategoryID, p.intern(internedCategories, m.Category))
	e = appendVarint(e, eventNameID, p.intern(internedNames, m.Name))
	e = appendVarint(e, eventType, kind)
	e = appendVarint(e, eventTrack, track)
	for _, id := range m.From {
		e = appendFixed(e, eventFlows, arrow(p.trace, id))
	}
	for _, id := range m.To {
		e = appendFixed(e, eventFlowsEnd, arrow(p.trace, id))
	}
	for i := range m.Args {
		e = p.appendArg(e, &m.Args[i])
	}
	if len(m.Stack) > 0 {
		e = p.appendStack(e, m.Stack)
	}
	p.event = e
	p.emit(m.Start)
	if !m.Moment {
		p.fresh = p.fresh[:0]
		p.event = appendVarint(p.event[:0], eventType, typeEnd)
		p.event = appendVarint(p.event, eventTrack, track)
		p.emit(m.End)
	}
}

func (p *perfetto) appendArg(e []byte, f *result.Field) []byte {
	a := appendVarint(p.scratch[:0], annotationNameID, p.intern(internedArgs, f.Name))
	if f.Value.Kind == result.KindInt {
		a = appendVarint(a, annotationInt, uint64(f.Value.Int))
	} else {
		a = appendVarint(a, annotationTextID, p.intern(internedTexts, f.Value.Text()))
	}
	p.scratch = a
	return appendBytes(e, eventAnnotation, a)
}

func (p *perfetto) appendStack(e []byte, frames []string) []byte {
	a := appendVarint(p.scratch[:0], annotationNameID, p.intern(internedArgs, "stack"))
	for _, frame := range frames {
		id := p.intern(internedTexts, frame)
		a = protowire.AppendTag(a, annotationArray, protowire.BytesType)
		a = protowire.AppendVarint(a, uint64(protowire.SizeTag(annotationTextID)+protowire.SizeVarint(id)))
		a = appendVarint(a, annotationTextID, id)
	}
	p.scratch = a
	return appendBytes(e, eventAnnotation, a)
}

// intern returns the number of a text, and adds the text to what goes with the
// packet if it is new. Texts are UTF-8 in this format; a comm may hold anything.
func (p *perfetto) intern(kind protowire.Number, text string) uint64 {
	key := internKey{kind, text}
	id, ok := p.interned[key]
	if !ok {
		p.next[kind]++
		id = p.next[kind]
		p.interned[key] = id
		entry := appendVarint(nil, 1, id)
		entry = appendText(entry, 2, text)
		p.fresh = appendBytes(p.fresh, kind, entry)
	}
	return id
}

// emit writes a packet with p.event and the texts it is the first to use.
func (p *perfetto) emit(at int64) {
	flags := uint64(needsState)
	if !p.cleared {
		flags |= stateCleared
		p.cleared = true
	}
	b := appendVarint(p.packet[:0], packetTimestamp, uint64(max(at, 0)))
	b = appendVarint(b, packetSequence, 1)
	b = appendVarint(b, packetFlags, flags)
	b = appendBytes(b, packetTrackEvent, p.event)
	if len(p.fresh) > 0 {
		b = appendBytes(b, packetInterned, p.fresh)
	}
	p.packet = b
	p.write()
}

// write writes p.packet. An error stays with the buffer.
func (p *perfetto) write() {
	head := protowire.AppendTag(p.scratch[:0], tracePacket, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(p.packet)))
	_, _ = p.w.Write(head)
	_, _ = p.w.Write(p.packet)
	p.scratch = head
}

func (p *perfetto) Close([]result.Input) error { return p.w.Flush() }

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendFixed(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), strings.ToValidUTF8(s, "\uFFFD"))
}
