package main

import (
	"bytes"
	"context"
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
	"time"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/cmd/internal/sendipis"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Recorders are compared while a program on CPU 0 interrupts CPU 1 at a known
// rate. CPU 1 plays the isolated one. It needs root, tracefs and two CPUs.

// A recorderTrial is one way to record.
type recorderTrial struct {
	name string   // for people
	args []string // without the file
	// file is the option that names the file, comm what its processes are called
	file, comm string
	needs      string
}

// traceCmdInstance is where trace-cmd records.
const traceCmdInstance = "ipiscope-bench-trace-cmd"

// benchComm is what the program under measurement is called, so that no other one
// is counted.
const benchComm = "ipiscope-bench"

func recorderTrials(program string) []recorderTrial {
	same := []string{"trace-cmd", "record", "-B", traceCmdInstance, "-b", "16384", "-C", "mono"}
	for _, e := range [][2]string{{"ipi:ipi_send_cpu", "cpu & CPUS{1}"}, {"ipi:ipi_send_cpumask", "cpumask & CPUS{1}"}} {
		same = append(same, "-e", e[0], "-f", e[1], "-R", "stacktrace if "+e[1])
	}
	same = append(same, "-e", "csd:csd_queue_cpu", "-f", "cpu & CPUS{1}")
	ours := []string{program, "record", "--isolated", "1", "--min-free", "0", "--buffer", "16M"}
	return []recorderTrial{
		{"ipiscope record --isolated 1", ours, "-o", benchComm, ""},
		{"ipiscope record --isolated 1 --for latency", append(ours[:len(ours):len(ours)], "--for", "latency"), "-o", benchComm, ""},
		{"trace-cmd record, the events and filters of the first", same, "-o", "trace-cmd", "trace-cmd"},
		{"trace-cmd record -e ipi -e csd -T", []string{"trace-cmd", "record", "-b", "16384", "-C", "mono", "-B", traceCmdInstance, "-e", "ipi", "-e", "csd", "-T"}, "-o", "trace-cmd", "trace-cmd"},
	}
}

// A recorderRow is what one way to record did at one rate.
type recorderRow struct {
	calls       int     // membarrier(2) of the program
	arrived     int     // interrupts that other CPUs sent to CPU 1 meanwhile
	cpu         float64 // of one CPU, while it sent
	sends, lost uint64
	unknown     bool // more were lost than is known
	wakeups     int  // of the recorder, on the isolated CPU, while the program sent
	around      int  // interrupts of CPU 1 by starting and ending, with no load
	own         int  // IPIs of the recorder to it, in the recording
	size        int64
	reached     float64 // calls a second
}

const (
	benchSeconds = 5
	// settle is how long a recorder is given to begin.
	settle = 1500 * time.Millisecond
)

// recording measures all ways to record at all rates.
func (c *config) recording(ctx context.Context, out, errw io.Writer) error {
	fs, _, err := tracefs.Find()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ipiscope-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, benchComm)
	if err := build(ctx, program); err != nil {
		return err
	}
	doc := &document{}
	if err := doc.machine(ctx); err != nil {
		return err
	}
	b := &recorderBench{ctx: ctx, fs: fs, dir: dir, progress: errw}
	for _, rate := range []int{1000, 10000, 100000} {
		doc.rate(rate)
		for _, t := range recorderTrials(program) {
			fmt.Fprintf(errw, "%d IPIs a second: %s\n", rate, t.name)
			if _, err := exec.LookPath(t.needs); t.needs != "" && err != nil {
				doc.recorderMissing(&t)
				continue
			}
			row, err := b.trial(&t, rate)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			doc.recorder(&t, row)
		}
	}
	if c.out == "" {
		_, err = io.WriteString(out, doc.String())
		return err
	}
	return doc.replaceIn(c.out)
}

type recorderBench struct {
	ctx context.Context
	fs  tracefs.Folder
	dir string
	// progress is told what recorders complain of: trace-cmd ends with 1 where a
	// file of tracefs or a sysctl is closed to it, and has recorded all the same
	progress io.Writer
}

// trial records twice: without a load, for the interrupts of starting and ending,
// and with it.
func (b *recorderBench) trial(t *recorderTrial, rate int) (row recorderRow, err error) {
	before, err := interrupts()
	if err != nil {
		return row, err
	}
	idle := func() error { time.Sleep(time.Second); return nil }
	if err := b.record(t, idle); err != nil {
		return row, err
	}
	after, err := interrupts()
	if err != nil {
		return row, err
	}
	row.around = after - before

	err = b.record(t, func() error { return b.watch(t, &row, func() error { return b.load(rate, &row) }) })
	if err != nil {
		return row, err
	}
	return row, b.read(t, &row)
}

func (b *recorderBench) path() string { return filepath.Join(b.dir, "x.dat") }

// record runs a recorder for as long as something takes.
func (b *recorderBench) record(t *recorderTrial, meanwhile func() error) error {
	if err := os.RemoveAll(b.path()); err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, t.args[0], append(t.args[1:len(t.args):len(t.args)], t.file, b.path())...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) } // it has an instance to take down
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(settle)
	err := meanwhile()
	_ = cmd.Process.Signal(syscall.SIGINT)
	if end := cmd.Wait(); end != nil {
		fmt.Fprintf(b.progress, "%v: %s\n", end, said.String())
	}
	if tracefs.Has(b.fs, tracefs.Dir(traceCmdInstance)) { // trace-cmd leaves it
		err = errors.Join(err, b.fs.Rmdir(tracefs.Dir(traceCmdInstance)))
	}
	return err
}

