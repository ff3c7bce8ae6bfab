package catalog

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Error is a line of a table file that cannot be used.
type Error struct {
	File string
	Line int // from 1
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// maxErrors bounds what Load reports, so that a file of another kind gives a page, not a book.
const maxErrors = 20

// A section is one table: its columns, the first keys of which identify a row.
type section struct {
	name    string
	columns []string
	keys    int
	needs   int // the first of the keys that a header must name, 0 for all
	sets    int // in the first of the keys a|b|c stands for a row of each
}

var sections = [...]section{
	{name: "callbacks", columns: []string{"callback", "kind", "arch", "source", "in_6.1", "since", "until", "purpose", "causes", "class", "also", "decides", "part", "do", "why", "limit"}, keys: 1},
	{name: "frames", columns: []string{"frame", "level", "kind", "via", "name", "edge", "text"}, keys: 1},
	{name: "rules", columns: []string{"frame", "via", "function"}, keys: 2},
	{name: "narrow", columns: []string{"event", "field", "value", "function"}, keys: 3},
	{name: "classes", columns: []string{"function", "root", "arch", "since", "until", "class", "also", "do", "why", "limit", "source"}, keys: 5, needs: 2, sets: 2},
	{name: "vectors", columns: []string{"vector", "arch", "name", "event", "function", "source", "purpose", "do"}, keys: 1},
	{name: "recorders", columns: []string{"comm", "text"}, keys: 1},
	{name: "knobs", columns: []string{"knob", "since", "until", "price", "source"}, keys: 1},
	{name: "ticks", columns: []string{"dependency", "do", "why", "limit", "source"}, keys: 1},
	{name: "dispatchers", columns: []string{"frame", "start", "end", "field"}, keys: 1},
}

// oldNames are what columns were called before: files of users go on to work.
func oldName(column string) string {
	switch column {
	case "mitigation":
		return "do"
	case "reason":
		return "why"
	}
	return column
}

// A row is one line's cells in the order of its section's columns, with the place where
// they were last set.
type row struct {
	cells []string
	file  string
	line  int
}

func (r *row) errorf(format string, args ...any) error {
	return &Error{r.file, r.line, fmt.Errorf(format, args...)}
}

// A table is the rows of one section in the order of their first appearance.
type table struct {
	section
	rows  []row
	index map[string]int // by the key cells, joined with tabs
}

type tables [len(sections)]table

func newTables() *tables {
	var t tables
	for i, s := range sections {
		t[i] = table{section: s, index: make(map[string]int)}
	}
	return &t
}

// read adds the rows of one source. A key may appear once in a source; one that an earlier
// source has is overridden.
func (t *tables) read(src Source) (errs []error) {
	var (
		tab    *table
		header []int // column of each cell; nil until the header line was read
		seen   map[string]int
		line   int
	)
	for text := range strings.Lines(string(src.Data)) {
		line++
		fail := func(err error) { errs = append(errs, &Error{src.Name, line, err}) }
		text = strings.TrimRight(text, "\r\n")
		switch {
		case len(errs) >= maxErrors:
			return errs
		case strings.TrimSpace(text) == "" || text[0] == '#':
		case !utf8.ValidString(text):
			fail(errors.New("not UTF-8 text"))
		case text[0] == '[' && strings.HasSuffix(text, "]"):
			tab, header, seen = t.section(text[1:len(text)-1]), nil, make(map[string]int)
			if tab == nil {
				fail(fmt.Errorf("no section %s; sections: %s", text, sectionNames()))
			}
		case tab == nil:
			if len(errs) == 0 { // after an unknown section one message is enough
				fail(fmt.Errorf("a row before a section; begin with one of %s", sectionNames()))
			}
		case header == nil:
			var err error
			if header, err = tab.header(text); err != nil {
				fail(err)
				tab = nil
			}
		default:
			if err := tab.set(row{file: src.Name, line: line}, text, header, seen); err != nil {
				fail(err)
			}
		}
	}
	return errs
}

func (t *tables) section(name string) *table {
	for i := range t {
		if t[i].name == name {
			return &t[i]
		}
	}
	return nil
}

func sectionNames() string {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("[" + s.name + "]")
	}
	return b.String()
}

