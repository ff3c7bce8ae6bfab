// Package origin says where a file comes from, in one line that travels within it: a
// picture found a year later can be made again.
package origin

import (
	"bytes"
	"encoding/json"
	"encoding/xml"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
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
		x.Identity = in.Identity.Text()
		o.Inputs = append(o.Inputs, x)
	}
	line, _ := json.Marshal(o) // fails for no value of these types
	return string(line)
}

// Line is the line as the last one of a text whose lines have a meaning: it begins with
// "# ", by which it can be told from them.
func Line(origin string) string { return "# " + Key + " " + text.Clean(origin) + "\n" }

// Comment is the line as a comment of Markdown, which nobody sees.
func Comment(origin string) string {
	return "\n<!-- " + Key + " " + text.Clean(origin) + " -->\n" // in it no > stands alone
}

// Object is the line as one of JSON lines.
func Object(origin string) string { return `{"` + Key + `":` + origin + "}\n" }

// SVG is the element of an SVG picture that holds the line; "" without one.
func SVG(origin string) string {
	if origin == "" {
		return ""
	}
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(origin)) // a buffer takes everything
	return "\n<metadata>" + b.String() + "</metadata>"
}
