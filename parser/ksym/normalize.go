package ksym

// Normalize returns the name without the parts that differ between two builds of
// the same source, so that a function keeps one name across kernels:
//
//	do_sync.constprop.0  do_sync.isra.0.cold  do_sync.part.42   GCC clones
//	do_sync.cold  do_sync.lto_priv.0                            GCC
//	do_sync.llvm.1234  do_sync.cfi_jt  do_sync.cfi              Clang LTO and CFI
//
// in any combination and any number. A leading dot, the code entry of big-endian
// ppc64 (".do_sync" beside the descriptor "do_sync"), goes as well, except of
// labels (".L12"). Other suffixes stay: "x.0" and "x.1" are two static objects.
// Rust's mangled names (_R...) stay as they are.
//
// The result is a part of name and never empty unless name is. Normalize of a
// result changes nothing more.
func Normalize(name string) string {
	if isRust(name) {
		return name
	}
	if len(name) > 1 && name[0] == '.' && isLetter(name[1]) && name[1] != 'L' {
		name = name[1:]
	}
	for {
		stem := trimSuffix(name)
		if len(stem) == len(name) {
			return name
		}
		name = stem
	}
}

// isRust reports a name of Rust's v0 mangling: _R, perhaps a version, then the
// tag of a path (RFC 2603).
func isRust(name string) bool {
	return len(name) > 2 && name[0] == '_' && name[1] == 'R' && (name[2] >= 'A' && name[2] <= 'Z' || name[2]-'0' <= 9)
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// trimSuffix cuts one ".word" or ".word.digits" off the end, if the compiler
// made it and something other than a dot is left before it.
func trimSuffix(name string) string {
	end := len(name)
	for end > 0 && name[end-1]-'0' <= 9 {
		end--
	}
	numbered := end < len(name) && end > 0 && name[end-1] == '.'
	if numbered {
		end--
	} else {
		end = len(name) // digits that belong to a word, or none
	}
	dot := end - 1
	for dot > 0 && name[dot] != '.' {
		dot--
	}
	if dot <= 0 || name[dot-1] == '.' {
		return name
	}
	switch name[dot+1 : end] {
	case "constprop", "isra", "part", "cold", "lto_priv", "cfi_jt", "cfi":
		return name[:dot]
	case "llvm":
		if numbered {
			return name[:dot]
		}
	}
	return name
}
