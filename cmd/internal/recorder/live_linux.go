package recorder

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/ring"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/ringlive"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A Live is an instance that is read while it records. It is the Feed of its own
// Source, and an analysis.State that counts what this program sends.
type Live struct {
	tracing
	// Idle is called between two looks, when all that is certain was delivered; nil
	// is called nothing. Its error ends the reading.
	Idle func() error

	ctx      context.Context
	signals  chan os.Signal
	end      <-chan time.Time
	source   *ringlive.Source
	tick     *time.Ticker
	full     bool // the last look did not take everything
	over     bool // the instance does not record any more
	why      string
	began    time.Time
	cpu      time.Duration
	named    time.Time // when names were read last
	own      ownSends
	drains   int
	kept     kept
	desc     *datfile.Description
	long     int  // of the kernel, bytes
	dropped  bool // arrivals are not recorded any more
	checked  time.Time
	unlocked bool
}

// A Standing is what is known of a Live besides what its events say.
type Standing struct {
	ringlive.Stats
	// Since is when the recording began, on the clock of the events.
	Since trace.Time
	// Lost are the events that the kernel counted as lost.
	Lost uint64
	// CPUTime is that of this program since then, Elapsed the time.
	CPUTime, Elapsed time.Duration
	// OwnHits are the hits on isolated CPUs by this program.
	OwnHits int64
}

