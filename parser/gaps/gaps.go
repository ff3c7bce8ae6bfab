// Package gaps reads when programs that measure latency were kept from running:
// lines of a CPU, a start and an end, what cyclictest --spike prints, and the
// samples of jitterdebugger.
package gaps

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Gap is a stretch of time in which a program did not run, as it says.
type Gap struct {
	CPU        int32
	Start, End trace.Time
}

// Options of Parse.
type Options struct {
	// CPUs are those of the measuring threads, in order, for programs that
	// number their threads; nil: thread N ran on CPU N.
	CPUs []int32
	// Over leaves out gaps that are not longer, ns.
	Over trace.Time
}

// A List is what a file holds.
type List struct {
	Gaps []Gap
	// Monotonic says that the times are those of CLOCK_MONOTONIC, as programs
	// take them: those of a trace whose clock is mono.
	Monotonic bool
}

// maxGaps bounds a file.
const maxGaps = 1 << 20

// parser keeps what is known of a file.
type parser struct {
	Options
	list List
}

// Parse reads a file. name is what errors call it. These lines are known, in any
// order; those that begin with # and a first line of names are passed over:
//
//	7 1234.567890 1234.567950              CPU, start and end in seconds; commas and semicolons do as well
//	T: 1 Spike:     138: TS:   1830063214  cyclictest --spike: thread, µs, end in µs
//	1;1830.063214123;138                   jitterdebugger: thread, end in seconds, µs
func Parse(r io.Reader, name string, o Options) (*List, error) {
	p := &parser{Options: o}
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' || isCyclictest(line) {
			continue
		}
		g, err := p.line(line)
		if err != nil {
			if n == 1 && !strings.ContainsAny(line, "0123456789") {
				continue // cpu,start,end
			}
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if g.End-g.Start <= p.Over && p.Over > 0 {
			continue
		}
		if len(p.list.Gaps) >= maxGaps {
			return nil, fmt.Errorf("%s:%d: more than %d gaps", name, n, maxGaps)
		}
		p.list.Gaps = append(p.list.Gaps, g)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &p.list, nil
}

// isCyclictest reports whether a line is one of cyclictest's that is no gap: its
// summary and the number of spikes (rt-tests, src/cyclictest/cyclictest.c,
// print_stat and trigger_print).
func isCyclictest(line string) bool {
	return strings.HasPrefix(line, "T:") && !strings.Contains(line, "Spike:") || strings.HasPrefix(line, "spikes = ")
}

func (p *parser) line(line string) (Gap, error) {
	if strings.HasPrefix(line, "T:") {
		return p.spike(line)
	}
	if strings.HasPrefix(line, "oslat") || strings.Contains(line, "Trace threshold (") {
		return Gap{}, fmt.Errorf("%q: oslat does not say when: run it with -T while recording, which marks the trace, and ask for --gaps markers", line)
	}
	w := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' })
	if len(w) != 3 {
		return Gap{}, fmt.Errorf("%q: want a CPU, a start and an end in seconds, a line of cyclictest --spike or a sample of jitterdebugger", line)
	}
	if strings.Count(line, ";") == 2 && !strings.Contains(w[2], ".") {
		return p.sample(line, w)
	}
	cpu, err := strconv.ParseUint(w[0], 10, 16)
	if err != nil {
		return Gap{}, fmt.Errorf("%q: %q is no CPU number", line, w[0])
	}
	g := Gap{CPU: int32(cpu)}
	for i, dst := range []*trace.Time{&g.Start, &g.End} {
		if *dst, err = ParseSeconds(w[i+1]); err != nil {
			return Gap{}, fmt.Errorf("%q: %w", line, err)
		}
	}
	if g.End < g.Start {
		return Gap{}, fmt.Errorf("%q: ends before it starts", line)
	}
	return g, nil
}

// spike reads a line of cyclictest --spike (rt-tests, src/cyclictest/cyclictest.c,
// trigger_print): both times are in microseconds, the second one is when the
// thread woke up on CLOCK_MONOTONIC.
func (p *parser) spike(line string) (Gap, error) {
	w := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ':' })
	if len(w) != 6 || w[2] != "Spike" || w[4] != "TS" {
		return Gap{}, fmt.Errorf("%q: want T: THREAD Spike: MICROSECONDS: TS: MICROSECONDS, as cyclictest --spike prints", line)
	}
	at, err := strconv.ParseUint(w[5], 10, 53)
	if err != nil {
		return Gap{}, fmt.Errorf("%q: %q is no time in microseconds", line, w[5])
	}
	return p.woke(line, w[1], trace.Time(at*1000), w[3])
}

// sample reads a line of jitterdebugger's samples.csv (jd_samples_csv.c): when
// the thread woke up on CLOCK_MONOTONIC, and how many microseconds too late.
func (p *parser) sample(line string, w []string) (Gap, error) {
	at, err := ParseSeconds(w[1])
	if err != nil {
		return Gap{}, fmt.Errorf("%q: %w", line, err)
	}
	return p.woke(line, w[0], at, w[2])
}

// woke is the gap before a thread woke up.
func (p *parser) woke(line, thread string, at trace.Time, late string) (Gap, error) {
	us, err := strconv.ParseUint(late, 10, 40)
	if err != nil || trace.Time(us*1000) > at {
		return Gap{}, fmt.Errorf("%q: %q is no latency in microseconds", line, late)
	}
	n, err := strconv.ParseUint(thread, 10, 16)
	if err != nil {
		return Gap{}, fmt.Errorf("%q: %q is no number of a thread", line, thread)
	}
	p.list.Monotonic = true
	g := Gap{CPU: int32(n), Start: at - trace.Time(us*1000), End: at}
	if p.CPUs == nil {
		return g, nil
	}
	if n >= uint64(len(p.CPUs)) {
		return Gap{}, fmt.Errorf("%q: thread %d: only %d CPUs of threads are named", line, n, len(p.CPUs))
	}
	g.CPU = p.CPUs[n]
	return g, nil
}

// ParseSeconds reads decimal seconds as nanoseconds, never through a float.
func ParseSeconds(s string) (trace.Time, error) {
	whole, frac, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseUint(whole, 10, 34)
	if err != nil || len(frac) > 9 || dot && frac == "" || strings.Trim(frac, "0123456789") != "" {
		return 0, fmt.Errorf("%q is no time in seconds, such as 1234.567890", s)
	}
	ns, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	if err == nil && sec*1_000_000_000+ns > math.MaxInt64 {
		err = fmt.Errorf("%q is later than any trace", s)
	}
	return trace.Time(sec*1_000_000_000 + ns), err
}
