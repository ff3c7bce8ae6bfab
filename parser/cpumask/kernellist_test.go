package cpumask

import "testing"

// What a running 6.12 kernel with 4 CPUs answered when a filter with CPUS{...} was
// written to the filter file of an IPI event; 7.2 answered the same.
func TestBitmapListRecordedKernel(t *testing.T) {
	for _, c := range []struct {
		in, want string
		ok       bool
	}{
		{"2-3", "2-3", true},
		{"2,3", "2-3", true},
		{"3", "3", true},
		{"2", "2", true},
		{"1", "1", true},
		{"all", "0-3", true},
		{"N", "3", true},
		{"0-3:1/2", "0,2", true},
		{" 2 - 3 ", "", false},
		{"0-99", "", false},
		{"3-2", "", false},
	} {
		m, err := ParseBitmapList([]byte(c.in), 4)
		if (err == nil) != c.ok || m.String() != c.want {
			t.Errorf("CPUS{%s}: %q, %v, want %q, ok %v", c.in, m, err, c.want, c.ok)
		}
	}
}

// Cases of the kernel's own test of bitmap_parselist (lib/test_bitmap.c,
// parselist_tests), inputs with the CPUs its expected words stand for, and more
// that follow from its code.
func TestBitmapList(t *testing.T) {
	for _, c := range []struct {
		in    string
		nbits int
		want  string
	}{
		{"0", 8, "0"},
		{"0-15", 16, "0-15"},
		{"0-31:1/2", 32, "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30"},
		{"1-31:1/2", 32, "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31"},
		{"0-31:1/4", 32, "0,4,8,12,16,20,24,28"},
		{"0-31:4/4", 32, "0-31"},
		{"0-31:1/3,1-31:1/3,2-31:1/3", 32, "0-31"},
		{"1-10:8/12,8-31:24/29,0-31:0/3", 32, "1-31"},
		{"all", 32, "0-31"},
		{"0, 1, all,  ", 32, "0-31"},
		{"ALL:1/16", 32, "0,16"},
		{"  ,0-3, ,, 5  ", 8, "0-3,5"},
		{"0-4,\n, 6", 8, "0-4,6"},
		{"N-N:N/N", 32, "31"},
		{"0-N:1/N", 32, "0,31"},
		{"16-N", 32, "16-31"},
		{"", 4, ""},
		{" ", 4, ""},
		{",", 4, ""},
		{"9-38:4/10", 64, "9-12,19-22,29-32"},
		{"1\n2", 4, "1"},               // a line feed right after a region ends the text
		{"1 \n2", 4, "1-2"},            // after a blank it is a separator
		{"0-1:1/2\n3", 4, "0,3"},       // so it is after a pattern
		{"1\x002", 4, "1"},             // C string
		{"0-3:1/2N", 4, "0,2-3"},       // no separator needed after a pattern
		{"1-1:1/4294967295", 4, "0-1"}, // 32-bit counter wraps
		{"1\xa02", 4, "1-2"},           // isspace of lib/ctype.c
	} {
		m, err := ParseBitmapList([]byte(c.in), c.nbits)
		if err != nil || m.String() != c.want {
			t.Errorf("ParseBitmapList(%q, %d) = %q, %v, want %q", c.in, c.nbits, m, err, c.want)
		}
	}
	for _, c := range []struct {
		in         string
		nbits, off int
	}{
		{"-1", 8, 0}, {"-0", 8, 0}, {"10-1", 16, 0}, {"8-8", 8, 0}, {"0-31", 8, 0},
		{"0-31:", 32, 5}, {"0-31:0", 32, 6}, {"0-31:0/", 32, 7}, {"0-31:0/0", 32, 0}, {"0-31:1/0", 32, 0}, {"0-31:10/1", 32, 0},
		{"0-98765432123456789:10/1", 8, 19}, {"0-4294967295", 8, 0}, {"0-4294967296", 8, 12},
		{"a-31", 8, 0}, {"0-a1", 8, 2}, {"a-31:10/1", 8, 0}, {"0-31:a/1", 32, 5}, {"0-\n", 8, 2},
		{"allx", 8, 3}, {"all-3", 8, 3}, {"al", 8, 0}, {"N5", 8, 1}, {"n", 8, 0}, {"2 - 3", 4, 2}, {"0x1", 4, 1}, {"+1", 4, 0},
		{"0", 0, 0}, {"all", 0, 0}, {"N", 0, 0}, {"0", -1, 0}, {"0", MaxCPUs + 1, 0},
		{"3,0-3:1/2x", 4, 9},
	} {
		m, err := ParseBitmapList([]byte(c.in), c.nbits)
		wantError(t, "ParseBitmapList", c.in, c.off, &m, err)
	}
}
