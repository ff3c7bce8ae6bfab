package procinterrupts_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/procinterrupts"
)

func read(t testing.TB, path string) *procinterrupts.Table {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := procinterrupts.Parse(f, path)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The two copies were made seconds apart on a machine of two CPUs (x86,
// Linux 6.18). awk computes the differences here.
func TestDeltas(t *testing.T) {
	awk, err := exec.LookPath("awk")
	if err != nil {
		t.Skip("no awk to compare with")
	}
	out, err := exec.Command(awk, `FNR > 1 && $1 !~ /ERR|MIS/ { if (NR == FNR) { a[$1] = $2; b[$1] = $3 } else print $1, $2 - a[$1], $3 - b[$1] }`,
		"../../fixtures/interrupts/before.txt", "../../fixtures/interrupts/after.txt").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	before, after := read(t, "../../fixtures/interrupts/before.txt"), read(t, "../../fixtures/interrupts/after.txt")
	deltas, err := procinterrupts.Deltas(before, after)
	if err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	for i := 0; i < len(deltas); i += 2 {
		a, b := deltas[i], deltas[i+1]
		if a.CPU != 0 || b.CPU != 1 || a.Name != b.Name {
			t.Fatalf("%+v, %+v", a, b)
		}
		got.WriteString(a.Name + ": " + itoa(a.Count) + " " + itoa(b.Count) + "\n")
		sum += a.Count + b.Count
	}
	if diff := cmp.Diff(string(out), got.String()); diff != "" {
		t.Errorf("-awk +got:\n%s", diff)
	}
	if sum == 0 {
		t.Error("nothing happened between the copies")
	}
	if _, err := procinterrupts.Deltas(after, before); err == nil || !strings.Contains(err.Error(), "went down") {
		t.Errorf("swapped: %v", err)
	}
}

func itoa(n uint64) string {
	var b []byte
	for ; n > 0 || len(b) == 0; n /= 10 {
		b = append([]byte{byte('0' + n%10)}, b...)
	}
	return string(b)
}

func TestParse(t *testing.T) {
	// arm64, CPU 1 is off (arch/arm64/kernel/smp.c, arch_show_interrupts)
	got, err := procinterrupts.Parse(strings.NewReader("           CPU0       CPU2\n 12:     10         20     GICv3  27 Level     arch_timer\nIPI0:         1          2       Rescheduling interrupts\nErr:          0\n"), "f")
	want := &procinterrupts.Table{CPUs: []int{0, 2}, Rows: []procinterrupts.Row{
		{Name: "12", Text: "GICv3 27 Level arch_timer", Counts: []uint64{10, 20}},
		{Name: "IPI0", Text: "Rescheduling interrupts", Counts: []uint64{1, 2}},
	}}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %+v", err, got)
	}
	for text, want := range map[string]string{
		"":               "f: is empty",
		"\n":             "f:1: no column heads",
		"CPU0 CPU0\n":    `f:1: "CPU0"`,
		"total 12\n":     `f:1: "total"`,
		"CPU0\nnonsense": "f:2: no colon",
	} {
		if _, err := procinterrupts.Parse(strings.NewReader(text), "f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range []string{"../../fixtures/interrupts/before.txt", "../../fixtures/interrupts/after.txt"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("CPU0 CPU3\nLOC: 1 18446744073709551615 x\nERR: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := procinterrupts.Parse(strings.NewReader(text), "f")
		if (err == nil) != (table != nil) {
			t.Fatalf("%v and %v", table, err)
		}
		if table == nil {
			return
		}
		for _, r := range table.Rows {
			if len(r.Counts) != len(table.CPUs) {
				t.Errorf("row %s has %d counts for %d CPUs", r.Name, len(r.Counts), len(table.CPUs))
			}
		}
		if _, err := procinterrupts.Deltas(table, table); err != nil && unique(table) {
			t.Error(err)
		}
	})
}

func unique(t *procinterrupts.Table) bool {
	seen := map[string]bool{}
	for _, r := range t.Rows {
		if seen[r.Name] {
			return false
		}
		seen[r.Name] = true
	}
	return true
}
