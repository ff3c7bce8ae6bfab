package tracefs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A snapshot is read through the reader of trace.dat files: the files become
// the sections of a version 6 file (trace-cmd.dat.v6(5)) in memory, the CPUs'
// pages its trace data, where they lie.

// An image builds the sections.
type image struct {
	bytes.Buffer
	order binary.ByteOrder
}

func (w *image) u16(v uint16) { _ = binary.Write(w, w.order, v) } // a Buffer takes everything
func (w *image) u32(v int)    { _ = binary.Write(w, w.order, uint32(v)) }
func (w *image) u64(v int64)  { _ = binary.Write(w, w.order, uint64(v)) }

// text32 and text64 write a text behind its size.
func (w *image) text32(b []byte) {
	w.u32(len(b))
	w.Write(b)
}

func (w *image) text64(b []byte) {
	w.u64(int64(len(b)))
	w.Write(b)
}

// Ids of options, as in a trace.dat.
const (
	optCPUStat    = 2
	optTraceClock = 4
	optUname      = 5
)

func (w *image) option(id uint16, text []byte) {
	if len(text) > 0 {
		w.u16(id)
		w.text32(text)
	}
}

// image returns everything in front of the trace data.
func (d *snapshot) image(formats string, p *pages) ([]byte, error) {
	headerPage, err := d.readFile(filepath.Join(formats, "header_page"))
	if err != nil {
		return nil, fmt.Errorf("the layout of the pages is not known: %w", err)
	}
	layout, err := tracefmt.ParsePageHeader(headerPage)
	if err != nil {
		return nil, err
	}
	w := &image{order: binary.LittleEndian}
	endian := byte(0)
	if p.bigEndian(layout) {
		w.order, endian = binary.BigEndian, 1
	}
	w.WriteString(tracedat.Magic + "6\x00")
	w.Write([]byte{endian, byte(layout.CommitSize)})
	w.u32(d.pageSize(headerPage))
	w.WriteString("header_page\x00")
	w.text64(headerPage)
	w.WriteString("header_event\x00")
	w.text64(nil)
	if err := d.formats(w, formats); err != nil {
		return nil, err
	}
	w.text32(d.read("addresses have no names", "kallsyms", "proc/kallsyms"))
	w.text32(d.read("texts of the kernel have no names", "printk_formats"))
	w.text64(d.read("tasks have no names", "saved_cmdlines"))
	w.u32(p.cpus())
	w.WriteString("options  \x00")
	w.option(optTraceClock, d.read("the clock is not known", "trace_clock"))
	// uname -a has the name of the system behind the machine's
	w.option(optUname, bytes.TrimSuffix(bytes.TrimSpace(d.read("", "uname", "uname.txt")), []byte(" GNU/Linux")))
	for _, f := range p.files {
		if stats := d.read("", fmt.Sprintf("per_cpu/cpu%d/stats", f.cpu)); stats != nil {
			w.option(optCPUStat, append(fmt.Appendf(nil, "CPU: %d\n", f.cpu), stats...))
		}
	}
	w.u16(0)
	w.WriteString("flyrecord\x00")
	p.directory(w)
	return w.Bytes(), nil
}

// pageSize is the size of a sub-buffer, which is what a read of trace_pipe_raw
// returns.
func (d *snapshot) pageSize(headerPage []byte) int {
	if kb, err := strconv.Atoi(strings.TrimSpace(string(d.read("", "buffer_subbuf_size_kb")))); err == nil && kb > 0 && kb <= 32<<10 {
		return kb << 10
	}
	// header_page gives offset and size of the data
	for line := range bytes.Lines(headerPage) {
		var off, size int
		if _, attrs, ok := bytes.Cut(line, []byte("char data;")); ok {
			if _, err := fmt.Sscanf(string(bytes.TrimSpace(attrs)), "offset:%d;\tsize:%d;", &off, &size); err == nil && size > 0 {
				return off + size
			}
		}
	}
	return os.Getpagesize()
}

// formats writes the formats of all events, system by system.
func (d *snapshot) formats(w *image, dir string) error {
	systems := map[string][][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		system := filepath.Base(filepath.Dir(path)) // formats/SYSTEM/EVENT.format
		if e.Name() == "format" {                   // events/SYSTEM/EVENT/format
			system = filepath.Base(filepath.Dir(filepath.Dir(path)))
		} else if !strings.HasSuffix(e.Name(), ".format") {
			return nil
		}
		text, err := d.readFile(path)
		if err != nil {
			d.notes = append(d.notes, fmt.Sprintf("an event's format is not readable: %v", err))
			return nil
		}
		systems[system] = append(systems[system], text)
		return nil
	})
	if err != nil {
		return err
	}
	if len(systems) == 0 {
		return errors.New("no event formats")
	}
	own := systems["ftrace"]
	delete(systems, "ftrace")
	w.u32(len(own))
	for _, text := range own {
		w.text64(text)
	}
	w.u32(len(systems))
	names := make([]string, 0, len(systems))
	for name := range systems {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.WriteString(name + "\x00")
		w.u32(len(systems[name]))
		for _, text := range systems[name] {
			w.text64(text)
		}
	}
	return nil
}

// tgids reads saved_tgids: "pid tgid" lines.
func (d *snapshot) tgids() map[int32]int32 {
	out := map[int32]int32{}
	for line := range bytes.Lines(d.read("", "saved_tgids")) {
		var pid, tgid int32
		if n, _ := fmt.Sscan(string(line), &pid, &tgid); n == 2 {
			out[pid] = tgid
		}
	}
	return out
}
