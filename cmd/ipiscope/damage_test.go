package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// A recording that was damaged gives the numbers of the whole one, or it is said
// that something is wrong: there is a message that the whole one does not have,
// and --strict does not succeed.

// A harm is a kind of damage that can be noticed. It returns nil where the input
// has nothing of that kind to damage.
type harm struct {
	name string
	do   func(rng *rand.Rand, in []byte) []byte
}

// textHarms are what happens to text on its way.
func textHarms() []harm {
	target := regexp.MustCompile(`(cpu=\d|cpumask=[0-9a-f,-]*\d)`)
	// within is a place behind the first third, where there are events.
	within := func(rng *rand.Rand, in []byte) int { return len(in)/3 + rng.IntN(len(in)-2-len(in)/3) }
	return []harm{
		{"cut within a line", func(rng *rand.Rand, in []byte) []byte {
			n := within(rng, in)
			if in[n-1] == '\n' {
				n++ // whole lines: nothing tells that others are missing
			}
			return in[:n]
		}},
		{"cut behind a digit of a target", func(rng *rand.Rand, in []byte) []byte {
			if all := target.FindAllIndex(in[:within(rng, in)], -1); all != nil {
				return in[:all[len(all)-1][1]]
			}
			return nil
		}},
		{"halves exchanged", func(rng *rand.Rand, in []byte) []byte {
			events := eventLine.FindAllIndex(in, -1)
			if len(events) < 40 {
				return nil
			}
			first, mid := events[0][0], events[len(events)/4+rng.IntN(len(events)/2)][0]
			return slices.Concat(in[:first], in[mid:], in[first:mid])
		}},
		{"twice", func(_ *rand.Rand, in []byte) []byte { return slices.Concat(in, in) }},
		{"a target of another name", func(_ *rand.Rand, in []byte) []byte {
			return bytes.ReplaceAll(in, []byte("cpumask="), []byte("mask="))
		}},
	}
}

// eventLine is a line of an event that ftrace or perf printed.
var eventLine = regexp.MustCompile(`(?m)^.*\] *(\S{4,6} )? *\d+\.\d+:.*\n`)

// fileHarms are what happens to a trace.dat.
func fileHarms() []harm {
	return []harm{
		{"cut", func(rng *rand.Rand, in []byte) []byte { return in[:len(in)/8+rng.IntN(len(in)-1-len(in)/8)] }},
		{"a target of another name", func(_ *rand.Rand, in []byte) []byte {
			return bytes.ReplaceAll(in, []byte("cpumask_t cpumask;"), []byte("cpumask_t cpumusk;"))
		}},
	}
}

// A pageHarm changes pages of one CPU, which lie in b at these offsets.
type pageHarm struct {
	name string
	do   func(rng *rand.Rand, b []byte, pages []int, size int)
}

func pageHarms() []pageHarm {
	// two are different pages.
	two := func(rng *rand.Rand, b []byte, pages []int, size int) (p, q []byte) {
		i := rng.IntN(len(pages))
		j := (i + 1 + rng.IntN(len(pages)-1)) % len(pages)
		return b[pages[i]:][:size], b[pages[j]:][:size]
	}
	return []pageHarm{
		{"pages of zeros", func(rng *rand.Rand, b []byte, pages []int, size int) {
			for _, i := range rng.Perm(len(pages))[:max(1, len(pages)/(2+rng.IntN(4)))] {
				clear(b[pages[i]:][:size])
			}
		}},
		{"a page over another", func(rng *rand.Rand, b []byte, pages []int, size int) {
			p, q := two(rng, b, pages, size)
			copy(q, p)
		}},
		{"pages exchanged", func(rng *rand.Rand, b []byte, pages []int, size int) {
			p, q := two(rng, b, pages, size)
			was := slices.Clone(p)
			copy(p, q)
			copy(q, was)
		}},
		// 18 minutes and more: the fifth and sixth byte of a page's time
		{"a bit of a page's time", func(rng *rand.Rand, b []byte, pages []int, _ int) {
			b[pages[1+rng.IntN(len(pages)-2)]+5+rng.IntN(2)] ^= 1 << rng.IntN(8)
		}},
	}
}

// fileOf is a fixture's bytes, without compression around it.
func fileOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, ".zst") {
		return b
	}
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// pagesOf6 returns where the pages of each CPU lie in a little-endian trace.dat of
// version 6: behind "flyrecord" come an offset and a size for each CPU
// (trace-cmd.dat.v6(5)).
func pagesOf6(b []byte) (cpus [][]int, size int) {
	le := binary.LittleEndian
	head := bytes.IndexByte(b[10:], 0) + 11
	size = int(le.Uint32(b[head+2:]))
	list := bytes.LastIndex(b, []byte("flyrecord\x00")) + len("flyrecord\x00")
	for end := -1; end != len(b); list += 16 {
		off, n := int(le.Uint64(b[list:])), int(le.Uint64(b[list+8:]))
		var pages []int
		for at := off; at < off+n; at += size {
			pages = append(pages, at)
		}
		if end = off + n; len(pages) > 3 {
			cpus = append(cpus, pages)
		}
	}
	return cpus, size
}

