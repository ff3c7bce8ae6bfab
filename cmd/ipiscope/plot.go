package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/plot"
)

// plotSchema is the name of a figure's JSON form.
const plotSchema = "ipiscope/plot/v1"

func newPlot(t *cli.Terminal) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "plot KIND [flags] TRACE...",
		Short: "Draw the hits: as PNG, SVG or PDF, or as bars of characters",
		Long: `Draw what the other commands count. -o FILE writes a picture, as PNG, SVG or PDF
by the ending of its name; without it the same is drawn with characters. --data
prints the numbers that are drawn.

A trace is read once, whatever its length: what is drawn is binned on the way.`,
		Example: `  ipiscope plot timeline --isolated 2-3 trace.dat -o hits.png
  ipiscope plot hist --of delivery --by function --isolated 2-3 trace.dat
  ipiscope plot diff --isolated 2-3 -b before.dat -a after.dat -o diff.svg`,
	})
	for _, k := range hitPlots() {
		cmd.AddCommand(newHitPlot(t, k))
	}
	cmd.AddCommand(newDistPlot(t, "hist"), newDistPlot(t, "cdf"), newDiffPlot(t))
	return cmd
}

// pictureFlags say where a figure goes and how it looks.
type pictureFlags struct {
	path, format  string
	width, height int
	theme, data   string
	scale         float64
	origin        bool
}

// textFormat draws with characters.
const textFormat = "text"

func pictureFormats() []string { return append([]string{textFormat}, plot.Formats()...) }

// dataFormats are those that figures can be printed as.
func dataFormats() []string { return []string{"csv", "tsv", "json", "markdown"} }

func (f *pictureFlags) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVarP(&f.path, "output", "o", "", "write the picture to `FILE`; its ending says the form: "+strings.Join(plot.Formats(), " "))
	fs.StringVar(&f.format, "format", "", "`FORMAT` of the picture, if the name of the file does not say it: "+strings.Join(pictureFormats(), " "))
	fs.IntVar(&f.width, "width", plot.DefaultWidth, "width of the picture in `PIXELS`")
	fs.IntVar(&f.height, "height", 0, "height of the picture in `PIXELS`; 0 is what it needs")
	fs.Float64Var(&f.scale, "scale", 1, "make a PNG or SVG `N` times as large, letters and lines too: 2 for slides")
	fs.StringVar(&f.theme, "theme", plot.Themes()[0], "`THEME` of the picture: "+strings.Join(plot.Themes(), " "))
	fs.StringVar(&f.data, "data", "", "print what is drawn as `FORMAT` instead: "+strings.Join(dataFormats(), " "))
	fs.BoolVar(&f.origin, "origin", false, "with --data: say where the numbers come from; pictures always do")
	complete(cmd, "format", pictureFormats())
	complete(cmd, "theme", plot.Themes())
	complete(cmd, "data", dataFormats())
}

// writer checks the flags and returns what writes a set's figure.
func (f *pictureFlags) writer(t *cli.Terminal) (func(*result.Set) error, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	write, binary := f.drawing(t)
	if f.data != "" {
		format, ok := report.Lookup(f.data)
		if !ok || !slices.Contains(dataFormats(), f.data) {
			return nil, cli.Unknown("data format", f.data, dataFormats())
		}
		write, binary = func(o cli.Output, s *result.Set) error {
			return format.WriteFrom(o, s, report.Options{Command: t.Command, Version: t.Version}, f.origin)
		}, false
	}
	if binary {
		if err := cli.RefuseTerminal(t, f.path, f.format); err != nil {
			return nil, err
		}
	}
	return func(set *result.Set) error {
		if excerpt := set.Excerpt(); excerpt != "" && set.Figure.NeedsWhole() {
			return fmt.Errorf("%s: rates and quiet times cannot be drawn of it, as what else happened meanwhile is not known; give the whole recording", excerpt)
		}
		set.WarnNotes()
		for _, w := range set.Warnings {
			t.Warnf("warning", "%s", w.Text)
		}
		return cli.WriteTo(t, f.path, func(o cli.Output) error { return write(o, set) })
	}, nil
}

// drawing is what draws in the form that is asked for.
func (f *pictureFlags) drawing(t *cli.Terminal) (write func(cli.Output, *result.Set) error, binary bool) {
	if f.format == textFormat {
		return func(o cli.Output, s *result.Set) error { return plot.WriteText(o, s.Figure, o.Width) }, false
	}
	o := plot.Options{Format: f.format, Width: f.width, Height: f.height, Scale: f.scale, Theme: f.theme}
	return func(w cli.Output, s *result.Set) error {
		o := o
		o.Origin = origin.Text(t.Command, t.Version, s.AllInputs())
		return plot.Write(io.Writer(w), s.Figure, o)
	}, plot.IsBinary(f.format)
}

// check finds out the form of the picture and whether there can be one.
func (f *pictureFlags) check() error {
	ending := strings.TrimPrefix(filepath.Ext(f.path), ".")
	switch {
	case f.data != "" && f.format != "":
		return cli.Usage(fmt.Errorf("--data %s prints numbers and --format %s draws: give one of them", f.data, f.format))
	case f.data != "", f.format != "":
	case f.path == "" || f.path == "-":
		f.format = textFormat
	case ending == "txt":
		f.format = textFormat
	case slices.Contains(plot.Formats(), strings.ToLower(ending)):
		f.format = strings.ToLower(ending)
	default:
		return cli.Unknown("ending of a picture's name", ending, append(plot.Formats(), "txt"))
	}
	if f.data == "" && !slices.Contains(pictureFormats(), f.format) {
		return cli.Unknown("format", f.format, pictureFormats())
	}
	if !slices.Contains(plot.Themes(), f.theme) {
		return cli.Unknown("theme", f.theme, plot.Themes())
	}
	for _, x := range []struct {
		flag string
		n    int
	}{{"--width", f.width}, {"--height", f.height}} {
		if (x.n < plot.MinSize || x.n > plot.MaxSize) && !(x.flag == "--height" && x.n == 0) {
			return cli.Usage(fmt.Errorf("%s %d: want %d to %d pixels", x.flag, x.n, plot.MinSize, plot.MaxSize))
		}
	}
	return f.checkScale()
}

// checkScale bounds what a scale makes of the size, and refuses it where there are no
// pixels.
func (f *pictureFlags) checkScale() error {
	switch {
	case f.scale == 1:
		return nil
	case f.data != "" || f.format == textFormat || f.format == "pdf":
		return cli.Usage(errors.New("--scale: only a PNG or an SVG has pixels (-o FILE.png)"))
	case !(f.scale >= 0.5 && f.scale <= plot.MaxScale):
		return cli.Usage(fmt.Errorf("--scale %g: want 0.5 to %d", f.scale, plot.MaxScale))
	case float64(max(f.width, f.height))*f.scale > plot.MaxSize:
		return cli.Usage(fmt.Errorf("--scale %g: the picture would have more than %d pixels a side", f.scale, plot.MaxSize))
	}
	return nil
}

// noKey is the --by of figures with one series.
const noKey = "none"

// plotKey reads --by of a figure, one key or none.
func plotKey(by string) ([]ipi.Key, error) {
	if by == noKey {
		return nil, nil
	}
	keys, err := ipi.ParseKeys(by)
	if err != nil {
		return nil, states.KeyError(err)
	}
	if len(keys) > 1 {
		return nil, cli.Usage(fmt.Errorf("--by %s: a figure has series by one key", by))
	}
	return keys, nil
}
