package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
)

// startLive starts ipiscope live for CPU 1. Its standard output is in the buffer when
// it has ended.
func startLive(t *testing.T, args ...string) (*recorderRun, *bytes.Buffer) {
	t.Helper()
	r := &recorderRun{Cmd: exec.Command("ipiscope", append([]string{"live", "--isolated", "1"}, args...)...)}
	var out bytes.Buffer
	r.Stderr, r.Stdout = &r.said, &out
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() })
	return r, &out
}

// TestLiveKnown watches a program of known IPIs and records it at the same time: both
// find as many of them, and live has read all events that the kernel counted.
func TestLiveKnown(t *testing.T) {
	fs := recordable(t)
	for try := 1; ; try++ {
		switch why := liveKnown(t, fs); {
		case why == "":
			return
		case try == 3:
			t.Skipf("three times in vain on a machine that is too busy: %s", why)
		}
	}
}

// liveKnown is one such watching. It returns why it proves nothing.
func liveKnown(t *testing.T, fs tracefs.Folder) (why string) {
	t.Helper()
	dir := t.TempDir()
	file, table := filepath.Join(dir, "x.dat"), filepath.Join(dir, "live.csv")
	l, out := startLive(t, "--plain", "--by", "function,cause", "--format", "csv", "-o", table)
	r := startRecord(t, "-o", file)
	l.recording(t, fs)
	r.recording(t, fs)
	if said, err := exec.Command("sendipis", "membarrier", "2000").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, x := range []*recorderRun{l, r} {
		if err := x.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	if status := l.wait(t); status != 0 {
		t.Fatalf("exit status %d: %s", status, l.said.String())
	}
	l.nothingLeft(t, fs)
	r.ok(t, fs, file)
	if !strings.Contains(l.said.String(), " 0 lost") || !strings.Contains(r.said.String(), " 0 lost") {
		return "events were lost"
	}
	if strings.Contains(l.said.String(), "counts are not whole") {
		t.Errorf("live did not read all: %s", l.said.String())
	}
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	recorded, _ := ipiscope(t, "report", "--isolated", "1", "--by", "function,cause", "--format", "csv", file)
	known := regexp.MustCompile(`(?m)^ipi_mb,membarrier_private_expedited,(\d+,){3}`)
	want := known.FindString(recorded)
	if want == "" {
		return "the program's other thread did not run"
	}
	if got := known.FindString(string(text)); got != want {
		t.Errorf("live counted %q, the recording has %q\n%s", got, want, l.said.String())
	}
	if b := out.String(); b != "" && !strings.HasPrefix(b, "CPUs 1: ") {
		t.Errorf("the blocks are %q", b)
	}
	return ""
}

// TestLiveJSON: every line is an object of its schema, counts do not go back, and the
// last one is the report.
func TestLiveJSON(t *testing.T) {
	fs := recordable(t)
	l, out := startLive(t, "--json", "--for", "report,latency", "--every", "200ms", "--for-time", "2s")
	if status := l.wait(t); status != 0 {
		t.Fatalf("exit status %d: %s", status, l.said.String())
	}
	l.nothingLeft(t, fs)
	var schemas []string
	hits := int64(0)
	for s := bufio.NewScanner(out); s.Scan(); {
		var line struct {
			Schema string
			Totals struct{ Hits, Lost, Elapsed_ns int64 }
			CPUs   []struct{ CPU int }
		}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, s.Bytes())
		}
		if line.Totals.Hits < hits || len(line.CPUs) != 1 || line.CPUs[0].CPU != 1 {
			t.Errorf("%d hits before: %s", hits, s.Bytes())
		}
		hits = line.Totals.Hits
		schemas = append(schemas, line.Schema)
	}
	n := len(schemas)
	if n == 0 || schemas[n-1] != "ipiscope/report/v1" || slices.ContainsFunc(schemas[:n-1], func(s string) bool { return s != "ipiscope/live/v1" }) {
		t.Errorf("the lines are %v", schemas)
	}
}

