// Package explain tells what the catalogue knows of a name, and how often it was
// met in recordings.
package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// Schema is the name of this result's JSON form, ListSchema that of List.
const (
	Schema     = "ipiscope/explain/v1"
	ListSchema = "ipiscope/catalog/v1"
)

// Result shows an explanation.
func Result(x *catalog.Explanation) *result.Set {
	set := &result.Set{Schema: Schema, Verdict: verdict(x)}
	f := facts{result.Table{Name: "facts", Cols: []result.Col{{Name: "name", Help: "what is told"}, {Name: "value"}}, Wrap: "value"}}
	f.add("name", x.Name)
	f.line(x)
	f.vector(x.Vector)
	f.callback(x)
	f.frame(x)
	if x.Recorder != "" {
		f.add("program", x.Recorder+": what it sends is noise where the class of the hit says so")
	}
	if isEmpty(x) && x.Callback == nil && x.Vector == nil && x.Line == nil {
		f.add("catalogue", "knows nothing of it")
	}
	set.Tables = []*result.Table{&f.Table, classTable(x)}
	return set
}

// verdict is the name with its purpose.
func verdict(x *catalog.Explanation) string {
	purpose := ""
	switch {
	case x.Line != nil:
		purpose = x.Line.Text + " of /proc/interrupts"
	case x.Callback != nil:
		purpose = x.Callback.Purpose
	case x.Vector != nil:
		purpose = x.Vector.Purpose
	case x.Frame != nil && x.Frame.Text != "":
		purpose = x.Frame.Text
	case x.Runs != nil:
		purpose = "sends " + sets(x.Runs)
	case x.ClassFrom != nil:
		purpose = "decides the class of " + functions(x.ClassFrom)
	case x.Recorder != "":
		purpose = x.Recorder
	}
	if purpose == "" {
		return x.Name
	}
	return x.Name + ": " + purpose
}

// facts is a table of names and values.
type facts struct{ result.Table }

func (f *facts) add(name, value string) {
	if value != "" {
		f.Rows = append(f.Rows, []result.Value{result.Str(name), result.Str(value)})
	}
}

// line tells of a line of /proc/interrupts.
func (f *facts) line(x *catalog.Explanation) {
	if x.Line == nil {
		return
	}
	f.add("/proc/interrupts", x.Line.Text)
	f.add("counts", x.Line.Function)
	f.add("note", x.Line.Note)
	for _, v := range x.Vectors {
		f.vector(v)
	}
}

func (f *facts) vector(v *catalog.Vector) {
	if v == nil {
		return
	}
	number := v.Number
	if n, err := strconv.Atoi(v.Number); err == nil {
		number = fmt.Sprintf("%d (%#x)", n, n)
	}
	f.add("vector", number+" of "+v.Arch+", "+v.Name)
	f.add("what for", v.Purpose)
	switch {
	case v.Event == "":
		f.add("events", "none")
	case v.Arch == "x86":
		f.add("events", "irq_vectors:"+v.Event+"_entry, irq_vectors:"+v.Event+"_exit")
	default:
		f.add("events", "ipi_raise, ipi_entry and ipi_exit with the reason \""+v.Event+"\"")
	}
	f.add("runs", v.Function)
	f.add("what to do", v.Do)
	f.add("source", v.Source+" (Linux 6.12)")
}

// kinds says what the kinds of callbacks are.
func kindText(kind string) string {
	switch kind {
	case "sync":
		return "called on another CPU, the sender waits until it has run"
	case "async":
		return "called on another CPU, the sender does not wait"
	case "csd":
		return "called on another CPU by a request of its own (call_single_data), the sender does not wait"
	case "sync/csd":
		return "called on another CPU, the sender waits or not"
	case "irq_work":
		return "an irq_work: queued for another CPU as a call, for its own CPU as a self-IPI"
	case "ttwu":
		return "a wake-up that is queued for another CPU"
	case "resched":
		return "the reschedule IPI: no function runs"
	case "carrier":
		return "carries queued calls: says nothing of what runs"
	case "ipi_raise":
		return "the reason of an ipi_raise event"
	}
	return kind
}

