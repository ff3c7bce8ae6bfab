package datwriter

import (
	"fmt"
	"strconv"
	"strings"
)

// A Format declares an event. A field is a C declaration: "u32 isa",
// "char comm[16]", "__data_loc char[] name", "__rel_loc u8[] data". Its size may
// stand after a colon where it is not that of the type: "int op:8".
type Format struct {
	System, Name string
	Fields       []string
	Print        string // what stands after "print fmt: "
}

// An EventType is a declared event; it makes records.
type EventType struct {
	f      *File
	id     uint16
	fields []fieldType
	fixed  int // bytes of the record without what __data_loc and __rel_loc point at
}

type fieldType struct {
	decl      string
	off, size int
	elem      int
	loc, rel  bool
}

// Declared is Declare for an event that may have been declared before.
func (f *File) Declared(d Format) *EventType {
	t, ok := f.types[d.Name]
	if !ok {
		if f.types == nil {
			f.types = map[string]*EventType{}
		}
		t = f.Declare(d)
		f.types[d.Name] = t
	}
	return t
}

// Declare adds an event with an id of its own.
func (f *File) Declare(d Format) *EventType {
	t := &EventType{f: f, id: uint16(SampleID + 1 + f.declared), fixed: 8}
	f.declared++
	var decls []string
	for _, decl := range d.Fields {
		decl, size, other := strings.Cut(decl, ":")
		ft := f.fieldType(decl)
		if n, err := strconv.Atoi(size); other && err == nil {
			ft.size, ft.elem = n, n
		}
		align := min(ft.elem, f.Long)
		if ft.loc || ft.rel {
			align = 4
		}
		t.fixed = (t.fixed + align - 1) / align * align
		ft.off = t.fixed
		t.fixed += ft.size
		t.fields = append(t.fields, ft)
		decls = append(decls, field(decl, ft.off, ft.size, signedness(decl)))
	}
	text := strings.Replace(f.format(d.Name, int(t.id), decls...), `print fmt: "`+d.Name+`"`, "print fmt: "+d.Print, 1)
	if d.System == "ftrace" {
		f.Ftrace = append(f.Ftrace, text)
		return t
	}
	for i := range f.Systems {
		if f.Systems[i].Name == d.System {
			f.Systems[i].Formats = append(f.Systems[i].Formats, text)
			return t
		}
	}
	f.Systems = append(f.Systems, System{d.System, []string{text}})
	return t
}

func (f *File) fieldType(decl string) fieldType {
	t := fieldType{decl: decl, loc: strings.HasPrefix(decl, "__data_loc "), rel: strings.HasPrefix(decl, "__rel_loc ")}
	base, dims, array := strings.Cut(decl, "[")
	if cut := strings.LastIndexAny(base, " *"); cut >= 0 && (!t.loc && !t.rel || !array) {
		base = base[:cut+1]
	}
	base = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(base, "__data_loc "), "__rel_loc "))
	t.elem = f.sizeOf(base)
	t.size = t.elem
	switch {
	case t.loc || t.rel:
		t.size = 4
	case array:
		n, err := strconv.Atoi(strings.TrimSuffix(dims, "]"))
		if err != nil {
			n = 0 // "buf[]": up to the end of the record
		}
		t.size *= n
	}
	return t
}

// sizeOf gives the size of a C type of the kernel.
func (f *File) sizeOf(typ string) int {
	switch strings.TrimPrefix(strings.TrimPrefix(typ, "unsigned "), "__") {
	case "char", "u8", "s8", "bool":
		return 1
	case "short", "u16", "s16":
		return 2
	case "long", "size_t", "cpumask_t":
		return f.Long
	case "u64", "s64", "long long":
		return 8
	}
	if strings.HasSuffix(typ, "*") {
		return f.Long
	}
	return 4
}

func signedness(decl string) int {
	base := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(decl, "__data_loc "), "__rel_loc "), "__")
	if strings.HasPrefix(base, "u") || strings.HasPrefix(base, "bool") || strings.Contains(base, "*") || strings.HasPrefix(base, "size_t") {
		return 0
	}
	return 1
}

// Record gives the bytes of an event with a value for each field: an integer, a
// string or bytes. A string ends with a NUL in a field that has room for it.
func (t *EventType) Record(pid int32, values ...any) []byte { return t.RecordAt(pid, 0, 0, values...) }

// RecordAt is Record with flags and preempt count.
func (t *EventType) RecordAt(pid int32, flags, preempt uint8, values ...any) []byte {
	if len(values) != len(t.fields) {
		panic(fmt.Sprintf("%d values for %d fields", len(values), len(t.fields)))
	}
	b := t.f.common(t.id, flags, preempt, pid)
	b = append(b, make([]byte, t.fixed-len(b))...)
	for i, ft := range t.fields {
		data := t.f.bytes(ft, values[i])
		switch {
		case ft.loc || ft.rel:
			for len(b)%min(ft.elem, 8) != 0 {
				b = append(b, 0)
			}
			at := len(b)
			if ft.rel {
				at -= ft.off + 4
			}
			t.f.Order().PutUint32(b[ft.off:], uint32(len(data)<<16|at))
			b = append(b, data...)
		case ft.size == 0:
			b = append(b, data...)
		default:
			copy(b[ft.off:ft.off+ft.size], data)
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func (f *File) bytes(ft fieldType, value any) []byte {
	switch v := value.(type) {
	case string:
		if ft.size == 0 {
			return []byte(v)
		}
		return append([]byte(v), 0)
	case []byte:
		return v
	case int:
		return f.integer(uint64(v), ft.elem)
	case int64:
		return f.integer(uint64(v), ft.elem)
	case uint64:
		return f.integer(v, ft.elem)
	case []int:
		return array(f, v, ft.elem)
	case []int64:
		return array(f, v, ft.elem)
	}
	panic(fmt.Sprintf("%s: a value of type %T", ft.decl, value))
}

func array[T int | int64](f *File, values []T, size int) []byte {
	var b []byte
	for _, n := range values {
		b = append(b, f.integer(uint64(n), size)...)
	}
	return b
}

func (f *File) integer(v uint64, size int) []byte {
	o := f.Order()
	switch size {
	case 1:
		return []byte{byte(v)}
	case 2:
		return o.AppendUint16(nil, uint16(v))
	case 4:
		return o.AppendUint32(nil, uint32(v))
	}
	return o.AppendUint64(nil, v)
}
