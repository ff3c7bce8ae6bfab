package tracefs

import (
	"fmt"
	"io"
	"strings"
)

// A Dry writes down as shell what would be written to the FS it stands for, and
// writes nothing. What would be in an instance is read from the top, where its
// likes are.
type Dry struct {
	FS
	Top string // where the FS is mounted
	Out io.Writer
	Err error // the first of Out
}

func (d *Dry) sayf(format string, args ...any) {
	if _, err := fmt.Fprintf(d.Out, format+"\n", args...); d.Err == nil {
		d.Err = err
	}
}

func (d *Dry) quoted(name string) string { return quote(d.Top + "/" + name) }

// quote makes one shell word.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=:,./@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// WriteFile implements FS.
func (d *Dry) WriteFile(name, text string) error {
	d.sayf("echo %s > %s", quote(text), d.quoted(name))
	return nil
}

// Mkdir implements FS.
func (d *Dry) Mkdir(name string) error {
	d.sayf("mkdir %s", d.quoted(name))
	return nil
}

// Rmdir implements FS.
func (d *Dry) Rmdir(name string) error {
	d.sayf("rmdir %s", d.quoted(name))
	return nil
}

// ReadFile implements FS.
func (d *Dry) ReadFile(name string) ([]byte, error) { return d.FS.ReadFile(fromTop(name)) }

// Names implements FS.
func (d *Dry) Names(dir string) ([]string, error) { return d.FS.Names(fromTop(dir)) }

// Lock implements FS.
func (d *Dry) Lock(string) (io.Closer, error) { return nothing{}, nil }

type nothing struct{}

func (nothing) Close() error { return nil }

// fromTop is the file of the top that an instance's file is a copy of.
func fromTop(name string) string {
	rest, ok := strings.CutPrefix(name, instances+"/")
	if !ok {
		return name
	}
	_, file, ok := strings.Cut(rest, "/")
	if !ok {
		return "."
	}
	return file
}
