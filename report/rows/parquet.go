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
)

const (
	// maxGroup bounds the rows of a row group, and so what is held in memory
	// and what a reader has to unpack to get at a part.
	maxGroup = 1 << 17
	// batch is how many rows are handed to the library at once.
	batch = 256
)

// A parquetWriter writes docs/formats/parquet.md. The first column is a time by
// which the rows of each row group are sorted: a row group ends where time goes
// back, as it does where the next trace begins.
type parquetWriter struct {
	w    *parquet.GenericWriter[any]
	cols []result.Col
	rows []parquet.Row
	n    int    // of them in use
	text []byte // what their texts are parts of
	last int64  // time of the newest row
}

func newParquet(w io.Writer, kind string, cols []result.Col) (Writer, error) {
	p := &parquetWriter{cols: cols, rows: make([]parquet.Row, batch)}
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
	if row[0].Int < p.last {
		if err := p.flush(); err != nil {
			return err
		}
		if err := p.w.Flush(); err != nil {
			return err
		}
	}
	p.last = row[0].Int
	out := p.rows[p.n][:0]
	for i, v := range row {
		level := 0
		if p.cols[i].Optional && v.Kind != result.KindNone {
			level = 1
		}
		out = append(out, p.value(v).Level(0, level, i))
	}
	p.rows[p.n] = out
	if p.n++; p.n == len(p.rows) {
		return p.flush()
	}
	return nil
}

// value is v for the library, which copies texts when it takes the rows.
func (p *parquetWriter) value(v result.Value) parquet.Value {
	switch v.Kind {
	case result.KindNone:
		return parquet.NullValue()
	case result.KindInt:
		return parquet.Int64Value(v.Int)
	}
	// texts are UTF-8 in this format; the name of a task may hold anything
	from := len(p.text)
	p.text = append(p.text, strings.ToValidUTF8(v.Text(), "\uFFFD")...)
	return parquet.ByteArrayValue(p.text[from:len(p.text):len(p.text)])
}

func (p *parquetWriter) flush() error {
	_, err := p.w.WriteRows(p.rows[:p.n])
	p.n, p.text = 0, p.text[:0]
	return err
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
