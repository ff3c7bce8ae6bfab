package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// A theft is one way to take evidence away: args for files, edit for text, patch
// for the bytes of a trace.dat of version 6, which is not compressed.
type theft struct {
	name  string
	args  []string
	edit  func(*rapid.T, []byte) []byte
	patch func(*rapid.T, []byte) []byte
}

// header is the line of an event: what comes before its name, the name, the rest.
var header = regexp.MustCompile(`^(.*?\[(\d+)\].*?[0-9]+\.[0-9]+: +(?:[a-z_]+:)?)([a-z_0-9]+):(.*)$`)

// frame is a line of a stack, as trace-cmd, the kernel or perf prints it.
var frame = regexp.MustCompile(`^(\s*=> |\t\s*[0-9a-f]+ )`)

// lossMark is a line that tells of a loss.
var lossMark = regexp.MustCompile(`^CPU:\d+ \[`)

// editEvents edits the events of a text with the lines that belong to them, which
// are stacks. edit returns nil to take the event away.
func editEvents(text []byte, edit func(cpu, name string, lines []string) []string) []byte {
	var out []string
	var group []string
	flush := func() {
		if group == nil {
			return
		}
		m := header.FindStringSubmatch(group[0])
		out = append(out, edit(m[2], m[3], group)...)
		group = nil
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case header.MatchString(line):
			flush()
			group = []string{line}
		case lossMark.MatchString(line):
			flush()
			out = append(out, line)
		case group != nil:
			group = append(group, line)
		default:
			out = append(out, line)
		}
	}
	flush()
	return []byte(strings.Join(out, "\n") + "\n")
}

// without takes events away by name, all or every second one.
func without(match func(name string) bool, every int) func(*rapid.T, []byte) []byte {
	return func(_ *rapid.T, text []byte) []byte {
		n := 0
		return editEvents(text, func(_, name string, lines []string) []string {
			if !match(name) {
				return lines
			}
			if n++; n%every != 0 {
				return lines
			}
			return nil
		})
	}
}

// withoutStacks takes stacks away that are events of their own, and those that are
// lines behind an event: all or every second one.
func withoutStacks(every int) func(*rapid.T, []byte) []byte {
	return func(_ *rapid.T, text []byte) []byte {
		n := 0
		return editEvents(text, func(_, name string, lines []string) []string {
			if name != "kernel_stack" && !slices.ContainsFunc(lines, frame.MatchString) {
				return lines
			}
			switch n++; {
			case n%every != 0:
				return lines
			case name == "kernel_stack":
				return nil
			}
			return slices.DeleteFunc(lines, func(l string) bool { return frame.MatchString(l) || strings.HasSuffix(l, ": <stack trace>") })
		})
	}
}

// cutStacks leaves so many frames of each.
func cutStacks(t *rapid.T, text []byte) []byte {
	most := rapid.IntRange(1, 12).Draw(t, "frames")
	return editEvents(text, func(_, _ string, lines []string) []string {
		n := 0
		return slices.DeleteFunc(lines, func(l string) bool {
			if frame.MatchString(l) {
				n++
			}
			return n > most && frame.MatchString(l)
		})
	})
}

// withoutCPU takes away what one of the CPUs recorded. Where sends are all there is,
// nothing tells an isolated CPU that sent none from one whose sends are missing.
func withoutCPU(t *rapid.T, text []byte) []byte {
	cpus := []string{"000", "001"}
	if bytes.Contains(text, []byte("call_function_entry:")) {
		cpus = append(cpus, "002", "003")
	}
	cpu := rapid.SampledFrom(cpus).Draw(t, "cpu")
	return editEvents(text, func(of, _ string, lines []string) []string {
		if of == cpu {
			return nil
		}
		return lines
	})
}

// losing takes events of a CPU away and leaves the mark of the loss: in the kernel's
// words, which texts of trace-cmd may have as well. perf has others.
func losing(t *rapid.T, text []byte) []byte {
	if bytes.Contains(text, []byte(" ipi:ipi_send_")) {
		return text
	}
	events := bytes.Count(text, []byte(" ipi_send_cpu"))
	from := rapid.IntRange(0, max(events, 1)).Draw(t, "from")
	most := rapid.IntRange(1, 60).Draw(t, "events")
	cpu, n, lost := "", 0, 0
	left := editEvents(text, func(of, name string, lines []string) []string {
		if strings.HasPrefix(name, "ipi_send_cpu") {
			n++
		}
		if cpu == "" && n > from {
			cpu = of
		}
		switch {
		case of != cpu || lost > most:
		case lost == most: // the first one behind the gap
			lost++
			number, _ := strconv.Atoi(cpu)
			return append([]string{fmt.Sprintf("CPU:%d [LOST %d EVENTS]", number, most)}, lines...)
		default:
			lost++
			return nil
		}
		return lines
	})
	if lost <= most {
		return text // nothing is left behind the gap that could tell of it
	}
	return left
}

