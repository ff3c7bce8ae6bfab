package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/steady"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// shownErrors is how many bad lines or pages of one input are printed.
const shownErrors = 3

// maxThreads bounds --threads: each has a buffer of its own.
const maxThreads = 256

// InputFlags are the flags of every command that reads traces.
type InputFlags struct {
	events   string
	cpus     string
	instance string
	hasInst  func() bool
	from     string
	to       string
	trim     string
	recorded string
	strict   bool
	threads  int
	jobs     int
	atOnce   bool // the command has --jobs
	follow   time.Duration
	memory   string
	spool    string
	// marks are those that --from and --to may name
	marks []marks.Mark
}

// AddTo defines the flags.
func (f *InputFlags) AddTo(fs *pflag.FlagSet) {
	fs.StringVar(&f.events, "events", "", "remove all other events from the input first: `LIST` of names or system:names")
	fs.StringVar(&f.recorded, "recorded", "", "the events in `LIST` (names, systems, system:names) were on and no others: say so where the input cannot, such as the text of a quiet host")
	fs.StringVar(&f.cpus, "cpu", "", "take only what the CPUs in `LIST` recorded")
	fs.StringVar(&f.instance, "instance", "", "take only the events of the trace instance `NAME`; an empty name is the top buffer")
	f.hasInst = func() bool { return fs.Changed("instance") }
	fs.StringVar(&f.from, "from", "", "begin at time `T`: seconds as printed, +S from the start, -S from the end, or the first line of trace_marker or trace_printk: mark:TEXT, mark:/REGEXP/")
	fs.StringVar(&f.to, "to", "", "end at time `T`, as for --from")
	fs.StringVar(&f.trim, "trim", "", "cut `D` seconds (or 500ms) off both ends, or auto: all but the steady part")
	fs.IntVar(&f.threads, "threads", 0, "read with `N` threads; 0 is one for each CPU. The result is the same whatever N")
	fs.StringVar(&f.memory, "max-memory", "", "stop reading when the program needs more than `SIZE` of memory, such as 64M or 1G")
	fs.StringVar(&f.spool, "max-spool", "", "unpack at most `SIZE` of a compressed or piped trace.dat, such as 500M or 4G, into the temporary file that it is read from (in $TMPDIR or /tmp); the usual bound is the free space there less 10 %")
	fs.BoolVar(&f.strict, "strict", false, "exit with status 3 if events were lost, lines are bad, sends have no known target or an input is incomplete")
}

// Inputs are the traces of one command line with everything about them parsed
// and compiled.
type Inputs struct {
	t        *Terminal
	paths    []string
	parts    map[string][]string // the files of a path that stands for several
	events   []string
	cpus     *cpumask.Mask
	instance *string
	window   *windowSpec
	recorded []string
	strict   bool
	threads  int
	jobs     int // how many traces are read at once
	memory   *ceiling
	maxSpool int64     // 0 for the free space
	follow   *follower // nil without --follow
	twins    *Twins
	repeated []result.Input // inputs that have a twin
	turn     func()         // waits until all traces before this one are done with; may be nil
	// Noise receives the lines of text inputs that are no records; it may be
	// nil.
	Noise func(line []byte)
}

