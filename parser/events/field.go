package events

import (
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A ctype is a scalar C type of the kernel as its format files give it.
type ctype struct {
	size   uint32
	signed bool
}

// ctypes holds the types that the catalogue uses, with the sizes of a 64-bit
// kernel. Plain char is unsigned since 6.2 (-funsigned-char).
var ctypes = map[string]ctype{
	"bool":               {1, false},
	"char":               {1, false},
	"unsigned char":      {1, false},
	"u16":                {2, false},
	"int":                {4, true},
	"pid_t":              {4, true},
	"clockid_t":          {4, true},
	"u32":                {4, false},
	"unsigned int":       {4, false},
	"enum hrtimer_mode":  {4, false},
	"long":               {8, true},
	"s64":                {8, true},
	"u64":                {8, false},
	"unsigned long":      {8, false},
	"unsigned long long": {8, false},
	"resource_size_t":    {8, false},
	"const char *":       {8, false},
	"char *":             {8, false},
	"void *":             {8, false},
}

// parseField reads a declaration of the catalogue, "unsigned int cpu" or
// "char comm[16]" or "__data_loc char[] name".
func parseField(decl string) trace.Field {
	cut := strings.LastIndexAny(decl, " *") + 1
	f := trace.Field{Name: decl[cut:], Type: strings.TrimSpace(decl[:cut])}
	if name, dim, ok := strings.Cut(f.Name, "["); ok {
		f.Name, f.Type = name, f.Type+"["+dim
	}
	base, isLoc := strings.CutPrefix(f.Type, "__data_loc ")
	if isLoc {
		f.Loc, f.Size = trace.DataLoc, 4
	}
	scalar, dim, isArray := strings.Cut(base, "[")
	c := ctypes[scalar]
	switch {
	case base == "cpumask_t":
		f.Kind, f.Elem = trace.KindMask, ctypes["unsigned long"].size
	case isArray:
		f.Kind, f.Elem = trace.KindArray, c.size
		if scalar == "char" {
			f.Kind = trace.KindString
		}
		if !isLoc {
			n, _ := strconv.Atoi(strings.TrimSuffix(dim, "]"))
			f.Size = uint32(n) * c.size
		}
	case strings.HasSuffix(base, "char *"):
		f.Kind, f.Size = trace.KindPointer, c.size
	default:
		f.Kind, f.Size, f.Signed = trace.KindInt, c.size, c.signed
	}
	return f
}
