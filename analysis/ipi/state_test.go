package ipi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// overviewOf is the overview of one trace, isolated a list or "" for all CPUs.
func overviewOf(t testing.TB, src trace.Source, isolated string, by []ipi.Key) *ipi.Overview {
	t.Helper()
	cfg := ipi.Config{By: by, Also: ipi.OverviewKeys(), Timeline: true, Catalog: catalogtest.Load(t)}
	if isolated != "" {
		m, err := cpumask.ParseList([]byte(isolated))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Isolated = &m
	}
	s := ipi.New(src.Table(), cfg)
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	o := ipi.NewOverview(cfg)
	o.Add(s.Views(st.Input(&src.Table().Meta, err)))
	return o
}

// storedFixtures are overviews as different as the fixtures are: with losses, ticks,
// arm64, instances, no send at all, and other isolated CPUs in one.
func storedFixtures(t testing.TB) (all []*ipi.Overview) {
	t.Helper()
	by, err := ipi.ParseKeys("function,cause,sender,comm")
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{
		"k612s4-02-zlib-mono/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-06-multi/trace.dat",
		"k612s4-32-trace_pipe/trace_pipe-lost.txt.gz", "k612s4-30-native-ipi-stack/fmt/default.txt.gz",
	} {
		src, err := parser.Open("../../fixtures/"+path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, overviewOf(t, src, []string{"2-3", "2-3", "", "2-3", "1"}[i], by))
		src.Close()
	}
	// names that are no UTF-8, or that JSON and HTML escape
	const script = "at 1.0 cpu 0 task a\xff<&-7 flags d..1 ipi_send_cpu cpu=2 callsite=f\xfe+0x1 callback=g\x80\n"
	return append(all, overviewOf(t, tracetest.Parse(script), "2-3", by))
}

// shown is all that an overview says.
func shown(t testing.TB, o *ipi.Overview) string {
	t.Helper()
	if o.Main() == nil {
		return ""
	}
	set := o.Result()
	var names strings.Builder // JSON has one replacement for all that is no UTF-8
	for _, row := range set.Table("groups").Rows {
		for _, v := range row {
			fmt.Fprintf(&names, "%q ", v.Str)
		}
	}
	b, err := json.MarshalIndent([]any{set, names.String(), o.Main().Groups(), o.Main().CPUTime()}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func stateOf(t testing.TB, o *ipi.Overview) json.RawMessage {
	t.Helper()
	sums, err := o.State()
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// again is an overview that went through a state.
func again(t testing.TB, o *ipi.Overview) *ipi.Overview {
	t.Helper()
	sums := stateOf(t, o)
	back, err := ipi.DecodeOverview(sums, o.Inputs(), false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sums, stateOf(t, back)) {
		t.Error("encoded again the bytes differ")
	}
	return back
}

// TestStateLaws: sums that went through a state say what they said, and add up as
// they did.
func TestStateLaws(t *testing.T) {
	parts := storedFixtures(t)
	for i, o := range parts {
		if d := cmp.Diff(shown(t, o), shown(t, again(t, o))); d != "" {
			t.Errorf("trace %d: -counted +through a state: %s", i, d)
		}
	}
	m := analysistest.Merging[*ipi.Overview]{
		Parts: len(parts), Part: func(i int) *ipi.Overview { return again(t, parts[i]) }, Text: func(o *ipi.Overview) string { return shown(t, o) },
		// whoever merges states begins with one of them
		Zero: func() *ipi.Overview { return &ipi.Overview{} },
		Merge: func(into, from *ipi.Overview) {
			if into.Main() == nil {
				*into = *again(t, from)
				return
			}
			if from.Main() == nil {
				return
			}
			if err := into.Merge(from); err != nil {
				t.Fatal(err)
			}
		},
		Unordered: func(o *ipi.Overview) string {
			if o.Main() == nil {
				return ""
			}
			return all(t, o.Main(), sorted(o.Main().Result()))
		},
	}
	m.Laws(t)
}

// TestStateTrees: whichever way states are added up in steps, each step a state again,
// the sum is that of adding the traces in their order.
func TestStateTrees(t *testing.T) {
	all := storedFixtures(t)
	var stored []json.RawMessage
	for _, o := range all {
		o.Narrow() // the views add up alike; TestStateLaws has all of them
		stored = append(stored, stateOf(t, o))
	}
	sum := func(t testing.TB, parts ...*ipi.Overview) *ipi.Overview {
		total := parts[0]
		for _, p := range parts[1:] {
			if err := total.Merge(p); err != nil {
				t.Fatal(err)
			}
		}
		return total
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var flat, tree []*ipi.Overview
		for _, i := range draw.Perm(len(all)) {
			flat = append(flat, decoded(t, stored[i], all[i].Inputs()))
			tree = append(tree, decoded(t, stored[i], all[i].Inputs()))
		}
		for len(tree) > 1 {
			at := draw.IntN(len(tree) - 1)
			joined := again(t, sum(t, tree[at], tree[at+1]))
			tree = append(append(tree[:at:at], joined), tree[at+2:]...)
		}
		if d := cmp.Diff(shown(t, sum(t, flat...)), shown(t, tree[0])); d != "" {
			t.Fatalf("-one after the other +in steps: %s", d)
		}
	}
}

func decoded(t testing.TB, sums json.RawMessage, inputs []result.Input) *ipi.Overview {
	t.Helper()
	o, err := ipi.DecodeOverview(sums, inputs, false)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestStateRefused: what cannot be is an error that names it, not a panic later.
func TestStateRefused(t *testing.T) {
	o := storedFixtures(t)[0]
	good := string(stateOf(t, o))
	for want, change := range map[string][2]string{
		"no view":                     {good, "[]"},
		"unknown key":                 {`"by":["function",`, `"by":["colour",`},
		"a group with 4 keys, want 1": {`"by":["function","cause","sender","comm"]`, `"by":["function"]`},
		"input 7 of 1":                {`"inputs":[[0,`, `"inputs":[[7,`},
		"name 99999 of":               {`"key":[`, `"key":[99999,`},
		"want pairs":                  {`"function":[`, `"function":[0,`},
		"no class is called":          {`"class":"`, `"class":"x`},
		"time of cells":               {`"width":`, `"width":-`},
		"cells over time, want":       {`"cells":[`, `"cells":[1,`},
		"really a CPU mask":           {`"on":"`, `"on":"999999,`},
		"invalid character":           {`[{`, `[`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s: nothing to change", want)
		}
		if _, err := ipi.DecodeOverview(json.RawMessage(text), o.Inputs(), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// FuzzState: whatever is decoded has a result, and none panics.
func FuzzState(f *testing.F) {
	for _, o := range storedFixtures(f) {
		f.Add([]byte(stateOf(f, o)))
	}
	f.Fuzz(func(t *testing.T, sums []byte) {
		o, err := ipi.DecodeOverview(sums, []result.Input{{Path: "a"}}, false)
		if err != nil {
			return
		}
		o.Result()
		p, err := ipi.DecodeOverview(sums, []result.Input{{Path: "b"}}, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Merge(p); err != nil {
			t.Fatal(err)
		}
		o.Main().Result()
	})
}
