package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A fake is a trace file system that behaves as the kernel's does as far as a
// recorder sees: instances come with their files and go with them.
type fake struct {
	files map[string]string
	log   []string // of what was written
	fail  int      // the write that fails, from 1; 0: none
	with  error
	n     int
	// refuse is the error of a write of this text.
	refuse map[string]error
}

// format of an event with a field, as Linux 6.12 has it.
func format(name, field string) string {
	return "name: " + name + "\nID: 70\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n" + field + "\n\nprint fmt: \"\"\n"
}

func newFake(without ...string) *fake {
	f := &fake{files: map[string]string{"instances/other/set_event": "sched:sched_switch\n"}, refuse: map[string]error{}}
	const cpu = "\tfield:unsigned int cpu;\toffset:8;\tsize:4;\tsigned:0;\n"
	for name, field := range map[string]string{
		"ipi/ipi_send_cpu":                   cpu,
		"ipi/ipi_send_cpumask":               "\tfield:__data_loc cpumask_t cpumask;\toffset:8;\tsize:4;\tsigned:0;\n",
		"csd/csd_queue_cpu":                  cpu,
		"csd/csd_function_entry":             "\tfield:void * func;\toffset:8;\tsize:8;\tsigned:0;\n",
		"sched/sched_switch":                 "\tfield:pid_t prev_pid;\toffset:8;\tsize:4;\tsigned:1;\n",
		"irq_vectors/reschedule_entry":       "\tfield:int vector;\toffset:8;\tsize:4;\tsigned:1;\n",
		"irq_vectors/call_function_entry":    "\tfield:int vector;\toffset:8;\tsize:4;\tsigned:1;\n",
		"irq_vectors/local_timer_entry":      "\tfield:int vector;\toffset:8;\tsize:4;\tsigned:1;\n",
		"irq_vectors/vector_config":          "\tfield:int vector;\toffset:8;\tsize:4;\tsigned:1;\n",
		"context_tracking/user_exit":         "\tfield:int dummy;\toffset:8;\tsize:4;\tsigned:1;\n",
		"exceptions/page_fault_kernel":       "\tfield:int dummy;\toffset:8;\tsize:4;\tsigned:1;\n",
		"ftrace/kernel_stack":                "\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n",
		"ipi/ipi_raise_that_nobody_asks_for": cpu,
	} {
		if slices.Contains(without, path.Base(name)) {
			continue
		}
		f.files["events/"+name+"/format"] = format(path.Base(name), field)
		f.files["events/"+name+"/enable"] = "0"
		f.files["events/"+name+"/filter"] = "none"
		f.files["events/"+name+"/trigger"] = "# Available triggers:\n# traceon traceoff stacktrace enable_event disable_event\n"
	}
	for _, name := range []string{"tracing_on", "trace_clock", "options/overwrite", "options/stacktrace", "per_cpu/cpu0/buffer_size_kb", "per_cpu/cpu1/buffer_size_kb", "per_cpu/cpu2/buffer_size_kb", "error_log", "events/enable"} {
		f.files[name] = ""
	}
	return f
}

func (f *fake) write(what string) error {
	f.n++
	f.log = append(f.log, what)
	if f.n == f.fail {
		return f.with
	}
	return nil
}

