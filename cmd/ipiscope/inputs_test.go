package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// output runs a command line that must succeed, and returns what it writes to
// standard output.
func output(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(context.Background(), args, stdin, &out, &errs); status != 0 {
		t.Fatalf("%v: exit status %d: %s", args, status, errs.String())
	}
	return out.String()
}

// TestTextPipes: every text in fixtures and its unpacked pipe give the same.
func TestTextPipes(t *testing.T) {
	texts, err := filepath.Glob("../../fixtures/*/*.txt.gz")
	more, err2 := filepath.Glob("../../fixtures/*/fmt/*.txt.gz")
	if err != nil || err2 != nil || len(texts) < 10 || len(more) == 0 {
		t.Fatalf("%d texts, %v, %v", len(texts), err, err2)
	}
	for _, path := range append(texts, more...) {
		args := []string{"report", "--isolated", "2-3", "--by", "function,cause,sender,instance", "--format", "json"}
		file := output(t, nil, append(args, path)...)
		pipe := output(t, strings.NewReader(unpack(t, path)), append(args, "-")...)
		want := strings.ReplaceAll(file, path, "(stdin)")
		if pipe != want {
			t.Errorf("%s (-file +pipe):\n%s", path, cmp.Diff(want, pipe))
		}
		if len(file) < 1000 {
			t.Errorf("%s: nothing was compared: %s", path, file)
		}
	}
}

// TestPacked: an input is the same however it is packed, as a file and through
// a pipe. testdata/excerpt.txt.bz2 was packed with bzip2 1.0.8, for which there
// is no package to write it.
func TestPacked(t *testing.T) {
	plain, err := os.ReadFile("testdata/excerpt.txt")
	if err != nil {
		t.Fatal(err)
	}
	bz2, err := os.ReadFile("testdata/excerpt.txt.bz2")
	if err != nil {
		t.Fatal(err)
	}
	packed := map[string][]byte{"bzip2": bz2}
	for name, open := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		packed[name] = b.Bytes()
	}
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"report", "--isolated", "2-3", "--format", "json"}, {"report", "--isolated", "2-3", "--trim", "0"},
		{"export", "--isolated", "2-3"}, {"cat"}, {"debug", "contexts"},
	} {
		if err := os.WriteFile("trace", plain, 0o666); err != nil {
			t.Fatal(err)
		}
		want := output(t, nil, append(args, "trace")...)
		if len(want) < 100 {
			t.Fatalf("%v: nothing to compare: %s", args, want)
		}
		for name, data := range packed {
			if err := os.WriteFile("trace", data, 0o666); err != nil {
				t.Fatal(err)
			}
			if got := output(t, nil, append(args, "trace")...); got != want {
				t.Errorf("%v, %s (-plain +packed):\n%s", args, name, cmp.Diff(want, got))
			}
			if strings.Contains(strings.Join(args, " "), "--trim") {
				continue // standard input is read once
			}
			got := output(t, bytes.NewReader(data), append(args, "-")...)
			if got := strings.ReplaceAll(got, "(stdin)", "trace"); got != want {
				t.Errorf("%v, pipe of %s (-plain +packed):\n%s", args, name, cmp.Diff(want, got))
			}
			if got := output(t, nil, "info", "trace"); !regexp.MustCompile(`compression +` + name).MatchString(got) {
				t.Errorf("info does not name %s: %s", name, got)
			}
		}
	}
}

// An instant is an event in the text of trace-cmd report -t.
type instant struct {
	ns   int64
	cpu  int
	name string
	hits int // on CPUs 2 and 3, of a send
}

