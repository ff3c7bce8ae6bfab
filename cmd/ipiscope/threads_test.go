package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestThreads: every command prints the same, byte for byte, however many
// threads read its input.
func TestThreads(t *testing.T) {
	var traces []string
	for _, pattern := range []string{"*/trace.dat*", "*/*.txt.gz", "*/*/*.txt.gz"} {
		paths, err := filepath.Glob("../../fixtures/" + pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no fixture %s: %v", pattern, err)
		}
		traces = append(traces, paths...)
	}
	always := []string{"report --by function,cause,sender --format json", "info --format json", "cat"}
	inTurn := []string{
		"report --by callback",
		"report --by stack,target --trim 10ms --format json",
		"report --events ipi_send_cpu,kernel_stack --cpu 0-1 --by cause --format json",
		"export --format jsonl",
		"latency --format json",
		"quiet --format json",
		"stacks --format folded",
		"debug evidence",
	}
	for i, path := range traces {
		t.Run(strings.TrimPrefix(path, "../../fixtures/"), func(t *testing.T) {
			t.Parallel()
			for _, command := range append(always[:len(always):len(always)], inTurn[i%len(inTurn)], inTurn[(i+5)%len(inTurn)]) {
				args := append(strings.Fields(command), path)
				if name := args[0]; name != "info" && name != "cat" {
					args = append(args, "--isolated", "2-3")
				}
				if one, many := ran(append(args, "--threads", "1")), ran(append(args, "--threads", "3")); one != many {
					t.Errorf("%s: with one thread\n%.2000s\nwith three\n%.2000s", command, one, many)
				}
			}
		})
	}
}

// ran is all that a command prints, and its exit status.
func ran(args []string) string {
	var out, errw bytes.Buffer
	status := run(context.Background(), args, nil, &out, &errw)
	return fmt.Sprintf("%s\n%s\nexit %d", out.String(), errw.String(), status)
}
