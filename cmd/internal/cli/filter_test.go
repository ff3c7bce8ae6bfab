package cli

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/pflag"
	"github.com/ulikunitz/xz"

	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// write makes files below a folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// formatOf is a format file as events/SYSTEM/EVENT/format of Linux 6.12 has it,
// with one field of its own.
func formatOf(name string) string {
	return "name: " + name + `
ID: 300
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:s8 level;	offset:8;	size:1;	signed:1;

print fmt: "level=%d", REC->level
`
}

func TestLoadFormats(t *testing.T) {
	dir := write(t, map[string]string{
		"events/mine/first/format":  formatOf("first"),
		"events/mine/second/format": formatOf("second"),
		"events/mine/first/filter":  "none",
		"events/mine/enable":        "0",
		"loose/third.format":        formatOf("third"),
		"loose/copy/format":         formatOf("fourth"), // not in a folder of its name
		"plain.txt":                 formatOf("fifth"),
		"bad/format":                "name: bad\nID: x\n",
		"huge/format":               strings.Repeat("#", maxFormat+1),
		"nothing/here/enable":       "0",
	})
	t.Chdir(filepath.Join(dir, "events/mine"))
	for _, tt := range []struct{ path, want string }{
		{dir + "/events", "mine:first mine:second"},
		{dir + "/events/mine/first/format", "mine:first"},
		{"first", "mine:first"},
		{"first/format", "mine:first"},
		{dir + "/loose", "fourth third"},
		{dir + "/plain.txt", "fifth"},
	} {
		schemas, err := loadFormats(tt.path)
		var names []string
		for _, s := range schemas {
			names = append(names, s.FullName())
			if s.Ref("level") == trace.NoField {
				t.Errorf("%s: %s has no field level", tt.path, s.Name)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.path, got, err, tt.want)
		}
	}
	for path, want := range map[string]string{
		dir + "/bad": "bad/format", dir + "/huge": "more than", dir + "/nothing": "no file named format", dir + "/none": "none",
	} {
		if _, err := loadFormats(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestLoadSymbols: /proc/kallsyms as it is or packed by the usual programs.
func TestLoadSymbols(t *testing.T) {
	const text = "ffffffff81000000 T _text\nffffffff81001000 t do_sync_core\nffffffffc0a01000 t nf_hook\t[nf_tables]\n"
	packed := map[string]string{"plain": text}
	for name, open := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		"xz":  func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	} {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		packed["kallsyms."+name] = b.String()
	}
	dir := write(t, packed)
	for name := range packed {
		source, err := loadSymbols(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		table, err := source.For("")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, ok := table.Lookup(0xffffffff81001004); !ok || got.Name != "do_sync_core" {
			t.Errorf("%s: the symbol is %+v", name, got)
		}
	}
	bad := write(t, map[string]string{"cut.gz": packed["kallsyms.gz"][:30], "words": "no symbols here\n"})
	for _, path := range []string{bad + "/cut.gz", bad + "/words", bad + "/none"} {
		if _, err := loadSymbols(path); err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestKernelFlags(t *testing.T) {
	for arg, want := range map[string]string{"--nr-cpus=-1": "--nr-cpus -1: want 1 to ", "--nr-cpus=100000000": "want 1 to "} {
		var f KernelFlags
		fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
		f.AddTo(fs)
		if err := fs.Parse([]string{arg}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Load(); err == nil || !strings.Contains(err.Error(), want) || Status(err) != ExitUsage {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
}

// The lines are of a 6.12 kernel's trace (addresses shortened to their symbols).
const lines = `# tracer: nop
            bash-202     [000] d..2.     7.000001: ipi_send_cpumask: cpumask=00000000,0000000e callsite=on_each_cpu_cond_mask+0x24/0x40 callback=generic_smp_call_function_single_interrupt+0x0/0x20
            bash-202     [001] d..2.     7.000002: ipi_send_cpu: cpu=2 callsite=irq_work_queue_on+0x56/0x90 callback=0x0
            bash-203     [001] d..2.     7.000003: ipi_send_cpu: cpu=3 callsite=irq_work_queue_on+0x56/0x90 callback=0x0
`

// TestFilters: what a filter counts, says and refuses.
func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name     string
		args     []string
		isolated string
		want     string // times, in µs behind 7 s
		said     string // on standard error
		fails    string // the error; its status is that of a wrong command line
	}{
		{"none", nil, "", "1 2 3", "", ""},
		{"a bare expression is for the sends that accept it", []string{"-F", "cpumask & CPUS{2}"}, "", "1", "ipi_send_cpu is excluded by the filter", ""},
		{"for all of them", []string{"-F", "common_pid == 202"}, "", "1 2", "", ""},
		{"an expression that names its event", []string{"-F", "ipi_send_cpu: cpu == 3"}, "", "3", "", ""},
		{"two", []string{"-F", "ipi_send_cpu: cpu == 3", "-F", "ipi_send_cpumask: CPU == 0"}, "", "1 3", "", ""},
		{"a pattern", []string{"-F", "ipi_send_*: CPU == 1"}, "", "2 3", "", ""},
		{"@isolated", []string{"-F", "ipi_send_cpu: cpu & CPUS{@isolated}", "--nr-cpus", "4"}, "3", "3", "", ""},
		{"@isolated without a set", []string{"-F", "cpu & CPUS{@isolated}"}, "", "", "", "give them with --isolated"},
		{"MASK{}", []string{"-F", "cpu & MASK{2}", "--nr-cpus", "4"}, "", "2", "MASK{} was never in a released kernel", ""},
		{"the number of CPUs is not known", []string{"-F", "ipi_send_cpu: cpu & CPUS{2}"}, "", "2", "--nr-cpus", ""},
		{"an expression that is none", []string{"-F", "cpu =="}, "", "", "", "Invalid value"},
		{"a field that no event has", []string{"-F", "nofield == 1"}, "", "", "", "no event accepts the filter"},
		{"events that are no sends", []string{"-F", "csd_queue_cpu: cpu == 2"}, "", "", "", "would count nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, said, err := filtered(t, tt.args, tt.isolated)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || Status(err) != ExitUsage {
					t.Errorf("error %v, status %d, want %q", err, Status(err), tt.fails)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			if !strings.Contains(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, tt.said)
			}
		})
	}
}

func filtered(t *testing.T, args []string, isolated string) (times, said string, err error) {
	t.Helper()
	var f FilterFlags
	fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
	f.AddTo(fs, "")
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	iso, err := (&IsolatedFlag{arg: isolated}).SetQuietly()
	if err != nil {
		t.Fatal(err)
	}
	filters, err := f.Load(iso)
	if err != nil {
		return "", "", err
	}
	src, err := ftext.New(strings.NewReader(lines), "t", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var errs strings.Builder
	bound, err := filters.BindSends(&Terminal{Err: &errs}, src)
	if err != nil {
		return "", "", err
	}
	counts := bound.Counts()
	if (counts == nil) != (len(args) == 0) {
		t.Errorf("%d arguments, and a filter: %v", len(args), counts != nil)
	}
	var got []string
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok && (counts == nil || counts(e)) {
			got = append(got, string('0'+rune(e.Time%sec/1000)))
		}
	}
	err = bound.End()
	if again := errs.Len(); bound != nil && err == nil {
		if _ = bound.End(); errs.Len() != again {
			t.Error("what was said is said again")
		}
	}
	return strings.Join(got, " "), errs.String(), err
}

// TestDescribe: format files give a text's fields their types.
func TestDescribe(t *testing.T) {
	dir := write(t, map[string]string{"mine/first/format": formatOf("first")})
	var f FilterFlags
	fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
	f.AddTo(fs, "")
	// a signed field: -1 is less than 1
	if err := fs.Parse([]string{"--event-formats", dir, "-F", "first: level < 1"}); err != nil {
		t.Fatal(err)
	}
	filters, err := f.Load(&Isolated{All: true})
	if err != nil {
		t.Fatal(err)
	}
	src, err := ftext.New(strings.NewReader("# tracer: nop\n a-1     [000] d..2.     7.000001: first: level=-1\n a-1     [000] d..2.     7.000002: first: level=1\n"), "t", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := filters.Bind(&Terminal{Err: io.Discard}, src)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); !ok {
			t.Fatalf("got %v", src.Record())
		} else if bound.Match(e) {
			n++
			if e.Schema().System != "mine" {
				t.Errorf("the system is %q", e.Schema().System)
			}
		}
	}
	if err := bound.End(); err != nil || n != 1 {
		t.Errorf("%d events match, %v, want 1", n, err)
	}
}

// ownSymbols is a source with a symbol table of its own, as binary traces have one.
type ownSymbols struct {
	*ftext.Source
	own   *ksym.Table
	reads int
}

func (s *ownSymbols) Symbols() *ksym.Table {
	s.reads++
	return s.own
}

// TestGivenSymbolsWin: a table that was given is asked before the trace's own, and
// that is read for expressions that look at functions alone.
func TestGivenSymbolsWin(t *testing.T) {
	const text = "# tracer: nop\n a-1     [000] d..2.     7.000001: ipi_send_cpu: cpu=1 callsite=g+0x4 callback=f+0x0\n"
	own, err := ksym.NewTable("0000000000001000 T f\n0000000000001100 T g\n0000000000001200 T h\n")
	if err != nil {
		t.Fatal(err)
	}
	given := filepath.Join(write(t, map[string]string{"kallsyms": "0000000000002000 T f\n0000000000002100 T g\n0000000000002200 T h\n"}), "kallsyms")
	for _, tt := range []struct {
		filter, symbols string
		match           bool
		reads           int
	}{
		{"callback == 0x2000", given, true, 0},
		{"callback == 0x1000", given, false, 0},
		{"cpu == 1", given, true, 0},
		{"cpu == 1", "", true, 0},
		{"callsite.function == 0x2104", given, true, 0},
		{"callsite.function == 0x1104", "", true, 1},
		{"callsite.function == g", given, true, 0},
	} {
		var f FilterFlags
		fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
		f.AddTo(fs, "")
		if err := fs.Parse([]string{"--symbols", tt.symbols, "-F", "ipi_send_cpu: " + tt.filter}); err != nil {
			t.Fatal(err)
		}
		filters, err := f.Load(&Isolated{All: true})
		if err != nil {
			t.Fatal(err)
		}
		inner, err := ftext.New(strings.NewReader(text), "t", ftext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		src := &ownSymbols{Source: inner, own: own}
		bound, err := filters.Bind(&Terminal{Err: io.Discard}, src)
		if err != nil {
			t.Errorf("%s: %v", tt.filter, err)
			continue
		}
		match := false
		for src.Scan() {
			e, ok := src.Record().(*trace.Event)
			match = ok && bound.Match(e)
		}
		if err := bound.End(); match != tt.match || src.reads != tt.reads || err != nil {
			t.Errorf("%s with %q: match %v, own table read %d times, %v; want %v, %d", tt.filter, filepath.Base(tt.symbols), match, src.reads, err, tt.match, tt.reads)
		}
	}
}
