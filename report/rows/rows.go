// Package rows writes rows one after the other as they come, for results that
// are too long to hold.
package rows

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/result"
	table "github.com/ipiscope/ipiscope/report/csv"
	"github.com/ipiscope/ipiscope/report/json"
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
	w      *csv.Writer
	fields []string
	cell   func(result.Value) string
}

// RawCells makes the cells what they are in the trace, whatever a spreadsheet makes
// of them.
func (c *csvWriter) RawCells() { c.cell = result.Value.Text }

func newCSV(w io.Writer, _ string, cols []result.Col) (Writer, error) {
	c := &csvWriter{w: csv.NewWriter(w), cell: table.Cell}
	for _, col := range cols {
		c.fields = append(c.fields, col.Name)
	}
	return c, c.w.Write(c.fields)
}

func (c *csvWriter) Write(row []result.Value) error {
	c.fields = c.fields[:0]
	for _, v := range row {
		c.fields = append(c.fields, c.cell(v))
	}
	return c.w.Write(c.fields)
}

func (c *csvWriter) Close([]result.Input) error {
	c.w.Flush()
	return c.w.Error()
}

type jsonlWriter struct {
	w    *bufio.Writer
	keys [][]byte // "name": with the comma in front
	buf  []byte
}

func newJSONL(w io.Writer, _ string, cols []result.Col) (Writer, error) {
	j := &jsonlWriter{w: bufio.NewWriterSize(w, 64<<10)}
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
	for i, v := range row {
		j.buf = append(j.buf, j.keys[i]...)
		switch v.Kind {
		case result.KindInt:
			j.buf = strconv.AppendInt(j.buf, v.Int, 10)
		case result.KindNone:
			j.buf = append(j.buf, "null"...)
		default:
			j.buf = json.AppendString(j.buf, v.Text())
		}
	}
	j.buf = append(j.buf, '}', '\n')
	_, err := j.w.Write(j.buf)
	return err
}

func (j *jsonlWriter) Close([]result.Input) error { return j.w.Flush() }
