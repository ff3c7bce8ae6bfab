package rows

// cells keeps what texts become in a form. Rows have the same few names again and
// again, in each column most often that of the row before.
type cells[T any] struct {
	form  func(text string) T // a T is not changed
	last  []cell[T]           // by column
	known map[string]T
}

type cell[T any] struct {
	text string
	form T
	any  bool
}

// maxCells bounds the texts that are kept: of a long trace a column may hold another
// one in each row.
const maxCells = 1 << 12

func newCells[T any](columns int, form func(string) T) *cells[T] {
	return &cells[T]{form: form, last: make([]cell[T], columns), known: map[string]T{}}
}

// of is what a text of a column becomes.
func (c *cells[T]) of(column int, text string) T {
	last := &c.last[column]
	if last.any && last.text == text {
		return last.form
	}
	form, ok := c.known[text]
	if !ok {
		if len(c.known) >= maxCells {
			clear(c.known)
		}
		form = c.form(text)
		c.known[text] = form
	}
	*last = cell[T]{text, form, true}
	return form
}