func (f *facts) callback(x *catalog.Explanation) {
	cb := x.Callback
	if cb == nil {
		return
	}
	f.add("callback", kindText(cb.Kind))
	f.add("purpose", cb.Purpose)
	f.add("sent by", cb.Causes)
	f.add("class", classText(&cb.Classification))
	f.add("why", cb.Why)
	f.add("what to do", cb.Do)
	f.add("limit", cb.Limit)
	f.add("told by", strings.Join(x.Narrowed, ", "))
	f.add("sent from", frames(x.SentBy))
	f.add("architecture", cb.Arch)
	f.add("source", cb.Source+" (Linux 6.12)")
	f.add("kernels", kernelsText(cb))
}

// kernelsText says which kernels have a callback.
func kernelsText(cb *catalog.Callback) string {
	text := "Linux 6.1 does not have it"
	if cb.In61 {
		text = "Linux 6.1 has it, too"
	}
	if cb.Since != "" {
		text += "; none before " + cb.Since + " has it"
	}
	if cb.Until != "" {
		text += "; none after " + cb.Until + " has it"
	}
	return text
}

// classText is a class with what it means and the others that apply.
func classText(c *catalog.Classification) string {
	text := c.Class.String() + ": " + c.Class.Meaning()
	for i, also := range c.Also {
		if i == 0 {
			text += "; also "
		} else {
			text += ", "
		}
		text += also.String()
	}
	return text
}

func (f *facts) frame(x *catalog.Explanation) {
	if r := x.Frame; r != nil {
		text := levelText(r.Level)
		if r.Text != "" {
			text += ": " + r.Text
		}
		f.add("stack frame", text)
		f.add("row", r.Name)
	}
	for _, r := range x.Runs {
		from := "makes run"
		if r.Via != "" {
			from += " by " + r.Via
		}
		f.add(from, r.Function)
	}
}

func levelText(l catalog.Level) string {
	switch l {
	case catalog.Probe:
		return "the recorder's own, not shown"
	case catalog.IPI:
		return "sends; never a cause"
	case catalog.Mechanism:
		return "a way of coming to send; the cause is its caller"
	case catalog.Entry:
		return "entry of the kernel; ends the search for a cause"
	case catalog.Syscall:
		return "a system call's function; names the entry, may be the cause"
	case catalog.Trampoline:
		return "made at run time"
	}
	return "may be a cause"
}

// classTable lists the classes that depend on who sent. Rows that differ by the
// frame only are one.
func classTable(x *catalog.Explanation) *result.Table {
	t := &result.Table{Name: "classes", Title: "Class by who sends", Prose: "text", Cols: []result.Col{
		{Name: "function", Head: "function", Key: true},
		{Name: "class", Head: "class"},
		{Name: "reason", Head: "because"},
		{Name: "sent_from", Head: "sent from"},
		{Name: "mitigation", Head: "what to do"},
		{Name: "text", Help: "all that is said of it"},
		{Name: "limit", Head: "limit", Help: "what doing so costs, risks or leaves"},
		{Name: "source", Head: "source"},
		{Name: "kernels", Head: "kernels", Help: "what it holds for, empty for all"},
	}, Show: []string{"class", "kernels", "text"}, Spare: []string{"kernels"}}
	if x.Callback == nil {
		t.Show = []string{"function", "class", "kernels", "text"}
	}
	for _, r := range merged(append(slices.Clone(x.ByCaller), x.ClassFrom...)) {
		text := r.Do + " " + r.Why
		if x.Callback != nil {
			text = "from " + fromText(r.Root) + ": " + text
		}
		if r.Limit != "" {
			text += " " + r.Limit
		}
		if r.Source != "" {
			text += " (" + r.Source + ")"
		}
		t.Rows = append(t.Rows, []result.Value{result.Str(r.Function), result.Str(classOf(r)), result.Str(r.Why), result.Str(fromText(r.Root)), result.Str(r.Do), result.Str(text),
			result.Str(r.Limit), result.Str(r.Source), result.Str(kernelsOf(r))})
	}
	return t
}

