package datwriter

func (w *writer) version6() {
	w.headerInfo()
	w.ftraceFormats()
	w.eventFormats()
	w.block32("kallsyms", w.Kallsyms)
	w.block32("printk", w.Printk)
	w.cmdlines()
	cpus := 0
	for _, b := range w.Buffers {
		for _, c := range b.CPUs {
			cpus = max(cpus, c.ID+1)
		}
	}
	w.mark("number of CPUs")
	w.u32(cpus)
	w.mark("options tag")
	w.text("options  \x00")
	for _, o := range w.Options {
		w.option(o)
	}
	var offsets []int // of the instances' places in their options
	for _, b := range w.Buffers[min(1, len(w.Buffers)):] {
		w.mark("option %d", optBuffer)
		w.u16(optBuffer)
		w.u32(8 + len(b.Name) + 1)
		offsets = append(offsets, len(w.b))
		w.u64(0)
		w.str(b.Name)
	}
	w.u16(optDone)
	if w.Text != "" {
		w.text("latency  \x00" + w.Text)
		return
	}
	for i, b := range w.Buffers {
		if i > 0 {
			w.patch(offsets[i-1], len(w.b))
		}
		w.buffer6(b, cpus)
	}
}

// buffer6 writes the directory of a buffer, which lists all CPUs in order, and
// its pages.
func (w *writer) buffer6(b Buffer, cpus int) {
	w.mark("data tag %s", b.Name)
	w.text("flyrecord\x00")
	byID := make([]CPU, cpus)
	for _, c := range b.CPUs {
		byID[c.ID] = c
	}
	w.mark("directory %s", b.Name)
	directory := len(w.b)
	w.b = append(w.b, make([]byte, 16*cpus)...)
	for i, c := range byID {
		w.align()
		w.mark("data %s %d", b.Name, i)
		w.patch(directory+16*i, len(w.b))
		w.patch(directory+16*i+8, len(c.Pages)*w.PageSize)
		for _, p := range c.Pages {
			w.b = append(w.b, p...)
		}
	}
}
