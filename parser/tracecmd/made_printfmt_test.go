package tracecmd_test

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

// numbers are the fields and values that operators are tried on.
func numberFields() []string {
	return []string{"u8 b", "s8 sb", "u16 h", "s16 sh", "u32 w", "s32 sw", "u64 q", "s64 sq", "unsigned long l", "u16 a[4]", "bool flag"}
}

func numberRecords() [][]any {
	return [][]any{
		list(1, 2, 3, 4, 5, 6, 7, 8, 9, []int{10, 11, 12, 13}, 0),
		list(0xff, -1, 0xfffe, -2, uint64(0xfffffffd), -3, -4, -5, -6, []int{0xffff, 0, 1, 0x8000}, 1),
	}
}

// operatorEvents: every operator of C, alone and beside others.
func operatorEvents() *datwriter.File {
	l := newLog()
	n := 0
	try := func(format string, exprs ...string) {
		print := fmt.Sprintf("%q", format)
		for _, e := range exprs {
			print += ", " + e
		}
		n++
		l.add("test", fmt.Sprintf("op%d", n), numberFields(), print, numberRecords()...)
	}
	for _, op := range []string{"*", "/", "%", "+", "-", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "&", "|", "&&", "||"} {
		try("%d %lld", "REC->w "+op+" REC->b", "REC->sq "+op+" REC->sw")
		try("%lx", "REC->q "+op+" 3")
		try("%lx %lx", "REC->q "+op+" REC->b + 2", "REC->q + 2 "+op+" REC->b")
		try("%lx %lx", "(REC->q "+op+" REC->b) & 7", "7 & (REC->q "+op+" REC->b)")
		if op != "/" { // that divides by 0, which ends trace-cmd
			try("%lx", "REC->q "+op+" REC->b "+op+" REC->h")
		}
	}
	for _, e := range []string{
		"!REC->b", "~REC->b", "-REC->b", "+REC->b", "!!REC->b", "~(REC->b | 1)", "-(REC->b + 1)", "!REC->b + 1", "1 + !REC->b", "1 + -REC->b", "~REC->b & 0xff",
		"REC->b ? 1 : 2", "REC->flag ? REC->b : REC->h", "REC->flag ? REC->b + 1 : REC->h + 1", "(REC->flag ? REC->b : REC->h) + 1", "REC->b == 1 ? 1 : REC->b == 255 ? 2 : 3",
		"REC->flag && REC->b ? 4 : 5", "REC->a[0]", "REC->a[1] + 1", "REC->a[REC->flag]", "REC->a[REC->flag + 1]", "REC->a[9]",
		"(u8)REC->q", "(s8)REC->q", "(u16)REC->q", "(s16)REC->q", "(u32)REC->q", "(s32)REC->q", "(u64)REC->w", "(s64)REC->sw", "(char)REC->q", "(unsigned char)REC->q", "(short)REC->q",
		"(unsigned short)REC->q", "(int)REC->q", "(unsigned int)REC->q", "(unsigned)REC->q", "(long)REC->q", "(unsigned long)REC->q", "(unsigned long long)REC->q", "(__u8)REC->q", "(__u32)REC->q",
		"(struct x *)REC->q", "(void *)REC->q", "(unsigned long)(REC->q)", "((u8)(REC->q + 1))", "(u8)REC->q + 1", "(u8)(u32)REC->q", "1 + (u8)REC->q", "(bool)REC->q", "(pid_t)REC->q", "(enum x)REC->q",
		"(REC)->q", "((REC)->q)", "(REC)->q + 1", "((u64)(REC)->q)", "((u64)(REC)->h << 32) | (REC)->w",
		"sizeof(int)", "sizeof(long)", "sizeof(unsigned long)", "sizeof(unsigned)", "sizeof(unsigned int)", "sizeof(long long)", "sizeof(unsigned long long)", "sizeof(u8)", "sizeof(u16)", "sizeof(u32)", "sizeof(u64)",
		"sizeof(__u64)", "sizeof(s8)", "sizeof(__u8)", "sizeof(REC->h)", "sizeof(REC->q) * 2", "sizeof(char)", "sizeof(short)", "sizeof(struct x)", "sizeof(REC->a)", "sizeof(REC->none)", "sizeof(void *)", "sizeof(bool)", "sizeof(size_t)",
		"__builtin_expect(REC->q, 1)", "__builtin_expect(!!(REC->q), 0)", "__builtin_expect(REC->q + 1, 0)", "'a'", "'\\n'", "'0' + 1", "0x10", "010", "10UL", "0xffffffffffffffffULL", "18446744073709551616", "09", "1 2",
		"alpha", "nosuch", "alpha + 1", "(unsigned long)alpha", "REC->none", "REC->none + 1", "nosuch(1)", "REC", "REC->", "REC.q", "1 + 2 * 3", "(1 + 2)", "(u8)300 + 1", "5 - 7", "7 / 2", "1 << 40", "3 > 2", "alpha - 1 + REC->b", "1 +", "(1", "1)", "{1}", "REC->q ? 1", "REC->q[0]", "&REC->q", "*REC->q", "REC->q++", "REC->b, REC->h",
	} {
		try("%lld", e)
	}
	return l.file()
}

