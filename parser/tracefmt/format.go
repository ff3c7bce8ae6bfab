// Package tracefmt reads the descriptions that tracefs gives of its own binary
// data: events/SYSTEM/EVENT/format, events/header_page and
// events/header_event. Sizes, offsets and signedness always come from these
// texts, never from a constant: the common header has changed between kernels
// and differs between architectures.
package tracefmt

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// maxFieldOffset bounds the offsets and sizes that a description may state. A
// record lies within one ring-buffer sub-buffer, which is at most 512 pages
// (kernel/trace/ring_buffer.c, ring_buffer_subbuf_order_set), so a larger
// number is damage.
const maxFieldOffset = 1 << 24

// A FormatError is a description that does not parse.
type FormatError struct {
	Line int // 1-based line of the description
	Msg  string
}

func (e *FormatError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// ParseFormat reads one event's format file. longSize is the size in bytes of
// the traced kernel's long. The description does not hold the event's system:
// the caller sets it.
func ParseFormat(text []byte, longSize int) (*trace.Schema, error) {
	s := &trace.Schema{Type: -1}
	line, inFormat := 0, false
	for rest := text; len(rest) > 0; {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte{'\n'})
		line++
		key, value, _ := bytes.Cut(bytes.TrimSpace(l), []byte{':'})
		var err error
		switch {
		case string(key) == "name":
			s.Name = string(bytes.TrimSpace(value))
		case string(key) == "ID":
			s.Type, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		case string(key) == "format":
			inFormat = true
		case string(key) == "print fmt":
			// the print format is the last entry and may hold line breaks
			s.Print = strings.TrimSpace(string(value) + "\n" + string(rest))
			rest = nil
		case inFormat && (string(key) == "field" || string(key) == "field special"):
			var f trace.Field
			if f, err = parseField(string(value), longSize); err == nil {
				s.AddField(f)
			}
		}
		if err != nil {
			return nil, &FormatError{line, err.Error()}
		}
	}
	if s.Name == "" || s.Type < 0 || !inFormat {
		return nil, &FormatError{line, "not an event format: want name:, ID: and format:"}
	}
	s.IsStack = s.Name == "kernel_stack" || s.Name == "user_stack"
	return s, nil
}

// parseField reads "unsigned int cpu;	offset:8;	size:4;	signed:0;".
func parseField(text string, longSize int) (trace.Field, error) {
	var f trace.Field
	decl, attrs, _ := strings.Cut(text, ";")
	seen := 0
	for attr := range strings.SplitSeq(attrs, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(attr), ":")
		if !ok {
			continue
		}
		if key != "offset" && key != "size" && key != "signed" {
			continue // a later kernel may say more
		}
		n, err := strconv.ParseUint(value, 0, 32)
		if err != nil || n > maxFieldOffset {
			return f, fmt.Errorf("field %q: %s is %q, want a number up to %d", decl, key, value, maxFieldOffset)
		}
		switch key {
		case "offset":
			f.Off, seen = uint32(n), seen|1
		case "size":
			f.Size, seen = uint32(n), seen|2
		case "signed":
			f.Signed = n != 0
		}
	}
	if seen != 3 {
		return f, fmt.Errorf("field %q: want offset and size", decl)
	}
	dims := declare(&f, strings.TrimSpace(decl))
	if f.Name == "" {
		return f, fmt.Errorf("field %q has no name", decl)
	}
	f.Common = strings.HasPrefix(f.Name, "common_")
	classify(&f, dims, longSize)
	return f, nil
}

// declare splits a C declaration into type and name and returns what stands in
// the array brackets after the name ("16", "", "TASK_COMM_LEN", "2][3"), or
// "-" if there are none.
func declare(f *trace.Field, decl string) string {
	dims := "-"
	// "__data_loc char[] name" has its brackets in the type, "char comm[16]"
	// after the name.
	for open := strings.LastIndexByte(decl, '['); open >= 0 && strings.HasSuffix(decl, "]"); open = strings.LastIndexByte(decl, '[') {
		dim := decl[open+1 : len(decl)-1]
		if dims != "-" { // int m[2][3]
			dim += "][" + dims
		}
		dims, decl = dim, strings.TrimSpace(decl[:open])
	}
	cut := strings.LastIndexAny(decl, " *")
	f.Name = decl[cut+1:]
	f.Type = strings.TrimSpace(decl[:cut+1])
	if dims != "-" {
		f.Type += "[" + dims + "]"
	}
	return dims
}

func classify(f *trace.Field, dims string, longSize int) {
	base := f.Type
	switch {
	case strings.HasPrefix(base, "__data_loc "):
		f.Loc, base = trace.DataLoc, base[len("__data_loc "):]
	case strings.HasPrefix(base, "__rel_loc "):
		f.Loc, base = trace.RelLoc, base[len("__rel_loc "):]
	}
	array := f.Loc != trace.Inline || dims != "-"
	scalar, _, _ := strings.Cut(base, "[")
	scalar = strings.TrimSpace(scalar)
	switch {
	case strings.Contains(scalar, "cpumask_t"):
		f.Kind, f.Elem = trace.KindMask, uint32(longSize)
	case array && isChar(scalar):
		f.Kind, f.Elem = trace.KindString, 1
	case array:
		f.Kind, f.Elem = trace.KindArray, elemSize(f, scalar, dims, longSize)
	case scalar == "char *" || scalar == "const char *":
		f.Kind = trace.KindPointer
	case f.Size == 1 || f.Size == 2 || f.Size == 4 || f.Size == 8:
		f.Kind = trace.KindInt
	default:
		f.Kind, f.Elem = trace.KindArray, 1
	}
}

func isChar(scalar string) bool {
	return scalar == "char" || scalar == "const char"
}

// elemSize gives the size of one array element. An array of known length says
// it; one of unknown length is taken by its C type.
func elemSize(f *trace.Field, scalar, dims string, longSize int) uint32 {
	if n, err := strconv.ParseUint(dims, 0, 32); err == nil && n > 0 && f.Loc == trace.Inline && f.Size%uint32(n) == 0 && f.Size > 0 {
		return f.Size / uint32(n)
	}
	switch strings.TrimPrefix(strings.TrimPrefix(scalar, "unsigned "), "__") {
	case "char", "u8", "s8", "uint8_t", "int8_t", "bool":
		return 1
	case "short", "u16", "s16", "uint16_t", "int16_t":
		return 2
	case "long", "size_t", "void *":
		return uint32(longSize)
	case "u64", "s64", "long long", "uint64_t", "int64_t":
		return 8
	case "int", "u32", "s32", "uint32_t", "int32_t", "unsigned":
		return 4
	}
	return 1
}
