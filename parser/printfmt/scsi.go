package printfmt

import "encoding/binary"

// Commands of SCSI (include/scsi/scsi_proto.h).
const (
	scsiRead6           = 0x08
	scsiWrite6          = 0x0a
	scsiRead10          = 0x28
	scsiWrite10         = 0x2a
	scsiVerify          = 0x2f
	scsiWriteSame       = 0x41
	scsiUnmap           = 0x42
	scsiVariableLength  = 0x7f
	scsiRead16          = 0x88
	scsiWrite16         = 0x8a
	scsiVerify16        = 0x8f
	scsiWriteSame16     = 0x93
	scsiServiceIn16     = 0x9e
	scsiRead12          = 0xa8
	scsiWrite12         = 0xaa
	scsiVerify12        = 0xaf
	serviceReadCapacity = 0x10 // of scsiServiceIn16
	serviceLBAStatus    = 0x12
	variableRead        = 0x09 // of scsiVariableLength
	variableVerify      = 0x0a
	variableWrite       = 0x0b
	variableWriteSame   = 0x0d
)

// A cdb is a SCSI command block. Bytes after its end are 0.
type cdb [32]byte

func (c *cdb) u16(at int) uint64 { return uint64(binary.BigEndian.Uint16(c[at:])) }
func (c *cdb) u32(at int) uint64 { return uint64(binary.BigEndian.Uint32(c[at:])) }

// s32 is u32 as the plugin computes it for 64 bits: with its sign extended.
func (c *cdb) s32(at int) uint64 { return uint64(int64(int32(c.u32(at)))) }

// s64 is a number of 64 bits with the lower half extended like s32.
func (c *cdb) s64(at int) uint64 { return c.u32(at)<<32 | c.s32(at+4) }

// appendCDB prints a command block as libtraceevent's plugin_scsi.c does.
func appendCDB(dst, b []byte) []byte {
	var c cdb
	copy(c[:], b)
	switch c[0] {
	case scsiRead6, scsiWrite6:
		dst = appendDecimal(append(dst, "lba="...), uint64(c[1]&0x1f)<<16|c.u16(2))
		return appendDecimal(append(dst, " txlen="...), uint64(c[4]))
	case scsiRead10, scsiVerify, scsiWrite10, scsiWriteSame:
		return c.appendTransfer(dst, c.s32(2), c.u16(7), c[0] == scsiWriteSame)
	case scsiRead12, scsiVerify12, scsiWrite12:
		return c.appendTransfer(dst, c.s32(2), c.s32(6), false)
	case scsiRead16, scsiVerify16, scsiWrite16, scsiWriteSame16:
		return c.appendTransfer(dst, c.s64(2), c.s32(10), c[0] == scsiWriteSame16)
	case scsiUnmap:
		return appendDecimal(append(dst, "regions="...), uint64((uint32(c.u16(7))-8)/16))
	case scsiServiceIn16:
		return c.appendServiceIn(dst)
	case scsiVariableLength:
		return c.appendVariable(dst)
	}
	return append(dst, '-')
}

func (c *cdb) appendTransfer(dst []byte, lba, length uint64, unmap bool) []byte {
	dst = appendDecimal(append(dst, "lba="...), lba)
	dst = appendDecimal(append(dst, " txlen="...), length)
	dst = appendDecimal(append(dst, " protect="...), uint64(c[1]>>5))
	if unmap {
		dst = appendDecimal(append(dst, " unmap="...), uint64(c[1]>>3&1))
	}
	return dst
}

func (c *cdb) appendServiceIn(dst []byte) []byte {
	switch c[1] & 0x1f {
	case serviceReadCapacity:
		dst = append(dst, "READ_CAPACITY_16"...)
	case serviceLBAStatus:
		dst = append(dst, "GET_LBA_STATUS"...)
	default:
		return append(dst, "UNKNOWN"...)
	}
	dst = appendDecimal(append(dst, " lba="...), c.s64(2))
	return appendDecimal(append(dst, " alloc_len="...), c.u32(10))
}

func (c *cdb) appendVariable(dst []byte) []byte {
	action := c.u16(8)
	switch action {
	case variableRead:
		dst = append(dst, "READ"...)
	case variableVerify:
		dst = append(dst, "VERIFY"...)
	case variableWrite:
		dst = append(dst, "WRITE"...)
	case variableWriteSame:
		dst = append(dst, "WRITE_SAME"...)
	default:
		return append(dst, '-')
	}
	dst = appendDecimal(append(dst, "_32 lba="...), c.s64(12))
	dst = appendDecimal(append(dst, " txlen="...), c.s32(28))
	dst = appendDecimal(append(dst, " protect="...), uint64(c[10]>>5))
	dst = appendDecimal(append(dst, " ei_lbrt="...), c.u32(20))
	if action == variableWriteSame {
		dst = appendDecimal(append(dst, " unmap="...), uint64(c[10]>>3&1))
	}
	return dst
}