// conversionEvents: flags, widths and sizes of printf.
func conversionEvents() *datwriter.File {
	l := newLog()
	n := 0
	try := func(format string, exprs ...string) {
		print := `"` + format + `"`
		for _, e := range exprs {
			print += ", " + e
		}
		n++
		l.add("test", fmt.Sprintf("conv%d", n), append(numberFields(), "char name[8]", "__data_loc char[] text", "const char * s", "void * f"), print,
			append(numberRecords()[0], "ab", "hello", uint64(datwriter.HelloAddr), uint64(datwriter.AlphaAddr)), append(numberRecords()[1], "abcdefg", "", 0, 0))
	}
	for _, c := range []string{"d", "i", "u", "x", "X", "o", "c"} {
		for _, flags := range []string{"", "5", "-5", "05", ".3", "8.3", "-8.3", "#", "#10", "#010", "+", " ", "+05", "- 5"} {
			for _, size := range []string{"", "l", "ll", "h", "hh", "z", "L"} {
				if c == "c" && (size != "" || flags == "#" || flags == ".3") || size != "" && flags != "" && flags != "05" && flags != "#" {
					continue
				}
				try("[%"+flags+size+c+"]", "REC->sq")
			}
		}
	}
	for _, f := range []string{"%s", "%10s", "%-10s|", "%.3s", "%10.3s", "%-10.3s|"} {
		try(f+" "+f+" "+f, "REC->name", "__get_str(text)", `"literal"`)
		try(f, "REC->s")
		try(f+" "+f, `__print_symbolic(REC->b, { 1, "one" }, { 255, "all" })`, `__print_flags(REC->b, "|", { 1, "one" }, { 2, "two" }, { 0xf0, "high" })`)
		try(f, `REC->flag ? "yes" : "no"`)
		try(f, `REC->flag ? REC->name : __get_str(text)`)
	}
	try("%*d|%-*d|%.*d", "REC->b & 7", "REC->h", "5", "REC->h", "3", "REC->b")
	try("%*s|%-*s|%.*s", "10", "REC->name", "10", "REC->name", "1", "REC->name")
	try("%.*s %.*s", "REC->b", "REC->name", "4", "__get_str(text)")
	for _, f := range []string{"%p", "%20p", "%-20p|", "%px", "%pK", "%ps", "%pS", "%pf", "%pF", "%pB", "%pSR", "%psb", "%lp", "%08p", "%pe", "%pr", "%pV", "%pd", "%pGp", "%pC", "%pg", "%pNF", "%pa", "%pO", "%pt"} {
		try(f+" "+f, "REC->f", "REC->s")
	}
	try("%ps %ps", "(void *)REC->f", "(void *)(REC->f + 4)")
	try("%pS", "REC->f + 0x24")
	try("%d %d", "REC->b")
	try("%d", "REC->b", "REC->h")
	try("no arguments")
	try("%s %s %s %s", "5", "5 + 3", "word", "0x10")
	try("%d %s", "REC->b) , REC->h", "REC->name")
	try("%% %5% %q %y %n %", "REC->b")
	try("%m %e %f %g %a", "REC->b", "REC->b", "REC->b")
	try(`tab\tnl\nquote\"back\\slash\a\r\x41 end`)
	try("%hhhd %llld", "REC->b", "REC->b")
	try(`a" "b %d`, "REC->b")
	return l.file()
}

