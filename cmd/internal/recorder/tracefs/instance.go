package tracefs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// prefix begins the names of all instances that ipiscope makes.
const prefix = "ipiscope-"

// A Process is who made an instance. A number alone may be used again; with the
// time it was started it is not.
type Process struct {
	PID   int
	Start uint64 // field 22 of /proc/PID/stat, clock ticks since boot
}

// Name is the name of a process's instance.
func (p Process) Name() string { return fmt.Sprintf("%s%d-%d", prefix, p.PID, p.Start) }

// maker takes the name of an instance apart.
func maker(name string) (p Process, ok bool) {
	m := regexp.MustCompile(`^` + prefix + `([0-9]{1,10})-([0-9]{1,19})$`).FindStringSubmatch(name)
	if m == nil {
		return p, false
	}
	p.PID, _ = strconv.Atoi(m[1]) // they are digits
	p.Start, _ = strconv.ParseUint(m[2], 10, 64)
	return p, true
}

// ArmedName is the name of the instance that --arm makes for a name of the
// user's.
func ArmedName(name string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`).MatchString(name) || name == "." || name == ".." {
		return "", fmt.Errorf("%q: want a name of letters, digits and _.-, at most 64", name)
	}
	if _, taken := maker(prefix + name); taken {
		return "", fmt.Errorf("%q: two numbers are what running recorders call theirs: take another name", name)
	}
	return prefix + name, nil
}

// An Instance is a trace instance that is ours. All that was switched on in it is
// switched off again by Remove, the last first.
type Instance struct {
	Name string
	fs   FS
	undo []setting
	lock io.Closer
}

type setting struct{ name, text string }

// Create makes an instance that does not record yet.
func Create(fs FS, name string) (*Instance, error) {
	if err := fs.Mkdir(Dir(name)); err != nil {
		return nil, err
	}
	i := &Instance{Name: name, fs: fs}
	var err error
	if i.lock, err = fs.Lock(Dir(name)); err == nil {
		err = i.Write("tracing_on", "0")
	}
	if err != nil {
		return nil, errors.Join(err, i.Remove())
	}
	return i, nil
}

// Open takes an instance that is there.
func Open(fs FS, name string) (*Instance, error) {
	if !Has(fs, Dir(name)) {
		return nil, fmt.Errorf("there is no trace instance %s", name)
	}
	lock, err := fs.Lock(Dir(name))
	if err != nil {
		return nil, fmt.Errorf("the instance %s is in use by another recorder: %w", name, err)
	}
	return &Instance{Name: name, fs: fs, lock: lock}, nil
}

// Path is the name of a file of the instance in its FS.
func (i *Instance) Path(name string) string { return Dir(i.Name) + "/" + name }

// Write sets something that goes away with the instance.
func (i *Instance) Write(name, text string) error { return i.fs.WriteFile(i.Path(name), text) }

// Switch sets something that Remove sets back before it removes the instance.
func (i *Instance) Switch(name, text, back string) error {
	err := i.Write(name, text)
	if err == nil {
		i.undo = append(i.undo, setting{name, back})
	}
	return err
}

// Read reads a file of the instance.
func (i *Instance) Read(name string) (string, error) { return Text(i.fs, i.Path(name)) }

// Off switches events off, the last first. What cannot be is left to the
// removal.
func (i *Instance) Off() error {
	var errs []error
	for n := len(i.undo); n > 0; n-- {
		s := i.undo[n-1]
		errs = append(errs, i.Write(s.name, s.text))
	}
	i.undo = nil
	return errors.Join(errs...)
}

// Remove takes the instance down. Everything is tried whatever fails; the kernel
// switches off what is still on when it removes an instance.
func (i *Instance) Remove() error {
	if i == nil {
		return nil
	}
	_ = i.Write("tracing_on", "0")
	_ = i.Off()
	err := remove(i.fs, i.Name)
	i.Release()
	return err
}

// Release leaves the instance to others as it is.
func (i *Instance) Release() {
	if i.lock != nil {
		_ = i.lock.Close()
		i.lock = nil
	}
}

// busyFor is how long an instance may be in use when it is to be removed: by
// somebody who looks at one of its files.
const busyFor = 3 * time.Second

func remove(fs FS, name string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := fs.Rmdir(Dir(name))
		switch {
		case err == nil:
			return nil
		case !IsBusy(err):
			return fmt.Errorf("the trace instance %s is left behind: %w: ipiscope record --clean removes it", name, err)
		case wait > busyFor/2:
			return fmt.Errorf("the trace instance %s is left behind: another program has a file of it open: %w: close that, then ipiscope record --clean", name, err)
		}
		time.Sleep(wait)
	}
}

// A Stale instance was left by a recorder that is gone.
type Stale struct {
	Name string
	Process
}

// FindStale lists the instances whose makers are gone. started tells when a
// process that is running now was started.
func FindStale(fs FS, started func(pid int) (start uint64, running bool)) ([]Stale, error) {
	names, err := fs.Names(instances)
	if err != nil {
		return nil, err
	}
	var all []Stale
	for _, name := range names {
		p, ok := maker(name)
		if !ok {
			continue
		}
		if start, running := started(p.PID); running && start == p.Start {
			continue
		}
		all = append(all, Stale{name, p})
	}
	return all, nil
}

// Clean removes a stale instance. It is left alone if somebody holds its lock for
// longer than patience: a recorder that this process cannot see, in another PID
// namespace. Others that clean hold it for a moment; removed by one of them is as good.
func (s Stale) Clean(fs FS, patience time.Duration) error {
	lock, err := s.lock(fs, patience)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s is not removed: a recorder in another PID namespace may use it: %w", s.Name, err)
	}
	defer lock.Close()
	_ = fs.WriteFile(Dir(s.Name)+"/tracing_on", "0")
	_ = fs.WriteFile(Dir(s.Name)+"/events/enable", "0")
	if err := remove(fs, s.Name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (s Stale) lock(fs FS, patience time.Duration) (io.Closer, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		lock, err := fs.Lock(Dir(s.Name))
		if !errors.Is(err, syscall.EWOULDBLOCK) || wait > patience/2 {
			return lock, err
		}
		time.Sleep(wait)
	}
}

// Others lists the instances of others in which events are on.
func Others(fs FS) []string {
	names, _ := fs.Names(instances) // none if it cannot be read
	var busy []string
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			continue
		}
		if on, err := Text(fs, Dir(name)+"/set_event"); err == nil && on != "" {
			busy = append(busy, name)
		}
	}
	return busy
}
