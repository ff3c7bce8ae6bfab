package recorder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Where this program runs, and how, is set before it executes itself anew: so all
// threads of the Go runtime have it, those that are there and those to come.

// Manners say where and how the recorder runs.
type Manners struct {
	CPUs cpumask.Mask
	Nice int // added to that of the caller
	RT   int // priority of SCHED_FIFO, 0 for none
}

// before is how the process ran before, for the command that it starts.
type before struct {
	CPUs   string
	Nice   int
	Policy int
	RT     int
}

const (
	// envBefore marks the second execution and holds a before; envGo is that of
	// the process that becomes the command.
	envBefore = "IPISCOPE_RECORD_BEFORE"
	envGo     = "IPISCOPE_RECORD_GO"
)

// Settle makes all of this process run with these manners. It returns in a process
// that was executed anew, or with an error. note says what was not allowed.
func Settle(m Manners) (note string, err error) {
	if os.Getenv(envBefore) != "" {
		return "", nil
	}
	runtime.LockOSThread()
	was, err := current()
	if err != nil {
		return "", err
	}
	if err := pin(&m.CPUs); err != nil {
		return "", fmt.Errorf("running on CPUs %s: %w", m.CPUs.String(), err)
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, was.Nice+m.Nice); err != nil && m.Nice != 0 {
		note = fmt.Sprintf("--nice %d is not allowed (%v): under load the buffers may run over", m.Nice, err)
	}
	if m.RT > 0 {
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(m.RT)}, 0); err != nil {
			return "", fmt.Errorf("--rt %d: %w", m.RT, err)
		}
	}
	text, err := json.Marshal(was)
	if err != nil {
		return "", err
	}
	env := append(os.Environ(), envBefore+"="+string(text))
	if note != "" {
		env = append(env, envNote+"="+note)
	}
	return "", fmt.Errorf("executing this program anew: %w", unix.Exec(program(), os.Args, env))
}

// program is the path of this program. Executed as /proc/self/exe it would be called
// exe (proc(5), comm), and no recording would know the recorder by its name.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	if _, err := os.Stat(path); err != nil { // removed meanwhile
		return "/proc/self/exe"
	}
	return path
}

// envNote carries what Settle has to say over the execution.
const envNote = "IPISCOPE_RECORD_NOTE"

// Settled returns what Settle had to say before the execution.
func Settled() string { return os.Getenv(envNote) }

func current() (b before, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return b, err
	}
	var m cpumask.Mask
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			m.Set(cpu)
		}
	}
	b.CPUs = m.String()
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return b, err
	}
	b.Nice = 20 - nice // the system call returns 20-nice
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return b, err
	}
	b.Policy, b.RT = int(attr.Policy), int(attr.Priority)
	return b, nil
}

func pin(m *cpumask.Mask) error {
	var set unix.CPUSet
	for cpu := range m.All() {
		set.Set(cpu)
	}
	return unix.SchedSetaffinity(0, &set)
}

// BecomeCommand is the whole life of the process that becomes the command: it
// waits for its word, takes on the manners that the recorder had before, and
// executes args. It returns false if this process is another one.
func BecomeCommand(args []string) (bool, error) {
	if os.Getenv(envGo) == "" {
		return false, nil
	}
	word := make([]byte, 1)
	if n, _ := os.NewFile(3, "go").Read(word); n == 0 {
		return true, errors.New("the recording did not begin")
	}
	var was before
	if err := json.Unmarshal([]byte(os.Getenv(envBefore)), &was); err != nil {
		return true, err
	}
	runtime.LockOSThread() // it is this thread that executes
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: uint32(was.Policy), Priority: uint32(was.RT), Nice: int32(was.Nice)}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return true, err
	}
	m, err := cpumask.ParseList([]byte(was.CPUs))
	if err != nil {
		return true, err
	}
	if err := pin(&m); err != nil {
		return true, err
	}
	for _, name := range []string{envBefore, envGo, envNote} {
		if err := os.Unsetenv(name); err != nil {
			return true, err
		}
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return true, err
	}
	return true, fmt.Errorf("%s: %w", path, unix.Exec(path, args, os.Environ()))
}

// A command is the program that is run while recording.
type command struct {
	cmd  *exec.Cmd
	word *os.File
	done chan error
}

// prepare starts the process that will be the command: that it is made is then
// not in the recording.
func prepare(args []string, streams [3]*os.File) (*command, error) {
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := &command{cmd: exec.Command(program(), append([]string{"record", "--"}, args...)...), word: w, done: make(chan error, 1)}
	c.cmd.Args[0] = os.Args[0]
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = streams[0], streams[1], streams[2]
	c.cmd.ExtraFiles = []*os.File{r}
	c.cmd.Env = append(os.Environ(), envGo+"=1")
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	go func() { c.done <- c.cmd.Wait() }()
	return c, nil
}

// start lets the command begin.
func (c *command) start() error {
	_, err := c.word.Write([]byte{'g'})
	return errors.Join(err, c.word.Close())
}

// stop ends a command that runs on when the recording is over.
func (c *command) stop() {
	if c == nil {
		return
	}
	_ = c.word.Close() // one that did not begin ends by that
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// ownThreads lists the threads of this process.
func ownThreads() map[int32]bool {
	ids := map[int32]bool{}
	entries, _ := os.ReadDir("/proc/self/task") // none: nothing is found to be ours
	for _, e := range entries {
		if id, err := strconv.ParseInt(e.Name(), 10, 32); err == nil {
			ids[int32(id)] = true
		}
	}
	return ids
}

// cpuTime is what all threads of this process took so far.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
