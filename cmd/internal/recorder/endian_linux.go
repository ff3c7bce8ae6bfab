package recorder

import "encoding/binary"

func nativeUint32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// bigEndian is this machine's byte order, which its ring buffers have.
func bigEndian() bool { return nativeUint32(1)[3] == 1 }