// OpenLive prepares an instance and a Source for its events. Nothing is recorded
// before Start. The caller closes it, whatever happens.
func OpenLive(ctx context.Context, fs tracefs.Folder, c *Config) (*Live, error) {
	runtime.LockOSThread()
	l := &Live{tracing: tracing{Config: c, fs: fs, names: names{}}, ctx: ctx, signals: make(chan os.Signal, 8)}
	signal.Notify(l.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Live) open() error {
	if err := l.prepare(); err != nil {
		return err
	}
	var err error
	if l.cpus, err = bufferCPUs(l.fs, l.instance); err != nil {
		return err
	}
	records, err := l.describe()
	if err != nil {
		return err
	}
	l.source = ringlive.New(records, l)
	l.own = ownSends{isolated: &l.Request.Isolated, threads: ownThreads()}
	// what is taken of a CPU at once is held in memory
	l.reader, err = ring.Open(l.fs.Path(tracefs.Dir(l.instance.Name)), l.cpus, l.pageSize, min(l.turn(), liveTurn))
	return err
}

// liveTurn bounds what is taken of one CPU before the next one has its turn.
const liveTurn = 2 << 20

// describe reads what a trace.dat would say of the events.
func (l *Live) describe() (*tracedat.Records, error) {
	d := &datfile.Description{Kallsyms: l.kallsyms()}
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{"events/header_page", &d.HeaderPage}, {"events/header_event", &d.HeaderEvent}, {"printk_formats", &d.Printk}} {
		var err error
		if *f.to, err = l.fs.ReadFile(f.name); err != nil {
			return nil, err
		}
	}
	layout, err := tracefmt.ParsePageHeader(d.HeaderPage)
	if err != nil {
		return nil, err
	}
	if l.pageSize, err = pageSize(d.HeaderPage); err != nil {
		return nil, err
	}
	systems := map[string][][]byte{}
	if err := l.eachFormat(func(system, _ string, text []byte) error {
		systems[system] = append(systems[system], text)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(systems)) {
		if name == "ftrace" {
			d.Ftrace = systems[name]
			continue
		}
		d.Systems = append(d.Systems, datfile.System{Name: name, Formats: systems[name]})
	}
	l.readNames()
	d.Cmdlines = l.names.text()
	l.desc, l.long = d, int(layout.CommitSize)
	clock, err := l.instance.Read("trace_clock")
	if err != nil {
		return nil, err
	}
	d.Options = []datfile.Option{
		datfile.Text(datfile.OptTraceClock, clock), datfile.Text(datfile.OptUname, l.Machine.Uname),
		{ID: datfile.OptCPUCount, Data: nativeUint32(uint32(l.Machine.CPUs))}, datfile.Text(datfile.OptVersion, "ipiscope live "+l.Version),
	}
	var m datfile.Memory
	w := datfile.New(&m, datfile.Header{Version: 7, Long: int(layout.CommitSize), PageSize: os.Getpagesize(), BigEndian: bigEndian()})
	w.Describe(d)
	w.BeginBuffer(datfile.Buffer{Clock: clock, PageSize: l.pageSize})
	w.EndBuffer()
	if err := w.Close(); err != nil {
		return nil, err
	}
	records, err := tracedat.OpenRecords(bytes.NewReader(m.Bytes()), int64(len(m.Bytes())), "(live)")
	if err == nil {
		meta := &records.Table().Meta
		meta.Format, meta.Compression = "ring buffer", ""
		meta.Recorded = l.note(nil)
	}
	return records, err
}

// Source delivers the events. Its Scan waits for them and calls Idle meanwhile.
func (l *Live) Source() *ringlive.Source { return l.source }

// Start begins to record, for a time if that is not 0.
func (l *Live) Start(duration time.Duration) error {
	var err error
	if l.start, err = l.stats(); err != nil {
		return err
	}
	l.cpu = cpuTime()
	if err := l.instance.Write("tracing_on", "1"); err != nil {
		return err
	}
	l.began, l.named = time.Now(), time.Now()
	l.window.begin(l.instance)
	if !l.window.opened {
		return fmt.Errorf("--clock %s: live needs a clock that programs can read, too: mono, mono_raw or boot", l.Clock)
	}
	l.tick = time.NewTicker(l.Period)
	if duration > 0 {
		l.end = time.After(duration)
	}
	return nil
}

// Look implements ringlive.Feed.
func (l *Live) Look(take func(cpu int, page []byte)) (ringlive.Looked, error) {
	if l.over && !l.full {
		return ringlive.Looked{}, io.EOF
	}
	if l.Idle != nil && !l.over {
		if err := l.Idle(); err != nil {
			return ringlive.Looked{}, errors.Join(err, l.stop())
		}
	}
	if !l.over {
		stop := l.wait()
		err := l.intact(stop)
		if stop || err != nil {
			err = errors.Join(err, l.stop())
		}
		if err != nil {
			return ringlive.Looked{}, err
		}
	}
	var looked ringlive.Looked
	begun, ok := now(l.window.clock)
	if !ok {
		return looked, errors.New("the clock of the events cannot be read")
	}
	looked.Begun = trace.Time(begun)
	var err error
	looked.Full, err = l.reader.Turn(func(cpu int, page []byte) error {
		l.kept.add(cpu, page, begun)
		take(cpu, page)
		return nil
	})
	if err != nil {
		return looked, err
	}
	l.full = len(looked.Full) > 0
	if l.over && !l.full {
		if err := l.conclude(); err != nil {
			return looked, err
		}
	}
	if since := time.Since(l.named); since >= namesEvery {
		looked.Names = l.newNames()
	}
	return looked, nil
}

// wait waits for the next look. It is true if it was the last one.
func (l *Live) wait() (stop bool) {
	if l.full { // there is more already
		select {
		case <-l.ctx.Done():
			return true
		case <-l.signals:
			return true
		case <-l.end:
			return true
		default:
			return false
		}
	}
	select {
	case <-l.ctx.Done():
		return true
	case <-l.signals:
		return true
	case <-l.end:
		return true
	case <-l.tick.C:
	}
	if on, err := l.instance.Read("tracing_on"); err == nil && on == "0" {
		l.why = "somebody or a trigger switched the instance's tracing_on off"
		if on := l.plan.StopOn; on != nil {
			l.why = "stopped by " + on.System + ":" + on.Name
		}
		return true
	}
	return false
}

// intact finds out now and then, and at the end, whether the instance still records what
// it was set up for: without a look, events that somebody switched off would have not
// happened.
func (l *Live) intact(atOnce bool) error {
	if !atOnce && time.Since(l.checked) < time.Second {
		return nil
	}
	l.checked = time.Now()
	text, err := l.instance.Read("set_event")
	if err != nil {
		return err
	}
	on := strings.Fields(text)
	for _, e := range l.plan.Events {
		if !slices.Contains(on, e.FullName()) {
			return fmt.Errorf("somebody switched %s off in the instance %s: what came since is not known", e.FullName(), l.instance.Name)
		}
		filter, err := l.instance.Read(eventFile(e.System, e.Name, "filter"))
		if err != nil {
			return err
		}
		if want := cmp.Or(e.Filter, "none"); filter != want {
			return fmt.Errorf("somebody set the filter of %s in the instance %s to %q: what came since is not known", e.FullName(), l.instance.Name, filter)
		}
	}
	return nil
}

// stop ends the recording; what is in the buffers is still to be read.
func (l *Live) stop() error {
	l.over = true
	l.window.end(l.instance)
	err := l.instance.Write("tracing_on", "0")
	l.readNames()
	return err
}

// maxDrains is how often the buffers are looked at again although they seem empty.
const maxDrains = 100

func unread(now map[int]stats) uint64 {
	n := uint64(0)
	for _, s := range now {
		n += s.entries
	}
	return n
}

// conclude tells the trace's description what the kernel's counters say of it.
func (l *Live) conclude() error {
	now, err := l.stats()
	if err != nil {
		return err
	}
	if left := unread(now); left > 0 && l.drains < maxDrains { // a write that was under way
		l.drains++
		l.full = true
		time.Sleep(time.Millisecond)
		return nil
	}
	m := &l.source.Table().Meta
	var read, lost uint64
	early := false
	for _, cpu := range l.cpus {
		s, was := now[cpu], l.start[cpu]
		read += s.read - was.read
		lost += s.lost(&was)
		early = early || was.entries > 0
		m.CPUStats = append(m.CPUStats, trace.CPUStat{
			CPU: cpu, Entries: s.entries, Overrun: s.overrun - was.overrun, CommitOverrun: s.commitOverrun - was.commitOverrun, DroppedEvents: s.dropped - was.dropped, Bytes: s.bytes,
		})
	}
	if l.window.closed && l.window.to >= l.window.from && lost == 0 && !early && !l.dropped {
		m.Recorded = l.note(&trace.Covered{Window: trace.Window{From: trace.Time(l.window.from), To: trace.Time(l.window.to)}, Count: read})
	}
	if late := l.source.Stats().Late; late > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%d events came more than %v late: they are counted, and not in their order", late, l.Period))
	}
	return nil
}

