// Package report turns results into bytes. It sees package result and nothing
// behind it.
package report

import (
	"io"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/csv"
	"github.com/ipiscope/ipiscope/report/html"
	"github.com/ipiscope/ipiscope/report/json"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/text"
)

// Options are what renderers for people may look at.
type Options struct {
	Width  int  // columns of the terminal, 0 for no limit
	Colour bool // ANSI colours may be used
	Top    int  // rows to show, 0 for all; machine formats always have all
	Every  bool // Top holds for every table, and not for the first alone
	// AllRows shows rows that tell of nothing too, and one for each CPU.
	AllRows bool
	// RawCells are written as they are, whatever a spreadsheet makes of them.
	RawCells bool
	// Command is the command line that made the result, as a shell takes it, and
	// Version that of this program, for forms that travel without them.
	Command, Version string
	// Origin is where the result comes from, as package origin says it, for forms that
	// have a place for it; empty is nothing.
	Origin string
}

// A Format is one form of output.
type Format struct {
	Name  string
	Doc   string
	Write func(w io.Writer, s *result.Set, o Options) error
	// Aside output is for other programs to open, not for a terminal.
	Aside bool
	// Colours says that the format may use colours on a terminal, and therefore
	// cleans the text of traces itself.
	Colours bool
	// Origin says how the form tells where a result comes from.
	Origin Origin
}

// An Origin is how a form tells where a result comes from.
type Origin int

const (
	OriginNowhere Origin = iota // there is no place for it
	OriginAlways                // it always does, where nobody is disturbed by it
	OriginAsked                 // in Options.Origin if people ask for it
	OriginLine                  // in a last line that begins with #, if people ask for it
	OriginComment               // in a last line that is a comment of Markdown, likewise
)

// WriteFrom writes a result in the form, and where it comes from if that is asked for.
func (f *Format) WriteFrom(w io.Writer, s *result.Set, o Options, asked bool) error {
	line := origin.Text(o.Command, o.Version, s.AllInputs())
	if f.Origin == OriginAlways || f.Origin == OriginAsked && asked {
		o.Origin = line
	}
	if err := f.Write(w, s, o); err != nil || !asked {
		return err
	}
	switch f.Origin {
	case OriginLine:
		line = origin.Line(line)
	case OriginComment:
		line = origin.Comment(line)
	default:
		line = ""
	}
	_, err := io.WriteString(w, line)
	return err
}

// Formats lists the forms a result can take; the first is the default.
func Formats() []Format {
	return []Format{
		{Name: "table", Doc: "a table for the terminal", Colours: true, Origin: OriginLine, Write: func(w io.Writer, s *result.Set, o Options) error {
			return text.Write(w, s, text.Options{Width: o.Width, Colour: o.Colour, Top: o.Top, Every: o.Every, All: o.AllRows})
		}},
		{Name: "json", Doc: "one JSON object with stable names", Origin: OriginAsked, Write: func(w io.Writer, s *result.Set, o Options) error { return json.WriteFrom(w, s, o.Origin) }},
		{Name: "csv", Doc: "the groups as comma-separated values", Origin: OriginLine, Write: func(w io.Writer, s *result.Set, o Options) error {
			return csv.Write(w, s, csv.Options{Comma: ',', Raw: o.RawCells})
		}},
		{Name: "tsv", Doc: "the groups as tab-separated values", Origin: OriginLine, Write: func(w io.Writer, s *result.Set, o Options) error {
			return csv.Write(w, s, csv.Options{Comma: '\t', Raw: o.RawCells})
		}},
		{Name: "markdown", Doc: "tables for an issue or a pull request", Origin: OriginComment, Write: func(w io.Writer, s *result.Set, o Options) error {
			return text.WriteMarkdown(w, s, text.Options{Top: o.Top, Every: o.Every, All: o.AllRows})
		}},
		{Name: "html", Doc: "one self-contained page for a browser", Aside: true, Origin: OriginAlways, Write: func(w io.Writer, s *result.Set, o Options) error {
			return html.Write(w, s, html.Options{Command: o.Command, Version: o.Version, AllRows: o.AllRows})
		}},
	}
}

// Lookup finds a format by name.
func Lookup(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}
