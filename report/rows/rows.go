// Package rows writes rows one after the other as they come, for results that
// are too long to hold.
package rows

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/result"
	table "github.com/ipiscope/ipiscope/report/csv"
	"github.com/ipiscope/ipiscope/report/json"
	"github.com/ipiscope/ipiscope/report/origin"
)

// A Writer takes rows. Close writes what is buffered and, where the form has room
// for it, what the rows were read from; it does not close what is written to.
type Writer interface {
	Write([]result.Value) error
	Close(from []result.Input) error
}

// A Format is a form that rows can be written in.
type Format struct {
	Name   string
	Doc    string
	Binary bool // not for a terminal
	// New begins rows of a kind ("hits") with these columns.
	New func(w io.Writer, kind string, cols []result.Col) (Writer, error)
}

// Formats lists the formats; the first is the default.
func Formats() []Format {
	return []Format{
		{"csv", "comma-separated values with a header line", false, newCSV},
		{"jsonl", "one JSON object a line", false, newJSONL},
		{"parquet", "Apache Parquet", true, newParquet},
	}
}

type csvWriter struct {
	w     *bufio.Writer
	cells *cells[[]byte]
	buf   []byte
	last  string
}

// Say notes where the rows come from, which a last line tells: one that begins with #.
func (c *csvWriter) Say(from string) { c.last = origin.Line(from) }

// RawCells makes the cells what they are in the trace, whatever a spreadsheet makes
// of them.
func (c *csvWriter) RawCells() { c.cells = newCells(len(c.cells.last), field(result.Value.Text)) }

// field gives a text as encoding/csv writes it.
func field(cell func(result.Value) string) func(string) []byte {
	return func(text string) []byte {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Write([]string{cell(result.Str(text))}) // into memory: it does not fail
		w.Flush()
		return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
}

func newCSV(w io.Writer, _ string, cols []result.Col) (Writer, error) {
	c := &csvWriter{w: bufio.NewWriterSize(w, 64<<10), cells: newCells(len(cols), field(table.Cell))}
	var names []string
	for _, col := range cols {
		names = append(names, col.Name)
	}
	head := csv.NewWriter(c.w)
	if err := head.Write(names); err != nil {
		return nil, err
	}
	head.Flush()
	return c, head.Error()
}

func (c *csvWriter) Write(row []result.Value) error {
	c.buf = c.buf[:0]
	for i := range row {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		switch v := &row[i]; v.Kind {
		case result.KindInt:
			c.buf = strconv.AppendInt(c.buf, v.Int, 10)
		case result.KindString:
			c.buf = append(c.buf, c.cells.of(i, v.Str)...)
		default:
			c.buf = append(c.buf, c.cells.of(i, v.Text())...)
		}
	}
	c.buf = append(c.buf, '\n')
	_, err := c.w.Write(c.buf)
	return err
}

func (c *csvWriter) Close([]result.Input) error {
	c.w.WriteString(c.last) // Flush tells of errors
	return c.w.Flush()
}

type jsonlWriter struct {
	w     *bufio.Writer
	keys  [][]byte // "name": with the comma in front
	cells *cells[[]byte]
	buf   []byte
	last  string
}

// Say notes where the rows come from, which an object behind the last one tells.
func (j *jsonlWriter) Say(from string) { j.last = origin.Object(from) }

func newJSONL(w io.Writer, _ string, cols []result.Col) (Writer, error) {
	j := &jsonlWriter{w: bufio.NewWriterSize(w, 64<<10)}
	j.cells = newCells(len(cols), func(text string) []byte { return json.AppendString(nil, text) })
	for i, col := range cols {
		open := []byte{','}
		if i == 0 {
			open[0] = '{'
		}
		j.keys = append(j.keys, append(json.AppendString(open, col.Name), ':'))
	}
	return j, nil
}

func (j *jsonlWriter) Write(row []result.Value) error {
	j.buf = j.buf[:0]
	for i := range row {
		j.buf = append(j.buf, j.keys[i]...)
		switch v := &row[i]; v.Kind {
		case result.KindInt:
			j.buf = strconv.AppendInt(j.buf, v.Int, 10)
		case result.KindNone:
			j.buf = append(j.buf, "null"...)
		default:
			j.buf = append(j.buf, j.cells.of(i, v.Text())...)
		}
	}
	j.buf = append(j.buf, '}', '\n')
	_, err := j.w.Write(j.buf)
	return err
}

func (j *jsonlWriter) Close([]result.Input) error {
	j.w.WriteString(j.last)
	return j.w.Flush()
}
