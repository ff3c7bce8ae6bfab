package tracecmd_test

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
)

// Ids of options (trace-cmd.dat.v7(5)).
const (
	optDate       = 1
	optCPUStat    = 2
	optTraceClock = 4
	optOffset     = 7
	optCPUCount   = 8
	optTraceID    = 11
	optTimeShift  = 12
	optGuest      = 13
	optTSC2NSec   = 14
)

// madeContainers are files of every kind, with few events.
func madeContainers() []made {
	out := []made{
		{"date", container(7, "none", false, 8, option(optDate, "0x61d3a4f2b8c40\x00")), []string{"-t"}},
		{"date-v6", container(6, "none", false, 8, option(optDate, "0x61d3a4f2b8c40\x00")), []string{"-t"}},
		{"offset", container(7, "none", false, 8, option(optOffset, "-1000001\x00")), []string{"-t"}},
		{"date-offset", container(7, "none", false, 8, option(optDate, "0x10\x00"), option(optOffset, "250\x00")), []string{"-t"}},
		{"unknown-option", container(7, "none", false, 8, option(77, "what\x00"), option(26, "\x01\x02")), []string{""}},
		{"unknown-option-v6", container(6, "none", false, 8, option(77, "what\x00")), []string{""}},
		{"big-endian", container(7, "none", true, 8), []string{"", "-R"}},
		{"big-endian-long4", container(7, "zstd", true, 4), []string{"", "-R"}},
		{"big-endian-v6", container(6, "none", true, 4), []string{"", "-R"}},
		{"long4", container(7, "zlib", false, 4), []string{"", "-R"}},
		{"long4-v6", container(6, "none", false, 4), []string{"", "-R"}},
		{"instances", instances(7), []string{"", "-R"}},
		{"instances-v6", instances(6), []string{"", "-R"}},
		{"sparse-cpus", sparseCPUs(), []string{""}},
		{"sub-buffers", subBuffers(), []string{""}},
		{"early", early(), []string{"", "-t", "-l"}},
		{"lost", lostEvents(7), []string{""}},
	}
	for _, clock := range []string{"local", "global", "uptime", "perf", "mono", "mono_raw", "boot", "tai", "counter", "x86-tsc", "tsc2nsec"} {
		out = append(out, made{"clock-" + clock, clocked(clock), []string{"", "-t"}})
	}
	for _, version := range []int{6, 7} {
		for name, o := range timeShifts(version) {
			out = append(out, made{fmt.Sprintf("shift-%s-v%d", name, version), container(version, "none", false, 8, o...), []string{"-t"}})
		}
	}
	return out
}

func option(id uint16, data string) datwriter.Option {
	return datwriter.Option{ID: id, Data: []byte(data)}
}

// container is a file with two CPUs and four events on each.
func container(version int, compression string, big bool, long int, options ...datwriter.Option) *datwriter.File {
	f := datwriter.New(version, compression, big, long)
	f.PageSize, f.Align, f.ProgramLong = 4096, true, long
	f.Options = append(f.Options, options...)
	f.Buffers = []datwriter.Buffer{{Clock: "local", CPUs: fewEvents(f, 0, 0, 1)}}
	return f
}

// fewEvents are some samples and a stack on each CPU, from 5 s on.
func fewEvents(f *datwriter.File, shift uint64, cpus ...int) []datwriter.CPU {
	narrow := func(v uint64) uint64 {
		if f.Long == 4 {
			return uint64(uint32(v))
		}
		return v
	}
	print, text := "text=%s ", "REC->text, "
	if f.BigEndian { // trace-cmd on a little-endian machine does not find the string
		print, text = "", ""
	}
	s := f.Declared(datwriter.Format{System: "test", Name: "show", Fields: []string{"unsigned int cpu", "long delta", "void * site", "const char * text", "__data_loc char[] name", "__data_loc cpumask_t mask", "__data_loc u32[] nums"},
		Print: `"cpu=%u delta=%ld site=%pS ` + print + `name=%s mask=%s bits=%s first=%d", REC->cpu, REC->delta, REC->site, ` + text + `__get_str(name), __get_cpumask(mask), __get_bitmask(mask), ((u32 *)__get_dynamic_array(nums))[0]`})
	var out []datwriter.CPU
	for _, cpu := range cpus {
		var events []datwriter.Event
		for i := range 3 {
			events = append(events, datwriter.Event{Time: 5e9 + shift + uint64(i)*1e9 + uint64(cpu)*1234567, Record: s.Record(int32(7+i), cpu, -i, narrow(datwriter.AlphaAddr+0x24), narrow(datwriter.HelloAddr), "some name",
				[]int{1<<cpu | 0x70}, []int{i, 2})})
		}
		events = append(events, datwriter.Event{Time: 8e9 + shift, Record: f.Stack(7, narrow(datwriter.BetaAddr+4), narrow(datwriter.AlphaAddr), narrow(datwriter.AlphaAddr+8), 5, 6, 7, 8, 9, 10)})
		out = append(out, datwriter.CPU{ID: cpu, Pages: f.Pages(events)})
	}
	return out
}

// instances have a clock and a page size of their own, and CPUs that the top
// buffer does not have.
func instances(version int) *datwriter.File {
	f := container(version, "none", false, 8, option(optCPUStat, "Buffer: longer\n\x00"))
	f.Buffers = append(f.Buffers, datwriter.Buffer{Name: "a", Clock: "mono", CPUs: fewEvents(f, 100, 0, 1)}, datwriter.Buffer{Name: "longer", Clock: "local", CPUs: fewEvents(f, 0, 0, 1)})
	return f
}