// Inputs checks the flags. Nothing is read before they are right.
func (f *InputFlags) Inputs(t *Terminal, paths []string) (*Inputs, error) {
	in := &Inputs{t: t, strict: f.strict, threads: f.threads, twins: &Twins{}}
	if f.threads < 0 || f.threads > maxThreads {
		return nil, Usage(fmt.Errorf("--threads %d: want 1 to %d, or 0 for one for each CPU", f.threads, maxThreads))
	}
	if f.memory != "" {
		var err error
		if in.memory, err = newCeiling(f.memory); err != nil {
			return nil, err
		}
	}
	if f.spool != "" {
		var err error
		if in.maxSpool, err = ParseSize(f.spool); err != nil {
			return nil, Usage(fmt.Errorf("--max-spool %w", err))
		}
	}
	if f.hasInst() {
		in.instance = &f.instance
	}
	if f.events != "" {
		in.events = strings.Split(f.events, ",")
	}
	if f.recorded != "" {
		in.recorded = strings.Split(f.recorded, ",")
		if err := checkRecorded(in.recorded); err != nil {
			return nil, err
		}
	}
	if f.cpus != "" {
		m, err := cpumask.ParseList([]byte(f.cpus))
		if err != nil {
			return nil, Usage(fmt.Errorf("--cpu: %w", err))
		}
		in.cpus = &m
	}
	var err error
	if in.window, err = parseWindow(f.from, f.to, f.trim, f.marks); err != nil {
		return nil, Usage(err)
	}
	var remarks []string
	in.paths, remarks, err = parser.Expand(paths)
	for _, r := range remarks {
		t.Warnf("warning", "%s", r)
	}
	if err != nil {
		return nil, err
	}
	if name, parts := parser.Together(in.paths); name != "" && f.follow == 0 {
		in.paths, in.parts = []string{name}, map[string][]string{name: parts}
	}
	t.inputs = append(t.inputs, in.paths...)
	if in.jobs, err = f.jobsOf(len(in.paths)); err != nil {
		return nil, err
	}
	return in, in.checkFollow(f.follow, len(in.paths))
}

// A Run feeds the current trace to the states and describes what was read. Its
// error is for the caller to return; the description is valid in any case.
type Run func(states ...analysis.State) (result.Input, error)

// Each opens one trace after the other and hands it to f. A trace that cannot
// be opened or read to its end is named on standard error and does not keep
// the others from being read. The error is the exit status this makes.
func (in *Inputs) Each(ctx context.Context, f func(trace.Source, Run) error) error {
	var all []error
	for _, tr := range in.Traces() {
		err := tr.Read(ctx, f)
		if endsAll(err) {
			return err
		}
		all = append(all, err)
	}
	return Worst(all)
}

// endsAll reports whether no further trace is to be read after an error.
func endsAll(err error) bool {
	status := Status(err)
	return status == ExitUsage || status == ExitPipe
}

// A Trace is one of the inputs, for those who read several at once.
type Trace struct {
	in   *Inputs
	Path string
}

// Traces lists the inputs in their order.
func (in *Inputs) Traces() []Trace {
	var out []Trace
	for _, path := range in.paths {
		out = append(out, Trace{in, path})
	}
	return out
}

// Read opens the trace and hands it to f, as Each does.
func (tr Trace) Read(ctx context.Context, f func(trace.Source, Run) error) error {
	if ctx.Err() != nil {
		return &ExitError{Code: ExitFailed}
	}
	lossy, err := tr.in.one(ctx, tr.Path, f)
	if endsAll(err) {
		return err
	}
	if err != nil {
		tr.in.t.Warnf("error", "%v", readError(tr.Path, err))
	}
	switch {
	case lossy && tr.in.strict:
		return &ExitError{Code: ExitPartial}
	case err != nil:
		return &ExitError{Code: ExitFailed, Said: err}
	}
	return nil
}

// Worst is the exit status of several traces.
func Worst(all []error) error {
	var worst error
	for _, err := range all {
		if Status(err) > Status(worst) {
			worst = err
		}
	}
	return worst
}

func (in *Inputs) one(ctx context.Context, path string, f func(trace.Source, Run) error) (lossy bool, err error) {
	window, err := in.windowOf(ctx, path)
	if err != nil {
		return false, err
	}
	if in.follow != nil {
		in.follow.ctx, in.follow.end = context.WithCancel(ctx)
		defer in.follow.end()
		ctx = context.WithoutCancel(ctx) // the reader ends the input
		in.follow.lock.Lock()
		defer in.follow.lock.Unlock()
	}
	src, err := in.open(ctx, path)
	if err != nil {
		return false, err
	}
	err = f(src, func(states ...analysis.State) (result.Input, error) {
		input, err := in.run(ctx, src, window, states)
		lossy = lossy || input.IsLossy() || input.SyntaxErrors > 0
		return input, err
	})
	return lossy, errors.Join(err, src.Close())
}

