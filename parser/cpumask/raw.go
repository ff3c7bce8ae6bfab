package cpumask

import "encoding/binary"

// FromWords decodes a cpumask as it lies in a ring-buffer record; see SetWords.
func FromWords(b []byte, order binary.ByteOrder, longSize int) (Mask, error) {
	var m Mask
	err := m.SetWords(b, order, longSize)
	return m, err
}

// SetWords makes m the cpumask that lies in b, an array of unsigned longs of the
// recorded kernel (include/linux/types.h, DECLARE_BITMAP): CPU n is bit
// n % BITS_PER_LONG of long n / BITS_PER_LONG. order and longSize (4 or 8) are
// those of the recorded machine; b is not kept. Longs above MaxCPUs may exist as
// long as they are zero. After an error m is empty.
func (m *Mask) SetWords(b []byte, order binary.ByteOrder, longSize int) error {
	m.Reset()
	if longSize != 4 && longSize != 8 {
		return &SyntaxError{Form: formRaw, Msg: "size of long is neither 4 nor 8"}
	}
	if len(b)%longSize != 0 {
		return &SyntaxError{Form: formRaw, Offset: len(b) / longSize * longSize, Msg: "length is not a whole number of longs"}
	}
	// On little-endian machines bytes alone give the position, whatever the long.
	if order == binary.ByteOrder(binary.LittleEndian) && len(b)%8 == 0 {
		for off := 0; off < len(b); off += 8 {
			if !m.orWord(off/8, binary.LittleEndian.Uint64(b[off:])) {
				return m.failRaw(off)
			}
		}
		return nil
	}
	for off := 0; off < len(b); off += longSize {
		var ok bool
		if longSize == 8 {
			ok = m.orWord(off/8, order.Uint64(b[off:]))
		} else {
			ok = m.orWord(off/8, uint64(order.Uint32(b[off:]))<<(off%8*8))
		}
		if !ok {
			return m.failRaw(off)
		}
	}
	return nil
}

// orWord adds 64 CPUs from number i*64 on. Zero words change nothing, so that
// the unused tail of a large array costs no storage.
func (m *Mask) orWord(i int, v uint64) bool {
	if v == 0 {
		return true
	}
	if i >= MaxCPUs/wordBits {
		return false
	}
	m.grow(i + 1)
	*m.word(i) |= v
	return true
}

func (m *Mask) failRaw(off int) error {
	m.Reset()
	return &SyntaxError{Form: formRaw, Offset: off, Msg: tooLarge}
}