// arrayEvents: __print_array and its kin, with fixed, __data_loc and __rel_loc
// arrays.
func arrayEvents(l *madeLog) *datwriter.File {
	fields := []string{"u8 fixed[6]", "u16 words[3]", "__data_loc u8[] bytes", "__data_loc u32[] nums", "__rel_loc u16[] rel", "__data_loc unsigned long[] longs", "__data_loc char[] text", "__rel_loc char[] reltext",
		"__data_loc cpumask_t mask", "__rel_loc cpumask_t relmask", "int len"}
	records := [][]any{
		list([]int{1, 2, 3, 4, 5, 0xfe}, []int{1, 0xffff, 3}, []byte{0xde, 0xad, 0xbe, 0xef, 1}, []int64{1, 0x80000000}, []int{7, 8, 9}, []int{5, -1}, "hello", "rel text", []int64{0x8000000a, 1}, []int{0, 0}, 2),
		list([]int{0, 0, 0, 0, 0, 0}, []int{0, 0, 0}, []byte{}, []int{}, []int{}, []int{}, "", "", []int{}, []int{-1}, 0),
	}
	n := 0
	try := func(format string, exprs ...string) {
		print := `"` + format + `"`
		for _, e := range exprs {
			print += ", " + e
		}
		n++
		l.add("test", fmt.Sprintf("array%d", n), fields, print, records...)
	}
	for _, a := range []string{"REC->fixed", "__get_dynamic_array(bytes)", "__get_rel_dynamic_array(rel)", "__get_dynamic_array(nums)"} {
		try("%s %s", "__print_hex("+a+", REC->len)", "__print_hex_str("+a+", REC->len)")
		for _, size := range []string{"1", "2", "4", "8", "3", "0"} {
			if size == "0" && a != "REC->fixed" {
				continue
			}
			try("%s", "__print_array("+a+", REC->len / 2, "+size+")")
		}
	}
	try("%s", "__print_array(__get_dynamic_array(nums), __get_dynamic_array_len(nums) / 4, 4)")
	try("%s", "__print_array(__get_dynamic_array(nums), __get_dynamic_array_len(nums) / sizeof(u32), sizeof(u32))")
	try("%s", "__print_array(__get_rel_dynamic_array(rel), 3, 2)")
	try("%s", "__print_array(REC->words, 3, sizeof(u16))")
	try("%d %d %d", "__get_dynamic_array_len(bytes)", "__get_dynamic_array_len(nums)", "3")
	try("%d %d", "((u8 *)__get_dynamic_array(bytes))[1]", "((u8 *)__get_dynamic_array(bytes))[REC->len]")
	try("%lx", "((unsigned long *)__get_dynamic_array(longs))[0]")
	try("%s %s", "__get_str(text)", "__get_rel_str(reltext)")
	try("%s|%20s|%.2s", "__get_rel_str(reltext)", "__get_str(text)", "__get_rel_str(reltext)")
	try("%s %s", "__get_bitmask(mask)", "__get_rel_bitmask(relmask)")
	try("%s|%30s|%.9s", "__get_bitmask(bytes)", "__get_bitmask(mask)", "__get_bitmask(mask)")
	try("%s %s", "__get_cpumask(mask)", "__get_rel_cpumask(relmask)")
	try("%s|%30s|%.3s", "__get_cpumask(bytes)", "__get_cpumask(mask)", "__get_cpumask(mask)")
	try("%*ph|%*phC|%*phD|%*phN", "3", "__get_dynamic_array(bytes)", "3", "__get_dynamic_array(bytes)", "64", "__get_dynamic_array(bytes)", "3", "__get_dynamic_array(bytes)")
	try("%6ph|%ph|%*ph", "__get_dynamic_array(bytes)", "__get_dynamic_array(bytes)", "REC->len", "__get_dynamic_array(bytes)")
	try("%*ph", "3", "REC->fixed")
	try("%*ph", "3", "__get_rel_dynamic_array(rel)")
	try("%d", "REC->words[1]")
	try("%d", "REC->fixed[5]")
	try("%s", "REC->fixed")
	try("%s", "__get_str(nosuch)")
	try("%s", "__get_dynamic_array(text)")
	try("%d", "__get_dynamic_array_len(nosuch)")
	return l.file()
}

