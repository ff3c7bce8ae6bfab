package ringbuf

import "encoding/binary"

// Shift makes all times of a page later by the same: that of its begin and its
// absolute time stamps. Everything else in a page is a difference. It is false
// for a page that cannot be read to its end, which may be shifted in part.
func (l *Layout) Shift(page []byte, by uint64) bool {
	order := binary.ByteOrder(binary.LittleEndian)
	if l.BigEndian {
		order = binary.BigEndian
	}
	var p Page
	p.Reset(l, page)
	if p.Err() != nil {
		return false
	}
	begin := page[l.Header.TimestampOff:]
	order.PutUint64(begin, order.Uint64(begin)+by)
	for at := p.next; at+2*headerSize <= len(p.page); {
		typeLen, delta := p.header(at)
		word, _ := p.word(at + headerSize)
		switch typeLen {
		case typeData:
			if word < 4 {
				return false
			}
			at += headerSize + align4(int(word))
		case typePadding:
			if delta == 0 {
				return true
			}
			at += headerSize + align4(int(word))
		case typeTimeExtend:
			at += 2 * headerSize
		case typeTimeStamp:
			stamp := delta + uint64(word)<<deltaShift + by
			p.putHeader(at, typeTimeStamp, uint32(stamp&deltaMask))
			order.PutUint32(page[at+headerSize:], uint32(stamp>>deltaShift))
			at += 2 * headerSize
		default:
			at += headerSize + int(typeLen)*4
		}
	}
	return true
}

func (p *Page) putHeader(at int, typeLen, delta uint32) {
	if p.big {
		binary.BigEndian.PutUint32(p.page[at:], typeLen<<deltaShift|delta)
		return
	}
	binary.LittleEndian.PutUint32(p.page[at:], delta<<5|typeLen)
}
