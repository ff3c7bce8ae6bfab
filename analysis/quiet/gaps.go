package quiet

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Gap is a stretch of time in which a measuring program did not run, as it
// says: what hit its CPU then is asked for. Times are those of the trace's
// clock.
type Gap struct {
	CPU        int32 // -1: any
	Start, End trace.Time
}

// A Culprit is an interruption in a gap, or just before it.
type Culprit struct {
	Kind, Name  string
	Sender      int32 // -1 unknown, or nobody
	Comm, Cause string
	gap         int
	cpu         int32
	start, end  trace.Time
}

// maxCulprits bounds what is kept for all gaps together.
const maxCulprits = 1 << 14

// gaps holds the asked-for stretches by start, and what hit them.
type gaps struct {
	list    []Gap // as asked for
	order   []int // by start
	within  trace.Time
	longest trace.Time
	found   []Culprit
	more    uint64
}

func (g *gaps) set(list []Gap, within trace.Time) {
	g.list, g.within = list, within
	for i := range list {
		g.order = append(g.order, i)
		g.longest = max(g.longest, list[i].End-list[i].Start)
	}
	slices.SortFunc(g.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(list[a].Start, list[b].Start), cmp.Compare(a, b))
	})
}

// add notes an interruption under the gaps that it overlaps.
func (g *gaps) add(cpu int32, start, end trace.Time, describe func() Culprit) {
	if len(g.list) == 0 {
		return
	}
	if end == track.Never {
		end = start
	}
	// a gap is hit by what overlaps [Start-within, End]
	first, _ := slices.BinarySearchFunc(g.order, start-g.longest, func(i int, t trace.Time) int { return cmp.Compare(g.list[i].Start, t) })
	for _, i := range g.order[first:] {
		gap := &g.list[i]
		if gap.Start-g.within > end {
			break
		}
		if gap.End < start || gap.CPU >= 0 && gap.CPU != cpu {
			continue
		}
		if len(g.found) >= maxCulprits {
			g.more++
			continue
		}
		c := describe()
		c.gap, c.cpu, c.start, c.end = i, cpu, start, end
		g.found = append(g.found, c)
	}
}

// ParseGaps reads lines of a CPU and two times in seconds, separated by blanks
// or commas: "7 1234.567890 1234.567950". Lines that begin with # and a header
// line are skipped.
func ParseGaps(r io.Reader, name string) ([]Gap, error) {
	var list []Gap
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		g, err := parseGap(line)
		if err != nil {
			if n == 1 && !strings.ContainsAny(line, "0123456789") {
				continue // cpu,start,end
			}
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if len(list) >= maxGaps {
			return nil, fmt.Errorf("%s:%d: more than %d gaps", name, n, maxGaps)
		}
		list = append(list, g)
	}
	return list, s.Err()
}

// maxGaps bounds a gaps file.
const maxGaps = 1 << 20

func parseGap(line string) (Gap, error) {
	w := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' })
	if len(w) != 3 {
		return Gap{}, fmt.Errorf("%q: want a CPU, a start and an end in seconds", line)
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

// ParseSeconds reads decimal seconds as nanoseconds, never through a float.
func ParseSeconds(s string) (trace.Time, error) {
	whole, frac, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseUint(whole, 10, 33)
	if err != nil || len(frac) > 9 || dot && frac == "" || strings.Trim(frac, "0123456789") != "" {
		return 0, fmt.Errorf("%q is no time in seconds, such as 1234.567890", s)
	}
	ns, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	return trace.Time(sec*nsPerSecond + ns), err
}
