package catalog

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

func TestOverlay(t *testing.T) {
	c := load(t,
		Source{"a", []byte("# mine\n\n[callbacks]\r\ncallback\tclass\tmitigation\nmy_ipi\tavoidable\tunload my_driver\ndo_sync_core\tcandidate\tas I say\n[rules]\nfunction\tvia\tframe\nmy_ipi\t-\tmy_driver_kick\n")},
		Source{"b", []byte("[frames]\nframe\tlevel\nmy_helper_*\tmechanism\n[classes]\nfunction\troot\tclass\talso\tmitigation\nmy_ipi\tmy_ioctl\treturnable\tnoise,avoidable\tx\n[callbacks]\ncallback\tpurpose\nmy_ipi\tkicks\n")})
	cb, ok := c.Callback("my_ipi")
	if !ok || cb.Class != Avoidable || cb.Do != "unload my_driver" || cb.Purpose != "kicks" {
		t.Errorf("%+v", cb)
	}
	if cb, _ := c.Callback("do_sync_core"); cb.Class != Candidate || cb.Kind != "sync" || cb.Purpose == "" {
		t.Errorf("columns that the overlay does not name are lost: %+v", cb)
	}
	f := frames("smp_call_function_single\nmy_helper_a\nmy_driver_kick\nmy_ioctl\ndo_syscall_64")
	if fn, rule, _ := c.ResolveFunction(f); fn != "my_ipi" || rule != "my_driver_kick" {
		t.Error(fn, rule)
	}
	if got := c.Cause(f); got.Function != "my_driver_kick" || got.Mechanism != "my_helper_a" {
		t.Errorf("%+v", got)
	}
	if got := c.Classify("my_ipi", f); got.Class != Returnable || !got.Has(Noise) || !got.Has(Avoidable) || got.Root != "my_ioctl" {
		t.Errorf("%+v", got)
	}
}

