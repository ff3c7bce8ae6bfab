// Package tracefs is the recorder's hand in the kernel's trace file system. It
// touches nothing but instances of its own: no file of the top-level buffer is
// ever written.
package tracefs

import (
	"errors"
	"io"
	"path"
	"strings"
	"syscall"
)

// An FS is a trace file system. Names are relative to its top, with slashes.
type FS interface {
	ReadFile(name string) ([]byte, error)
	// WriteFile writes text with one write(2) into a file that exists.
	WriteFile(name, text string) error
	Mkdir(name string) error
	// Rmdir removes an instance.
	Rmdir(name string) error
	// Names lists a folder.
	Names(dir string) ([]string, error)
	// Lock takes the lock of a folder that others may try to take, too. It is
	// given back when the process ends, however that happens.
	Lock(dir string) (io.Closer, error)
}

// Has reports whether a file is there.
func Has(fs FS, name string) bool {
	names, err := fs.Names(path.Dir(name))
	if err != nil {
		return false
	}
	for _, n := range names {
		if n == path.Base(name) {
			return true
		}
	}
	return false
}

// Text reads a file of one line.
func Text(fs FS, name string) (string, error) {
	b, err := fs.ReadFile(name)
	return strings.TrimSpace(string(b)), err
}

// instances is the folder of the instances.
const instances = "instances"

// Dir is the folder of an instance.
func Dir(instance string) string { return instances + "/" + instance }

// IsBusy reports whether an error says that something is in use.
func IsBusy(err error) bool { return errors.Is(err, syscall.EBUSY) }
