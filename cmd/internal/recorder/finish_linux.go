package recorder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// describe writes into the spool what describes the events, before any comes.
func (r *recording) describe() error {
	for _, name := range []string{"events/header_page", "events/header_event", "printk_formats"} {
		text, err := r.fs.ReadFile(name)
		if err != nil {
			return err
		}
		if err := r.spool.Put(name, text); err != nil {
			return err
		}
	}
	page, err := r.fs.ReadFile("events/header_page")
	if err != nil {
		return err
	}
	if r.pageSize, err = pageSize(page); err != nil {
		return err
	}
	if err := r.putFormats(); err != nil {
		return err
	}
	clock, err := r.instance.Read("trace_clock")
	if err != nil {
		return err
	}
	note, err := datfile.Note(r.recorded())
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"trace_clock": clock, "uname": r.Machine.Uname, "cpus": fmt.Sprint(r.Machine.CPUs), "version": r.tool(), "recorded.json": string(note),
	} {
		if err := r.spool.Put(name, []byte(text)); err != nil {
			return err
		}
	}
	if symbols := r.kallsyms(); symbols != nil {
		if err := r.spool.PutPacked("kallsyms", symbols); err != nil {
			return err
		}
	}
	return r.spool.Open(r.cpus)
}

func (r *recording) tool() string { return "ipiscope record " + r.Version }

// recorded is the note that goes with the trace.
func (r *recording) recorded() *trace.Recorded { return r.note(r.covered) }

// note says what is recorded, and what time of it whole.
func (r *tracing) note(covered *trace.Covered) *trace.Recorded {
	n := &trace.Recorded{Targets: r.plan.Isolated, Ring: r.Ring, Covered: covered}
	for _, e := range r.plan.Events {
		n.Events = append(n.Events, trace.RecordedEvent{Name: e.FullName(), Filter: e.Filter, Stack: e.Stack || r.plan.AllStacks})
	}
	return n
}

// pageSize is what a read of trace_pipe_raw returns.
func pageSize(headerPage []byte) (int, error) {
	for line := range strings.Lines(string(headerPage)) {
		var off, size int
		if _, attrs, ok := strings.Cut(line, "char data;"); ok {
			if _, err := fmt.Sscanf(strings.TrimSpace(attrs), "offset:%d;\tsize:%d;", &off, &size); err == nil && size > 0 {
				return off + size, nil
			}
		}
	}
	return 0, errors.New("events/header_page does not tell the size of a page")
}

// putFormats copies the formats of the events that may come: the recorded ones and
// ftrace's own, of which the stacks are.
func (r *recording) putFormats() error {
	return r.eachFormat(func(system, name string, text []byte) error {
		return r.spool.Put(eventFile(system, name, "format"), text)
	})
}