// Names implements ringlive.Namer.
func (l *Live) Names() map[int32]string {
	if time.Since(l.named) < time.Second {
		return nil
	}
	return l.newNames()
}

func (l *Live) newNames() map[int32]string {
	l.named = time.Now()
	clear(l.names) // PIDs are used again, and there is no end to them
	l.readNames()
	all := make(map[int32]string, len(l.names))
	for pid, name := range l.names {
		all[int32(pid)] = name
	}
	return all
}

// Standing tells how it stands. It belongs to Idle, and to the time behind the end.
func (l *Live) Standing() (Standing, error) {
	maps.Copy(l.own.threads, ownThreads())
	st := Standing{Stats: l.source.Stats(), Since: trace.Time(l.window.from), CPUTime: cpuTime() - l.cpu, Elapsed: time.Since(l.began), OwnHits: l.own.hits}
	if l.instance == nil {
		return st, nil
	}
	var err error
	st.Lost, err = l.Missed()
	return st, err
}

// noEvent is a filter that no event passes. Setting one interrupts nobody, other than
// switching an event off.
const noEvent = "common_pid < 0"

// DropArrivals records no more of what arrives on the isolated CPUs, but for events
// that a person asked for. It returns a time up to which all was recorded.
func (l *Live) DropArrivals() (trace.Time, error) {
	at, ok := now(l.window.clock)
	if !ok {
		return 0, errors.New("the clock of the events cannot be read")
	}
	for i := range l.plan.Events {
		e := &l.plan.Events[i]
		if !e.IsArrival() {
			continue
		}
		if err := l.instance.Write(eventFile(e.System, e.Name, "filter"), noEvent); err != nil {
			return 0, err
		}
		e.Filter = noEvent
	}
	l.dropped = true
	l.source.Table().Meta.Recorded = l.note(nil)
	return trace.Time(at), nil
}

// IsArrival reports whether an event, "system:name", is one of those that DropArrivals
// drops.
func (l *Live) IsArrival(name string) bool {
	return slices.ContainsFunc(l.plan.Events, func(e plan.Event) bool { return e.FullName() == name && e.IsArrival() })
}

// HasArrivals reports whether there are any.
func (l *Live) HasArrivals() bool {
	return slices.ContainsFunc(l.plan.Events, func(e plan.Event) bool { return e.IsArrival() })
}

// Missed is how many events the kernel counted as lost so far.
func (l *Live) Missed() (lost uint64, err error) {
	now, err := l.stats()
	for cpu, s := range now {
		was := l.start[cpu]
		lost += s.lost(&was)
	}
	return lost, err
}

// Since is when the recording began, on the clock of the events. It is known behind
// Start.
func (l *Live) Since() trace.Time { return trace.Time(l.window.from) }

// Why says what ended it, if nobody asked for that.
func (l *Live) Why() string { return l.why }

// Around is how many IPIs arrived on isolated CPUs while events were switched on
// and, behind Close, off, whoever sent them.
func (l *Live) Around() uint64 { return l.around }

// Plan lists the events that are recorded.
func (l *Live) Plan() []string {
	var all []string
	for _, e := range l.plan.Events {
		all = append(all, e.FullName())
	}
	return all
}

// Event implements analysis.State.
func (l *Live) Event(e *trace.Event) { l.own.event(e) }

// Lost implements analysis.State.
func (l *Live) Lost(*trace.Lost) {}

// End implements analysis.State.
func (l *Live) End(analysis.Span) {}

// Hold implements trace.Holder: tasks are told apart by their numbers.
func (l *Live) Hold(*trace.Held) {}

// Close takes everything down. It may be called again.
func (l *Live) Close() error {
	if l.unlocked {
		return nil
	}
	l.unlocked = true
	signal.Stop(l.signals)
	if l.tick != nil {
		l.tick.Stop()
	}
	err := l.reader.Close()
	before, known := arrivals(&l.Request.Isolated)
	err = errors.Join(err, l.instance.Remove())
	l.instance = nil
	if after, ok := arrivals(&l.Request.Isolated); ok && known {
		l.around += after - before
	}
	if l.source != nil {
		err = errors.Join(err, l.source.Close())
	}
	runtime.UnlockOSThread()
	return err
}
