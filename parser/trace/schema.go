package trace

// Kind is what a field holds.
type Kind uint8

const (
	KindUnknown Kind = iota
	KindInt          // scalar of 1, 2, 4 or 8 bytes; Field.Signed says how to extend it
	KindString       // NUL-terminated characters, fixed array or __data_loc
	KindMask         // cpumask_t
	KindArray        // anything else that repeats: bytes, longs, bitmask
	KindPointer      // char *: the address of a string that is not in the record
)

// Location is where a field's bytes are.
type Location uint8

const (
	// Inline fields lie at Off.
	Inline Location = iota
	// DataLoc fields hold a word at Off: length<<16 | offset from the start of
	// the record.
	DataLoc
	// RelLoc is as DataLoc, the offset counting from the end of the word.
	RelLoc
)

// A Field is one field of an event, as the kernel's format file describes it.
// Text inputs have no format files: their fields come from the catalogue of
// known events or from what was printed, with Off and Size as far as known.
type Field struct {
	Name   string
	Type   string // as in the format file, "unsigned int", "__data_loc cpumask_t"
	Kind   Kind
	Loc    Location
	Off    uint32 // bytes from the start of the record
	Size   uint32 // bytes at Off, 0 for a flexible array that runs to the record's end
	Elem   uint32 // bytes of one element of an array, 0 if not an array
	Signed bool
	Common bool // one of the common_ fields that every event starts with
	Index  FieldRef
}

// A FieldRef is the index of a field within its Schema, NoField if there is
// none. It is valid for events of that schema only.
type FieldRef int32

const NoField FieldRef = -1

// A Schema describes one kind of event. It is not changed once its first event
// was delivered, except that a text source may append fields to it.
type Schema struct {
	ID     EventID
	System string // "ipi"; empty if a text does not say and the catalogue does not know
	Name   string // "ipi_send_cpu"
	Type   int    // the kernel's event id (common_type), -1 if unknown
	Fields []Field
	Print  string // the print fmt of the format file
	// IsStack marks kernel_stack and user_stack, whose payload is a stack.
	IsStack bool

	// Format is what Table.Describe knows of the event, nil if nothing: fields
	// that are added are as it says.
	Format *Schema
}

// FullName is "system:name", or the name alone if the system is not known.
func (s *Schema) FullName() string {
	if s.System == "" {
		return s.Name
	}
	return s.System + ":" + s.Name
}

// Ref finds a field by name.
func (s *Schema) Ref(name string) FieldRef {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return FieldRef(i)
		}
	}
	return NoField
}

// AddField appends a field and returns its reference. Of an event that was
// described the field is as the format says.
func (s *Schema) AddField(f Field) FieldRef {
	if s.Format != nil {
		if ref := s.Format.Ref(f.Name); ref != NoField {
			f = s.Format.Fields[ref]
		}
	}
	f.Index = FieldRef(len(s.Fields))
	s.Fields = append(s.Fields, f)
	return f.Index
}

// complete takes what format says about the event and its fields. Fields that
// only the format has are not added: the input does not hold them, or shows them
// later.
func (s *Schema) complete(format *Schema) {
	s.Format = format
	s.Type, s.Print = format.Type, format.Print
	if s.System == "" {
		s.System = format.System
	}
	for i := range s.Fields {
		ref := format.Ref(s.Fields[i].Name)
		if ref == NoField {
			continue
		}
		s.Fields[i] = format.Fields[ref]
	}
}
