package parser

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// A traceText is the text of a latency tracer in a trace.dat.
type traceText struct {
	*ftext.Source
	cpus int
}

// openText reads such a text, and adds what the file around it says.
func openText(e *tracedat.TextError, o ftext.Options) (*traceText, error) {
	src, err := ftext.New(e.Text, e.Path, o)
	if err != nil {
		return nil, err
	}
	m := &src.Table().Meta
	m.Format = e.Meta.Format + ", text"
	m.Tool, m.Uname, m.Host, m.Arch = e.Meta.Tool, e.Meta.Uname, e.Meta.Host, e.Meta.Arch
	m.Options, m.CPUStats, m.Notes = e.Meta.Options, e.Meta.CPUStats, append(m.Notes, e.Meta.Notes...)
	m.CPUs = max(m.CPUs, e.Meta.CPUs)
	if m.Kernel == "" {
		m.Kernel = e.Meta.Kernel
	}
	return &traceText{src, e.Meta.CPUs}, nil
}

// Frame is what trace-cmd report prints before and after the text.
func (t *traceText) Frame() (head, tail string) { return fmt.Sprintf("cpus=%d\n", t.cpus), "\n" }