func TestOverlayErrors(t *testing.T) {
	for text, want := range map[string]string{
		"do_sync_core\tx\n":                                            "f:1: a row before a section; begin with one of [callbacks] ",
		"[callback]\n":                                                 "f:1: no section [callback]; sections: [callbacks] ",
		"[callbacks]\ncallback\tclas\n":                                `f:2: [callbacks] has no column "clas"; columns: callback kind `,
		"[callbacks]\nclass\tkind\n":                                   `f:2: [callbacks] needs the column "callback"`,
		"[callbacks]\ncallback\tcallback\n":                            `f:2: column "callback" named twice`,
		"[callbacks]\ncallback\tclass\nx\n":                            "f:3: 1 cells where the header of [callbacks] names 2 columns",
		"[callbacks]\ncallback\tclass\nx\tavoidable\n\nx\tcandidate\n": "f:5: x is in [callbacks] already, in line 3",
		"[callbacks]\ncallback\tclass\nx\tgood\n":                      `f:3: [callbacks] x: no class "good"; one of unknown deferrable`,
		"[callbacks]\ncallback\tclass\talso\nx\tnoise\tbad\n":          `f:3: [callbacks] x: no also "bad"`,
		"[callbacks]\ncallback\tin_6.1\tclass\nx\tY\tnoise\n":          `in_6.1 is "Y"; write yes or no`,
		"[frames]\nframe\tlevel\n*x\tipi\n":                            "a star may only be the last character",
		"[frames]\nframe\tlevel\nab*\tipi\n":                           "a prefix needs at least 3 letters",
		"[frames]\nframe\tlevel\nab#\tipi\n":                           "# stands for a digit",
		"[frames]\nframe\tlevel\nabc\tipis\n":                          `no level "ipis"`,
		"[frames]\nframe\tkind\nabc\tirq\n":                            `no kind "irq"`,
		"[frames]\nframe\tedge\nabc\tx\n":                              `no edge "x"`,
		"[rules]\nframe\tvia\tfunction\nabc\t-\t-\n":                   "no function",
		"[rules]\nframe\tvia\tfunction\nabc\t-\ta||b\n":                `"a||b" is no function or set`,
		"[rules]\nframe\tfunction\nabc\ta\n":                           `[rules] needs the column "via"`,
		"[narrow]\nevent\tfield\tvalue\tfunction\na\tb\tc\td\n":        `value "c" is not a number`,
		"[classes]\nfunction\troot\tclass\n\ta\tnoise\n":               "f:3: no function",
		"[classes]\nfunction\troot\nf\tr\xff\n":                        "f:3: not UTF-8 text",
	} {
		_, err := Load(Source{"f", []byte(text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	_, err := Load(Source{"f", []byte(strings.Repeat("[nothing]\n", 1000))})
	if err == nil || strings.Count(err.Error(), "\n")+1 != maxErrors {
		t.Error("errors are not bounded")
	}
}

// FuzzOverlay: a file of any content gives errors that name its line, or tables whose
// lookups work. It is read without the embedded rows below it: those take a millisecond.
func FuzzOverlay(f *testing.F) {
	for _, name := range files {
		data, err := embedded.ReadFile("data/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(2000, len(data))])
	}
	f.Add([]byte("[callbacks]\ncallback\tclass\nx\tavoidable\n[classes]\nfunction\troot\tclass\nx\tabc*\tnoise\n"))
	f.Add([]byte("[frames]\nframe\tlevel\tname\tedge\nirq#*\tentry\trest\tedge\n[rules]\nframe\tvia\tfunction\ntick_*\tnone\ta|b\n"))
	stack := frames(serverStack)
	f.Fuzz(func(t *testing.T, data []byte) {
		tab := newTables()
		errs := tab.read(Source{"f", data})
		c, more := tab.compile(kernel{})
		for _, err := range append(errs, more...) {
			if e := new(Error); !errors.As(err, &e) || e.File != "f" || e.Line < 1 {
				t.Fatalf("no line: %v", err)
			}
		}
		c.ResolveFunction(stack)
		c.Cause(stack)
		c.Classify("do_flush_tlb_all|x", stack)
		c.Split(nil, stack)
	})
}

// TestSplitLaws: contexts cover a stack without gaps, and cause and function depend on the
// first one only.
func TestSplitLaws(t *testing.T) {
	c := load(t)
	pool := frames(serverStack + watchdogStack + armTimerStack + armFaultStack + vfreeStack + "\n7fffffff\nffffffff81000000\n\nfoo [bar]\n")
	law.Check(t, func(t *rapid.T) {
		stack := rapid.SliceOfN(rapid.SampledFrom(pool), 0, 40).Draw(t, "stack")
		end := 0
		for _, x := range c.Split(nil, stack) {
			if x.Start != end || x.End <= x.Start {
				t.Fatalf("context %d-%d after %d", x.Start, x.End, end)
			}
			if end == 0 {
				first := stack[:x.End]
				if c.Cause(stack) != c.Cause(first) {
					t.Fatal("frames outside the first context changed the cause")
				}
				f1, r1, _ := c.ResolveFunction(stack)
				f2, r2, _ := c.ResolveFunction(first)
				if f1 != f2 || r1 != r2 {
					t.Fatal("frames outside the first context changed the function")
				}
			}
			end = x.End
		}
		if end != len(stack) {
			t.Fatalf("%d of %d frames covered", end, len(stack))
		}
	})
}

// TestOverlayOfEachSection: a user's file overrides a row of every table, and adds one.
func TestOverlayOfEachSection(t *testing.T) {
	knob := func(c *Catalog, name string) (k Knob) {
		for _, k = range c.knobs {
			if k.Name == name {
				return k
			}
		}
		return Knob{}
	}
	for name, tt := range map[string]struct {
		rows string
		is   func(*Catalog) bool
	}{
		"callbacks": {"callback\tclass\tdo\twhy\tlimit\nflush_ldt\tavoidable\ta\tb\tc\nmine\tnoise\td\t-\t-\n", func(c *Catalog) bool {
			old, _ := c.Callback("flush_ldt")
			mine, ok := c.Callback("mine")
			return old.Do == "a" && old.Why == "b" && old.Limit == "c" && old.Class == Avoidable && ok && mine.Do == "d"
		}},
		"frames": {"frame\tlevel\ndev_watchdog\tmechanism\n", func(c *Catalog) bool { return c.Level("dev_watchdog") == Mechanism }},
		"rules": {"frame\tvia\tfunction\nwrite_ldt\t-\tmine\n", func(c *Catalog) bool {
			f, _, _ := c.ResolveFunction([]string{"on_each_cpu_mask", "write_ldt"})
			return f == "mine"
		}},
		"narrow": {"event\tfield\tvalue\tfunction\nsys_enter_membarrier\tcmd\t8\tmine\n", func(c *Catalog) bool {
			f, _ := c.Narrow("sys_enter_membarrier", "cmd", 8)
			return f == "mine"
		}},
		// a row that names no kernel is about all that the tables have of that function and frame
		"classes": {"function\troot\tclass\tdo\nreschedule\tdl_task_timer\tunavoidable\tmine\n", func(c *Catalog) bool {
			now := c.For("6.12.1").Classify("reschedule", []string{"resched_curr", "dl_task_timer"})
			before := c.For("6.1.1").Classify("reschedule", []string{"resched_curr", "dl_task_timer"})
			return now.Do == "mine" && now.Class == Unavoidable && before.Do == "mine"
		}},
		"vectors": {"vector\tdo\n251\tmine\n", func(c *Catalog) bool {
			x, _ := c.Explain("251")
			return x.Vector.Do == "mine" && x.Vector.Arch == "x86"
		}},
		"recorders": {"comm\ttext\nmine\t-\n", func(c *Catalog) bool { return c.Recorder("mine") && c.Recorder("trace-cmd") }},
		"knobs": {"knob\tprice\ntsc=reliable\tmine\n", func(c *Catalog) bool {
			return knob(c, "tsc=reliable").Price == "mine" && knob(c, "tsc=reliable").Source != ""
		}},
		"ticks": {"dependency\tdo\nSCHED\tmine\nNEW\tnew\n", func(c *Catalog) bool {
			old, _ := c.Tick("SCHED")
			added, ok := c.Tick("NEW")
			return old.Do == "mine" && old.Why != "" && ok && added.Do == "new"
		}},
		"dispatchers": {"frame\tfield\nprocess_one_work\tmine\n", func(c *Catalog) bool {
			return c.dispatchers["process_one_work"].Field == "mine" && c.dispatchers["process_one_work"].Start != ""
		}},
	} {
		c := load(t, Source{"mine", []byte("[" + name + "]\n" + tt.rows)})
		if !tt.is(c) {
			t.Errorf("[%s] is not overridden by %q", name, tt.rows)
		}
	}
	for _, s := range sections {
		switch s.name {
		case "callbacks", "frames", "rules", "narrow", "classes", "vectors", "recorders", "knobs", "ticks", "dispatchers":
		default:
			t.Errorf("[%s] is in no case of this test", s.name)
		}
	}
}