func (in *Inputs) open(ctx context.Context, path string) (trace.Source, error) {
	o := parser.Options{Noise: in.Noise, Threads: in.threads, MaxSpool: in.spoolLimit, MaxWindow: in.memory.window(), Parts: in.parts}
	if in.follow != nil {
		ctx = in.follow.ctx
		o.Growing = in.follow.through
	}
	o.Pipe = func(r io.Reader) io.Reader { return interruptible(ctx, r) }
	o.Stdin = o.Pipe(in.t.In)
	o.Open = func(path string) (*os.File, error) {
		return openFile(ctx, path, func() (*os.File, error) { return os.Open(path) })
	}
	src, err := parser.Open(path, o)
	if in.follow != nil && err == nil {
		src = prompt{src}
	}
	return src, err
}

// readError names the file where the error does not.
func readError(path string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: interrupted: figures are partial", path)
	}
	var memory *memoryError
	if errors.As(err, &memory) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

func (in *Inputs) run(ctx context.Context, src trace.Source, window *trace.Window, states []analysis.State) (result.Input, error) {
	selection, err := in.selection(src.Table())
	if err != nil {
		return result.Input{}, err
	}
	bar := newProgress(in.t, src)
	if in.window != nil && window == nil {
		// what the clock of a text counts shows at its first line
		if src.Table().Meta.ClockUnit == "" {
			src = begin(src, selection)
		}
		w, err := in.window.resolve(&src.Table().Meta, analysis.Span{}, nil)
		if err != nil {
			return result.Input{}, Usage(err)
		}
		window = &w
	}
	o := analysis.Options{Select: selection, Window: window, Syntax: in.syntaxPrinter()}
	o.Tick = func() error {
		bar.tick()
		return in.memory.check()
	}
	if in.follow != nil {
		o.Progress = &analysis.Progress{}
		stop := in.follow.watch(o.Progress, func(st analysis.Stats) result.Input { return st.Input(&src.Table().Meta, nil) })
		defer stop()
	}
	st, err := analysis.Run(ctx, src, o, states...)
	bar.end()
	if in.follow != nil && in.follow.err != nil {
		err = in.follow.err
	}
	if unknown := in.checkInstance(src.Table()); unknown != nil && err == nil {
		err = unknown
	}
	input := st.Input(&src.Table().Meta, err)
	if st, err := os.Stat(input.Path); err == nil && st.Mode().IsRegular() {
		input.Bytes = st.Size()
	}
	in.testify(src.Table(), &input, &selection, states)
	if in.turn != nil {
		in.turn()
	}
	input.Twin = in.twins.Find(input)
	if input.Twin != "" {
		in.repeated = append(in.repeated, input)
	}
	return input, err
}

// testify adds to the description of an input what the states saw of it.
func (in *Inputs) testify(t *trace.Table, input *result.Input, chosen *trace.Selection, states []analysis.State) {
	seen := false
	for _, s := range states {
		if w, ok := s.(analysis.Witness); ok {
			w.Testify(input)
			seen = true
		}
	}
	if seen {
		input.Recorded = in.recorded
		track.NoteUnrecorded(t, input, chosen)
	}
}

// A prompt Source delivers everything as it comes: it is not told what it may
// leave out, which it would look for ahead and on other threads.
type prompt struct{ trace.Source }

// UseFormats and UseSymbols are what a Source may learn that is not told of hints.
func (p prompt) UseFormats(formats []*trace.Schema) {
	if s, ok := trace.As[trace.FormatUser](p.Source); ok {
		s.UseFormats(formats)
	}
}

func (p prompt) UseSymbols(load func(buildID string) (*ksym.Table, error)) {
	if s, ok := trace.As[ksym.User](p.Source); ok {
		s.UseSymbols(load)
	}
}

// A begun Source has been scanned once already, and is too far for a Hint.
type begun struct {
	trace.Source
	more, said bool // what that Scan returned, and whether it was said
}

func begin(src trace.Source, s trace.Selection) trace.Source {
	if h, ok := trace.As[trace.Hinter](src); ok {
		h.Hint(trace.Hint{Select: s})
	}
	return &begun{Source: src, more: src.Scan()}
}

func (s *begun) Scan() bool {
	if !s.said {
		s.said = true
		return s.more
	}
	return s.Source.Scan()
}

// ShareTwins makes inputs that are read apart know one another.
func (in *Inputs) ShareTwins(t *Twins) { in.twins = t }