// addressEvents: the conversions of %p that print what a pointer points at.
func addressEvents(l *madeLog) *datwriter.File {
	ip6 := []byte{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	in4 := func(order func(uint16) []byte) []byte {
		b := append(order(2), 0x1f, 0x90, 192, 168, 1, 20)
		return append(b, make([]byte, 8)...)
	}
	in6 := func(order func(uint16) []byte, addr []byte) []byte {
		b := append(order(10), 0, 80, 0, 0, 0, 0)
		return append(append(b, addr...), 0, 0, 0, 0)
	}
	order := func(v uint16) []byte { return l.f.Order().AppendUint16(nil, v) }
	fields := []string{"u8 mac[6]", "u8 v4[4]", "__u32 w4", "u8 v6[16]", "u8 sa[28]", "__data_loc u8[] dsa", "u8 uuid[16]", "__data_loc char[] text"}
	uuid := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	var records [][]any
	for _, a := range [][]byte{
		ip6, make([]byte, 16),
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1},
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x5e, 0xfe, 10, 0, 0, 1},
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, 10, 0, 0, 1},
		{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8},
		{0, 0, 0, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0},
		{1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0},
	} {
		records = append(records, list([]byte{0, 0x1b, 0x21, 0xab, 0xcd, 0xef}, []byte{10, 0, 200, 1}, 0x0a00c801, a, in6(order, a), in6(order, a), uuid, "x"))
	}
	records = append(records, list([]byte{0, 0x1b, 0x21, 0xab, 0xcd, 0xef}, []byte{10, 0, 200, 1}, 0x0a00c801, ip6, in4(order), in4(order), uuid, "x"),
		list([]byte{0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0}, 0, ip6, order(1), order(2), uuid, "x"), list([]byte{0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0}, 0, ip6, order(1), order(10), uuid, "x"))
	n := 0
	try := func(format string, exprs ...string) {
		print := `"` + format + `"`
		for _, e := range exprs {
			print += ", " + e
		}
		n++
		l.add("test", fmt.Sprintf("addr%d", n), fields, print, records...)
	}
	for _, f := range []string{"%pM", "%pMF", "%pMR", "%pMFR", "%pm", "%pmR", "%pmF"} {
		try(f+" end", "REC->mac")
	}
	for _, f := range []string{"%pI4", "%pi4", "%pI4h", "%pI4n", "%pI4b", "%pI4l", "%pi4l"} {
		try(f+" "+f+" end", "REC->v4", "&REC->w4")
		try(f+" end", "REC->w4")
	}
	for _, f := range []string{"%pI6", "%pi6", "%pI6c", "%pi6c", "%pI6x"} {
		try(f+" end", "REC->v6")
	}
	for _, f := range []string{"%pIS", "%piS", "%pISc", "%pISp", "%pISpc", "%pIScp", "%pISpfc", "%pISpsc", "%pISfsc", "%pISh", "%pISpch"} {
		try(f+" end", "REC->sa")
		try(f+" end", "__get_sockaddr(dsa)")
		try(f+" end", "(struct sockaddr *)__get_dynamic_array(dsa)")
	}
	for _, f := range []string{"%pU", "%pUb", "%pUB", "%pUl", "%pUL"} {
		try(f+" end", "REC->uuid")
	}
	try("%pM %pI4 %pI6 %pU", "REC->v4", "REC->mac", "REC->mac", "REC->mac")
	try("%pM %pI4 %pI6 %pU %pIS", "__get_dynamic_array(dsa)", "__get_dynamic_array(dsa)", "__get_dynamic_array(dsa)", "__get_dynamic_array(dsa)", "REC->w4 + 1")
	try("%pM %pI4", "(u8 *)REC->mac", "(u32 *)REC->v4")
	try("%pI %pi5 %pI", "REC->w4", "REC->w4", "REC->w4")
	return l.file()
}