func isAny(names ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return n == name || strings.HasSuffix(n, "*") && strings.HasPrefix(name, n[:len(n)-1])
		})
	}
}

// replaced edits all lines, or with every 2 each second one that the pattern takes.
func replaced(pattern, by string, every int) func(*rapid.T, []byte) []byte {
	re := regexp.MustCompile(pattern)
	return func(_ *rapid.T, text []byte) []byte {
		n := 0
		return re.ReplaceAllFunc(text, func(found []byte) []byte {
			if n++; n%every != 0 {
				return found
			}
			return re.ReplaceAll(found, []byte(by))
		})
	}
}

// sends are the events that tell of IPIs, first.
const kept = "ipi_send_cpu,ipi_send_cpumask,"

func thefts() []theft {
	return slices.Concat(stolenStacks(), stolenEvents(), stolenFields(), stolenMarks(), stolenBytes())
}

func stolenStacks() []theft {
	return []theft{
		{name: "stacks", args: []string{"--events", kept + "csd_queue_cpu,csd_function_entry,csd_function_exit"}, edit: withoutStacks(1)},
		{name: "every second stack", edit: withoutStacks(2)},
		{name: "frames", edit: cutStacks},
		{name: "symbols of stacks", edit: replaced(`(?m)^(\s*=> )\S+ \(([0-9a-f]+)\)`, "$1 0x$2", 1)},
		{name: "symbols of stacks, in perf's words", edit: replaced(`(?m)^(\t\s*[0-9a-f]+ )\S+ \(`, "$1[unknown] (", 1)},
		{name: "symbols of stacks, in the kernel's words", edit: replaced(`(?m)^( => )[a-z_]\S*$`, "${1}0xffffffff81bc5c10", 1)},
	}
}

func stolenEvents() []theft {
	return []theft{
		{name: "csd events", args: []string{"--events", kept + "kernel_stack"}, edit: without(isAny("csd_*"), 1)},
		{name: "requests", args: []string{"--events", kept + "kernel_stack,csd_function_entry,csd_function_exit"}, edit: without(isAny("csd_queue_cpu"), 1)},
		{name: "every second request", edit: without(isAny("csd_queue_cpu"), 2)},
		{name: "runs", edit: without(isAny("csd_function_*"), 1)},
		{name: "every second run", edit: without(isAny("csd_function_entry"), 2)},
		{name: "sends to sets", args: []string{"--events", "ipi_send_cpu,csd_queue_cpu,kernel_stack,csd_function_entry,csd_function_exit"}, edit: without(isAny("ipi_send_cpumask"), 1)},
		{name: "sends to one", args: []string{"--events", "ipi_send_cpumask,csd_queue_cpu,kernel_stack"}, edit: without(isAny("ipi_send_cpu"), 1)},
		{name: "all sends", args: []string{"--events", "csd_queue_cpu,kernel_stack,csd_function_entry"}, edit: without(isAny("ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"), 1)},
		{name: "all but raises", args: []string{"--events", "ipi_raise"}, edit: without(isAny("ipi_send_cpu", "ipi_send_cpumask"), 1)},
		{name: "raises", edit: without(isAny("ipi_raise"), 1)},
		{name: "receive events", edit: without(isAny("call_function_*", "reschedule_*", "irq_work_*", "ipi_entry", "ipi_exit"), 1)},
		{name: "every second entry", edit: without(isAny("call_function_entry", "call_function_single_entry", "reschedule_entry", "irq_work_entry", "ipi_entry"), 2)},
		{name: "exits", edit: without(isAny("call_function_exit", "call_function_single_exit", "reschedule_exit", "irq_work_exit", "ipi_exit"), 1)},
		{name: "every second exit", edit: without(isAny("call_function_exit", "call_function_single_exit", "reschedule_exit", "irq_work_exit", "ipi_exit"), 2)},
		{name: "interrupts", args: []string{"--events", kept + "csd_queue_cpu,csd_function_entry,csd_function_exit,sched_switch"}, edit: without(isAny("local_timer_*", "irq_handler_*", "softirq_*"), 1)},
		{name: "switches", edit: without(isAny("sched_switch"), 1)},
		{name: "all but sends", args: []string{"--events", strings.TrimSuffix(kept, ",")}, edit: without(func(name string) bool { return !strings.HasPrefix(name, "ipi_send") }, 1)},
		{name: "a CPU", args: []string{"--cpu", "0,2-3"}, edit: withoutCPU},
		{name: "the senders", args: []string{"--cpu", "2-3"}},
	}
}

