package tracecmd_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// What testdata/made holds was printed by trace-cmd 3.4.0 (libtraceevent 1.8.4)
// for the files that these tests write. With this flag it is printed anew.
var record = flag.String("record", "", "write testdata/made with this `trace-cmd`")

// A made file has events that no recording has.
type made struct {
	name string
	file *datwriter.File
	// forms are the flags of report that it is printed with.
	forms []string
}

// TestMade compares whole texts with those of trace-cmd.
func TestMade(t *testing.T) {
	for _, m := range append(madeFiles(), madeContainers()...) {
		t.Run(m.name, func(t *testing.T) {
			dat := filepath.Join(t.TempDir(), "trace.dat")
			data, _ := m.file.Bytes()
			if err := os.WriteFile(dat, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, form := range m.forms {
				compareReport(t, dat, form, m.name)
			}
		})
	}
}

func compareReport(t *testing.T, dat, form, name string) {
	t.Helper()
	golden := filepath.Join("testdata/made", name+form+".txt")
	if *record != "" {
		reportWith(t, dat, form, golden)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, text(t, dat, tracecmd.Options{Nanoseconds: form == "-t", Latency: form == "-l", Raw: form == "-R"}), string(want))
}

func reportWith(t *testing.T, dat, form, golden string) {
	args := []string{"report", "-i", dat}
	if form != "" {
		args = append(args, form)
	}
	var said bytes.Buffer
	cmd := exec.Command(*record, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s", err, &said)
	}
	if said.Len() > 0 {
		t.Logf("trace-cmd said: %s", &said)
	}
	if err := os.WriteFile(golden, out, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A log collects the events of a made file, which are a millisecond apart.
type madeLog struct {
	f      *datwriter.File
	events []datwriter.Event
}

func newLog() *madeLog {
	f := datwriter.New(7, "none", false, 8)
	f.PageSize, f.Align = 4096, true
	return &madeLog{f: f}
}

// add declares an event and appends one record of it for each list of values.
func (l *madeLog) add(system, name string, fields []string, print string, records ...[]any) {
	typ := l.f.Declare(datwriter.Format{System: system, Name: name, Fields: fields, Print: print})
	for _, values := range records {
		l.events = append(l.events, datwriter.Event{Time: 5e9 + uint64(len(l.events))*1e6, Record: typ.Record(7, values...)})
	}
}

// file puts the events on one CPU.
func (l *madeLog) file() *datwriter.File {
	l.f.Buffers = []datwriter.Buffer{{Clock: "local", CPUs: []datwriter.CPU{{ID: 0, Pages: l.f.Pages(l.events)}}}}
	return l.f
}

func list(values ...any) []any { return values }
