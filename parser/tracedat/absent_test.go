package tracedat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

// TestAbsent: a CPU of which the kernel counted events (per_cpu/cpuN/stats) and of
// which the file has no data was taken out of it. What counts is what is left in
// the buffer and what was read, the larger of the two: a page that was read in part
// is in both. One event may be the mark of record --date, which trace-cmd takes out.
func TestAbsent(t *testing.T) {
	for _, c := range []struct {
		name, stats string
		want        string
	}{
		{"read", "CPU: 1\nentries: 0\nread events: 296\n", "296"},
		{"left in the buffer", "CPU: 1\nentries: 300\nread events: 296\n", "300"},
		{"the mark of the date", "CPU: 1\nentries: 1\nread events: 0\n", "0"},
		{"two", "CPU: 1\nentries: 0\nread events: 2\n", "2"},
		{"none", "CPU: 1\nentries: 0\nread events: 0\n", "0"},
		{"its data is there", "CPU: 0\nentries: 0\nread events: 296\n", "0"},
		{"a CPU that has no place", "CPU: 7\nentries: 0\nread events: 296\n", "296"},
	} {
		for _, v := range []variant{plain6, plain7, zstd7} {
			f := v.file()
			f.Options = append(f.Options, datwriter.Option{ID: optCPUStat, Data: []byte(c.stats + "\x00")})
			f.Buffers = []datwriter.Buffer{{Clock: "mono", CPUs: []datwriter.CPU{{ID: 0, Pages: f.Pages(samples(f, 0, 24))}, {ID: 1}}}}
			b, _ := f.Bytes()
			s, err := openBytes(b)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var absent uint64
			for _, st := range s.Table().Meta.CPUStats {
				absent += st.Unmarked()
			}
			notes := strings.Join(s.Table().Meta.Notes, "\n")
			if fmt.Sprint(absent) != c.want || (absent > 0) != strings.Contains(notes, "the file has no data of it") {
				t.Errorf("%s: %d absent, want %s; notes %q", c.name, absent, c.want, notes)
			}
			s.Close()
		}
	}
}
