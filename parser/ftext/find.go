package ftext

// FindHeader recognises the line of an event. column is where its header begins
// if the columns of its printer were kept, word where the last word of the comm
// does. Column is negative where the line lost blanks at its begin.
func FindHeader(line []byte) (column, word int, ok bool) {
	var h header
	if !h.parse(styleTask, line, false) && !h.parse(styleLatency, line, false) {
		return 0, 0, false
	}
	n := len(h.task)
	for word = n; word > 0 && line[word-1] != ' ' && line[word-1] != '\t'; word-- {
	}
	return n - h.width, word, true
}