// Repeated are the inputs that were left out because they were read before.
func (in *Inputs) Repeated() []result.Input { return in.repeated }

// WarnRepeated says in a result which inputs were left out.
func (in *Inputs) WarnRepeated(set *result.Set) {
	for _, r := range in.repeated {
		WarnTwin(set, r)
	}
}

// WarnTwin says in a result that an input was left out.
func WarnTwin(set *result.Set, in result.Input) {
	set.Warn("duplicate-input", TwinText(in))
}

// TwinText is the sentence of that.
func TwinText(in result.Input) string {
	return in.Path + ": holds the same sends as " + in.Twin + ": it is left out"
}

// syntaxPrinter shows the first few bad lines or pages of an input.
func (in *Inputs) syntaxPrinter() func(*trace.SyntaxError) {
	n := 0
	return func(e *trace.SyntaxError) {
		if n++; n <= shownErrors {
			in.t.Warnf("warning", "%v", e)
		} else if n == shownErrors+1 {
			in.t.Warnf("warning", "%s: more of these follow; all are counted", e.At.File)
		}
	}
}

// windowOf finds the time window of one trace if that needs to know more than
// the command line says: then the trace is read once for it. Else it is nil, as
// standard input can be opened only once.
func (in *Inputs) windowOf(ctx context.Context, path string) (*trace.Window, error) {
	if in.window == nil || !in.window.needsScan() {
		return nil, nil
	}
	var lines *markFinder
	var table *trace.Table // its description grows while it is read
	rate := steady.New()
	st, err := in.ahead(ctx, path, "a window by --trim, its start, its end or a mark", func(src trace.Source) []analysis.State {
		table, lines = src.Table(), in.window.finder(NewMarkText(src))
		return []analysis.State{lines, rate}
	})
	if err != nil {
		return nil, err
	}
	if in.window.auto {
		return in.steadyWindow(path, rate), nil
	}
	w, err := in.window.resolve(&table.Meta, st.Span, lines.find)
	if err != nil {
		return nil, Usage(err)
	}
	return &w, nil
}

// Ahead reads each trace once before it is read for its result, for what has to
// be known by then; f makes the state that finds it. What standard input cannot
// give is an error that names what asks for it.
func (in *Inputs) Ahead(ctx context.Context, asks string, f func(*trace.Table) analysis.State) error {
	for _, path := range in.paths {
		_, err := in.ahead(ctx, path, asks, func(src trace.Source) []analysis.State { return []analysis.State{f(src.Table())} })
		if Status(err) == ExitUsage {
			return err
		}
	}
	return nil
}

// ahead reads one trace for what has to be known before. Damage is reported when
// it is read for its result.
func (in *Inputs) ahead(ctx context.Context, path, asks string, f func(trace.Source) []analysis.State) (analysis.Stats, error) {
	if path == "-" {
		return analysis.Stats{}, Usage(errors.New("standard input is read once: " + asks + " needs a file"))
	}
	src, err := in.open(ctx, path)
	if err != nil {
		return analysis.Stats{}, err
	}
	defer src.Close()
	st, _ := analysis.Run(ctx, src, analysis.Options{}, f(src)...)
	return st, nil
}

// steadyWindow is the window of --trim auto; it says what is cut.
func (in *Inputs) steadyWindow(path string, rate *steady.State) *trace.Window {
	cut := rate.Cut()
	switch {
	case cut.TooFewSends:
		in.t.Warnf("note", "%s: --trim auto: too few sends to tell where they are steady: nothing cut", path)
	case cut.Unsteady && cut.Start == 0 && cut.End == 0:
		in.t.Warnf("note", "%s: --trim auto: the rate of sends changes all the time: nothing cut", path)
	case cut.Start == 0 && cut.End == 0:
		in.t.Warnf("note", "%s: --trim auto: steady from end to end: nothing cut", path)
	default:
		in.t.Warnf("note", "%s: --trim auto: cut %.3f s with %d sends at the start and %.3f s with %d sends at the end",
			path, float64(cut.Start)/1e9, cut.StartSends, float64(cut.End)/1e9, cut.EndSends)
	}
	return &cut.Window
}
