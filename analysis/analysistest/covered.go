package analysistest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Covered wants each number and flag of a result to be other than zero, and each list
// and map to hold something, in one of the parts that laws are checked with: one that
// is zero in all of them could be left out of Merge without any law noticing. Types that are merged by laws of their own
// (package stat) count as one field; settings (types named Config), inputs (package
// result) and what comes from the catalogue are not merged. elsewhere are fields that
// another test sees merged, by their path as the failure prints it, with its name.
func Covered[S any](t *testing.T, elsewhere map[string]string, parts ...S) {
	t.Helper()
	seen := fields{}
	for _, p := range parts {
		seen.add("", reflect.ValueOf(p), map[uintptr]bool{})
	}
	for _, name := range seen.zero() {
		if _, ok := elsewhere[name]; !ok {
			t.Errorf("%s is zero in every part: no law sees whether it is merged; give a part that has it", name)
		}
	}
	for name, test := range elsewhere {
		if nonzero, ok := seen[name]; !ok || nonzero || test == "" {
			t.Errorf("elsewhere[%q] = %q: there is no such field, a part has it, or no test is named", name, test)
		}
	}
}

// fields tells of each field, by its path, whether a value other than zero was
// seen.
type fields map[string]bool

func (f fields) zero() []string {
	var names []string
	for name, nonzero := range f {
		if !nonzero {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// add walks what a value holds. Elements of slices and maps share a path.
func (f fields) add(path string, v reflect.Value, above map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || above[v.Pointer()] {
			return
		}
		above[v.Pointer()] = true
		f.add(path, v.Elem(), above)
	case reflect.Struct:
		f.addStruct(path, v, above)
	case reflect.Slice, reflect.Array:
		f[path] = f[path] || v.Len() > 0
		for i := range v.Len() {
			f.add(path+"[]", v.Index(i), above)
		}
	case reflect.Map:
		f[path] = f[path] || v.Len() > 0
		for it := v.MapRange(); it.Next(); {
			f.add(path+"[]", it.Value(), above)
		}
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		f[path] = f[path] || !v.IsZero()
	}
}

func (f fields) addStruct(path string, v reflect.Value, above map[uintptr]bool) {
	switch t := v.Type(); {
	case isWhole(t):
		f[path] = f[path] || !v.IsZero()
		return
	case isSetting(t):
		return
	}
	for i := range v.NumField() {
		f.add(strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), v.Field(i), above)
	}
}

// isWhole are types whose merging is tested where they are.
func isWhole(t reflect.Type) bool {
	return strings.HasSuffix(t.PkgPath(), "/analysis/stat") || strings.HasSuffix(t.PkgPath(), "/parser/cpumask")
}

// isSetting are types that are not merged.
func isSetting(t reflect.Type) bool {
	for _, pkg := range []string{"/analysis/result", "/analysis/catalog", "/parser/trace"} {
		if strings.HasSuffix(t.PkgPath(), pkg) {
			return true
		}
	}
	return t.Name() == "Config" || t.PkgPath() != "" && !strings.Contains(t.PkgPath(), ".") // of the standard library
}
