package catalog

import (
	"strings"
	"testing"
)

// TestExplainEveryName: each name of each table is explained, by that row.
func TestExplainEveryName(t *testing.T) {
	c := load(t)
	for _, name := range c.Names() {
		if _, ok := c.Explain(name); !ok {
			t.Errorf("%s is in the tables and cannot be explained", name)
		}
	}
	explain := func(name string) *Explanation {
		x, _ := c.Explain(name)
		return x
	}
	for _, cb := range c.Callbacks() {
		if x := explain(cb.Name); x.Callback == nil || x.Callback.Name != cb.Name {
			t.Errorf("%s is not explained as a callback", cb.Name)
		}
	}
	for _, r := range c.frameRows {
		if x := explain(r.Name); x.Frame == nil || *x.Frame != r {
			t.Errorf("%s is not explained as a frame: %+v", r.Name, x.Frame)
		}
	}
	for _, r := range c.ruleRows {
		found := false
		for _, got := range explain(r.Frame).Runs {
			found = found || got == r
		}
		if !found {
			t.Errorf("%s does not tell that %s runs", r.Frame, r.Function)
		}
		for m := range Members(r.Function) {
			if len(explain(m).SentBy) == 0 {
				t.Errorf("%s does not tell that %s sends it", m, r.Frame)
			}
		}
	}
	for _, r := range c.classRows {
		if r.Root == "" {
			continue // any stack
		}
		if len(explain(strings.Split(r.Root, "<")[0]).ClassFrom) == 0 || len(explain(r.Root[strings.Index(r.Root, "<")+1:]).ClassFrom) == 0 || len(explain(r.Function).ByCaller) == 0 {
			t.Errorf("the class of %s from %s is not told by both", r.Function, r.Root)
		}
	}
	for _, v := range c.Vectors() {
		for _, name := range []string{v.Number, v.Name, strings.ToLower(strings.TrimSuffix(v.Name, "_VECTOR")), v.Event, v.Event + "_entry"} {
			if name == "" || name == "_entry" {
				continue
			}
			if x := explain(name); x.Vector == nil || x.Vector.Number != v.Number {
				t.Errorf("%s is not explained as vector %s", name, v.Number)
			}
		}
	}
	for comm := range c.recorders {
		if explain(comm).Recorder == "" {
			t.Errorf("%s is not explained as a recorder", comm)
		}
	}
}

// TestVectors holds the numbers against trace events of real kernels: the kernel
// prints "vector=251" in call_function_single_entry (recordings of 6.12 and
// 7.2) and arch/x86/include/asm/irq_vectors.h has 0xfd for RESCHEDULE_VECTOR and so
// on downwards.
func TestVectors(t *testing.T) {
	c := load(t)
	for name, want := range map[string]string{"0xfd": "reschedule", "0xfc": "call_function", "251": "call_function_single", "246": "irq_work", "0xec": "local_timer", "0xf8": "", "242": ""} {
		x, ok := c.Explain(name)
		if !ok || x.Vector == nil || x.Vector.Event != want {
			t.Errorf("%s: %+v, want events %q", name, x.Vector, want)
		}
	}
	for _, v := range c.Vectors() {
		if v.Arch == "" || v.Name == "" || v.Source == "" || v.Purpose == "" {
			t.Errorf("vector %s lacks something: %+v", v.Number, v)
		}
		if _, ok := c.Callback(v.Function); v.Function != "" && !ok {
			t.Errorf("vector %s: %s is not in [callbacks]", v.Number, v.Function)
		}
	}
}

func TestExplain(t *testing.T) {
	c := load(t)
	for name, want := range map[string]string{
		"text_poke_bp_batch":            "text_poke*", // the row of a prefix
		"static_key_enable+0x1c/0x40":   "static_key_*",
		"smp_call_function_single":      "smp_call_function_single", // an exact row before a prefix
		"smp_call_function_many_cond":   "smp_call_function_many_cond",
		"__x64_sys_membarrier":          "__x64_sys_*",
		"trace_event_raw_event_ipi_x":   "trace_event_raw_event_*",
		"flush_tlb_kernel_range.part.0": "flush_tlb_*",
	} {
		if x, ok := c.Explain(name); !ok || x.Frame == nil || x.Frame.Name != want {
			t.Errorf("%s: %+v, want the row %s", name, x.Frame, want)
		}
	}
	if x, ok := c.Explain("0x0"); !ok || x.Callback == nil || x.Callback.Name != Reschedule || x.Vector != nil {
		t.Errorf("0x0: %+v", x)
	}
	if x, _ := c.Explain("ipi_rseq"); len(x.Narrowed) != 1 || x.Narrowed[0] != "sys_enter_membarrier cmd=128" {
		t.Errorf("ipi_rseq is told by %v", x.Narrowed)
	}
	for _, name := range []string{"", "no_such_function", "300", "-1", "0xffffffffc0a01230", "*", "[", "Function call"} {
		if x, ok := c.Explain(name); ok {
			t.Errorf("%q is explained: %+v", name, x)
		}
	}
	own := load(t, Source{"own", []byte("[callbacks]\ncallback\tpurpose\tclass\nmy_ipi\tmine\tavoidable\n[frames]\nframe\tlevel\ttext\nmy_*\tmechanism\tours\n")})
	if x, ok := own.Explain("my_ipi"); !ok || x.Callback.Purpose != "mine" || x.Frame.Text != "ours" {
		t.Errorf("a row of one's own: %+v", x)
	}
}
