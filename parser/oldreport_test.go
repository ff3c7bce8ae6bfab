package parser

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestOldReport: what trace-cmd 3.1.6 (Debian 12) prints of a recording says the same as
// what 3.4 does. It prints no flags, another letter for idle tasks, and times of 12
// digits without a blank after the CPU's bracket.
func TestOldReport(t *testing.T) {
	for _, tt := range []struct{ folder, old string }{
		{"k612s4-06-multi", "report-3.1.6-t.txt.gz"},
		{"k612s4-06-multi", "report-3.1.6--raw-ts.txt.gz"},
		{"k72s4-01-zstd-local", "report-3.1.6-t.txt.gz"},
	} {
		folder := filepath.Join("..", "fixtures", tt.folder)
		want, wantFlags := oldReport(t, filepath.Join(folder, "report-t.txt.gz"))
		got, gotFlags := oldReport(t, filepath.Join(folder, tt.old))
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 1000 {
			t.Errorf("%s: %s, %d events: -3.4 +3.1.6:\n%.2000s", tt.folder, tt.old, len(want), diff)
		}
		if gotFlags || !wantFlags {
			t.Errorf("%s: flags in 3.1.6: %v, in 3.4: %v", tt.folder, gotFlags, wantFlags)
		}
	}
}

// oldReport reads the events of a report but for their flags, with the fields of sends.
func oldReport(t *testing.T, path string) (out []string, flags bool) {
	t.Helper()
	src, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for src.Scan() {
		e, ok := src.Record().(*trace.Event)
		if !ok {
			t.Errorf("%s: %v", path, src.Record())
			continue
		}
		flags = flags || e.HasFlags
		tab := e.Table()
		line := fmt.Sprint(e.Time, " ", e.CPU, " ", e.PID, " ", tab.NameOf(e.Comm), " ", tab.NameOf(e.Instance), " ", e.Schema().Name)
		if e.Schema().System == "ipi" {
			line += " " + string(bytes.TrimSpace(e.Payload()))
		}
		for _, f := range tab.StackOf(e.Stack()) {
			line += " => " + tab.SymbolOf(f).Name
		}
		out = append(out, line)
	}
	if err := src.Err(); err != nil {
		t.Error(err)
	}
	return out, flags
}
