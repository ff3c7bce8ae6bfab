package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// These tests record for real, as root on a machine with tracefs and two CPUs, of
// which CPU 1 plays the isolated one. Elsewhere they are skipped and say why.
// Others may trace and work beside them.

// recordable skips a test where nothing can be recorded.
func recordable(t *testing.T) tracefs.Folder {
	t.Helper()
	if testing.Short() {
		t.Skip("recordings take their time")
	}
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	if online, _ := os.ReadFile("/sys/devices/system/cpu/online"); !strings.HasPrefix(string(online), "0-") {
		t.Skipf("CPUs 0 and 1 are not online: %q", online)
	}
	fs, _, err := tracefs.Find()
	if err != nil {
		t.Skip(err)
	}
	if !tracefs.Has(fs, "events/ipi/ipi_send_cpu") || !tracefs.Has(fs, "events/csd/csd_queue_cpu") {
		t.Skip("this kernel has no events ipi_send_cpu and csd_queue_cpu")
	}
	probe := fmt.Sprintf("instances/ipiscope-test-%d", os.Getpid())
	if err := fs.Mkdir(probe); err != nil {
		t.Skipf("no instances: %v", err)
	}
	if err := fs.Rmdir(probe); err != nil {
		t.Fatal(err)
	}
	return fs
}

// A recorderRun is ipiscope record while it runs.
type recorderRun struct {
	*exec.Cmd
	said bytes.Buffer
}

// startRecord starts ipiscope record for CPU 1.
func startRecord(t *testing.T, args ...string) *recorderRun {
	t.Helper()
	return startTracing(t, append([]string{"record", "--isolated", "1", "--min-free", "0"}, args...)...)
}

// startTracing starts a command of ipiscope that traces.
func startTracing(t *testing.T, args ...string) *recorderRun {
	t.Helper()
	r := &recorderRun{Cmd: exec.Command("ipiscope", args...)}
	r.Stderr = &r.said
	r.WaitDelay = time.Second
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() })
	return r
}

// wait returns the exit status.
func (r *recorderRun) wait(t *testing.T) int {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- r.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("record does not end: %s", r.said.String())
	}
	return r.ProcessState.ExitCode()
}

// instance is that of a recorder, while it has one.
func (r *recorderRun) instance(fs tracefs.Folder) string {
	names, _ := fs.Names("instances")
	for _, n := range names {
		if strings.HasPrefix(n, fmt.Sprintf("ipiscope-%d-", r.Process.Pid)) {
			return n
		}
	}
	return ""
}

// until waits for something that takes a moment.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

// recording waits until a recorder records.
func (r *recorderRun) recording(t *testing.T, fs tracefs.Folder) {
	t.Helper()
	until(t, "it records: "+r.said.String(), func() bool {
		name := r.instance(fs)
		if name == "" {
			return false
		}
		on, err := tracefs.Text(fs, "instances/"+name+"/tracing_on")
		return err == nil && on == "1"
	})
}

// ok waits for a recording that must succeed, and leave nothing.
func (r *recorderRun) ok(t *testing.T, fs tracefs.Folder, file string) {
	t.Helper()
	if status := r.wait(t); status != 0 {
		t.Fatalf("exit status %d: %s", status, r.said.String())
	}
	r.nothingLeft(t, fs)
	if _, err := os.Stat(file + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s.partial is left: %v", file, err)
	}
}

func (r *recorderRun) nothingLeft(t *testing.T, fs tracefs.Folder) {
	t.Helper()
	if name := r.instance(fs); name != "" {
		t.Errorf("the instance %s is left: %s", name, r.said.String())
	}
}

// cleaned wants what a killed recorder left to be removed by --clean, or by another
// recorder that began meanwhile.
func (r *recorderRun) cleaned(t *testing.T, fs tracefs.Folder) {
	t.Helper()
	if out, status := ipiscope(t, "record", "--clean"); status != 0 {
		t.Errorf("--clean: exit status %d: %s", status, out)
	}
	until(t, "another one removed "+r.instance(fs), func() bool { return r.instance(fs) == "" })
}