// TestLiveGivesUpArrivals: above --max-rate arrivals are not recorded any more, which
// views and the report say, and --strict; a file of it does not vouch for them.
func TestLiveGivesUpArrivals(t *testing.T) {
	fs := recordable(t)
	file := filepath.Join(t.TempDir(), "x.dat")
	l, out := startLive(t, "--json", "--for", "report,latency", "--max-rate", "1", "--every", "500ms", "--for-time", "4s", "--strict", "--save", file)
	if status := l.waitWith(t, fs, "1000000", "100", "3"); status != 3 {
		t.Errorf("exit status %d: %s", status, l.said.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if n := len(lines); n < 2 || !regexp.MustCompile(`"arrivals_until_ns":\d`).MatchString(lines[n-2]) || !strings.Contains(lines[n-1], `"arrivals-dropped"`) {
		t.Errorf("the last lines do not say it:\n%s", strings.Join(lines[max(0, n-2):], "\n"))
	}
	_, _, m := readFile(t, file)
	for _, e := range m.Recorded.Events {
		if strings.HasPrefix(e.Name, "irq_vectors:") && e.Filter != "common_pid < 0" {
			t.Errorf("%s was recorded with the filter %q", e.Name, e.Filter)
		}
	}
}

// TestLiveTampered: where somebody switches its events off, that nothing comes is not
// taken for nothing that happened.
func TestLiveTampered(t *testing.T) {
	fs := recordable(t)
	for file, text := range map[string]string{"events/csd/csd_queue_cpu/enable": "0", "events/csd/csd_queue_cpu/filter": "cpu == 77"} {
		l, _ := startLive(t, "--for-time", "20s")
		until(t, "its events are on", func() bool { // a new instance records before it is set up
			on, err := tracefs.Text(fs, tracefs.Dir(l.instance(fs))+"/set_event")
			return err == nil && strings.Contains(on, "csd_queue_cpu")
		})
		l.recording(t, fs)
		if err := fs.WriteFile(tracefs.Dir(l.instance(fs))+"/"+file, text); err != nil {
			t.Fatal(err)
		}
		if status := l.wait(t); status != 1 || !strings.Contains(l.said.String(), "somebody s") {
			t.Errorf("%s: exit status %d: %s", file, status, l.said.String())
		}
		l.nothingLeft(t, fs)
	}
}

// TestLiveKilled: what a killed one leaves the next one removes.
func TestLiveKilled(t *testing.T) {
	fs := recordable(t)
	l, _ := startLive(t)
	l.recording(t, fs)
	if err := l.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	l.wait(t)
	next, _ := startLive(t, "--for-time", "100ms")
	if status := next.wait(t); status != 0 {
		t.Fatalf("exit status %d: %s", status, next.said.String())
	}
	next.nothingLeft(t, fs)
	l.nothingLeft(t, fs)
}

// TestLiveKeepsOff: no thread of it may run on the CPU that it watches, and signals
// end it in order.
func TestLiveKeepsOff(t *testing.T) {
	fs := recordable(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		l, _ := startLive(t)
		l.recording(t, fs)
		l.keepsOff(t)
		if err := l.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if status := l.wait(t); status != 0 {
			t.Errorf("exit status %d: %s", status, l.said.String())
		}
		l.nothingLeft(t, fs)
	}
}

// TestLiveScreen drives the screen in tmux.
func TestLiveScreen(t *testing.T) {
	recordable(t)
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("no tmux")
	}
	program, err := exec.LookPath("ipiscope")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("../../.ci/live-screen", program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// firstFour are the keys, sends, requests and hits of a report as csv.
func firstFour(csv string) []string {
	return regexp.MustCompile(`(?m)^[a-z_|]+,[0-9]+,[0-9]+,[0-9]+,`).FindAllString(csv, -1)
}

// TestLiveSaves: what was kept is a trace.dat that counts what live counted.
func TestLiveSaves(t *testing.T) {
	fs := recordable(t)
	dir := t.TempDir()
	file, table := filepath.Join(dir, "x.dat"), filepath.Join(dir, "live.csv")
	l, _ := startLive(t, "--save", file, "--keep", "1h", "--format", "csv", "-o", table)
	l.recording(t, fs)
	if said, err := exec.Command("sendipis", "membarrier", "2000").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if err := l.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status := l.wait(t); status != 0 {
		t.Fatalf("exit status %d: %s", status, l.said.String())
	}
	l.nothingLeft(t, fs)
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	saved, _ := ipiscope(t, "report", "--isolated", "1", "--format", "csv", file)
	got, want := firstFour(saved), firstFour(string(text))
	if !slices.Equal(got, want) {
		t.Errorf("the file has %q, live counted %q: %s", got, want, l.said.String())
	}
	if _, _, m := readFile(t, file); m.Recorded == nil || !m.Recorded.Ring || m.Recorded.Covered != nil {
		t.Errorf("recorded %+v: a part must not vouch for all of its time", m.Recorded)
	}
	if n := traceCmdEvents(t, file); n == 0 && len(want) > 0 {
		t.Error("trace-cmd report prints no event of it")
	}
}

// waitWith waits for a recorder that ends by itself while membarriers are sent, and
// wants nothing to be left. It returns the exit status.
func (r *recorderRun) waitWith(t *testing.T, fs tracefs.Folder, membarriers ...string) int {
	t.Helper()
	sender := exec.Command("sendipis", append([]string{"membarrier"}, membarriers...)...)
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	status := r.wait(t)
	_ = sender.Process.Kill()
	_ = sender.Wait() // it was killed
	r.nothingLeft(t, fs)
	return status
}

// TestLiveStops: a trigger ends it at its event, which is in the file.
func TestLiveStops(t *testing.T) {
	fs := recordable(t)
	file := filepath.Join(t.TempDir(), "x.dat")
	l, _ := startLive(t, "--stop-on", "csd_queue_cpu if func.function == ipi_mb", "--save", file, "--for-time", "20s")
	l.recording(t, fs)
	status := l.waitWith(t, fs, "1000000", "1000", "15")
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, l.said.String())
	}
	if !strings.Contains(l.said.String(), "stopped by csd:csd_queue_cpu") {
		t.Skip("the program's other thread did not run: this machine is too busy")
	}
	out, _ := ipiscope(t, "report", "--isolated", "1", "--format", "csv", file)
	if !strings.Contains(out, "\nipi_mb,0,1,0,") {
		t.Errorf("the call that stopped it is not in the file, or more than that:\n%s", out)
	}
}

// TestLiveChecks: a hit that the budget does not allow ends it with status 4 and is
// told with its stack; a budget that allows it is not broken.
func TestLiveChecks(t *testing.T) {
	fs := recordable(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		name, budget, says string
		status             int
	}{
		{"broken", "functions:\n  ipi_mb: 5\n", "hit 6 at ", 4},
		{"too long", "max_handler: 1ns\n", "fail: CPU 1: longest handler: ", 4},
		{"kept", "functions:\n  ipi_mb: 1000000000\n", "no hit broke the budget", 0},
	} {
		limits := filepath.Join(dir, tt.name+".yaml")
		if err := os.WriteFile(limits, []byte(tt.budget), 0o600); err != nil {
			t.Fatal(err)
		}
		l, _ := startLive(t, "--check", limits, "--for-time", "10s")
		l.recording(t, fs)
		status := l.waitWith(t, fs, "1000000", "1000", "8")
		said := l.said.String()
		switch {
		case !strings.Contains(said, " 0 lost"):
			t.Skip("events were lost: this machine is too busy")
		case tt.status == 4 && status == 0 && strings.Contains(said, "no hit broke the budget"):
			t.Skip("the program's other thread did not run: this machine is too busy")
		case tt.status == 4 && status == 4 && strings.Contains(said, tt.says) && !strings.Contains(tt.budget, "functions"):
		case status != tt.status || !strings.Contains(said, tt.says) || tt.status == 4 && !strings.Contains(said, "\n  membarrier_private_expedited"):
			t.Errorf("%s: exit status %d: %s", tt.name, status, said)
		}
	}
}

// TestLiveMetrics: the figures are served while it runs, and not behind its end.
func TestLiveMetrics(t *testing.T) {
	fs := recordable(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	addr := listener.Addr().String()
	listener.Close() // now it is free
	l, _ := startLive(t, "--json", "--every", "200ms", "--metrics", addr)
	l.recording(t, fs)
	until(t, "there are figures: "+l.said.String(), func() bool {
		r, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(text), "\nipiscope_lost_events_total ")
	})
	if err := l.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status := l.wait(t); status != 0 {
		t.Errorf("exit status %d: %s", status, l.said.String())
	}
	l.nothingLeft(t, fs)
}