// eachFormat reads the formats of the events that may come.
func (r *tracing) eachFormat(take func(system, name string, text []byte) error) error {
	own, err := r.fs.Names("events/ftrace")
	if err != nil {
		return err
	}
	events := slices.Clone(r.plan.Events)
	for _, n := range own {
		if n != "enable" && n != "filter" { // files beside the events
			events = append(events, plan.Event{System: "ftrace", Name: n})
		}
	}
	for _, e := range events {
		text, err := r.fs.ReadFile(eventFile(e.System, e.Name, "format"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := take(e.System, e.Name, text); err != nil {
			return err
		}
	}
	return nil
}

// kallsyms are the kernel's symbols, nil if it hides them.
func (r *tracing) kallsyms() []byte {
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		r.Say("note", "no symbols: addresses have no names, and with them no functions and causes: %v", err)
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if addr, _, _ := strings.Cut(line, " "); strings.Trim(addr, "0") != "" {
			return text
		}
	}
	r.Say("note", "the kernel hides its symbols (sysctl kernel.kptr_restrict=0 shows them to root): addresses have no names, and with them no functions and causes")
	return nil
}

// finish makes the trace.dat of the spool and sums up.
func (r *recording) finish() error {
	now, err := r.stats()
	if err != nil {
		return r.rescue(err)
	}
	r.sum.Lost, r.sum.Overwritten = map[int]uint64{}, map[int]uint64{}
	for cpu, s := range now {
		was := r.start[cpu]
		r.sum.Events += s.read - was.read
		lost := s.lost(&was)
		if r.Ring {
			r.sum.Overwritten[cpu] = s.overrun - was.overrun
			lost -= s.overrun - was.overrun
		}
		if lost > 0 {
			r.sum.Lost[cpu] = lost
		}
	}
	r.covered = r.coverage()
	if err := r.putStats(); err != nil {
		return r.rescue(err)
	}
	if err := r.spool.Put("saved_cmdlines", r.names.text()); err != nil {
		return r.rescue(err)
	}
	if err := r.offAndRemove(); err != nil {
		return r.rescue(err)
	}
	temp := filepath.Join(r.spool.Dir(), "trace.dat")
	if err := r.write(temp, now); err != nil {
		_ = os.Remove(temp)
		return r.rescue(err)
	}
	if err := os.Rename(temp, r.Output); err != nil {
		return r.rescue(err)
	}
	r.sum.File = r.Output
	if st, err := os.Stat(r.Output); err == nil {
		r.sum.Bytes = st.Size()
	}
	r.sum.Own, r.sum.Around = r.ownHits(), r.around
	return nil
}

// offAndRemove takes the instance down and counts what that sent to the isolated
// CPUs.
func (r *recording) offAndRemove() error {
	if err := r.reader.Close(); err != nil {
		return err
	}
	if r.Use != "" {
		return nil
	}
	before, known := arrivals(&r.Request.Isolated)
	err := r.instance.Remove()
	r.instance = nil
	if after, ok := arrivals(&r.Request.Isolated); ok && known {
		r.around += after - before
	}
	return err
}

// write writes the trace.dat.
func (r *recording) write(file string, now map[int]stats) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	d, long, err := r.description(now)
	if err != nil {
		return err
	}
	h := datfile.Header{Version: r.Format, Long: long, PageSize: os.Getpagesize(), BigEndian: bigEndian()}
	if r.Compress {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		defer z.Close()
		h.Compression, h.CompressionVersion = "zstd", "1.5.4"
		h.Pack = func(b []byte) []byte { return z.EncodeAll(b, nil) }
	}
	w := datfile.New(f, h)
	w.Describe(d)
	clock, _ := r.readSpool("trace_clock") // without it the clock is not known
	w.BeginBuffer(datfile.Buffer{Clock: string(clock), PageSize: r.pageSize, Packed: r.Compress})
	have := map[int]bool{}
	err = r.spool.Each(func(cpu int, data io.Reader) error {
		have[cpu] = true
		w.BeginCPU(cpu)
		_, err := w.ReadFrom(data)
		w.EndCPU()
		return err
	})
	for _, cpu := range r.cpus {
		if !have[cpu] {
			w.BeginCPU(cpu)
			w.EndCPU()
		}
	}
	w.EndBuffer()
	return errors.Join(err, w.Close(), f.Close())
}

