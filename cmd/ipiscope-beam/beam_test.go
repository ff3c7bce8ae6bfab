package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/memfs" // as a file system that is not local
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

func TestMain(m *testing.M) {
	registerAll()
	flag.Parse()
	os.Exit(m.Run())
}

const (
	fixture = "../../fixtures/k612s4-51-statickey-after-1/report-t.txt.gz"
	other   = "../../fixtures/k612s4-51-statickey-after-2/report-t.txt.gz"
)

// specOf is what these flags become for workers.
func specOf(t *testing.T, manifest string, args ...string) *Spec {
	t.Helper()
	var f flags
	cmd := &cobra.Command{}
	f.addTo(cmd)
	if err := cmd.Flags().Parse(args); err != nil {
		t.Fatal(err)
	}
	s, err := newSpec(cmd.Flags(), manifest, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// makerOf is the maker of a Spec that went to a worker, and its config.
func makerOf(t *testing.T, s *Spec) *countFn {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	f := &countFn{}
	if err := json.Unmarshal(data, &f.Spec); err != nil {
		t.Fatal(err)
	}
	if err := f.Setup(context.Background()); err != nil {
		t.Fatal(err)
	}
	return f
}

// said runs the program.
func said(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), args, &o, &e)
	return o.String(), e.String(), status
}

// merged is what merge prints of the states of traces.
func merged(t *testing.T, f *countFn, paths ...string) string {
	t.Helper()
	var m states.Merger
	for _, path := range paths {
		s, err := f.count(context.Background(), path, cli.ManifestLine{}, &Header{})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Add(states.Stored{Path: path, State: s}); err != nil {
			t.Fatal(err)
		}
	}
	flags, _, err := f.Spec.load(silent())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	term := silent()
	term.Out = &out
	write, err := flags.form.Writer(term)
	if err == nil {
		err = write(&m, m.Repeated)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPipeline: the result of a run is what merge prints of the same traces, a trace
// that is there twice counts once, and what cannot be read is listed and ends nothing.
func TestPipeline(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"a.gz": data, "b.gz": second, "c.gz": data, "none": []byte("nonsense\n"), "x[1]*.gz": second} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := filepath.Join(dir, "a.gz"), filepath.Join(dir, "b.gz"), filepath.Join(dir, "c.gz")
	flags := []string{"--isolated", "2-3", "--by", "function,cause", "--format", "json"}
	want := merged(t, makerOf(t, specOf(t, "", flags...)), b, a, c)
	got, errs, status := said(t, append(flags, b, filepath.Join(dir, "[ac].gz"), filepath.Join(dir, "n*"))...)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-merge +pipeline: %s", d)
	}
	if status != cli.ExitUsage || !strings.Contains(errs, "none: not a trace") || !strings.Contains(errs, c+": holds the same sends as "+a) {
		t.Errorf("exit %d: %s", status, errs)
	}
	out := filepath.Join(dir, "out", "r.json")
	if err := os.Mkdir(filepath.Dir(out), 0o777); err != nil {
		t.Fatal(err)
	}
	// a name of a file is no glob, and what matches nothing is not there
	_, errs, status = said(t, append(flags, "-o", out, filepath.Join(dir, "x[1]*.gz"), filepath.Join(dir, "nothing*"))...)
	var o Outcome
	text, err := os.ReadFile(out + statusSuffix)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	if status != cli.ExitFailed || o.Status != status || o.Traces != 2 || o.Counted != 1 || len(o.Failed) != 1 || o.Failed[0].Status != cli.ExitFailed || !strings.Contains(errs, "nothing*") {
		t.Errorf("exit %d: %s: %+v", status, errs, o)
	}
	if out, errs, status := said(t, append(flags, filepath.Join(dir, "none"))...); status != cli.ExitUsage || out != "" || !strings.Contains(errs, "not a trace") {
		t.Errorf("without a trace: exit %d: %s%s", status, out, errs)
	}
}

