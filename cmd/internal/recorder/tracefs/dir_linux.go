package tracefs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Folder is a mounted trace file system.
type Folder string

// Path is the path of a file in it.
func (d Folder) Path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// ReadFile implements FS.
func (d Folder) ReadFile(name string) ([]byte, error) { return os.ReadFile(d.Path(name)) }

// WriteFile implements FS. The kernel takes a setting with one write(2); os.File
// would wait for a file that cannot take one now.
func (d Folder) WriteFile(name, text string) error {
	path := d.Path(name)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	n, err := unix.Write(fd, []byte(text))
	cerr := unix.Close(fd)
	switch {
	case err != nil:
		return &os.PathError{Op: "write", Path: path, Err: err}
	case n < len(text):
		return fmt.Errorf("write %s: only %d of %d bytes were taken", path, n, len(text))
	case cerr != nil:
		return &os.PathError{Op: "close", Path: path, Err: cerr}
	}
	return nil
}

// Mkdir implements FS.
func (d Folder) Mkdir(name string) error { return os.Mkdir(d.Path(name), 0o750) }

// Rmdir implements FS.
func (d Folder) Rmdir(name string) error {
	if err := unix.Rmdir(d.Path(name)); err != nil {
		return &os.PathError{Op: "rmdir", Path: d.Path(name), Err: err}
	}
	return nil
}

// Names implements FS.
func (d Folder) Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(d.Path(dir))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Lock implements FS (flock(2)). A folder that is open keeps nobody from
// removing the instance.
func (d Folder) Lock(dir string) (io.Closer, error) {
	f, err := os.Open(d.Path(dir))
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: d.Path(dir), Err: err}, f.Close())
	}
	return f, nil
}

// mountPoint is where tracefs belongs since Linux 4.1.
const mountPoint = "/sys/kernel/tracing"

// Find returns the mounted trace file system. If there is none it mounts one,
// if that is allowed; note says so.
func Find() (fs Folder, note string, err error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", "", err
	}
	if dir := mounted(string(mounts)); dir != "" {
		fs = Folder(dir)
		return fs, "", fs.usable()
	}
	if _, err := os.Stat(mountPoint); err != nil {
		return "", "", fmt.Errorf("%s: this kernel has no trace file system (CONFIG_FTRACE): %w", mountPoint, err)
	}
	if err := unix.Mount("none", mountPoint, "tracefs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
			return "", "", NotAllowed(err)
		}
		return "", "", fmt.Errorf("tracefs is not mounted and cannot be: %w: try mount -t tracefs none %s as root of the machine itself (not of a container)", err, mountPoint)
	}
	fs = Folder(mountPoint)
	return fs, "mounted tracefs at " + mountPoint, fs.usable()
}

// mounted finds tracefs in the text of /proc/self/mounts, whose fields are
// separated by blanks, with blanks in them as \040.
func mounted(mounts string) string {
	found := ""
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "tracefs" {
			continue
		}
		dir := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(f[1])
		if found == "" || dir == mountPoint {
			found = dir
		}
	}
	return found
}

// usable says in words why nothing can be recorded with it.
func (d Folder) usable() error {
	_, err := os.ReadDir(d.Path(instances))
	switch {
	case err == nil:
		// root may write whatever the bits say, unless the kernel is locked down
		if err = unix.Access(d.Path(instances), unix.W_OK); err == nil {
			return nil
		}
		return NotAllowed(err)
	case errors.Is(err, os.ErrPermission):
		return NotAllowed(err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: this kernel has no instances of the trace buffer", d.Path(instances))
	}
	return err
}

// NotAllowed explains EPERM and EACCES on a file of tracefs.
func NotAllowed(err error) error {
	if text, rerr := os.ReadFile("/sys/kernel/security/lockdown"); rerr == nil && strings.Contains(string(text), "[confidentiality]") {
		return fmt.Errorf("the kernel is locked down (lockdown=confidentiality): nobody may trace it until it is booted without: %w", err)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("recording needs root, or a tracefs that your group may write (mount -o remount,gid=N,mode=770 %s): %w", mountPoint, err)
	}
	return fmt.Errorf("root may not trace here (a container without CAP_SYS_ADMIN, or a security module): %w", err)
}