// A reading is what the program makes of an input.
type reading struct {
	numbers any // totals and groups
	said    map[string]bool
	strict  int // exit status with --strict
}

func readingOf(t *testing.T, path string) (r reading) {
	t.Helper()
	args := []string{"report", "--isolated", "2-3", "--by", "function", "--format", "json", path}
	out, said, status := invoke(nil, args...)
	if status == 2 || status < 0 {
		t.Errorf("exit %d: %s", status, said)
	}
	var got struct {
		Totals map[string]any
		Groups []struct {
			Key                   any
			Sends, Requests, Hits any
		}
	}
	if json.Unmarshal(out, &got) == nil {
		r.numbers = got
	}
	r.said = map[string]bool{}
	for line := range strings.Lines(string(said)) {
		r.said[line] = true
	}
	if r.strict = status; status == 0 {
		_, _, r.strict = invoke(nil, append(args, "--strict")...)
	}
	return r
}

// TestDamage makes each kind of damage to recordings.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	const fixtures = "../../fixtures/"
	times := 2
	if testing.Short() {
		times = 1
	}
	for _, name := range []string{
		"k612s4-02-zlib-mono/report-t.txt.gz", "k612s4-04-v6-global/report-t.txt.gz", "k612s4-30-native-ipi-stack/fmt/default.txt.gz",
		"k612s4-40-perf/script.txt.gz", "k612s4-05b-tsc2nsec/report-t.txt.gz",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDamaging(t, "x.txt", whole(fixtures+name)())
			for _, h := range textHarms() {
				for range times {
					d.try(t, h.name, h.do(d.rng, d.whole))
				}
			}
			d.bites(t)
		})
	}
	for _, name := range []string{"k612s4-02-zlib-mono/trace.dat", "k612s4-06-multi/trace.dat", "k612s4-04-v6-global/trace.dat.zst"} {
		t.Run(name, func(t *testing.T) {
			d := newDamaging(t, "x.dat", fileOf(t, fixtures+name))
			for _, h := range fileHarms() {
				for range times {
					d.try(t, h.name, h.do(d.rng, d.whole))
				}
			}
			d.bites(t)
		})
	}
	t.Run("pages", func(t *testing.T) {
		d := newDamaging(t, "x.dat", fileOf(t, fixtures+"k612s4-04-v6-global/trace.dat.zst"))
		cpus, size := pagesOf6(d.whole)
		for _, h := range pageHarms() {
			for range 2 * times {
				b := slices.Clone(d.whole)
				h.do(d.rng, b, cpus[d.rng.IntN(len(cpus))], size)
				d.try(t, h.name, b)
			}
		}
		d.bites(t)
	})
}

// A damaging holds readings of a damaged input against that of the whole one.
type damaging struct {
	whole   []byte
	path    string
	want    reading
	rng     *rand.Rand
	changed int // readings with other numbers
}

func newDamaging(t *testing.T, name string, in []byte) *damaging {
	d := &damaging{whole: in, path: filepath.Join(t.TempDir(), name), rng: rand.New(rand.NewPCG(18, uint64(len(in))))}
	d.want = d.read(t, in)
	if d.want.numbers == nil {
		t.Fatalf("the whole input cannot be read: %v", d.want.said)
	}
	return d
}

func (d *damaging) read(t *testing.T, in []byte) reading {
	t.Helper()
	if err := os.WriteFile(d.path, in, 0o600); err != nil {
		t.Fatal(err)
	}
	return readingOf(t, d.path)
}

// bites fails where the damage changed no numbers, so that nothing was tested.
func (d *damaging) bites(t *testing.T) {
	t.Helper()
	if d.changed == 0 {
		t.Error("no damage made a difference")
	}
}

func (d *damaging) try(t *testing.T, what string, in []byte) {
	t.Helper()
	if in == nil || bytes.Equal(in, d.whole) {
		return
	}
	got := d.read(t, in)
	if cmp.Equal(got.numbers, d.want.numbers) {
		return
	}
	d.changed++
	isNew := false
	for line := range got.said {
		isNew = isNew || !d.want.said[line]
	}
	if !isNew {
		t.Errorf("%s: other numbers, and nothing said", what)
	}
	if got.strict == 0 {
		t.Errorf("%s: other numbers, and --strict exits with 0", what)
	}
	if t.Failed() {
		t.Fatalf("the input, of %d bytes for %d:\nthe last of it %q\n%s", len(in), len(d.whole), in[max(0, len(in)-300):], cmp.Diff(d.want.numbers, got.numbers))
	}
}
