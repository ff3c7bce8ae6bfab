package perfscript

// taskEnd is where the columns "%16s %7d" end, which perf prints where there are
// no callchains (tools/perf/builtin-script.c, perf_sample__fprintf_start).
const taskEnd = 16 + 1 + 7

// FindHeader recognises the line of a sample. column is where its header begins
// if it was printed in columns, word where the last word of the comm does.
// Column may be negative.
func FindHeader(line []byte) (column, word int, ok bool) {
	var h header
	if !h.parse(line) || !isTracepoint(h.event) {
		return 0, 0, false
	}
	if len(h.comm) == 0 {
		return 0, 0, true
	}
	start := cap(line) - cap(h.comm)
	end := start + len(h.comm)
	for word = end; word > start && line[word-1] != ' ' && line[word-1] != '\t'; word-- {
	}
	i := skipBlanks(line, end)
	for i < len(line) && line[i]-'0' <= 9 {
		i++
	}
	return i - taskEnd, word, true
}
