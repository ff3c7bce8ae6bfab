package ksym

// Moved returns the table of a kernel of the same build that lies elsewhere in
// memory: every symbol of the kernel proper is shift bytes further. Those of
// modules are left out, as modules are loaded wherever there is room.
func (t *Table) Moved(shift uint64) *Table {
	m := &Table{text: t.text, shift: t.shift + shift}
	m.addrs, m.names = make([]uint64, 0, len(t.addrs)), make([]uint32, 0, len(t.names))
	for i, at := range t.names {
		moved := t.addrs[i] + shift
		// what is no address of the kernel, such as an offset, does not move
		if _, module := t.nameAt(int(at)); module == "" && moved>>63 == t.addrs[i]>>63 {
			m.addrs, m.names = append(m.addrs, moved), append(m.names, at)
		}
	}
	return m
}