func stolenFields() []theft {
	return []theft{
		{name: "CPUs", edit: replaced(`(?m)^(\S.* )\[\d{3}\] +(\d)`, "$1 $2", 1)},
		{name: "flags", edit: replaced(`(?m)^(.*\[\d+\] )\S{5,6} `, "$1", 1)},
		{name: "the callsite", edit: replaced(` callsite=\S+`, "", 1)},
		{name: "the callback", edit: replaced(` callback=\S+`, "", 1)},
		{name: "the target's name", edit: replaced(` cpumask=`, " mask=", 1)},
		{name: "every second target's name", edit: replaced(` cpumask=`, " mask=", 2)},
		{name: "the target's name, of one", edit: replaced(`(ipi_send_cpu: +)cpu=`, "${1}target=", 1)},
		{name: "the set", edit: replaced(` cpumask=\S+`, " cpumask=524320", 1)},
		{name: "the set of raises", edit: replaced(` target_mask=\S+`, "", 1)},
		{name: "symbols of callbacks", edit: replaced(`callback=[a-z]\S+`, "callback=0xffffffff81bc5c10", 1)},
		{name: "every second symbol of callbacks", edit: replaced(`callback=[a-z]\S+`, "callback=0xffffffff81bc5c10", 2)},
		{name: "symbols of calls", edit: replaced(`func=[a-z]\S+`, "func=0xffffffff81bc5c10", 1)},
		{name: "every second symbol of calls", edit: replaced(`func=[a-z]\S+`, "func=0xffffffff81bc5c10", 2)},
		{name: "the pointers of calls", edit: replaced(` csd=\S+`, "", 1)},
	}
}

// stolenMarks take away what tells of losses, as far as something is left that
// does: a text without any has lost nothing.
func stolenMarks() []theft {
	return []theft{
		{name: "some events, which is said", edit: losing},
		{name: "every second mark of a loss", edit: replaced(`(?m)^CPU:\d+ \[.*EVENTS.*\]\n`, "", 2)},
		{name: "the numbers of losses", edit: replaced(`(?m)^(CPU:\d+ \[LOST) \d+ `, "$1 ", 1)},
		{name: "the marks of losses, but for the header", edit: func(t *rapid.T, text []byte) []byte {
			if !bytes.Contains(text, []byte("# entries-in-buffer/entries-written:")) {
				return text
			}
			return replaced(`(?m)^CPU:\d+ \[.*EVENTS.*\]\n`, "", 1)(t, text)
		}},
		{name: "the header, but for the marks of losses", edit: func(t *rapid.T, text []byte) []byte {
			if !bytes.Contains(text, []byte("EVENTS]\n")) {
				return text
			}
			return replaced(`(?m)^#.*\n`, "", 1)(t, text)
		}},
	}
}

// renamed changes names in the formats of a file.
func renamed(from, to string) func(*rapid.T, []byte) []byte {
	if len(from) != len(to) {
		panic("the file would become longer")
	}
	return func(_ *rapid.T, data []byte) []byte { return bytes.ReplaceAll(data, []byte(from), []byte(to)) }
}

func stolenBytes() []theft {
	return []theft{
		{name: "the name of sends to sets", patch: renamed("name: ipi_send_cpumask\n", "name: ipi_sent_cpumask\n")},
		{name: "the name of sends to one", patch: renamed("name: ipi_send_cpu\n", "name: ipi_sent_cpu\n")},
		{name: "the field cpumask", patch: renamed("cpumask_t cpumask;", "cpumask_t cpumusk;")},
		{name: "the type of cpumask", patch: renamed("field:__data_loc cpumask_t cpumask;", "field:__data_loc cpumusk_t cpumask;")},
		{name: "the field cpu", patch: renamed("field:unsigned int cpu;", "field:unsigned int cqu;")},
		{name: "the field callback", patch: renamed("callback;", "callbask;")},
		{name: "the field callsite", patch: renamed("callsite;", "callside;")},
		{name: "symbols", patch: renamed("do_sync_core\n", "do_sync_c\x00\x00\x00\n")},
		{name: "the end", patch: func(t *rapid.T, data []byte) []byte {
			return data[:len(data)-rapid.IntRange(1, 300_000).Draw(t, "bytes")]
		}},
		{name: "a CPU's data", patch: func(t *rapid.T, data []byte) []byte {
			return withoutData(data, rapid.IntRange(0, 1).Draw(t, "cpu"))
		}},
	}
}

// withoutData takes the data of a CPU out of a trace.dat of version 6, as if it had
// had none: its four CPUs' offsets and sizes come last (trace-cmd.dat.v6(5)).
func withoutData(data []byte, cpu int) []byte {
	at := bytes.LastIndex(data, []byte("flyrecord\x00")) + len("flyrecord\x00")
	data = slices.Clone(data)
	entry := func(i int) (off, size []byte) { return data[at+16*i:][:8], data[at+16*i+8:][:8] }
	off, size := entry(cpu)
	from, n := binary.LittleEndian.Uint64(off), binary.LittleEndian.Uint64(size)
	for i := range 4 {
		if o, _ := entry(i); i > cpu {
			binary.LittleEndian.PutUint64(o, binary.LittleEndian.Uint64(o)-n)
		}
	}
	binary.LittleEndian.PutUint64(size, 0)
	return slices.Delete(data, int(from), int(from+n))
}