// saidEvents is the number of events on the last line.
func (r *recorderRun) saidEvents(t *testing.T) int {
	t.Helper()
	m := regexp.MustCompile(`: (\d+) events in .*, (\d+) lost`).FindStringSubmatch(r.said.String())
	if m == nil || m[2] != "0" {
		t.Fatalf("want events and 0 lost: %s", r.said.String())
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// readFile counts the events of a file and those that the kernel's counters say were
// read.
func readFile(t *testing.T, file string) (events, counted int, m trace.Meta) {
	t.Helper()
	src, err := parser.Open(file, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			events++
		case *trace.Lost, *trace.SyntaxError:
			t.Errorf("%s: %+v", file, r)
		}
	}
	if err := src.Err(); err != nil {
		t.Error(err)
	}
	for _, o := range src.Table().Meta.Options {
		for _, n := range regexp.MustCompile(`read events: (\d+)`).FindAllStringSubmatch(o.Text, -1) {
			c, _ := strconv.Atoi(n[1])
			counted += c
		}
	}
	return events, counted, src.Table().Meta
}

// traceCmdEvents counts the events that trace-cmd report prints, -1 without it.
func traceCmdEvents(t *testing.T, file string) int {
	t.Helper()
	if _, err := exec.LookPath("trace-cmd"); err != nil {
		return -1
	}
	out, err := exec.Command("trace-cmd", "report", "-N", file).CombinedOutput()
	if err != nil {
		t.Fatalf("trace-cmd report: %v\n%.2000s", err, out)
	}
	return len(regexp.MustCompile(`(?m)^.*-\d+ +\[\d+\] .*\d+\.\d+: \w+:`).FindAll(out, -1))
}

func ipiscope(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("ipiscope", args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestRecordKnown records a program of known IPIs, in every form of file. The
// events in the file are as many as the kernel counted and as trace-cmd prints, and
// the report finds their function and cause.
func TestRecordKnown(t *testing.T) {
	fs := recordable(t)
	for _, form := range [][]string{{"v7", "zstd"}, {"v7", "none"}, {"v6", "none"}} {
		t.Run(strings.Join(form, " "), func(t *testing.T) {
			found := 0
			for try := 0; try < 3 && found < 100; try++ {
				found = recordKnown(t, fs, form[0], form[1])
			}
			if found < 100 || found > 2000 {
				t.Errorf("%d IPIs of 2000", found)
			}
		})
	}
}

// recordKnown records 2000 membarriers, holds the file against the kernel's counters
// and trace-cmd, and returns how many of their IPIs the report finds: none where the
// program's other thread did not run at that time, as happens on a busy machine.
func recordKnown(t *testing.T, fs tracefs.Folder, format, compression string) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.dat")
	r := startRecord(t, "-o", file, "--format", format, "--compress", compression, "--", "sendipis", "membarrier", "2000")
	r.ok(t, fs, file)
	said := r.saidEvents(t)
	events, counted, m := readFile(t, file)
	if said == 0 || events != said || counted != said {
		t.Errorf("%d events in the file, the kernel counted %d, the last line says %d", events, counted, said)
	}
	if n := traceCmdEvents(t, file); n >= 0 && n != said {
		t.Errorf("trace-cmd report prints %d events of %d", n, said)
	}
	if m.Clock != "mono" || m.Recorded == nil || m.Recorded.Targets.String() != "1" || m.Compression != compression {
		t.Errorf("clock %q, compression %q, recorded %+v", m.Clock, m.Compression, m.Recorded)
	}
	return known(t, file)
}

// known counts the IPIs of sendipis that the report finds in a recording.
func known(t *testing.T, file string) int {
	t.Helper()
	out, status := ipiscope(t, "report", "--isolated", "1", "--by", "function,cause", "--format", "csv", file)
	m := regexp.MustCompile(`(?m)^ipi_mb,membarrier_private_expedited,(\d+),`).FindStringSubmatch(out)
	if status != 0 {
		t.Fatalf("exit status %d:\n%s", status, out)
	}
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// hasKnown wants the program's IPIs in a recording, where its other thread ran.
func hasKnown(t *testing.T, file string) {
	t.Helper()
	if known(t, file) == 0 {
		t.Skip("the program's other thread did not run: this machine is too busy")
	}
}

// TestRecordFlushes: taking away rights from a page that two CPUs use makes one
// flush the other's TLB, by an IPI unless the hypervisor does it.
func TestRecordFlushes(t *testing.T) {
	fs := recordable(t)
	file := filepath.Join(t.TempDir(), "x.dat")
	before := flushes(t)
	r := startRecord(t, "-o", file, "--", "sendipis", "mprotect", "2000")
	r.ok(t, fs, file)
	out, _ := ipiscope(t, "report", "--isolated", "1", "--by", "function", "--top", "0", "--format", "csv", file)
	if arrived := flushes(t) - before; arrived < 100 {
		t.Skipf("this machine flushes TLBs without IPIs: %d", arrived)
	}
	if !strings.Contains(out, "flush_tlb_func") {
		t.Errorf("no flush_tlb_func:\n%s", out)
	}
}

// flushes is how many TLB shootdowns arrived on CPU 1 so far.
func flushes(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/interrupts")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ *TLB: +\d+ +(\d+)`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// TestRecordKeepsAway: while it records, no thread of the recorder may run on the
// isolated CPU, and it sends it nothing. On a busy machine one IPI was seen now and
// then, of a cause that is not known: so one recording of three has to be without.
func TestRecordKeepsAway(t *testing.T) {
	fs := recordable(t)
	var said []string
	for range 3 {
		file := filepath.Join(t.TempDir(), "x.dat")
		r := startRecord(t, "-o", file, "--for", "latency", "--duration", "1s")
		r.recording(t, fs)
		r.keepsOff(t)
		r.ok(t, fs, file)
		if strings.Contains(r.said.String(), " 0 IPIs of its own to CPUs 1 within the recording") {
			return
		}
		said = append(said, r.said.String())
	}
	t.Error(said)
}

// keepsOff checks that no thread of the recorder may run on CPU 1.
func (r *recorderRun) keepsOff(t *testing.T) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it ended
		}
		if m := regexp.MustCompile(`Cpus_allowed_list:\t(.*)`).FindStringSubmatch(string(text)); m == nil || strings.Contains(m[1], "1") && !strings.HasPrefix(m[1], "10") {
			t.Errorf("%s may run on %v", task, m)
		}
	}
}

// TestRecordSignals: each of them ends a recording in order.
func TestRecordSignals(t *testing.T) {
	fs := recordable(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		file := filepath.Join(t.TempDir(), "x.dat")
		r := startRecord(t, "-o", file)
		r.recording(t, fs)
		if err := r.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		r.ok(t, fs, file)
		readFile(t, file)
	}
}

// TestRecordKilled: after SIGKILL what was written is readable and says that it is
// partial, and the next recorder removes the instance.
func TestRecordKilled(t *testing.T) {
	fs := recordable(t)
	file := filepath.Join(t.TempDir(), "x.dat")
	r := startRecord(t, "-o", file, "--", "sendipis", "membarrier", "2000000", "2000")
	r.recording(t, fs)
	until(t, "some of it is written", func() bool {
		out, _ := ipiscope(t, "report", "--isolated", "1", "--by", "function", file+".partial")
		return strings.Contains(out, "ipi_mb")
	})
	if err := r.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.wait(t)
	out, status := ipiscope(t, "report", "--isolated", "1", "--by", "function", file+".partial")
	if status != 1 || !strings.Contains(out, "did not come to its end") || !strings.Contains(out, "ipi_mb") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	r.cleaned(t, fs)
	// its folder is not overwritten
	again := startRecord(t, "-o", file, "--duration", "10ms")
	if status := again.wait(t); status != 1 || !strings.Contains(again.said.String(), "is there already") {
		t.Errorf("exit status %d: %s", status, again.said.String())
	}
	again.nothingLeft(t, fs)
}

// TestRecordKilledAnyTime: whenever it is killed, from its first moment to the
// writing of the file, the next one cleans up, and what is on the disk says that it
// is not whole, or is whole.
func TestRecordKilledAnyTime(t *testing.T) {
	fs := recordable(t)
	for _, ms := range []int{10, 60, 120, 200, 300, 450, 700, 900, 1000} {
		file := filepath.Join(t.TempDir(), "x.dat")
		r := startRecord(t, "-o", file, "--for", "latency", "--duration", "300ms")
		time.Sleep(time.Duration(ms) * time.Millisecond)
		_ = r.Process.Kill() // it may have ended
		r.wait(t)
		r.cleaned(t, fs)
		if _, err := os.Stat(file); err == nil {
			readFile(t, file)
			continue
		}
		if _, err := os.Stat(file + ".partial"); err != nil {
			continue // it had not begun
		}
		out, status := ipiscope(t, "report", "--isolated", "1", file+".partial")
		if status != 1 || !strings.Contains(out, "did not come to its end") && !strings.Contains(out, "the recorder ended before its recording began") {
			t.Errorf("%d ms: exit status %d:\n%s", ms, status, out)
		}
	}
}

// TestRecordFullDisk: on a disk that is full the recording ends with clear words,
// and what was written is readable.
func TestRecordFullDisk(t *testing.T) {
	fs := recordable(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	file := filepath.Join(dir, "x.dat")
	r := startRecord(t, "-o", file, "--compress", "none", "--", "sendipis", "membarrier", "1000000")
	if status := r.wait(t); status != 1 || !strings.Contains(r.said.String(), "the disk is full") || !strings.Contains(r.said.String(), "x.dat.partial reads it") {
		t.Errorf("exit status %d: %s", status, r.said.String())
	}
	r.nothingLeft(t, fs)
	if out, status := ipiscope(t, "report", "--isolated", "1", file+".partial"); status != 1 || !strings.Contains(out, "did not come to its end") || !strings.Contains(out, "\nCPU 1: ") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	// too little from the start
	r = startRecord(t, "-o", filepath.Join(dir, "y.dat"), "--min-free", "1G")
	if status := r.wait(t); status != 1 || !strings.Contains(r.said.String(), "want at least 1024") {
		t.Errorf("exit status %d: %s", status, r.said.String())
	}
}

// TestRecordNoFile: where the file cannot be made at the end, what was recorded is kept
// and said.
func TestRecordNoFile(t *testing.T) {
	fs := recordable(t)
	file := filepath.Join(t.TempDir(), "x.dat")
	r := startRecord(t, "-o", file, "--", "sendipis", "membarrier", "30000", "2000")
	r.recording(t, fs)
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if status := r.wait(t); status != 1 || !strings.Contains(r.said.String(), "what was recorded until then is in "+file+".partial") || strings.Contains(r.said.String(), "panic") {
		t.Errorf("exit status %d: %s", status, r.said.String())
	}
	r.nothingLeft(t, fs)
	if out, status := ipiscope(t, "report", "--isolated", "1", file+".partial"); status != 1 || !strings.Contains(out, "did not come to its end") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}

// TestRecordTwo: two recorders do not disturb one another.
func TestRecordTwo(t *testing.T) {
	fs := recordable(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.dat"), filepath.Join(dir, "b.dat")
	ra, rb := startRecord(t, "-o", a), startRecord(t, "-o", b)
	ra.recording(t, fs)
	rb.recording(t, fs)
	if out, err := exec.Command("sendipis", "membarrier", "2000").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, r := range []*recorderRun{ra, rb} {
		if err := r.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	ra.ok(t, fs, a)
	rb.ok(t, fs, b)
	hasKnown(t, a)
	hasKnown(t, b)
}

// TestRecordNobody: without rights nothing is done, and what is needed is said.
func TestRecordNobody(t *testing.T) {
	recordable(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "ipiscope")
	for _, d := range []string{filepath.Dir(dir), dir} { // both are root's alone
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	copyProgram(t, program)
	cmd := exec.Command(program, "record", "--isolated", "1", "--min-free", "0", "-o", filepath.Join(dir, "x.dat"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skipf("nobody cannot run programs here: %v", err)
	}
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "recording needs root") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.dat.partial")); err == nil {
		t.Error("a folder is left")
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestRecordStops: a trigger freezes the buffer at its event; a ring is read only
// then.
func TestRecordStops(t *testing.T) {
	fs := recordable(t)
	for _, mode := range [][]string{nil, {"--ring"}} {
		file := filepath.Join(t.TempDir(), "x.dat")
		r := startRecord(t, append(mode, "-o", file, "--stop-on", "csd_queue_cpu if func.function == ipi_mb", "--", "sendipis", "membarrier", "100000", "1000")...)
		r.ok(t, fs, file)
		if !strings.Contains(r.said.String(), "stopped by csd:csd_queue_cpu") {
			t.Error(r.said.String())
		}
		// the call is in it, the IPI that follows is not
		out, _ := ipiscope(t, "report", "--isolated", "1", "--by", "function", "--format", "csv", file)
		if strings.Contains(out, "\nipi_mb,") && !strings.Contains(out, "\nipi_mb,0,1,0,") {
			t.Errorf("it did not stop:\n%s", out)
		}
	}
}

// TestRecordArmed: what was armed is used and taken down, nothing else.
func TestRecordArmed(t *testing.T) {
	fs := recordable(t)
	name := fmt.Sprintf("test%d", os.Getpid())
	file := filepath.Join(t.TempDir(), "x.dat")
	if out, status := ipiscope(t, "record", "--isolated", "1", "--arm", name); status != 0 {
		t.Fatalf("--arm: %s", out)
	}
	defer func() {
		if out, status := ipiscope(t, "record", "--disarm", name); status != 0 {
			t.Errorf("--disarm: %s", out)
		}
		if tracefs.Has(fs, "instances/ipiscope-"+name) {
			t.Error("the instance is left")
		}
	}()
	r := startRecord(t, "-o", file, "--use", name, "--", "sendipis", "membarrier", "2000")
	r.ok(t, fs, file)
	hasKnown(t, file)
	if !tracefs.Has(fs, "instances/ipiscope-"+name) {
		t.Error("--use took the instance down")
	}
	for _, args := range [][]string{{"--disarm", "1-2"}, {"--disarm", "no-such-" + name}, {"--arm", name, "--isolated", "1"}, {"--use", name, "--isolated", "0", "--housekeeping", "0", "--min-free", "0", "-o", file}} {
		if out, status := ipiscope(t, append([]string{"record"}, args...)...); status == 0 {
			t.Errorf("%v: %s", args, out)
		}
	}
}

// TestRecordKeepsName: the recorder is called ipiscope while it records, by which
// recordings know it.
func TestRecordKeepsName(t *testing.T) {
	fs := recordable(t)
	r := startRecord(t, "-o", filepath.Join(t.TempDir(), "x.dat"))
	r.recording(t, fs)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", r.Process.Pid))
	if err != nil || strings.TrimSpace(string(comm)) != "ipiscope" {
		t.Errorf("comm is %q, %v", comm, err)
	}
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wait(t)
}
