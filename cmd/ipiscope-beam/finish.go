package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// statusSuffix is the end of the name of what tells of the traces behind a result.
const statusSuffix = ".status.json"

// An Outcome tells what became of the traces.
type Outcome struct {
	Schema string `json:"schema"`
	// Status is the exit status that ipiscope state would have of them all.
	Status   int        `json:"status"`
	Traces   int        `json:"traces"`
	Counted  int        `json:"counted"`
	Repeated []Repeated `json:"repeated"`
	Failed   []Failed   `json:"failed"`
	// Said is what is said to people.
	Said string `json:"said"`
}

const outcomeSchema = "ipiscope/beam/v1"

// finishFn writes the result and the outcome. A result that nothing was counted for is
// not written, as report does.
type finishFn struct {
	Spec   *Spec
	Output string
}

func (f *finishFn) ProcessElement(ctx context.Context, index []byte, sums func(*Part) bool) error {
	var x Index
	if err := json.Unmarshal(index, &x); err != nil {
		return err
	}
	o := Outcome{outcomeSchema, x.Status, x.Traces, len(x.Counted), x.Repeated, x.Failed, x.Said}
	var sum Part
	if sums(&sum) && len(sum.State) > 0 {
		text, said, err := f.shown(sum, &x)
		if err != nil {
			return err
		}
		if err := write(ctx, f.Output, text); err != nil {
			return err
		}
		o.Said += said
	}
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	return write(ctx, f.Output+statusSuffix, append(text, '\n'))
}

// shown is the result as merge shows it, and what merge says beside it.
func (f *finishFn) shown(sum Part, x *Index) (text []byte, said string, err error) {
	flags, _, err := f.Spec.load(silent())
	if err != nil {
		return nil, "", err
	}
	var out, errs bytes.Buffer
	t := silent()
	t.Out, t.Err, t.Command = &out, &errs, f.Spec.Command
	show, err := flags.form.Writer(t)
	if err != nil {
		return nil, "", err
	}
	m := states.Merger{Page: flags.form.IsPage()}
	if err := addPart(&m, state.NewReader(), sum); err != nil {
		return nil, "", err
	}
	err = show(&m, x.repeated())
	return out.Bytes(), errs.String(), err
}

// write writes a file of any file system; a local one has its name when it is whole.
func write(ctx context.Context, name string, text []byte) error {
	if !isRemote(name) {
		return cli.WriteTo(silent(), name, func(o cli.Output) error {
			_, err := o.Write(text)
			return err
		})
	}
	fs, err := filesystem.New(ctx, name)
	if err != nil {
		return err
	}
	defer fs.Close()
	w, err := fs.OpenWrite(ctx, name)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, w.Close())
}
