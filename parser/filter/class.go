package filter

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// class is what the kernel takes a field for (filter_assign_type). It decides
// which values and operators it takes.
type class uint8

const (
	classAny        class = iota // not known: no schema, or text that does not say
	classScalar                  // everything that is nothing else
	classStatic                  // char x[16]
	classDyn                     // __data_loc char[], __rel_loc char[]
	classPointer                 // char *
	classCPUMask                 // __data_loc cpumask_t
	classCPU                     // CPU, cpu, common_cpu
	classComm                    // COMM, comm
	classStack                   // stacktrace, STACKTRACE
	classFunctionIP              // the fields of ftrace:function
)

// text reports whether a quoted value suits the class.
func (c class) text() bool {
	switch c {
	case classAny, classStatic, classDyn, classPointer, classComm:
		return true
	}
	return false
}

// origin says where an event keeps the field.
type origin uint8

const (
	fromPayload origin = iota
	fromType           // common_type
	fromFlags          // common_flags
	fromPreempt        // common_preempt_count
	fromPID            // common_pid
	fromNowhere        // CPU, COMM and stacktrace are no fields of the record
)

type field struct {
	class  class
	origin origin
	ref    trace.FieldRef
	size   uint32 // bytes, as the kernel has it; 0 for the generic fields
	signed bool
	own    bool // one of the event's own fields, not generic or common
}

// lookup finds a field in the kernel's order: the event's own, the generic
// ones, the common ones (trace_find_event_field).
func lookup(s *trace.Schema, name string, env Env) (field, bool) {
	if s == nil {
		return field{class: classAny, ref: trace.NoField}, true
	}
	for i := range s.Fields {
		if f := &s.Fields[i]; !f.Common && f.Name == name {
			d := describe(f, env)
			d.own = true
			if s.System == "ftrace" && s.Name == "function" {
				d.class = classFunctionIP
			}
			return d, true
		}
	}
	if f, ok := generic(name); ok {
		return f, true
	}
	return common(s, name, env)
}

// generic are the fields that exist on every event without being part of its
// record. They have no size there (trace_define_generic_fields).
func generic(name string) (field, bool) {
	f := field{origin: fromNowhere, ref: trace.NoField}
	switch name {
	case "CPU", "cpu", "common_cpu":
		f.class, f.signed = classCPU, true
	case "COMM", "comm":
		f.class = classComm
	case "stacktrace", "STACKTRACE":
		f.class = classStack
	default:
		return f, false
	}
	return f, true
}

// common finds the fields of the event header, which a Source has decoded
// before it delivers the event. A schema that was made from text does not list
// them.
func common(s *trace.Schema, name string, env Env) (field, bool) {
	f := field{class: classScalar, ref: trace.NoField}
	listed := false
	for i := range s.Fields {
		if !s.Fields[i].Common {
			continue
		}
		listed = true
		if s.Fields[i].Name == name {
			f = describe(&s.Fields[i], env)
			f.origin = fromHeader(name)
			return f, true
		}
	}
	f.origin = fromHeader(name)
	switch f.origin {
	case fromType:
		f.size = 2
	case fromFlags, fromPreempt:
		f.size = 1
	case fromPID:
		f.size, f.signed = 4, true
	}
	return f, !listed && f.size != 0
}

func fromHeader(name string) origin {
	switch name {
	case "common_type":
		return fromType
	case "common_flags":
		return fromFlags
	case "common_preempt_count":
		return fromPreempt
	case "common_pid":
		return fromPID
	}
	return fromPayload
}

func describe(f *trace.Field, env Env) field {
	d := field{class: classify(f), ref: f.Index, size: f.Size, signed: f.Signed}
	if f.Size == 0 && env.Text && (d.class == classScalar || d.class == classAny) {
		// the text does not say how wide its numbers are
		d.class, d.size = classAny, 0
		if f.Kind == trace.KindInt {
			d.class, d.size = classScalar, 8
		}
	}
	return d
}

// classify follows the type as the format file spells it, or what the
// catalogue knows of the field where there is no format file.
func classify(f *trace.Field) class {
	t := f.Type
	char := strings.Contains(t, "char")
	switch {
	case t == "":
		return classifyKind(f)
	case strings.Contains(t, "__data_loc") && char, strings.Contains(t, "__rel_loc") && char:
		return classDyn
	case strings.Contains(t, "__data_loc") && strings.Contains(t, "cpumask_t"):
		return classCPUMask
	case strings.Contains(t, "[") && char:
		return classStatic
	case t == "char *" || t == "const char *":
		return classPointer
	}
	return classScalar
}

func classifyKind(f *trace.Field) class {
	switch f.Kind {
	case trace.KindString:
		if f.Loc == trace.Inline && f.Size > 0 {
			return classStatic
		}
		return classDyn
	case trace.KindMask:
		if f.Loc == trace.RelLoc {
			return classScalar
		}
		return classCPUMask
	case trace.KindPointer:
		return classPointer
	case trace.KindInt, trace.KindArray:
		return classScalar
	}
	return classAny
}
