// Package origin says where a file comes from, in one line that travels within it: a
// picture found a year later can be made again.
package origin

import (
	"encoding/json"
	"fmt"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Key names the line where a form of file has names for such things.
const Key = "ipiscope.origin"

// origin is the form of the line.
type origin struct {
	Schema  string  `json:"schema"`
	Command string  `json:"command"`
	Version string  `json:"version"`
	Inputs  []input `json:"inputs"`
}

// input is one file that was read, by the path that the user gave.
type input struct {
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes,omitempty"`
	Format   string `json:"format"`
	Kernel   string `json:"kernel,omitempty"`
	Host     string `json:"host,omitempty"`
	Clock    string `json:"clock,omitempty"`
	Events   uint64 `json:"events"`
	First    int64  `json:"first_ns"`
	Last     int64  `json:"last_ns"`
	Lost     uint64 `json:"lost"`
	Lossy    bool   `json:"lossy"` // more may be missing
	Identity string `json:"identity,omitempty"`
}

// Text is the line: the command as a shell takes it, the version of this program, and
// what was read, with sizes and with the identity of its sends, which a copy and the
// printed text of a recording share.
func Text(command, version string, inputs []result.Input) string {
	o := origin{Schema: "ipiscope/origin/v1", Command: command, Version: version, Inputs: []input{}}
	for _, in := range inputs {
		x := input{
			Path: in.Path, Bytes: in.Bytes, Format: in.Format, Kernel: in.Kernel, Host: in.Host, Clock: in.Clock,
			Events: in.Events, First: in.First, Last: in.Last, Lost: in.Lost, Lossy: in.IsLossy(),
		}
		if id := in.Identity; id.Sends > 0 {
			x.Identity = fmt.Sprintf("%d-%016x-%016x", id.Sends, id.Rounded, id.Cut)
		}
		o.Inputs = append(o.Inputs, x)
	}
	text, _ := json.Marshal(o) // fails for no value of these types
	return string(text)
}
