package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// TestClosedPipe: a reader that goes away ends every command without a word, with
// the status that a shell reports of cat and grep.
func TestClosedPipe(t *testing.T) {
	const trace = "../../fixtures/k612s4-12b-all-stack/trace.dat"
	for _, args := range []string{
		"report --isolated 2-3 " + trace,
		"report --isolated 2-3 --format json " + trace,
		"cat " + trace,
		"cat ../../fixtures/k612s4-02-zlib-mono/report-t.txt.gz",
		"info " + trace,
		"export --isolated 2-3 --format csv " + trace,
		"export --isolated 2-3 --format jsonl " + trace,
		"latency --isolated 2-3 --format json " + trace,
		"quiet --isolated 2-3 --format json " + trace,
		"stacks --isolated 2-3 --format folded " + trace,
		"diff --allow-duplicates --isolated 2-3 --format json " + trace + " " + trace,
		"filter record --isolated 2 -- true",
		"debug evidence --isolated 2-3 --format json " + trace,
		"explain --list",
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var said bytes.Buffer
		status := run(context.Background(), strings.Fields(args), nil, w, &said)
		w.Close()
		if status != cli.ExitPipe || strings.Contains(said.String(), "pipe") {
			t.Errorf("%s: exit status %d, said %q", args, status, &said)
		}
	}
}
