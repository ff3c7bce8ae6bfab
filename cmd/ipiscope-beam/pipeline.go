package main

import (
	"encoding/json"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/klauspost/compress/zstd"
)

// registerAll makes known to Beam what travels between workers, before beam.Init.
func registerAll() {
	for _, x := range []any{Trace{}, Header{}, Counted{}, Part{}, Gathered{}} {
		beam.RegisterType(reflect.TypeOf(x))
	}
	register.DoFn2x1[[]byte, func([]byte), error](&unpackFn{})
	register.DoFn3x1(&listFn{})
	register.DoFn4x1(&countFn{})
	register.DoFn3x1(&indexFn{})
	register.DoFn3x1(&numberFn{})
	register.DoFn3x1(&finishFn{})
	register.Combiner3[Gathered, Part, Part](&sumFn{})
	register.Emitter1[[]byte]()
	register.Emitter1[Trace]()
	register.Emitter1[Header]()
	register.Emitter1[Counted]()
	register.Emitter2[int, Part]()
	register.Iter1[Header]()
	register.Iter1[Part]()
}

// linesInPackage is how many lines travel together: a job with each of 10^5 lines as it
// is would be larger than services take.
const linesInPackage = 1000

// build makes the pipeline: traces -> headers and states -> sums of blocks of
// neighbours -> the sum -> the result. What is left out as there twice is decided on
// the headers alone, since a sum cannot be taken apart.
func build(lines []Line, spec *Spec, page bool, output string) (*beam.Pipeline, error) {
	packed, err := pack(lines)
	if err != nil {
		return nil, err
	}
	p := beam.NewPipeline()
	s := p.Root()
	each := beam.Reshuffle(s, beam.ParDo(s.Scope("lines"), &unpackFn{}, beam.Create(s, packed...)))
	traces := beam.Reshuffle(s, beam.ParDo(s.Scope("list"), &listFn{}, each))
	headers, counted := beam.ParDo2(s.Scope("count"), &countFn{Spec: spec}, traces)
	index := beam.ParDo(s.Scope("index"), &indexFn{}, beam.GroupByKey(s, beam.AddFixedKey(s, headers)))
	blocks := beam.ParDo(s.Scope("number"), &numberFn{}, counted, beam.SideInput{Input: index})
	parts := beam.DropKey(s, beam.CombinePerKey(s.Scope("blocks"), &sumFn{page}, blocks))
	sum := beam.Combine(s.Scope("sum"), &sumFn{page}, parts)
	beam.ParDo0(s.Scope("finish"), &finishFn{spec, output}, index, beam.SideInput{Input: sum})
	return p, nil
}

// pack compresses lines.
func pack(lines []Line) (packed []any, err error) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	for len(lines) > 0 {
		n := min(len(lines), linesInPackage)
		text, err := json.Marshal(lines[:n])
		if err != nil {
			return nil, err
		}
		packed, lines = append(packed, z.EncodeAll(text, nil)), lines[n:]
	}
	return packed, nil
}

func unpack(packed []byte) (lines []json.RawMessage, err error) {
	z, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	text, err := z.DecodeAll(packed, nil)
	if err == nil {
		err = json.Unmarshal(text, &lines)
	}
	return lines, err
}