// description reads back what the spool says of the events.
func (r *recording) description(now map[int]stats) (*datfile.Description, int, error) {
	d := &datfile.Description{CPUs: r.cpus[len(r.cpus)-1] + 1}
	var err error
	if d.HeaderPage, err = r.readSpool("events/header_page"); err != nil {
		return nil, 0, err
	}
	layout, err := tracefmt.ParsePageHeader(d.HeaderPage)
	if err != nil {
		return nil, 0, err
	}
	if d.HeaderEvent, err = r.readSpool("events/header_event"); err != nil {
		return nil, 0, err
	}
	if err := r.readFormats(d); err != nil {
		return nil, 0, err
	}
	if packed, err := r.readSpool("kallsyms.zst"); err == nil {
		z, err := zstd.NewReader(nil)
		if err != nil {
			return nil, 0, err
		}
		defer z.Close()
		if d.Kallsyms, err = z.DecodeAll(packed, nil); err != nil {
			return nil, 0, err
		}
	}
	if d.Printk, err = r.readSpool("printk_formats"); err != nil {
		return nil, 0, err
	}
	d.Cmdlines = r.names.text()
	// the spool's does not say what time is covered: whatever is left of it is partial
	note, err := datfile.Note(r.recorded())
	if err != nil {
		return nil, 0, err
	}
	clock, err := r.readSpool("trace_clock")
	if err != nil {
		return nil, 0, err
	}
	for _, cpu := range r.cpus {
		d.Options = append(d.Options, datfile.Text(datfile.OptCPUStat, fmt.Sprintf("CPU: %d\n%s", cpu, now[cpu].text)))
	}
	d.Options = append(d.Options,
		datfile.Text(datfile.OptTraceClock, string(clock)),
		datfile.Text(datfile.OptUname, r.Machine.Uname),
		datfile.Option{ID: datfile.OptCPUCount, Data: nativeUint32(uint32(r.Machine.CPUs))},
		datfile.Text(datfile.OptVersion, r.tool()),
		datfile.Text(datfile.OptRecorded, string(note)))
	return d, int(layout.CommitSize), nil
}

func (r *recording) readFormats(d *datfile.Description) error {
	root := filepath.Join(r.spool.Dir(), "events")
	paths, err := filepath.Glob(globEscape(root) + "/*/*/format")
	if err != nil {
		return err
	}
	slices.Sort(paths)
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		system := filepath.Base(filepath.Dir(filepath.Dir(p)))
		if system == "ftrace" {
			d.Ftrace = append(d.Ftrace, text)
			continue
		}
		if n := len(d.Systems); n == 0 || d.Systems[n-1].Name != system {
			d.Systems = append(d.Systems, datfile.System{Name: system})
		}
		s := &d.Systems[len(d.Systems)-1]
		s.Formats = append(s.Formats, text)
	}
	return nil
}

// globEscape makes a path match itself in a pattern.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (r *recording) readSpool(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(r.spool.Dir(), filepath.FromSlash(name)))
}

// ownHits counts in the file what this program sent to the isolated CPUs, -1 if it
// cannot be read.
func (r *recording) ownHits() int64 {
	src, err := parser.Open(r.Output, parser.Options{Threads: 1})
	if err != nil {
		return -1
	}
	defer src.Close()
	if h, ok := trace.As[trace.Hinter](src); ok {
		h.Hint(trace.Hint{Want: trace.Want{Events: []string{"ipi_send_cpu", "ipi_send_cpumask"}, Stacks: []string{}}})
	}
	own := ownSends{isolated: &r.Request.Isolated, threads: ownThreads()}
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			own.event(e)
		}
	}
	if src.Err() != nil {
		return -1
	}
	return own.hits
}

// ownSends counts what this program sends to the isolated CPUs.
type ownSends struct {
	isolated *cpumask.Mask
	threads  map[int32]bool
	hits     int64
	targets  cpumask.Mask
}

func (o *ownSends) event(e *trace.Event) {
	if !o.threads[e.PID] || e.Flags&trace.FlagsContext != 0 { // an interrupt sends for others
		return
	}
	s := e.Schema()
	switch s.Name {
	case "ipi_send_cpu":
		if cpu, ok := e.Uint(s.Ref("cpu")); ok && cpu < 1<<16 && o.isolated.Has(int(cpu)) {
			o.hits++
		}
	case "ipi_send_cpumask":
		if e.Mask(s.Ref("cpumask"), &o.targets) {
			o.hits += int64(o.targets.IntersectCount(o.isolated))
		}
	}
}