// readInstants reads a text with regular expressions that share nothing with
// the project's parsers.
func readInstants(t *testing.T, path string) []instant {
	line := regexp.MustCompile(`(?m)^.*\[(\d+)\] \S+ +(\d+)\.(\d{9}): (\w+):(?: +cpu(?:mask)?=(\S*))?`)
	var all []instant
	for _, m := range line.FindAllStringSubmatch(unpack(t, path), -1) {
		i := instant{int64(number(t, m[2]))*1e9 + int64(number(t, m[3])), number(t, m[1]), m[4], 0}
		if strings.HasPrefix(m[4], "ipi_send_") {
			for _, target := range list(t, m[5]) {
				if target == 2 || target == 3 {
					i.hits++
				}
			}
		}
		all = append(all, i)
	}
	if len(all) == 0 {
		t.Fatalf("%s: no events found", path)
	}
	return all
}

// TestInfo holds the counts by event and CPU against the text of the same
// recording.
func TestInfo(t *testing.T) {
	for _, dir := range []string{"k612s4-02-zlib-mono", "k612s4-06-multi", "karm64s4-21-ipi-all"} {
		want := map[string]map[int]int{}
		for _, i := range readInstants(t, "../../fixtures/"+dir+"/report-t.txt.gz") {
			if want[i.name] == nil {
				want[i.name] = map[int]int{}
			}
			want[i.name][i.cpu]++
		}
		for _, name := range []string{"trace.dat", "report-t.txt.gz"} {
			var doc struct {
				Events []struct {
					Key     struct{ Event string }
					Count   int
					Per_cpu string
				}
			}
			if err := json.Unmarshal([]byte(output(t, nil, "info", "--format", "json", "../../fixtures/"+dir+"/"+name)), &doc); err != nil {
				t.Fatal(err)
			}
			got := map[string]map[int]int{}
			for _, e := range doc.Events {
				_, event, _ := strings.Cut(e.Key.Event, ":")
				got[event] = map[int]int{}
				sum := 0
				for word := range strings.FieldsSeq(e.Per_cpu) {
					cpu, n, _ := strings.Cut(word, ":")
					got[event][number(t, cpu)] = number(t, n)
					sum += number(t, n)
				}
				if sum != e.Count {
					t.Errorf("%s/%s: %s: the CPUs add up to %d, count is %d", dir, name, event, sum, e.Count)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s/%s (-trace-cmd +ipiscope):\n%s", dir, name, d)
			}
		}
	}
}

// TestWindows holds sends, hits, events and duration within a window against
// the text of the same recording.
func TestWindows(t *testing.T) {
	const dir = "../../fixtures/k612s4-02-zlib-mono/"
	all := readInstants(t, dir+"report-t.txt.gz")
	first, last := all[0].ns, all[len(all)-1].ns
	const s = 1_000_000_000
	for _, tt := range []struct {
		flags    []string
		from, to int64
	}{
		{nil, first, last},
		{[]string{"--from", "12", "--to", "14.5"}, 12 * s, 14.5 * s},
		{[]string{"--from", "+1", "--to", "-1"}, first + s, last - s},
		{[]string{"--from", "-1.5"}, last - 1.5*s, last},
		{[]string{"--to", "+2.25"}, first, first + 2.25*s},
		{[]string{"--trim", "750ms"}, first + 0.75*s, last - 0.75*s},
		{[]string{"--from", "1", "--to", "99"}, first, last},
		// the first event of the recording, as printed with and without -t
		{[]string{"--to", fmt.Sprintf("%d.%09d", first/s, first%s)}, first, first},
		{[]string{"--to", fmt.Sprintf("%d.%06d", first/s, (first%s+500)/1000)}, first, first},
	} {
		var want [3]int // events, sends, hits
		for _, i := range all {
			if i.ns < tt.from || i.ns > tt.to {
				continue
			}
			want[0]++
			if strings.HasPrefix(i.name, "ipi_send_") {
				want[1]++
				want[2] += i.hits
			}
		}
		for _, name := range []string{"trace.dat", "report-t.txt.gz"} {
			args := append([]string{"report", "--isolated", "2-3", "--format", "json"}, tt.flags...)
			var doc struct {
				Totals struct{ Events, Sends, Hits, Duration_ns int }
			}
			if err := json.Unmarshal([]byte(output(t, nil, append(args, dir+name)...)), &doc); err != nil {
				t.Fatal(err)
			}
			if got := [3]int{doc.Totals.Events, doc.Totals.Sends, doc.Totals.Hits}; got != want {
				t.Errorf("%s %v: events, sends and hits are %v, want %v", name, tt.flags, got, want)
			}
			// times that are given in microseconds stand for all that round to them
			if got, want := int64(doc.Totals.Duration_ns), min(tt.to, last)-max(tt.from, first); got < want || got > want+1000 {
				t.Errorf("%s %v: the duration is %d, want %d", name, tt.flags, got, want)
			}
		}
	}
}

// TestExport holds the rows against the text of the same recording, in both
// formats.
func TestExport(t *testing.T) {
	const dir = "../../fixtures/k612s4-02-zlib-mono/"
	var want [][2]int64 // time and hits at it
	for _, i := range readInstants(t, dir+"report-t.txt.gz") {
		if i.hits > 0 {
			want = append(want, [2]int64{i.ns, int64(i.hits)})
		}
	}
	group := func(times []int64) [][2]int64 {
		var got [][2]int64
		for _, ns := range times {
			if n := len(got); n > 0 && got[n-1][0] == ns {
				got[n-1][1]++
			} else {
				got = append(got, [2]int64{ns, 1})
			}
		}
		return got
	}
	rows, err := csv.NewReader(strings.NewReader(output(t, nil, "export", "--isolated", "2-3", dir+"trace.dat"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var fromCSV, fromJSON []int64
	for _, row := range rows[1:] {
		fromCSV = append(fromCSV, int64(number(t, row[0])))
	}
	for i, line := range strings.Split(strings.TrimSpace(output(t, nil, "export", "--isolated", "2-3", "--format", "jsonl", dir+"trace.dat")), "\n") {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		fromJSON = append(fromJSON, int64(row["time_ns"].(float64)))
		for j, name := range rows[0] {
			if got := fmt.Sprint(row[name]); name != "time_ns" && row[name] != nil && got != rows[i+1][j] {
				t.Fatalf("row %d: %s is %q in one format and %q in the other", i, name, got, rows[i+1][j])
			}
		}
	}
	if d := cmp.Diff(want, group(fromCSV)); d != "" {
		t.Errorf("csv (-trace-cmd +ipiscope):\n%s", d)
	}
	if d := cmp.Diff(want, group(fromJSON)); d != "" {
		t.Errorf("jsonl (-trace-cmd +ipiscope):\n%s", d)
	}
}

// TestCatFilter: the lines of a text that a filter lets through, with their
// stacks and nothing else. The blocks are cut with a regular expression: an
// event, its kernel_stack line and the frames behind it.
func TestCatFilter(t *testing.T) {
	const path = "../../fixtures/k612s4-05-date/report--nodate.txt.gz"
	text := unpack(t, path)
	block := regexp.MustCompile(`(?m)^ .*: ipi_send_cpu(?:mask)?: .*\n(?: .*: kernel_stack: .*\n(?:=>.*\n)*)?`)
	var want strings.Builder
	head := regexp.MustCompile(`(?m)^\S.*=\d+\n`).FindString(text) // "cpus=4"
	want.WriteString(head)
	sends := 0
	for _, b := range block.FindAllString(text, -1) {
		if strings.Contains(b, "[001]") && strings.Contains(b, "ipi_send_cpumask:") {
			want.WriteString(b)
			sends++
		}
	}
	if sends == 0 || !strings.Contains(want.String(), "=>") {
		t.Fatal("the fixture has none of these events")
	}
	got := output(t, nil, "cat", "--filter", "ipi_send_cpumask: CPU == 1", path)
	if got != want.String() {
		t.Errorf("%d sends (-want +got):\n%s", sends, cmp.Diff(want.String(), got))
	}
	if got := output(t, nil, "cat", path); got != text {
		t.Errorf("without a filter (-text +got):\n%s", cmp.Diff(text, got))
	}
}