// classOf is the class of a row; one with texts only leaves the class to others.
func classOf(r catalog.ClassRow) string {
	if r.TextOnly {
		return "as else"
	}
	return r.Class.String()
}

func kernelsOf(r catalog.ClassRow) string {
	if r.Arch != "" && r.Kernels != "" {
		return r.Arch + ", " + r.Kernels
	}
	return r.Arch + r.Kernels
}

// fromText is a root as it is shown.
func fromText(root string) string {
	if root == "" {
		return "(any)"
	}
	return root
}

// merged are the rows with those of the same function that say the same put
// together: their Root lists the frames.
func merged(rows []catalog.ClassRow) []catalog.ClassRow {
	var out []catalog.ClassRow
	for _, r := range rows {
		i := slices.IndexFunc(out, func(o catalog.ClassRow) bool {
			return o.Function == r.Function && o.Class == r.Class && o.TextOnly == r.TextOnly && o.Do == r.Do && o.Why == r.Why && o.Limit == r.Limit && kernelsOf(o) == kernelsOf(r)
		})
		if i >= 0 {
			out[i].Root += ", " + r.Root
			continue
		}
		k := *r.Classification // the catalogue's own is not changed
		r.Classification = &k
		out = append(out, r)
	}
	return out
}

// frames lists the frames of rules, each once.
func frames(rows []catalog.RuleRow) string {
	return list(rows, func(r catalog.RuleRow) string { return r.Frame })
}

func sets(rows []catalog.RuleRow) string {
	return list(rows, func(r catalog.RuleRow) string { return r.Function })
}

func functions(rows []catalog.ClassRow) string {
	return list(rows, func(r catalog.ClassRow) string { return r.Function })
}

func list[T any](rows []T, of func(T) string) string {
	var all []string
	for _, r := range rows {
		if s := of(r); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, ", ")
}

// List shows all callbacks, or those of a class; a callback whose class depends on
// who sends has more than one row.
func List(c *catalog.Catalog, class string) *result.Set {
	t := &result.Table{Name: "callbacks", Cols: []result.Col{
		{Name: "callback", Head: "callback", Key: true},
		{Name: "root", Head: "sent from", Help: "the frames that decide the class; empty for any other"},
		{Name: "class", Head: "class"},
		{Name: "also", Head: "also"},
		{Name: "kind", Head: "kind"},
		{Name: "arch", Head: "on"},
		{Name: "purpose", Head: "purpose"},
		{Name: "source", Head: "source"},
		{Name: "mitigation", Head: "what to do"},
		{Name: "reason", Head: "because"},
		{Name: "limit", Head: "limit"},
	}}
	t.Show = []string{"callback", "class", "also", "root", "purpose"}
	t.Wrap, t.Spare = "purpose", []string{"root", "also"}
	add := func(cb *catalog.Callback, k *catalog.Classification) {
		var also []string
		is := class == "" || k.Class.String() == class
		for _, a := range k.Also {
			also = append(also, a.String())
			is = is || a.String() == class
		}
		if is {
			t.Rows = append(t.Rows, []result.Value{result.Str(cb.Name), result.Str(k.Root), result.Str(k.Class.String()), result.Str(strings.Join(also, " ")),
				result.Str(cb.Kind), result.Str(cb.Arch), result.Str(cb.Purpose), result.Str(cb.Source), result.Str(k.Do), result.Str(k.Why), result.Str(k.Limit)})
		}
	}
	rows := merged(c.ClassRows())
	for i := range c.Callbacks() {
		cb := &c.Callbacks()[i]
		for _, r := range rows {
			if r.Function == cb.Name && !r.TextOnly {
				add(cb, r.Classification)
			}
		}
		add(cb, &cb.Classification)
	}
	set := &result.Set{Schema: ListSchema, Tables: []*result.Table{t}}
	if class != "" {
		for k := catalog.Unknown; k <= catalog.Unavoidable; k++ {
			if k.String() == class {
				set.Verdict = class + ": " + k.Meaning()
			}
		}
	}
	return set
}