func sparseCPUs() *datwriter.File {
	f := container(7, "zstd", false, 8, datwriter.Option{ID: optCPUCount, Data: []byte{18, 0, 0, 0}})
	f.Buffers[0].CPUs = fewEvents(f, 0, 17, 3, 5)
	f.Buffers = append(f.Buffers, datwriter.Buffer{Name: "inst", Clock: "local", CPUs: fewEvents(f, 1, 9, 2)})
	return f
}

// subBuffers: sub-buffers of four pages, and an instance with those of one.
func subBuffers() *datwriter.File {
	f := datwriter.New(7, "zstd", false, 8)
	f.PageSize, f.Align = 16384, true
	many := func(pageSize, cpu int) [][]byte {
		var events []datwriter.Event
		for n := range 300 {
			events = append(events, datwriter.Event{Time: 5e9 + uint64(n)*1000 + uint64(cpu), Record: f.Stack(7, datwriter.AlphaAddr, datwriter.BetaAddr, 3, 4, 5, 6, 7, 8)})
		}
		return f.SubBuffers(pageSize, events)
	}
	f.Buffers = []datwriter.Buffer{
		{Clock: "local", CPUs: []datwriter.CPU{{ID: 0, Pages: many(16384, 0)}, {ID: 1, Pages: many(16384, 1)}}},
		{Name: "small", Clock: "local", PageSize: 4096, CPUs: []datwriter.CPU{{ID: 1, Pages: many(4096, 1)}}},
	}
	return f
}

// early are times below a second.
func early() *datwriter.File {
	f := container(7, "none", false, 8)
	var events []datwriter.Event
	for _, at := range []uint64{0, 1, 44, 499, 500, 44000, 999_999, 1e6, 999_999_499, 999_999_500, 1e9, 1e9 + 1, 100000e9} {
		events = append(events, datwriter.Event{Time: at, Record: f.Stack(7, datwriter.AlphaAddr)})
	}
	f.Buffers[0].CPUs = []datwriter.CPU{{ID: 0, Pages: f.Pages(events)}}
	return f
}

func lostEvents(version int) *datwriter.File {
	f := container(version, "none", false, 8)
	for i, missed := range []int{55, -1} {
		f.Buffers[0].CPUs[i].Pages = append(f.Buffers[0].CPUs[i].Pages, f.Pages([]datwriter.Event{{Time: 9e9, Missed: missed, Record: f.Stack(7, datwriter.AlphaAddr)}})...)
	}
	return f
}

func clocked(name string) *datwriter.File {
	f := container(7, "none", false, 8)
	for i := range f.Options {
		if f.Options[i].ID == optTraceClock {
			f.Options[i].Data = []byte("local [" + name + "] other\x00")
		}
	}
	f.Buffers[0].Clock = name
	if name == "tsc2nsec" {
		f.Options = append(f.Options, tsc2nsec())
	}
	return f
}

// tsc2nsec is multiplier, shift and offset.
func tsc2nsec() datwriter.Option {
	return datwriter.Option{ID: optTSC2NSec, Data: []byte{3, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0}}
}

// timeShifts are options of a guest's file.
func timeShifts(version int) map[string][]datwriter.Option {
	f := datwriter.New(version, "none", false, 8)
	type sample struct{ time, offset, scaling, fraction int64 }
	shift := func(flags int, fractions bool, cpus ...[]sample) datwriter.Option {
		o := f.Order()
		b := o.AppendUint64(nil, 0x1234)
		b = o.AppendUint32(b, uint32(flags))
		b = o.AppendUint32(b, uint32(len(cpus)))
		for _, c := range cpus {
			b = o.AppendUint32(b, uint32(len(c)))
			for _, get := range []func(sample) int64{func(s sample) int64 { return s.time }, func(s sample) int64 { return s.offset }, func(s sample) int64 { return s.scaling }} {
				for _, s := range c {
					b = o.AppendUint64(b, uint64(get(s)))
				}
			}
		}
		if fractions {
			for _, c := range cpus {
				for _, s := range c {
					b = o.AppendUint64(b, uint64(s.fraction))
				}
			}
		}
		return datwriter.Option{ID: optTimeShift, Data: b}
	}
	guest := []datwriter.Option{option(optTraceID, "\x01\x02\x03\x04\x05\x06\x07\x08"), option(optGuest, "vm\x00\x08\x07\x06\x05\x04\x03\x02\x01\x02\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x06\x00\x00\x00")}
	with := func(o ...datwriter.Option) []datwriter.Option { return append(o, guest...) }
	one := []sample{{6e9, 1000, 1, 0}}
	two := []sample{{5e9, 1000, 3, 1}, {7e9, 3001, 5, 2}}
	many := []sample{{7.5e9, -9000, 1, 0}, {5.5e9, 1000, 1, 0}, {6e9, 2000, 3, 1}, {6e9, 7000, 1, 0}, {6.5e9, -3333, 1 << 10, 10}}
	return map[string][]datwriter.Option{
		"one":            with(shift(0, false, one, one)),
		"one-cpu":        with(shift(0, true, one)),
		"two":            with(shift(0, true, two, two)),
		"two-no-bits":    with(shift(0, false, two, two)),
		"two-between":    with(shift(1, true, two, two)),
		"many":           with(shift(0, true, many, many)),
		"many-between":   with(shift(1, true, many, one)),
		"many-tsc":       with(shift(1, true, many, two), tsc2nsec(), option(optOffset, "77\x00")),
		"many-with-date": with(shift(1, true, many, two), option(optDate, "0x10\x00")),
	}
}
