package ringbuf

import "encoding/binary"

// A Skip says which events Page.Skip passes over.
type Skip struct {
	// Pass holds by event id, the 16 bits that a record begins with, whether
	// such events are passed over.
	Pass []bool
	// Shortest is how many bytes a record must have to be passed over: those of
	// the header that all events have.
	Shortest int
	// Count is added to by event id if it is not nil. It is as long as Pass.
	Count []uint64
}

// Skip passes over events up to the first one that s does not say, and returns
// how many. Next goes on from there. It may stop before: at whatever is unusual,
// and always in pages of big-endian machines.
func (p *Page) Skip(s *Skip) int {
	if p.big || p.err != nil {
		return 0
	}
	page, pass, shortest := p.page, s.Pass, max(s.Shortest, 2) // an id has two bytes
	at, time, last, n := p.next, p.time, p.last, 0
walk:
	for at+2*headerSize <= len(page) {
		// the event's header and the word after it
		w := binary.LittleEndian.Uint64(page[at:])
		typeLen, delta, word := int(w&31), w&(1<<32-1)>>5, w>>32
		var id, length, data int
		switch {
		case typeLen > 0 && typeLen < typePadding:
			id, length, data = int(word&0xffff), typeLen*4, at+headerSize
		case typeLen == typeData:
			length, data = int(word)-headerSize, at+2*headerSize
			if length < shortest || length > len(page)-data {
				break walk
			}
			id, length = int(binary.LittleEndian.Uint16(page[data:])), align4(length)
		case typeLen == typeTimeExtend:
			time += delta + word<<deltaShift
			at += 2 * headerSize
			continue
		case typeLen == typeTimeStamp:
			time = p.stamp(delta+word<<deltaShift, time)
			at += 2 * headerSize
			continue
		default:
			break walk
		}
		if length < shortest || length > len(page)-data || id >= len(pass) || !pass[id] {
			break
		}
		if s.Count != nil {
			s.Count[id]++
		}
		time += delta
		last = time
		at = data + length
		n++
	}
	p.next, p.time, p.last = at, time, last
	return n
}