// TestElsewhere: traces and the result may be in another file system, and results name
// traces by what they were asked for, not by the copy.
func TestElsewhere(t *testing.T) {
	ctx := context.Background()
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(ctx, "memfs://traces/one.gz", data); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(t.TempDir(), "fleet.csv")
	if err := os.WriteFile(manifest, []byte("path,isolated,host\n"+mustAbs(t, other)+",2-3,h1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--isolated", "2-3", "--format", "json", "--manifest", manifest}
	_, errs, status := said(t, append(flags, "-o", "memfs://results/r.json", "memfs://traces/*.gz", "memfs://traces/absent")...)
	if status != cli.ExitFailed || !strings.Contains(errs, "memfs://traces/absent") || strings.Contains(errs, os.TempDir()) {
		t.Fatalf("exit %d: %s", status, errs)
	}
	got, err := read(ctx, "memfs://results/r.json")
	if err != nil {
		t.Fatal(err)
	}
	want := merged(t, makerOf(t, specOf(t, "", "--isolated", "2-3", "--format", "json")), mustAbs(t, other), fixture)
	if d := cmp.Diff(strings.ReplaceAll(want, fixture, "memfs://traces/one.gz"), string(got)); d != "" {
		t.Errorf("-local +elsewhere: %s", d)
	}
	if fs, err := filesystem.New(ctx, "gs://bucket/x"); err != nil {
		t.Errorf("Google's file system is not linked: %v", err)
	} else {
		fs.Close()
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// TestOrderFree: in whatever order and steps a runner gathers parts, their sum has the
// same bytes; so has the index of whatever order of headers.
func TestOrderFree(t *testing.T) {
	f := makerOf(t, specOf(t, "", "--isolated", "2-3", "--by", "function,sender"))
	var parts []Part
	var headers []Header
	for i, path := range []string{fixture, other, "../../fixtures/k612s4-51-statickey-before-1/report-t.txt.gz", "../../fixtures/k612s4-07-lost/trace.dat", fixture} {
		h := Header{Arg: i, Path: path}
		s, err := f.count(context.Background(), path, cli.ManifestLine{}, &h)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		if h.Input, err = json.Marshal(s.Inputs[0]); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
		parts = append(parts, Part{i, b.Bytes()})
	}
	headers = append(headers, Header{Arg: 9, Path: "bad", Status: cli.ExitUsage, Error: "why", Said: "why\n"})
	parts = parts[:4]
	fn := &sumFn{}
	sum := func(parts ...Part) Part {
		g := fn.CreateAccumulator()
		for _, p := range parts {
			g = fn.AddInput(g, p)
		}
		p, err := fn.ExtractOutput(g)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	want := sum(parts...)
	wantIndex, err := newIndex(headers)
	if err != nil {
		t.Fatal(err)
	}
	if len(wantIndex.Counted) != 4 || len(wantIndex.Repeated) != 1 || wantIndex.Status != cli.ExitUsage || len(wantIndex.Failed) != 1 {
		t.Fatalf("index %+v", wantIndex)
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		draw.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
		index, err := newIndex(headers)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wantIndex, index); d != "" {
			t.Errorf("index of another order: %s", d)
		}
		var left, right Gathered
		for _, i := range draw.Perm(len(parts)) {
			if draw.IntN(2) == 0 {
				left = fn.AddInput(left, parts[i])
			} else {
				right = fn.AddInput(right, parts[i])
			}
		}
		got, err := fn.ExtractOutput(fn.MergeAccumulators(left, right))
		if err != nil || got.Ordinal != 0 || !bytes.Equal(got.State, want.State) {
			t.Errorf("gathered in another order the sum differs: %v", err)
		}
		at := 1 + draw.IntN(3) // blocks of neighbours
		if got := sum(sum(parts[at:]...), sum(parts[:at]...)); !bytes.Equal(got.State, want.State) {
			t.Error("added up in blocks the sum differs")
		}
	}
	cut := parts[1]
	cut.State = cut.State[:len(cut.State)-3]
	if _, err := fn.ExtractOutput(Gathered{[]Part{parts[0], cut}}); err == nil {
		t.Error("a cut state is added up")
	}
}

// TestNumbers: which states are counted depends on the index alone.
func TestNumbers(t *testing.T) {
	index, err := json.Marshal(Index{Counted: []Place{{0, "a"}, {1, "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	f := &numberFn{}
	for _, c := range []Counted{{1, "b", nil}, {1, "c", nil}, {0, "a", nil}} {
		if err := f.ProcessElement(c, index, func(block int, p Part) { got = append(got, fmt.Sprint(block, p.Ordinal)) }); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"0 1", "0 0"}, got); d != "" {
		t.Error(d)
	}
}

// TestSpec: what flags name travels with them, the environment of a worker has no say,
// and the state that a worker makes is that of the same flags.
func TestSpec(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	catalog, err := os.ReadFile("../../docs/example-catalog.tsv")
	if err != nil {
		t.Fatal(err)
	}
	s := specOf(t, "", "--isolated", file("cmdline", "quiet nohz_full=2-3"), "--catalog", file("own.tsv", string(catalog)), "--redact", "comm", "--redact-key", file("key", "secret"), "--by", "function", "--by", "comm", "--max-groups", "7", "-o", "x", "--top", "3")
	if d := cmp.Diff([]string{"--by=function,comm", "--max-groups=7", "--redact=comm", "--top=3"}, s.Args); d != "" {
		t.Error(d)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv(cli.IsolatedVariable, "0")
	in := countedBy(t, makerOf(t, s))
	if in.Inputs[0].Isolated != "2-3" || in.Config.Flags["max-groups"] != "7" || !strings.Contains(in.Config.Flags["redact"], "with key") {
		t.Errorf("isolated %q, flags %q", in.Inputs[0].Isolated, in.Config.Flags)
	}
	if plain := countedBy(t, makerOf(t, specOf(t, "", "--isolated", "2-3"))); plain.Catalog == in.Catalog {
		t.Error("the catalogue has not come along")
	}
	if in := countedBy(t, makerOf(t, specOf(t, ""))); in.Inputs[0].Isolated != "0" {
		t.Errorf("%s of whoever starts the pipeline: isolated %q", cli.IsolatedVariable, in.Inputs[0].Isolated)
	}
	none := &Spec{}
	if in := countedBy(t, makerOf(t, none)); in.Inputs[0].Isolated != "" {
		t.Errorf("%s of a worker counts: isolated %q", cli.IsolatedVariable, in.Inputs[0].Isolated)
	}
}

func countedBy(t *testing.T, f *countFn) *state.State {
	t.Helper()
	s, err := f.count(context.Background(), fixture, cli.ManifestLine{}, &Header{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLines: a manifest survives the way to the workers, with sets that depend on the
// number of CPUs.
func TestLines(t *testing.T) {
	manifest := filepath.Join(t.TempDir(), "fleet.csv")
	text := "path,isolated,host,date,site\n/a*,2-3,h1,2026-11-04,ams\n/b,quiet nohz_full=1-N,h2,,\n/c,,,,\n"
	if err := os.WriteFile(manifest, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	lines, err := (&runFlags{manifest: manifest}).lines([]string{"x*"})
	if err != nil {
		t.Fatal(err)
	}
	for len(lines) < 2*linesInPackage+1 {
		lines = append(lines, lines[:4]...)
	}
	packed, err := pack(lines)
	if err != nil {
		t.Fatal(err)
	}
	var back []Line
	for _, p := range packed {
		texts, err := unpack(p.([]byte))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			var l Line
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatal(err)
			}
			if err := l.Manifest.Restore(); err != nil {
				t.Fatal(err)
			}
			back = append(back, l)
		}
	}
	if d := cmp.Diff(lines, back, cmp.AllowUnexported(cli.Isolated{}, cpumask.Mask{})); d != "" {
		t.Error(d)
	}
	if !back[0].Literal || back[3].Literal {
		t.Error("a line of a manifest is no glob, an argument is one")
	}
}

// TestRefused: what is wrong with a command line is said before anything runs.
func TestRefused(t *testing.T) {
	for want, args := range map[string][]string{
		"name a trace":         {"--isolated", "2-3"},
		"standard input":       {"--isolated", "2-3", "-"},
		"--isolated auto":      {"--isolated", "auto", "x"},
		"unknown key":          {"--by", "nothing", "x"},
		"unknown format":       {"--format", "nothing", "x"},
		"unknown flag":         {"--nothing", "x"},
		"has no isolated CPUs": {"--manifest", "testdata/without.csv"},
		"no such file":         {"--catalog", "absent", "x"},
		"unknown sort column":  {"--sort", "nothing", "x"},
		"--by-file-max -1":     {"--by-file-max", "-1", "x"},
	} {
		if out, errs, status := said(t, args...); status == 0 || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%q: exit %d: %s", args, status, errs)
		}
	}
}
