package cli

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBuildIDNote: notes as a kernel of Debian has them (/sys/kernel/notes): one of
// Xen, and the build-id behind a note whose name is not padded.
func TestBuildIDNote(t *testing.T) {
	note := func(typ uint32, name, desc string) string {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
		b = binary.BigEndian.AppendUint32(b, uint32(len(desc)))
		b = binary.BigEndian.AppendUint32(b, typ)
		pad := func(s string) string { return s + strings.Repeat("\x00", -len(s)&3) }
		return string(b) + pad(name) + pad(desc)
	}
	id := strings.Repeat("\xab\x01", 10)
	for text, want := range map[string]string{
		note(6, "Xen\x00", "linux\x00") + note(3, "GNU\x00", id) + note(0x100, "Linux\x00", "x"): strings.Repeat("ab01", 10),
		note(3, "GNU\x00", id): strings.Repeat("ab01", 10),
		note(3, "Xen\x00", id): "", note(1, "GNU\x00", id): "", "": "", note(3, "GNU\x00", id)[:20]: "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff": "",
	} {
		if got := buildIDNote([]byte(text), binary.BigEndian); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestSymbolsOfAnotherBuild: symbols that are known to be of another kernel are
// refused, however alike the two are.
func TestSymbolsOfAnotherBuild(t *testing.T) {
	id, other := strings.Repeat("0a", 20), strings.Repeat("0b", 20)
	dir := filepath.Join(t.TempDir(), "[kernel.kallsyms]", id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "kallsyms")
	if err := os.WriteFile(file, []byte("ffffffff81000000 T _text\nffffffff81000010 T f\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for trace, ok := range map[string]bool{id: true, "": true, other: false} {
		for _, path := range []string{file, dir} {
			s, err := loadSymbols(path)
			if err != nil {
				t.Fatal(err)
			}
			table, err := s.For(trace)
			if (err == nil) != ok || ok != (table != nil) || err != nil && !strings.Contains(err.Error(), other) {
				t.Errorf("%s for a trace of %q: %v, %v", path, trace, table, err)
			}
		}
	}
}
