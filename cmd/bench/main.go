// Bench measures ipiscope side by side with the programs that people use for
// the same questions, on large traces that it makes of a recording that comes
// with the source, and writes the figures into docs/performance.md.
//
//	go run ./cmd/bench [-size 256MiB] [-runs 5] [-from TRACE.dat] [-dir DIR] [-o FILE]
//	go run ./cmd/bench -make FILE.dat [-size 256MiB] [-compression zstd] [-from TRACE.dat]
//	go run ./cmd/bench -record [-o FILE]
//	go run ./cmd/bench -fleet [-hosts N] [-runs 5]
//	go run ./cmd/bench -gate [-dir DIR]
//
// Programs that are not installed are left out, which is said. The second form
// makes one large file and measures nothing. The third compares recorders, as root.
// The fourth measures states of many traces, and prints the figures. The last fails
// if what people wait for takes much longer, by another program's time, than it did.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	if runLoad() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A config is the command line.
type config struct {
	size     byteSize
	runs     int
	from     string // the recording that is repeated
	isolated string
	dir      string // where large files are made and kept; empty: made and removed
	out      string // the document whose figures are replaced; empty: standard output

	make        string // the one file to make
	compression string // of that file
	record      bool   // compare recorders
	states      bool   // measure states
	hosts       int
	gates       bool // hold some jobs against limits
}

func run(ctx context.Context, args []string, out, errw io.Writer) int {
	c := config{size: 256 << 20}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(errw)
	fs.Var(&c.size, "size", "trace data of the large files, such as 256MiB or 1GiB")
	fs.IntVar(&c.runs, "runs", 5, "how often each command runs, in turns with what it is compared with")
	fs.StringVar(&c.from, "from", "fixtures/k612s4-12b-all-stack/trace.dat", "the recording to repeat, a trace.dat of version 7")
	fs.StringVar(&c.isolated, "isolated", "2-3", "its isolated CPUs")
	fs.StringVar(&c.dir, "dir", "", "keep the large files in this folder, and use those that are there")
	fs.StringVar(&c.out, "o", "", "replace the figures in this document (docs/performance.md)")
	fs.StringVar(&c.make, "make", "", "make this large file and measure nothing")
	fs.StringVar(&c.compression, "compression", "none", "of the file to make: none or zstd")
	fs.BoolVar(&c.record, "record", false, "compare recorders, as root, while a program interrupts CPU 1")
	fs.BoolVar(&c.states, "fleet", false, "measure states of many traces")
	fs.IntVar(&c.hosts, "hosts", 10000, "with -fleet: how many")
	fs.BoolVar(&c.gates, "gate", false, "hold some jobs against limits, in the time that other programs take for the same bytes")
	switch err := fs.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	case fs.NArg() > 0 || c.runs < 1 || c.size < 1<<20:
		fmt.Fprintln(errw, "bench: want no arguments, -runs of at least 1 and a -size of at least 1MiB")
		return 2
	}
	var err error
	switch {
	case c.gates:
		err = c.gate(ctx, out, errw)
	case c.states:
		err = c.fleet(ctx, out, errw)
	case c.record:
		err = c.recording(ctx, out, errw)
	case c.make != "":
		err = enlarge(c.make, c.from, int64(c.size), c.compression)
	default:
		err = c.measure(ctx, out, errw)
	}
	if err != nil {
		fmt.Fprintln(errw, "bench:", err)
		return 1
	}
	return 0
}

// measure makes the files, runs everything and writes the figures.
func (c *config) measure(ctx context.Context, out, errw io.Writer) error {
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{ctx: ctx, runs: c.runs, progress: errw}
	m := &maker{ctx: ctx, dir: dir, from: c.from, progress: errw}
	files, err := m.all(int64(c.size))
	if err != nil {
		return err
	}
	doc := &document{}
	if err := doc.machine(ctx); err != nil {
		return err
	}
	for _, g := range contests(files, c.isolated) {
		rows, err := b.contest(g)
		if err != nil {
			return err
		}
		doc.contest(g, rows)
	}
	scale, err := b.scale(m, files.program, c.isolated, int64(c.size))
	if err != nil {
		return err
	}
	doc.scale(scale)
	if c.out == "" {
		_, err = io.WriteString(out, doc.String())
		return err
	}
	return doc.replaceIn(c.out)
}