func (f *fake) ReadFile(name string) ([]byte, error) {
	text, ok := f.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (f *fake) WriteFile(name, text string) error {
	if err := f.write(name + " <- " + text); err != nil {
		return err
	}
	if err := f.refuse[text]; err != nil {
		return err
	}
	if _, ok := f.files[name]; !ok {
		return fs.ErrNotExist
	}
	f.files[name] = text
	return nil
}

func (f *fake) Mkdir(name string) error {
	if err := f.write("mkdir " + name); err != nil {
		return err
	}
	if tracefs.Has(f, name) {
		return fs.ErrExist
	}
	for have, text := range f.files {
		if !strings.HasPrefix(have, "instances/") {
			f.files[name+"/"+have] = text
		}
	}
	return nil
}

func (f *fake) Rmdir(name string) error {
	if err := f.write("rmdir " + name); err != nil {
		return err
	}
	if !tracefs.Has(f, name) {
		return fs.ErrNotExist
	}
	for have := range f.files {
		if strings.HasPrefix(have, name+"/") {
			delete(f.files, have)
		}
	}
	return nil
}

func (f *fake) Names(dir string) ([]string, error) {
	var names []string
	for have := range f.files {
		rest, ok := strings.CutPrefix(have, dir+"/")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(rest, "/")
		if !slices.Contains(names, first) {
			names = append(names, first)
		}
	}
	return names, nil
}

func (f *fake) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (f *fake) instances() []string {
	names, _ := f.Names("instances")
	slices.Sort(names)
	return names
}

func config(events ...string) *Config {
	var isolated, online cpumask.Mask
	isolated.Set(2)
	online.SetRange(0, 2)
	return &Config{
		Request: plan.Request{Isolated: isolated, Events: events, Stacks: []string{"ipi_send_cpu", "ipi_send_cpumask"}, StopOn: "csd_queue_cpu if cpu == 1"},
		Machine: &Machine{Online: online, CPUs: 3, Release: "6.12.0"}, Clock: "mono", BufferKB: 16,
		Say: func(string, string, ...any) {},
	}
}

const instance = "instances/ipiscope-7-99"

// TestOrder: nothing records before all is set up, events come last, each with its
// filter and trigger before it, and all is inside of the instance.
func TestOrder(t *testing.T) {
	f := newFake()
	i, _, err := Prepare(f, "ipiscope-7-99", config("ipi_send_cpu", "ipi_send_cpumask", "csd_queue_cpu", "sched_switch", "kernel_stack", "no_such_event"))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Remove(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range f.log {
		if strings.Contains(line, "CPU & CPUS{2}") && strings.Contains(line, "ipi_send_cpu/filter") {
			continue // the probe
		}
		got = append(got, strings.Replace(line, instance, "I", 1))
	}
	want := []string{
		"mkdir I",
		"I/tracing_on <- 0",
		"I/trace_clock <- mono",
		"I/options/overwrite <- 1",
		"I/options/stacktrace <- 0",
		"I/per_cpu/cpu0/buffer_size_kb <- 16",
		"I/per_cpu/cpu1/buffer_size_kb <- 16",
		"I/per_cpu/cpu2/buffer_size_kb <- 16", // sched_switch is recorded there
		"I/events/ipi/ipi_send_cpu/filter <- cpu & CPUS{2}",
		"I/events/ipi/ipi_send_cpumask/filter <- cpumask & CPUS{2}",
		"I/events/csd/csd_queue_cpu/filter <- cpu & CPUS{2}",
		"I/events/sched/sched_switch/filter <- CPU & CPUS{2}",
		"I/events/ipi/ipi_send_cpu/trigger <- stacktrace if cpu & CPUS{2}",
		"I/events/ipi/ipi_send_cpumask/trigger <- stacktrace if cpumask & CPUS{2}",
		"I/events/csd/csd_queue_cpu/trigger <- traceoff if cpu == 1",
		"I/events/ipi/ipi_send_cpu/enable <- 1",
		"I/events/ipi/ipi_send_cpumask/enable <- 1",
		"I/events/csd/csd_queue_cpu/enable <- 1",
		"I/events/sched/sched_switch/enable <- 1",
		"I/tracing_on <- 0",
		"I/events/sched/sched_switch/enable <- 0",
		"I/events/csd/csd_queue_cpu/enable <- 0",
		"I/events/ipi/ipi_send_cpumask/enable <- 0",
		"I/events/ipi/ipi_send_cpu/enable <- 0",
		"I/events/csd/csd_queue_cpu/trigger <- !traceoff if cpu == 1",
		"I/events/ipi/ipi_send_cpumask/trigger <- !stacktrace if cpumask & CPUS{2}",
		"I/events/ipi/ipi_send_cpu/trigger <- !stacktrace if cpu & CPUS{2}",
		"rmdir I",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestEveryWriteFails: whichever write fails, nothing is left and the others are
// as they were.
func TestEveryWriteFails(t *testing.T) {
	for _, with := range []error{syscall.EIO, syscall.EINVAL, syscall.ENOMEM, syscall.EPERM, syscall.EBUSY} {
		whole := newFake()
		before := fmt.Sprint(whole.files)
		i, _, err := Prepare(whole, "ipiscope-7-99", config("ipi_send_cpu", "csd_queue_cpu", "sched_switch"))
		if err != nil {
			t.Fatal(err)
		}
		setup := whole.n
		if err := i.Remove(); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for n := 1; n <= whole.n; n++ {
			f := newFake()
			f.fail, f.with = n, with
			i, _, err := Prepare(f, "ipiscope-7-99", config("ipi_send_cpu", "csd_queue_cpu", "sched_switch"))
			if err != nil {
				failed++
			} else if rerr := i.Remove(); n == whole.n && rerr == nil && !errors.Is(with, syscall.EBUSY) {
				t.Errorf("write %d (%s) failed with %v and nobody was told", n, f.log[n-1], with)
			}
			rmdirFailed := n == whole.n && !errors.Is(with, syscall.EBUSY) // then the kernel keeps it
			if got := fmt.Sprint(f.files); got != before && !rmdirFailed {
				t.Errorf("write %d (%s) failed with %v: left %v", n, f.log[n-1], with, f.instances())
			}
			for _, line := range f.log {
				if !strings.Contains(line, instance) {
					t.Errorf("write %d: %s is outside of the instance", n, line)
				}
			}
		}
		// EINVAL of the probe says that there is no CPUS{}; all else must be told
		if least := setup - 2; failed < least {
			t.Errorf("%v: %d of %d failing writes of the setup were noticed, want at least %d", with, failed, setup, least)
		}
	}
}

// TestRefused: the kernel's words and its column are those of its error_log.
func TestRefused(t *testing.T) {
	f := newFake()
	f.refuse["cpu & CPUS{2}"] = syscall.EINVAL
	// as Linux 6.18 wrote it
	f.files["error_log"] = "[   12.954291] event filter parse error: error: Old\n  Command: x\n           ^\n[ 1216.954291] event filter parse error: error: Invalid cpulist\n  Command: cpu & CPUS{x}\n                        ^\n"
	_, _, err := Prepare(f, "ipiscope-7-99", config("ipi_send_cpu"))
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Invalid cpulist\n  Command: cpu & CPUS{x}\n                        ^") || strings.Contains(err.Error(), "Old") {
		t.Errorf("got %v", err)
	}
	if got := f.instances(); !slices.Equal(got, []string{"other"}) {
		t.Errorf("left %v", got)
	}
}

// TestWithoutCPUSets: before 6.6 filters are ranges, and masks have none.
func TestWithoutCPUSets(t *testing.T) {
	f := newFake()
	for _, text := range []string{"CPU & CPUS{2}", "cpu & CPUS{2}", "cpumask & CPUS{2}"} {
		f.refuse[text] = syscall.EINVAL
	}
	_, p, err := Prepare(f, "ipiscope-7-99", config("ipi_send_cpu", "ipi_send_cpumask", "csd_queue_cpu", "sched_switch"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range p.Events {
		got[e.Name] = e.Filter
	}
	want := map[string]string{"ipi_send_cpu": "cpu == 2", "ipi_send_cpumask": "", "csd_queue_cpu": "cpu == 2", "sched_switch": "CPU == 2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestStale: only instances of our form whose maker is gone are removed.
func TestStale(t *testing.T) {
	f := newFake()
	for _, name := range []string{"ipiscope-5-100", "ipiscope-5-101", "ipiscope-6-100", "ipiscope-job", "foo-5-100"} {
		f.files["instances/"+name+"/tracing_on"] = "1"
		f.files["instances/"+name+"/events/enable"] = "X"
	}
	started := func(pid int) (uint64, bool) { return 101, pid == 5 }
	stale, err := tracefs.FindStale(f, started)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stale {
		if err := s.Clean(f, 0); err != nil {
			t.Error(err)
		}
	}
	if got := f.instances(); !slices.Equal(got, []string{"foo-5-100", "ipiscope-5-101", "ipiscope-job", "other"}) {
		t.Errorf("left %v", got)
	}
}

// A held fake answers Lock with the errors that are left, the last one for ever.
type held struct {
	*fake
	errs []error
}

func (h *held) Lock(string) (io.Closer, error) {
	err := h.errs[0]
	if len(h.errs) > 1 {
		h.errs = h.errs[1:]
	}
	return io.NopCloser(nil), err
}

// TestStaleHeld: who cleans at the same time is waited for, a recorder that holds its
// instance keeps it, and what another one removed is removed.
func TestStaleHeld(t *testing.T) {
	for _, c := range []struct {
		name     string
		errs     []error
		patience time.Duration
		left     bool
	}{
		{"held for a moment", []error{syscall.EWOULDBLOCK, syscall.EWOULDBLOCK, nil}, time.Minute, false},
		{"held for a moment, no patience", []error{syscall.EWOULDBLOCK, nil}, 0, true},
		{"held for ever", []error{syscall.EWOULDBLOCK}, 20 * time.Millisecond, true},
	} {
		h := &held{newFake(), c.errs}
		h.files["instances/ipiscope-7-1/tracing_on"] = "1"
		err := tracefs.Stale{Name: "ipiscope-7-1"}.Clean(h, c.patience)
		if left := slices.Contains(h.instances(), "ipiscope-7-1"); left != c.left || (err != nil) != c.left {
			t.Errorf("%s: left %t, %v", c.name, left, err)
		}
	}
	for _, gone := range []*held{{newFake(), []error{fs.ErrNotExist}}, {newFake(), []error{nil}}} {
		if err := (tracefs.Stale{Name: "ipiscope-7-1"}).Clean(gone, 0); err != nil {
			t.Errorf("removed by another one: %v", err)
		}
	}
}
