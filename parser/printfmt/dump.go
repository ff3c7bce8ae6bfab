package printfmt

// A hexDump is how __print_hex_dump lays bytes out: that of the kernel
// (lib/seq_buf.c, seq_buf_hex_dump; lib/hexdump.c, hex_dump_to_buffer).
// libtraceevent does not know it.
type hexDump struct {
	prefix     string
	offsets    bool // each line begins with its offset
	row, group int
	ascii      bool
}

// hexDump reads prefix, kind of prefix, bytes in a row, bytes in a group,
// bytes, their number, and whether characters are shown.
func (p *parser) hexDump(n *node) {
	n.op = opHexDump
	d := &hexDump{prefix: p.stringLit()}
	n.dump = d
	p.expect(",")
	kind := p.word()
	d.offsets = kind == "DUMP_PREFIX_OFFSET" || kind == "2"
	p.expect(",")
	if d.row = int(min(number(p.word()), 32)); d.row != 32 {
		d.row = 16
	}
	p.expect(",")
	d.group = int(min(number(p.word()), 16))
	p.expect(",")
	p.arrayArgs(n)
	p.expect(",")
	ascii := p.word()
	d.ascii = ascii == "true" || ascii == "1"
}

// word reads an operand that is one word.
func (p *parser) word() string {
	at := p.tok.off
	n := p.item()
	if n.op != opConst && n.op != opName {
		p.fail(at, "want a constant")
	}
	return n.text
}

func (ev *eval) hexDump(dst []byte, n *node) []byte {
	b := ev.array(n.a)
	b = b[:min(ev.count(n.b), len(b))]
	d := n.dump
	dst = append(dst, '\n')
	for at := 0; at < len(b); at += d.row {
		dst = appendUnescaped(dst, d.prefix)
		if d.offsets {
			for shift := 28; shift >= 0; shift -= 4 {
				dst = append(dst, "0123456789abcdef"[at>>shift&15])
			}
			dst = append(dst, ": "...)
		}
		dst = append(ev.dumpRow(dst, d, b[at:min(at+d.row, len(b))]), '\n')
	}
	return dst
}

// dumpRow prints the bytes of a row in groups that are numbers of the machine.
func (ev *eval) dumpRow(dst []byte, d *hexDump, b []byte) []byte {
	start, group := len(dst), d.group
	if group != 2 && group != 4 && group != 8 || len(b)%group != 0 {
		group = 1
	}
	for i := 0; i < len(b); i += group {
		if i > 0 {
			dst = append(dst, ' ')
		}
		for k := range group {
			at := i + k
			if !ev.p.big {
				at = i + group - 1 - k
			}
			dst = appendByte(dst, b[at])
		}
	}
	if !d.ascii {
		return dst
	}
	column := start + 2*d.row + d.row/group + 1
	dst = appendRepeat(dst, ' ', column-len(dst))
	for _, c := range b {
		if c < ' ' || c > '~' {
			c = '.'
		}
		dst = append(dst, c)
	}
	return dst
}
