package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCounts holds sends and hits against what trace-cmd printed for the same
// recording. The text is read with regular expressions that share nothing with
// the project's parsers.
func TestCounts(t *testing.T) {
	texts, err := filepath.Glob("../../fixtures/*/report-t.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, text := range texts {
		dats, err := filepath.Glob(filepath.Dir(text) + "/trace.dat*")
		if err != nil || len(dats) == 0 {
			continue // the text of a recording that is not here
		}
		compared++
		t.Run(filepath.Base(filepath.Dir(text)), func(t *testing.T) {
			calls := readCalls(t, text)
			for key, of := range map[string]func(call) string{
				"callback": func(c call) string { return c.callback },
				"callsite": func(c call) string { return c.callsite },
				"event":    func(c call) string { return c.event },
				"sender":   func(c call) string { return strconv.Itoa(c.sender) },
			} {
				want := map[string]sums{}
				for _, c := range calls {
					s := want[of(c)]
					s.Sends++
					for _, target := range c.targets {
						if target != 2 && target != 3 {
							continue // the set is 2-3 in all fixtures
						}
						s.Hits++
						if target == c.sender {
							s.Self++
						}
					}
					want[of(c)] = s
				}
				if d := cmp.Diff(want, reported(t, key, dats[0])); d != "" {
					t.Errorf("--by %s (-trace-cmd +ipiscope)\n%s", key, d)
				}
			}
		})
	}
	if compared == 0 {
		t.Fatal("no fixture has both a recording and its text")
	}
}

type sums struct{ Sends, Hits, Self int }

// reported is what ipiscope says about the isolated CPUs 2-3, without groups
// that hold requests only.
func reported(t *testing.T, key, path string) map[string]sums {
	var out, errs bytes.Buffer
	args := []string{"report", "--isolated", "2-3", "--format", "json", "--by", key, path}
	if status := run(context.Background(), args, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var doc struct {
		Groups []struct {
			Key map[string]string
			sums
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]sums{}
	for _, g := range doc.Groups {
		if g.Sends > 0 {
			got[g.Key[key]] = g.sums
		}
	}
	return got
}

// A call is an ipi_send_cpu or ipi_send_cpumask event.
type call struct {
	sender                    int
	event, callsite, callback string
	targets                   []int
}

// readCalls reads the text of trace-cmd report: "[001] d..3. 5.1: ipi_send_cpu:
// cpu=2 callsite=f+0x1 callback=g+0x0", where ipi_send_cpumask has cpumask=2-3.
func readCalls(t *testing.T, path string) []call {
	line := regexp.MustCompile(`\[(\d+)\] .*: (ipi_send_cpu|ipi_send_cpumask): +cpu(?:mask)?=(\S*) callsite=(\S+) callback=(\S+)`)
	offset := regexp.MustCompile(`\+0x[0-9a-f]+$`)
	var calls []call
	for _, m := range line.FindAllStringSubmatch(unpack(t, path), -1) {
		calls = append(calls, call{number(t, m[1]), m[2], m[4], offset.ReplaceAllString(m[5], ""), list(t, m[3])})
	}
	if len(calls) == 0 {
		t.Fatalf("%s: no sends found", path)
	}
	return calls
}

// list reads "0,2-3".
func list(t *testing.T, s string) []int {
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue // an empty mask
		}
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		for cpu := number(t, first); cpu <= number(t, last); cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func unpack(t *testing.T, path string) string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
