package catalog

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

func load(t testing.TB, overlays ...Source) *Catalog {
	t.Helper()
	c, err := Load(overlays...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// frames splits a stack written one frame a line, with or without "=> ".
func frames(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "=> "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// TestRows checks what the compiler of the tables cannot: that the embedded rows say
// something and refer to each other.
func TestRows(t *testing.T) {
	c := load(t)
	if len(c.Callbacks()) < 140 {
		t.Errorf("%d callbacks", len(c.Callbacks()))
	}
	for _, cb := range c.Callbacks() {
		for what, text := range map[string]string{"kind": cb.Kind, "arch": cb.Arch, "source": cb.Source, "purpose": cb.Purpose, "causes": cb.Causes, "why": cb.Why, "do": cb.Do} {
			if text == "" {
				t.Errorf("%s: no %s", cb.Name, what)
			}
		}
		if cb.Class == Unknown && !strings.Contains(cb.Do, "Record") {
			t.Errorf("%s: class unknown", cb.Name)
		}
	}
	known := func(where, set string) {
		for m := range Members(set) {
			if _, ok := c.Callback(m); !ok {
				t.Errorf("%s: %s is not in [callbacks]", where, m)
			}
		}
	}
	vias := map[string]bool{"": true, noSender: true}
	each(&c.frames, func(_ string, f frame) {
		if f.level == IPI {
			vias[f.via] = true
		}
	})
	each(&c.rules, func(name string, list []rule) {
		for _, r := range list {
			known("rule "+name, r.function)
			if !vias[r.via] {
				t.Errorf("rule %s: no ipi frame has the group %q", name, r.via)
			}
		}
	})
	for k, set := range c.narrows {
		known("narrow "+k.event, set)
	}
	for _, r := range c.ClassRows() {
		known("class", r.Function)
		if !r.TextOnly && r.Class == Unknown || r.Why == "" || r.Do == "" || r.Source == "" {
			t.Errorf("class %s, %s: %+v", r.Function, r.Root, r.Classification)
		}
	}
	each(&c.frames, func(name string, f frame) {
		if f.edge != noEdge && f.level != Entry {
			t.Errorf("frame %s ends a context but has level %q", name, f.level)
		}
		if f.kind != UnknownKind && f.level != Entry && f.level != Syscall {
			t.Errorf("frame %s tells the entry but has level %q", name, f.level)
		}
		if f.level == None && f.via == "" && f.naming == byNothing {
			t.Errorf("frame %s says nothing", name)
		}
	})
}

func each[T any](n *names[T], f func(name string, v T)) {
	for name, v := range n.exact {
		f(name, v)
	}
	for _, list := range n.patterns {
		for _, p := range list {
			f(p.text+"*", p.value)
		}
	}
}

func TestCallback(t *testing.T) {
	c := load(t)
	for name, want := range map[string]string{
		"do_sync_core":              "do_sync_core",
		"do_sync_core+0x0":          "do_sync_core",
		"ack_kick+0x0/0x10 [kvm]":   "ack_kick",
		"do_nothing.constprop.0":    "do_nothing",
		"0x0":                       Reschedule,
		"Function call interrupts":  "Function call interrupts",
		"rb_cpu_sync":               "rb_cpu_sync",
		"srcu_irq_work+0x0":         "srcu_irq_work",
		"pair_cpu_remote_mb":        "", // of a patch set, in no kernel
		"0xffffffffc0a01230":        "",
		"":                          "",
		"(nil)":                     "",
		"CPU stop interrupts extra": "",
	} {
		cb, ok := c.Callback(name)
		if ok != (want != "") || ok && cb.Name != want {
			t.Errorf("Callback(%q) = %v, %v", name, cb, ok)
		}
	}
}

// TestFunctionOfRealStacks: the function comes from another event (csd_queue_cpu) of the
// same send.
func TestFunctionOfRealStacks(t *testing.T) {
	c := load(t)
	n, sets := 0, 0
	for _, s := range realStacks(t) {
		got, rule, ok := c.ResolveFunction(s.frames)
		n++
		if !ok || !Holds(got, s.function) {
			t.Errorf("%s: want %s got %q by %q\n%s", s.kernel, s.function, got, rule, strings.Join(s.frames, "\n"))
		}
		if got != s.function {
			sets++
		}
		if cause := c.Cause(s.frames); cause.Function == "" && cause.Entry.Tail == "" || cause.Entry.Kind == UnknownKind {
			t.Errorf("%s: %+v\n%s", s.kernel, cause, strings.Join(s.frames, "\n"))
		}
	}
	if n < 40 {
		t.Errorf("only %d stacks", n)
	}
	t.Logf("%d stacks, %d resolved to a set", n, sets)
}

type stack struct {
	kernel, function string
	frames           []string
}

func realStacks(t testing.TB) (out []stack) {
	f, err := os.Open("testdata/stacks.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		key, value, _ := strings.Cut(sc.Text(), " ")
		switch key {
		case "kernel":
			out = append(out, stack{kernel: value})
		case "function":
			out[len(out)-1].function = value
		case "=>":
			s := &out[len(out)-1]
			s.frames = append(s.frames, value)
		}
	}
	return out
}

func TestAllocs(t *testing.T) {
	c := load(t)
	all := realStacks(t)
	var ctx []Context
	if n := testing.AllocsPerRun(10, func() {
		for _, s := range all {
			c.ResolveFunction(s.frames)
			c.Cause(s.frames)
			c.Classify(s.function, s.frames)
			c.Callback(s.function)
			ctx = c.Split(ctx[:0], s.frames)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkResolveFunction(b *testing.B) {
	benchmark(b, func(c *Catalog, f []string) { c.ResolveFunction(f) })
}
func BenchmarkCause(b *testing.B) { benchmark(b, func(c *Catalog, f []string) { c.Cause(f) }) }
func BenchmarkClassify(b *testing.B) {
	benchmark(b, func(c *Catalog, f []string) { c.Classify("do_flush_tlb_all", f) })
}

// BenchmarkLoad is paid once a run.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		load(b)
	}
}

func benchmark(b *testing.B, f func(*Catalog, []string)) {
	c, all := load(b), realStacks(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f(c, all[i].frames)
		if i++; i == len(all) {
			i = 0
		}
	}
}