// load has a program send IPIs from CPU 0 to CPU 1.
func (b *recorderBench) load(rate int, row *recorderRow) error {
	cmd := exec.CommandContext(b.ctx, "/proc/self/exe", "membarrier", strconv.Itoa(rate*benchSeconds), strconv.Itoa(rate), strconv.Itoa(benchSeconds+1))
	cmd.Env = append(os.Environ(), loadVariable+"=1")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the load: %w: %s", err, out)
	}
	row.calls, err = strconv.Atoi(strings.TrimSpace(string(out)))
	row.reached = float64(row.calls) / time.Since(start).Seconds()
	return err
}

// loadVariable makes bench the program that sends.
const loadVariable = "IPISCOPE_BENCH_LOAD"

func runLoad() bool {
	if os.Getenv(loadVariable) == "" {
		return false
	}
	sendipis.Main()
	return true
}

// watch notes what the recorder does meanwhile: its CPU time, and when it runs on
// CPU 1, by the scheduler's events in an instance of our own.
func (b *recorderBench) watch(t *recorderTrial, row *recorderRow, meanwhile func() error) (err error) {
	name := fmt.Sprintf("instances/bench-%d", os.Getpid())
	if err := b.fs.Mkdir(name); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.fs.Rmdir(name)) }()
	const event = "/events/sched/sched_switch/"
	for _, w := range [][2]string{{"/tracing_cpumask", "2"}, {event + "filter", `next_comm ~ "` + t.comm + `*"`}, {event + "enable", "1"}} {
		if err := b.fs.WriteFile(name+w[0], w[1]); err != nil {
			return err
		}
	}
	arrived, err := interrupts()
	if err != nil {
		return err
	}
	before, start := cpuTime(t.comm), time.Now()
	if err := meanwhile(); err != nil {
		return err
	}
	row.cpu = (cpuTime(t.comm) - before).Seconds() / time.Since(start).Seconds()
	if row.arrived, err = interrupts(); err != nil {
		return err
	}
	row.arrived -= arrived
	if err := b.fs.WriteFile(name+event+"enable", "0"); err != nil {
		return err
	}
	stats, err := b.fs.ReadFile(name + "/per_cpu/cpu1/stats")
	if m := regexp.MustCompile(`(?m)^entries: (\d+)`).FindSubmatch(stats); err == nil && m != nil {
		row.wakeups, err = strconv.Atoi(string(m[1]))
	}
	return err
}

// cpuTime is that of all threads of the processes of a name.
func cpuTime(comm string) (sum time.Duration) {
	names, _ := filepath.Glob("/proc/[0-9]*/task/*/schedstat")
	for _, name := range names {
		is, err := os.ReadFile(filepath.Join(filepath.Dir(name), "../../comm"))
		if err != nil || strings.TrimSpace(string(is)) != comm {
			continue
		}
		text, _ := os.ReadFile(name)
		if first, _, ok := strings.Cut(string(text), " "); ok { // proc(5): nanoseconds on a CPU
			n, _ := strconv.ParseInt(first, 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}

// interrupts is how many interrupts between CPUs arrived at CPU 1, which plays the
// isolated one, by /proc/interrupts.
func interrupts() (sum int, err error) {
	const cpu = 1
	text, err := os.ReadFile("/proc/interrupts")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < cpu+2 {
			continue
		}
		switch f[0] {
		case "RES:", "CAL:", "TLB:", "IWI:":
			n, err := strconv.Atoi(f[cpu+1])
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// read counts what is in the recording.
func (b *recorderBench) read(t *recorderTrial, row *recorderRow) error {
	st, err := os.Stat(b.path())
	if err != nil {
		return err
	}
	row.size = st.Size()
	src, err := parser.Open(b.path(), parser.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	for src.Scan() {
		switch r := src.Record().(type) {
		case *trace.Event:
			if name := r.Schema().Name; name != "ipi_send_cpu" && name != "ipi_send_cpumask" {
				continue
			}
			row.sends++
			if comm := src.Table().NameOf(r.Comm); strings.HasPrefix(comm, t.comm) {
				row.own++
			}
		case *trace.Lost:
			row.lost += r.N
			row.unknown = row.unknown || r.N == 0
		}
	}
	return src.Err()
}

func (d *document) rate(rate int) {
	fmt.Fprintf(d, "\n### %d calls a second\n\n", rate)
	d.WriteString("| | CPU of the recorder | calls | interrupts of CPU 1 | sends recorded | events lost | runs on the isolated CPU | IPIs of its own in the recording | interrupts of starting and ending | file |\n|---|---|---|---|---|---|---|---|---|---|\n")
}

func (d *document) recorderMissing(t *recorderTrial) {
	fmt.Fprintf(d, "| `%s` | %s is not installed | | | | | | | | |\n", t.name, t.needs)
}

func (d *document) recorder(t *recorderTrial, r recorderRow) {
	lost := strconv.FormatUint(r.lost, 10)
	if r.unknown {
		lost += " or more"
	}
	fmt.Fprintf(d, "| `%s` | %.2f %% | %d (%.0f/s) | %d | %d | %s | %d | %d | %d | %.1f MB |\n", t.name, 100*r.cpu, r.calls, r.reached, r.arrived, r.sends, lost, r.wakeups, r.own, r.around, float64(r.size)/1e6)
}