// symbolEvents: lists of names.
func symbolEvents() *datwriter.File {
	l := newLog()
	n := 0
	try := func(exprs ...string) {
		n++
		print := `"`
		for range exprs {
			print += "%s|"
		}
		print += `"`
		for _, e := range exprs {
			print += ", " + e
		}
		l.add("test", fmt.Sprintf("names%d", n), []string{"int v", "u64 q", "u8 b"}, print, list(0, 0, 0), list(1, 1, 1), list(3, 3, 3), list(7, uint64(0xffffffffff), 0xff), list(-1, -1, -1), list(8, 8, 8))
	}
	for _, v := range []string{"REC->v", "REC->q", "REC->b", "REC->v & 3", "REC->v ? 1 : 0", "(REC->v & 3) | 4", "(u8)REC->v"} {
		try(`__print_flags(` + v + `, "|", { 1, "ONE" }, { 2, "TWO" }, { 4, "FOUR" })`)
		try(`__print_symbolic(` + v + `, { 0, "ZERO" }, { 1, "ONE" }, { 2, "TWO" }, { 4, "FOUR" }, { -1, "MINUS" })`)
	}
	try(`__print_flags(REC->v, "", { 1, "ONE" }, { 2, "TWO" })`, `__print_flags(REC->v, ", ", { 1, "ONE" }, { 2, "TWO" })`)
	try(`__print_flags(REC->v, "|", { 3, "BOTH" }, { 1, "ONE" }, { 0, "NONE" }, { 8, "EIGHT" })`)
	try(`__print_flags(REC->v, "|", { (1 << 0), "A" }, { (1 << 1), "B" }, { 1 << 2, "C" }, { (1UL << 3), "D" }, { 0x1 | 0x2, "E" }, { ~0, "F" }, { -1, "G" })`)
	try(`__print_flags(REC->v, "|", { (((1U << 1)) | 1), "A" }, { ((unsigned long)8), "B" }, { (u8)0x108, "C" })`)
	try(`__print_flags(REC->v, 0, { 1, "A" }, { 2, "B" })`)
	try(`__print_flags(REC->v, ((void *)0), { 1, "A" }, { 2, "B" })`)
	try(`__print_flags(REC->v, "|")`)
	try(`__print_flags(REC->v, "|", {})`)
	try(`__print_flags(REC->v, "|", { 1, "A" }, )`)
	try(`__print_flags(REC->v, "|", { 1, "A" }, { ENUM_NAME, "B" })`, `__print_symbolic(REC->v, { ENUM_NAME, "B" })`)
	try(`__print_flags(REC->v, "|", { 1, A }, { 2, 5 })`)
	try(`__print_symbolic(REC->v, { 1, "A" "B" })`)
	try(`__print_symbolic(REC->v, { 1, "A", 2 })`)
	try(`__print_symbolic(REC->v, { HI_SOFTIRQ, "HI" }, { TIMER_SOFTIRQ, "TIMER" }, { NET_RX_SOFTIRQ, "RX" }, { SCHED_SOFTIRQ, "S" }, { HRTIMER_RESTART, "R" })`)
	try(`__print_symbolic(REC->v, { 1 + 0, "A" }, { 4 - 1, "B" }, { 2 * 4, "C" })`)
	try(`__print_symbolic(REC->v, { 0x7fffffff, "A" }, { 4294967295, "B" }, { 0xffffffff, "C" })`)
	try(`__print_symbolic(REC->q, { 0xffffffffffffffff, "A" }, { 1099511627775, "B" })`)
	try(`REC->v > 3 ? __print_symbolic(REC->v, { 7, "SEVEN" }) : "small"`, `REC->v & 1 ? __print_flags(REC->v, "|", { 1, "A" }, { 2, "B" }) : "even"`)
	try(`REC->v ? "a" : REC->b ? "b" : "c"`, `(REC->v == 1) ? "one" : (REC->v == 3) ? "three" : "more"`)
	return l.file()
}