// header maps the cells of a header line to columns.
func (t *table) header(text string) ([]int, error) {
	cells := strings.Split(text, "\t")
	cols := make([]int, len(cells))
	for i, cell := range cells {
		cols[i] = slices.Index(t.columns, oldName(strings.TrimSpace(cell)))
		if cols[i] < 0 {
			return nil, fmt.Errorf("[%s] has no column %q; columns: %s (put a tab between them)", t.name, cell, strings.Join(t.columns, " "))
		}
		if slices.Contains(cols[:i], cols[i]) {
			return nil, fmt.Errorf("column %q named twice", cell)
		}
	}
	for k := range t.needed() {
		if !slices.Contains(cols, k) {
			return nil, fmt.Errorf("[%s] needs the column %q to know which row is meant", t.name, t.columns[k])
		}
	}
	return cols, nil
}

// needed is how many of the keys a header must name.
func (t *table) needed() int {
	if t.needs > 0 {
		return t.needs
	}
	return t.keys
}

// set enters one line. seen holds the keys of this section of this source.
func (t *table) set(r row, text string, header []int, seen map[string]int) error {
	if n := strings.Count(text, "\t") + 1; n != len(header) {
		return fmt.Errorf("%d cells where the header of [%s] names %d columns (one tab between cells, \"-\" for none)", n, t.name, len(header))
	}
	r.cells = slices.Repeat([]string{"-"}, len(t.columns))
	given := strings.Split(text, "\t")
	for i, cell := range given {
		if cell = strings.TrimSpace(cell); cell != "" {
			r.cells[header[i]] = cell
		}
	}
	if r.cells[0] == "-" {
		return fmt.Errorf("no %s", t.columns[0])
	}
	for key := range t.expand(r.cells) {
		one := row{cells: append(key, r.cells[t.keys:]...), file: r.file, line: r.line}
		if err := t.setOne(one, header, seen); err != nil {
			return err
		}
	}
	return nil
}

// expand returns the keys that a row stands for: one, or one of each member of its sets.
func (t *table) expand(cells []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		if t.sets == 0 {
			yield(slices.Clone(cells[:t.keys]))
			return
		}
		for function := range Members(cells[0]) {
			for root := range Members(cells[1]) {
				if !yield(append([]string{function, root}, cells[t.sets:t.keys]...)) {
					return
				}
			}
		}
	}
}

// setOne enters a row of one key. Where the header names only a part of the key, the row is about all
// that an earlier source has with that part, or a new one.
func (t *table) setOne(r row, header []int, seen map[string]int) error {
	key := strings.Join(r.cells[:t.keys], "\t")
	if first, dup := seen[key]; dup {
		named := strings.TrimRight(strings.ReplaceAll(key, "\t", ", "), ", -")
		return fmt.Errorf("%s is in [%s] already, in line %d", named, t.name, first)
	}
	seen[key] = r.line
	if i, old := t.index[key]; old {
		t.override(i, r, header)
		return nil
	}
	if found := t.like(r, header); len(found) > 0 {
		for _, i := range found {
			t.override(i, r, header)
		}
		return nil
	}
	t.index[key] = len(t.rows)
	t.rows = append(t.rows, r)
	return nil
}

// like finds the rows that have what the header names of the key; none if it names all.
func (t *table) like(r row, header []int) (found []int) {
	var named []int
	for k := range t.keys {
		if slices.Contains(header, k) {
			named = append(named, k)
		}
	}
	if len(named) == t.keys {
		return nil
	}
	for i := range t.rows {
		is := t.rows[i].file != r.file
		for _, k := range named {
			is = is && t.rows[i].cells[k] == r.cells[k]
		}
		if is {
			found = append(found, i)
		}
	}
	return found
}

// override puts a row in the place of the i'th, which keeps its key and what the header does not name.
func (t *table) override(i int, r row, header []int) {
	cells := slices.Clone(t.rows[i].cells)
	for c := t.keys; c < len(cells); c++ {
		if slices.Contains(header, c) {
			cells[c] = r.cells[c]
		}
	}
	t.rows[i] = row{cells, r.file, r.line}
}
