package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// blockSize is how many states are added up at first, of traces that are neighbours.
const blockSize = 256

// An Index is all traces in the order of the result, with those that are left out.
type Index struct {
	Traces   int
	Counted  []Place
	Repeated []Repeated
	Failed   []Failed
	Status   int
	Said     string
}

// A Place is the name of a trace within the pipeline.
type Place struct {
	Arg  int
	Path string
}

// A Repeated is a trace that is left out.
type Repeated struct {
	Path string `json:"path"`
	Twin string `json:"twin"` // the same, which is counted
}

// A Failed is a trace that could not be counted, or that lacks something with --strict.
type Failed struct {
	Path   string `json:"path"`
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
}

// indexFn decides what counts. All headers are put in order first, so that the
// pipeline's own order has no part in it.
type indexFn struct{}

func (*indexFn) ProcessElement(_ int, headers func(*Header) bool, emit func([]byte)) error {
	var all []Header
	for h := (Header{}); headers(&h); h = (Header{}) {
		all = append(all, h)
	}
	x, err := newIndex(all)
	if err != nil {
		return err
	}
	data, err := json.Marshal(x)
	emit(data)
	return err
}

func newIndex(all []Header) (*Index, error) {
	slices.SortFunc(all, func(a, b Header) int { return cmp.Or(cmp.Compare(a.Arg, b.Arg), cmp.Compare(a.Path, b.Path)) })
	x := &Index{Traces: len(all)}
	var twins states.Merger
	var statuses []int
	for _, h := range all {
		x.Said += h.Said
		statuses = append(statuses, h.Status)
		if h.Status != 0 {
			x.Failed = append(x.Failed, Failed{h.Path, h.Status, h.Error})
		}
		if len(h.Input) == 0 {
			continue
		}
		var in state.Input
		if err := json.Unmarshal(h.Input, &in); err != nil {
			return nil, err
		}
		if twin := twins.Twin(&in); twin != "" {
			x.Repeated = append(x.Repeated, Repeated{in.Asked.Path, twin})
		} else {
			x.Counted = append(x.Counted, Place{h.Arg, h.Path})
		}
	}
	x.Status = states.Worst(statuses)
	return x, nil
}

// repeated is what was left out, as a result says it.
func (x *Index) repeated() (all []result.Input) {
	for _, r := range x.Repeated {
		all = append(all, result.Input{Path: r.Path, Twin: r.Twin})
	}
	return all
}

// A Part is the sum of neighbouring traces, of which the first has this ordinal.
type Part struct {
	Ordinal int
	State   []byte
}

// numberFn leaves out the states of traces that are there twice, and puts the others
// into blocks of neighbours.
type numberFn struct {
	ordinals map[Place]int
}

func (f *numberFn) ProcessElement(c Counted, index []byte, emit func(int, Part)) error {
	if f.ordinals == nil { // there is one index
		var x Index
		if err := json.Unmarshal(index, &x); err != nil {
			return err
		}
		f.ordinals = map[Place]int{}
		for i, p := range x.Counted {
			f.ordinals[p] = i
		}
	}
	if i, ok := f.ordinals[Place{c.Arg, c.Path}]; ok {
		emit(i/blockSize, Part{i, c.State})
	}
	return nil
}

// sumFn adds up parts. Sums list inputs and what is said of them in an order, which
// must not be that in which a runner happens to add: the parts of a block are gathered,
// in any order, and added up in that of their ordinals.
type sumFn struct{ Page bool }

// Gathered is parts that are to be added up.
type Gathered struct{ Parts []Part }

func (*sumFn) CreateAccumulator() Gathered { return Gathered{} }

func (*sumFn) AddInput(g Gathered, p Part) Gathered {
	g.Parts = append(g.Parts, p)
	return g
}

func (*sumFn) MergeAccumulators(g, h Gathered) Gathered {
	g.Parts = append(g.Parts, h.Parts...)
	return g
}

func (f *sumFn) ExtractOutput(g Gathered) (Part, error) {
	switch len(g.Parts) {
	case 0:
		return Part{}, nil
	case 1:
		return g.Parts[0], nil
	}
	slices.SortFunc(g.Parts, func(a, b Part) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	m := states.Merger{Page: f.Page}
	r := state.NewReader()
	for _, p := range g.Parts {
		if err := addPart(&m, r, p); err != nil {
			return Part{}, err
		}
	}
	s, err := m.State()
	if err != nil {
		return Part{}, err
	}
	var b bytes.Buffer
	err = s.Write(&b)
	return Part{g.Parts[0].Ordinal, b.Bytes()}, err
}

func addPart(m *states.Merger, r *state.Reader, p Part) error {
	s, err := r.Read(p.State)
	if err != nil {
		return fmt.Errorf("part %d: %w", p.Ordinal, err)
	}
	return m.AddDistinct(states.Stored{Path: s.Inputs[0].Asked.Path, State: s})
}
