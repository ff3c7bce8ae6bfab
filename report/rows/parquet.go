package rows

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/origin"
)

const (
	// maxGroup bounds the rows of a row group, and so what is held in memory
	// and what a reader has to unpack to get at a part.
	maxGroup = 1 << 17
	// batch is how many rows are handed to the library at once: pages end between two
	// of them.
	batch = 64
)

// A parquetWriter writes docs/formats/parquet.md. The first column is a time by
// which the rows of each row group are sorted: a row group ends where time goes
// back, as it does where the next trace begins.
type parquetWriter struct {
	w     *parquet.GenericWriter[any]
	cols  []result.Col
	batch [][]parquet.Value // by column: rows that the library was not given yet
	group int               // rows of the row group that it was given
	cells *cells[[]byte]
	last  int64 // time of the newest row
}

func newParquet(w io.Writer, kind string, cols []result.Col) (Writer, error) {
	p := &parquetWriter{cols: cols, batch: make([][]parquet.Value, len(cols))}
	// texts are UTF-8 in this format; the name of a task may hold anything
	p.cells = newCells(len(cols), func(text string) []byte { return []byte(strings.ToValidUTF8(text, "\uFFFD")) })
	p.w = parquet.NewGenericWriter[any](w, parquetSchema(kind, cols),
		parquet.Compression(&zstd.Codec{}),
		parquet.MaxRowsPerRowGroup(maxGroup),
		parquet.DataPageStatistics(true),
		parquet.CreatedBy("ipiscope", "", ""),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending(cols[0].Name))),
		parquet.KeyValueMetadata("ipiscope.schema", "ipiscope/"+kind+"/v1"),
	)
	return p, nil
}

// parquetSchema makes columns in their order, which a parquet.Group would not
// keep. Times differ little from one to the next; numbers and texts repeat.
func parquetSchema(kind string, cols []result.Col) *parquet.Schema {
	fields := make([]reflect.StructField, len(cols))
	for i, c := range cols {
		f := reflect.StructField{Name: fmt.Sprint("C", i), Type: reflect.TypeFor[string]()}
		encoding := "dict"
		if c.Kind == result.KindInt {
			f.Type = reflect.TypeFor[int64]()
		}
		if c.Unit == "ns" {
			encoding = "delta"
		}
		if c.Optional {
			encoding += ",optional"
		}
		f.Tag = reflect.StructTag(fmt.Sprintf(`parquet:"%s,%s"`, c.Name, encoding))
		fields[i] = f
	}
	return parquet.NewSchema(kind, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (p *parquetWriter) Write(row []result.Value) error {
	if row[0].Int < p.last || p.group == maxGroup {
		if err := p.flush(); err != nil {
			return err
		}
		if err := p.w.Flush(); err != nil {
			return err
		}
		p.group = 0
	}
	p.last = row[0].Int
	for i := range row {
		v, level := &row[i], 0
		if p.cols[i].Optional && v.Kind != result.KindNone {
			level = 1
		}
		p.batch[i] = append(p.batch[i], p.value(i, v).Level(0, level, i))
	}
	if len(p.batch[0]) == batch {
		return p.flush()
	}
	return nil
}

// value is v of a column for the library.
func (p *parquetWriter) value(column int, v *result.Value) parquet.Value {
	switch v.Kind {
	case result.KindNone:
		return parquet.NullValue()
	case result.KindInt:
		return parquet.Int64Value(v.Int)
	}
	return parquet.ByteArrayValue(p.cells.of(column, v.Text()))
}

// flush hands over the batch, column by column: the library would take rows apart
// value by value.
func (p *parquetWriter) flush() error {
	p.group += len(p.batch[0])
	for i, w := range p.w.ColumnWriters() {
		if len(p.batch[i]) == 0 {
			continue
		}
		if _, err := w.WriteRowValues(p.batch[i]); err != nil {
			return err
		}
		p.batch[i] = p.batch[i][:0]
	}
	return nil
}

// source is what the file's metadata say of one input.
type source struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	Kernel string `json:"kernel"`
	Clock  string `json:"clock"`
	Unit   string `json:"unit"` // of all times
	Events uint64 `json:"events"`
	Lossy  bool   `json:"lossy"` // events are missing, so rows may be
}

// From notes where the rows come from, in a line.
func (p *parquetWriter) From(text string) { p.w.SetKeyValueMetadata(origin.Key, text) }

func (p *parquetWriter) Close(from []result.Input) error {
	var sources []source
	for _, in := range from {
		unit := "ns"
		if in.Ticks {
			unit = "ticks"
		}
		sources = append(sources, source{in.Path, in.Format, in.Kernel, in.Clock, unit, in.Events, in.IsLossy()})
	}
	text, err := json.Marshal(sources)
	if err != nil {
		return err
	}
	p.w.SetKeyValueMetadata("ipiscope.inputs", string(text))
	if err := p.flush(); err != nil {
		return err
	}
	return p.w.Close()
}
