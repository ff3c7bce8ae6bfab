package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/parser/datfile"
)

// kept are the newest pages of all CPUs, in the order they were read.
type kept struct {
	last  int64 // ns that are kept; 0 keeps nothing
	most  int   // bytes
	pages []keptPage
	bytes int
	free  [][]byte
	// short says that there were more than there is room for.
	short bool
}

type keptPage struct {
	cpu  int
	read int64 // when it was read, ns
	data []byte
}

// maxKept bounds the memory of kept pages.
const maxKept = 256 << 20

// add keeps a copy of a page that was read at a time, and lets go what is too old.
func (k *kept) add(cpu int, page []byte, now int64) {
	if k.last == 0 {
		return
	}
	over := 0
	for _, p := range k.pages {
		full := k.bytes+len(page) > k.most
		if now-p.read <= k.last && !full {
			break
		}
		k.short = k.short || full && now-p.read <= k.last
		k.bytes -= len(p.data)
		k.free = append(k.free, p.data)
		over++
	}
	k.pages = slices.Delete(k.pages, 0, over)
	var buf []byte
	if n := len(k.free); n > 0 {
		buf, k.free = k.free[n-1], k.free[:n-1]
	}
	k.pages = append(k.pages, keptPage{cpu, now, append(buf[:0], page...)})
	k.bytes += len(page)
}

// Keep keeps the pages of the last time in memory, for Save. It is called before Start.
func (l *Live) Keep(last time.Duration) { l.kept.last, l.kept.most = int64(last), maxKept }

// Save writes what was kept as a trace.dat, which says that it is the newest part of
// what was recorded. It belongs to Idle, and to the time behind the end and before Close.
func (l *Live) Save(file string) (short bool, err error) {
	now, err := l.stats()
	if err != nil {
		return false, err
	}
	recorded := l.note(nil)
	recorded.Ring = true // each CPU's newest events, and no more
	note, err := datfile.Note(recorded)
	if err != nil {
		return false, err
	}
	clock, err := l.instance.Read("trace_clock")
	if err != nil {
		return false, err
	}
	d := *l.desc
	d.Cmdlines = l.names.text()
	d.CPUs = l.cpus[len(l.cpus)-1] + 1
	d.Options = nil
	for _, cpu := range l.cpus {
		d.Options = append(d.Options, datfile.Text(datfile.OptCPUStat, fmt.Sprintf("CPU: %d\n%s", cpu, losses(now[cpu].text))))
	}
	d.Options = append(d.Options,
		datfile.Text(datfile.OptTraceClock, selected(clock)), datfile.Text(datfile.OptUname, l.Machine.Uname),
		datfile.Option{ID: datfile.OptCPUCount, Data: nativeUint32(uint32(l.Machine.CPUs))},
		datfile.Text(datfile.OptVersion, "ipiscope live "+l.Version), datfile.Text(datfile.OptRecorded, string(note)))
	temp := filepath.Join(filepath.Dir(file), fmt.Sprintf(".%s.%d.part", filepath.Base(file), os.Getpid()))
	if err := l.saveAs(temp, &d, clock); err != nil {
		return false, errors.Join(err, os.Remove(temp))
	}
	return l.kept.short, os.Rename(temp, file)
}

// losses are the lines of a CPU's stats without those that count what was recorded: a
// part of that is saved, and what is not in it is not lost.
func losses(stats string) string {
	var kept strings.Builder
	for line := range strings.Lines(stats) {
		if key, _, _ := strings.Cut(line, ":"); key != "entries" && key != "read events" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func (l *Live) saveAs(name string, d *datfile.Description, clock string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	w := datfile.New(f, datfile.Header{Version: 7, Long: l.long, PageSize: os.Getpagesize(), BigEndian: bigEndian()})
	w.Describe(d)
	w.BeginBuffer(datfile.Buffer{Clock: clock, PageSize: l.pageSize})
	for _, cpu := range l.cpus {
		w.BeginCPU(cpu)
		for _, p := range l.kept.pages {
			if p.cpu == cpu {
				if _, err := w.Write(p.data); err != nil {
					break // Close has it
				}
			}
		}
		w.EndCPU()
	}
	w.EndBuffer()
	return errors.Join(w.Close(), f.Close())
}
