package datwriter

func (w *writer) version7() {
	w.mark("compression")
	w.str(w.Compression)
	w.str("1.0")
	w.mark("options offset")
	next := len(w.b)
	w.u64(0)
	at := map[uint16]int{}
	for _, s := range []struct {
		id    uint16
		write func()
	}{
		{secHeaderInfo, w.headerInfo},
		{secFtraceEvents, w.ftraceFormats},
		{secEventFormats, w.eventFormats},
		{secKallsyms, func() { w.block32("kallsyms", w.Kallsyms) }},
		{secPrintk, func() { w.block32("printk", w.Printk) }},
		{secCmdlines, w.cmdlines},
		{secText, func() { w.text(w.Text) }},
	} {
		if s.id == secText && w.Text == "" {
			continue
		}
		at[s.id] = len(w.b)
		w.section(s.id, s.write)
	}
	// A first list names what is known when a recording starts, a second one
	// the buffers, which come between the two.
	w.patch(next, len(w.b))
	w.section(optDone, func() {
		for id := uint16(secHeaderInfo); id <= secCmdlines; id++ {
			w.option(Option{id, w.Order().AppendUint64(nil, uint64(at[id]))})
		}
		if w.Text != "" {
			w.option(w.textOption(at[secText]))
		}
		for _, o := range w.Options {
			w.option(o)
		}
		next = w.done()
	})
	var buffers []Option
	for _, b := range w.Buffers {
		buffers = append(buffers, w.buffer7(b))
	}
	w.patch(next, len(w.b))
	w.section(optDone, func() {
		for _, o := range buffers {
			w.option(o)
		}
		w.done()
	})
}

// done ends a list of options and returns the place of the next one's offset.
func (w *writer) done() int {
	w.mark("option %d", optDone)
	w.u16(optDone)
	w.u32(8)
	w.mark("next options")
	w.u64(0)
	return len(w.b) - 8
}

// sectionHeader is the size of id, flags, description and size.
const sectionHeader = 16

// section writes one section. Lists of options are never compressed, as in
// trace-cmd's files, and trace data is in chunks of its own.
func (w *writer) section(id uint16, write func()) {
	w.mark("section %d", id)
	packed := id >= secHeaderInfo && w.Compression != "none" && !w.PlainSections
	w.u16(id)
	w.u16(map[bool]uint16{true: 1}[packed])
	w.u32(0)
	size := len(w.b)
	w.mark("size of section %d", id)
	w.u64(0)
	start := len(w.b)
	write()
	if packed {
		data := append([]byte(nil), w.b[start:]...)
		w.b = w.b[:start]
		z := w.compress(data)
		w.mark("compressed section %d", id)
		w.u32(len(z))
		w.u32(len(data))
		w.b = append(w.b, z...)
	}
	w.patch(size, len(w.b)-start)
}

// buffer7 writes a buffer's trace data and returns the option that lists it.
func (w *writer) buffer7(b Buffer) Option {
	o := Option{ID: optBuffer}
	order := w.Order()
	o.Data = order.AppendUint64(o.Data, uint64(len(w.b)))
	o.Data = append(append(o.Data, b.Name...), 0)
	o.Data = append(append(o.Data, b.Clock...), 0)
	o.Data = order.AppendUint32(o.Data, uint32(w.pageSize(b)))
	o.Data = order.AppendUint32(o.Data, uint32(len(b.CPUs)))
	w.section(optBuffer, func() {}) // its size follows
	if w.Compression != "none" {
		w.Order().PutUint16(w.b[len(w.b)-sectionHeader+2:], 1)
	}
	size := len(w.b) - 8
	start := len(w.b)
	for _, c := range b.CPUs {
		w.align()
		at := len(w.b)
		w.mark("data %s %d", b.Name, c.ID)
		w.cpu7(b, c)
		o.Data = order.AppendUint32(o.Data, uint32(c.ID))
		o.Data = order.AppendUint64(o.Data, uint64(at))
		o.Data = order.AppendUint64(o.Data, uint64(len(w.b)-at))
	}
	w.patch(size, len(w.b)-start)
	return o
}

// textOption names the section with the text of a latency tracer, as a BUFFER
// option names one with pages.
func (w *writer) textOption(at int) Option {
	o := Option{ID: secText, Data: w.Order().AppendUint64(nil, uint64(at))}
	o.Data = append(append(o.Data, 0), "local\x00"...)
	return o
}

func (w *writer) pageSize(b Buffer) int {
	if b.PageSize > 0 {
		return b.PageSize
	}
	return w.PageSize
}

func (w *writer) cpu7(b Buffer, c CPU) {
	if len(c.Pages) == 0 {
		return
	}
	if w.Compression == "none" {
		for _, p := range c.Pages {
			w.b = append(w.b, p...)
		}
		return
	}
	n := max(w.ChunkPages, 1)
	w.u32((len(c.Pages) + n - 1) / n)
	for i := 0; i < len(c.Pages); i += n {
		var data []byte
		for _, p := range c.Pages[i:min(i+n, len(c.Pages))] {
			data = append(data, p...)
		}
		z := w.compress(data)
		w.mark("chunk %s %d %d", b.Name, c.ID, i/n)
		w.u32(len(z))
		w.u32(len(data))
		w.b = append(w.b, z...)
	}
}
