package printfmt_test

import (
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// What libtraceevent does not know is printed as the kernel prints it. The bytes
// and their forms are those of the kernel's lib/test_hexdump.c.
func TestKernelFunctions(t *testing.T) {
	data := []byte{
		0xbe, 0x32, 0xdb, 0x7b, 0x0a, 0x18, 0x93, 0xb2, 0x70, 0xba, 0xc4, 0x24, 0x7d, 0x83, 0x34, 0x9b,
		0xa6, 0x9c, 0x31, 0xad, 0x9c, 0x0f, 0xac, 0xe9, 0x4c, 0xd1, 0x19, 0x99, 0x43, 0xb1, 0xaf, 0x0c,
	}
	const bytes = `__get_dynamic_array(data), __get_dynamic_array_len(data)`
	for _, c := range []struct{ print, want string }{
		{`"%s", __print_hex_dump("p: ", DUMP_PREFIX_OFFSET, 16, 1, ` + bytes + `, 1)`,
			"\np: 00000000: be 32 db 7b 0a 18 93 b2 70 ba c4 24 7d 83 34 9b  .2.{....p..$}.4.\n" +
				"p: 00000010: a6 9c 31 ad 9c 0f ac e9 4c d1 19 99 43 b1 af 0c  ..1.....L...C...\n"},
		{`"%s", __print_hex_dump("", DUMP_PREFIX_NONE, 32, 2, ` + bytes + `, false)`,
			"\n32be 7bdb 180a b293 ba70 24c4 837d 9b34 9ca6 ad31 0f9c e9ac d14c 9919 b143 0caf\n"},
		{`"%s", __print_hex_dump("", 0, 16, 4, ` + bytes + `, true)`,
			"\n7bdb32be b293180a 24c4ba70 9b34837d  .2.{....p..$}.4.\nad319ca6 e9ac0f9c 9919d14c 0cafb143  ..1.....L...C...\n"},
		{`"%s", __print_hex_dump("", 0, 16, 8, ` + bytes + `, 0)`,
			"\nb293180a7bdb32be 9b34837d24c4ba70\ne9ac0f9cad319ca6 0cafb1439919d14c\n"},
		// a row that is no whole number of groups is shown in bytes
		{`"%s", __print_hex_dump("", 0, 16, 4, __get_dynamic_array(data), 5, 1)`, "\nbe 32 db 7b 0a                                   .2.{.\n"},
		{`"%s", __print_dynamic_array(data, sizeof(u16))`,
			"{0x32be,0x7bdb,0x180a,0xb293,0xba70,0x24c4,0x837d,0x9b34,0x9ca6,0xad31,0xf9c,0xe9ac,0xd14c,0x9919,0xb143,0xcaf}"},
		{`"%llu.%09u", __print_ns_to_secs(REC->ns), __print_ns_without_secs(REC->ns)`, "12.000000034"},
		{`"%s %s", __print_flags_u64(REC->ns, "|", { 0x200000000ULL, "big" }, { 2, "two" }), __print_symbolic_u64(REC->ns, { 12000000034ULL, "it" })`, "big|two|0xcb417820 it"},
		{`"%lx", REC->ns ^ 1`, "2cb417823"},
	} {
		f := datwriter.New(7, "none", false, 8)
		typ := f.Declare(datwriter.Format{System: "x", Name: "x", Print: c.print, Fields: []string{"u64 ns", "__data_loc u8[] data"}})
		s, err := tracefmt.ParseFormat([]byte(f.Systems[len(f.Systems)-1].Formats[0]), 8)
		if err != nil {
			t.Fatal(err)
		}
		p := printfmt.Compile(s, 8, false)
		if got := string(p.Append(nil, typ.Record(7, uint64(12000000034), data), kernelNames{})); got != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.print, p.Err(), got, c.want)
		}
	}
}
