package tracefs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A snapshot is read through the reader of trace.dat files: the files become
// the sections of a version 7 file in memory, the CPUs' pages its trace data,
// where they lie.

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
	big := p.bigEndian(layout)
	desc, err := d.describe(formats, headerPage, p, big)
	if err != nil {
		return nil, err
	}
	pageSize := d.pageSize(headerPage)
	h := datfile.Header{Version: 7, BigEndian: big, Long: int(layout.CommitSize), PageSize: pageSize}
	if p.packed() {
		h.Compression = "zstd"
	}
	buffer := datfile.Buffer{Clock: d.clock, PageSize: pageSize, Packed: p.packed()}
	head, err := imageOf(h, desc, buffer, p.directory())
	if err != nil {
		return nil, err
	}
	// offsets take the same room whatever they are
	p.shift(int64(len(head)))
	return imageOf(h, desc, buffer, p.directory())
}

func imageOf(h datfile.Header, desc *datfile.Description, b datfile.Buffer, cpus []datfile.Data) ([]byte, error) {
	var m datfile.Memory
	w := datfile.New(&m, h)
	w.Describe(desc)
	w.List(b, cpus)
	err := w.Close()
	return m.Bytes(), err
}

// describe collects what is not trace data.
func (d *snapshot) describe(formats string, headerPage []byte, p *pages, big bool) (*datfile.Description, error) {
	desc := &datfile.Description{HeaderPage: headerPage}
	if err := d.formats(desc, formats); err != nil {
		return nil, err
	}
	desc.Kallsyms = d.read("addresses have no names", "kallsyms", "proc/kallsyms")
	desc.Printk = d.read("texts of the kernel have no names", "printk_formats")
	desc.Cmdlines = d.read("tasks have no names", "saved_cmdlines")
	order := binary.AppendByteOrder(binary.LittleEndian)
	if big {
		order = binary.BigEndian
	}
	cpus := p.cpus()
	if n, err := strconv.Atoi(string(bytes.TrimSpace(d.read("", "cpus")))); err == nil && n > cpus && n <= maxCPUs {
		cpus = n
	}
	desc.Options = []datfile.Option{{ID: datfile.OptCPUCount, Data: order.AppendUint32(nil, uint32(cpus))}}
	text := func(id uint16, b []byte) {
		if len(b) > 0 {
			desc.Options = append(desc.Options, datfile.Text(id, string(b)))
		}
	}
	d.clock = string(d.read("the clock is not known", "trace_clock"))
	text(datfile.OptTraceClock, []byte(d.clock))
	// uname -a has the name of the system after the machine's
	text(datfile.OptUname, bytes.TrimSuffix(bytes.TrimSpace(d.read("", "uname", "uname.txt")), []byte(" GNU/Linux")))
	text(datfile.OptVersion, d.read("", "version"))
	if note := d.read("", "recorded.json"); note != nil {
		d.partial = true // its recorder removes it when it has made the trace.dat
		text(datfile.OptRecorded, note)
	}
	for _, f := range p.files {
		if stats := d.read("", fmt.Sprintf("per_cpu/cpu%d/stats", f.cpu)); stats != nil {
			text(datfile.OptCPUStat, append(fmt.Appendf(nil, "CPU: %d\n", f.cpu), stats...))
		}
	}
	return desc, nil
}

// maxCPUs is above CONFIG_NR_CPUS of any kernel.
const maxCPUs = 1 << 16

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

// formats collects the formats of all events, system by system.
func (d *snapshot) formats(desc *datfile.Description, dir string) error {
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
	desc.Ftrace = systems["ftrace"]
	delete(systems, "ftrace")
	for _, name := range slices.Sorted(maps.Keys(systems)) {
		desc.Systems = append(desc.Systems, datfile.System{Name: name, Formats: systems[name]})
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
