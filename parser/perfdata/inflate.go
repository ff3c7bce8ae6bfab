package perfdata

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An inflate unpacks what perf record -z compressed. One zstd stream runs through
// all compressed records of a file and never ends; a record may go on in the next
// of them, while others stand between.
type inflate struct {
	st      *stream
	dec     *zstd.Decoder
	payload []byte // of the current compressed record, not read yet
	plain   []byte // whole records that stand before what comes next
	rest    []byte // unpacked bytes of a record that is not whole
	err     error  // of the records around
	count   int64  // bytes unpacked
	ended   bool
}

// maxWindow bounds the memory that unpacking takes: perf's level 1 has a window of
// 512 KiB, level 22 one of 128 MiB.
const maxWindow = 128 << 20

func (st *stream) startInflate() error {
	st.inflate = &inflate{st: st}
	st.src.table.Meta.Compression = "zstd"
	// With one goroutine the decoder asks for the next payload only after all
	// before was delivered: so what stands between keeps its place.
	dec, err := zstd.NewReader(st.inflate, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	st.inflate.dec = dec
	return err
}

// Read implements io.Reader for the decoder: it returns the payloads.
func (z *inflate) Read(p []byte) (int, error) {
	for len(z.payload) == 0 {
		if z.err != nil {
			return 0, io.EOF
		}
		rec, err := z.st.readRecord()
		if rec == nil {
			if z.err = err; err == nil {
				z.err = io.EOF
			}
			return 0, io.EOF
		}
		order := z.st.src.order
		switch typ := order.Uint32(rec); {
		case typ == recCOMPRESSED:
			z.payload = rec[headerSize:]
		case typ == recCOMPRESSED2:
			z.payload = compressed2(rec, order.Uint64)
		case typ >= recPerf && isSpecial(typ):
			if z.err = z.st.describe(typ, rec); z.err != nil {
				return 0, io.EOF
			}
		default:
			z.st.run(rec)
			z.plain = append(z.plain, rec...)
		}
	}
	n := copy(p, z.payload)
	z.payload = z.payload[n:]
	return n, nil
}

// compressed2 returns the payload of a record that says its size. perf 6.16.1 is
// said to write a wrong one where a flush makes several records: 0, or too much.
func compressed2(rec []byte, u64 func([]byte) uint64) []byte {
	if len(rec) < 16 {
		return nil
	}
	n := u64(rec[8:])
	if n == 0 || n > uint64(len(rec)-16) {
		n = uint64(len(rec) - 16)
	}
	return rec[16 : 16+n]
}

// cutInflated makes b the next whole records. It is false at the end.
func (st *stream) cutInflated(b *batch) bool {
	z := st.inflate
	b.data, b.mem, b.off = b.mem[:0], nil, st.outer.at()
	if cap(b.data) < blockSize {
		b.data = make([]byte, 0, blockSize+maxRecord)
	}
	for !z.ended && len(b.data) < blockSize {
		n, err := z.more()
		b.data = append(b.data, z.plain...)
		z.plain = z.plain[:0]
		if n > 0 {
			whole := st.run(z.rest)
			b.data = append(b.data, z.rest[:whole]...)
			z.rest = z.rest[:copy(z.rest, z.rest[whole:])]
			if err == nil {
				err = st.stuck(z.rest)
			}
		}
		if err != nil {
			z.end(err)
		}
		if st.outer.live && len(b.data) > 0 {
			break
		}
	}
	b.mem = b.data
	return len(b.data) > 0
}

// more unpacks some more after rest.
func (z *inflate) more() (int, error) {
	const step = 128 << 10
	had := len(z.rest)
	if cap(z.rest)-had < step {
		z.rest = append(make([]byte, 0, 2*(had+step)), z.rest...)
	}
	n, err := z.dec.Read(z.rest[had : had+step])
	z.rest = z.rest[:had+n]
	z.count += int64(n)
	return n, err
}

// stuck is what is wrong with a record that can never be whole.
func (st *stream) stuck(p []byte) error {
	if len(p) < headerSize {
		return nil
	}
	order := st.src.order
	typ, size := order.Uint32(p), int(order.Uint16(p[6:]))
	if err := wrongHeader(typ, size); err != nil {
		return fmt.Errorf("in compressed data: %w", err)
	}
	if size <= len(p) && typ >= recPerf && isSpecial(typ) {
		return fmt.Errorf("a record of type %d in compressed data: nothing after it can be read", typ)
	}
	return nil
}

// end ends with what is wrong, if something is. That the zstd stream has no end is
// how perf writes it.
func (z *inflate) end(err error) {
	z.ended = true
	if z.dec != nil {
		z.dec.Close()
		z.dec = nil
	}
	switch {
	case z.err != nil && z.err != io.EOF:
		err = z.err
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		if err = nil; len(z.rest) > 0 {
			err = errCut
		}
	default:
		err = fmt.Errorf("zstd: %w", err)
	}
	if err != nil {
		z.st.fail(z.st.outer.at(), err)
	}
}

func (z *inflate) close() {
	if z.dec != nil {
		z.dec.Close()
		z.dec = nil
	}
}
