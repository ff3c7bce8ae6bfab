package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/mail"
)

type reportFlags struct {
	sends  cli.SendFlags
	output cli.OutputFlags
	by     string
	sort   string
	groups cli.GroupsFlag
	files  states.FilesFlag
	whatIf string
	spark  bool
	// example: each row has an event with its stack
	example bool
	marks   cli.MarkFlags
}

func newReport(t *cli.Terminal) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [flags] TRACE...",
		Short: "Count the IPIs that hit the isolated CPUs",
		Long: `Count the IPIs that hit the isolated CPUs, by the function they made them run
or by any other keys. Several traces are added up, with a column for each;
--by file gives them rows of their own.

--mark makes spans and counts of what trace_printk and trace_marker wrote, and
tells how many hits came meanwhile:

` + indent(marks.Grammar) + `

--from mark:NAME and --to mark:NAME take the first span, or the first such line.`,
		Example: `  ipiscope report --isolated 2-3 trace.dat
  ipiscope report --isolated /proc/cmdline --by function,sender trace.dat
  ipiscope report --isolated 2-3 --example --format mail trace.dat
  ipiscope report --isolated 2-3 --format json before.dat after.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runReport(cmd.Context(), t, &f, args) },
	}
	f.sends.AddTo(cmd.Flags(), "count only the sends")
	cli.KeysVar(cmd.Flags(), &f.by, "by", states.DefaultBy, "group by `KEYS`, comma separated: "+strings.Join(ipi.KeyNames(), " "))
	cmd.Flags().StringVar(&f.sort, "sort", "hits", "sort the groups by this `COLUMN`, largest first; names alphabetically")
	f.groups.AddTo(cmd.Flags(), key.DefaultMaxGroups)
	f.files.AddTo(cmd.Flags())
	cmd.Flags().StringVar(&f.whatIf, "what-if", "", "add what would become of the hits by `KIND`: deferral of work to the target's next kernel entry, as a posted, unmerged series does on x86, or deferral-without-tlb, of work on kernel text alone")
	cmd.Flags().BoolVar(&f.spark, "spark", false, "draw the hits of each CPU over time")
	cmd.Flags().BoolVar(&f.example, "example", false, "show one event of each row as it was recorded, with its stack: the first that hits an isolated CPU and has one")
	f.sends.AddJobs(cmd.Flags())
	f.sends.AddFollow(cmd.Flags())
	f.marks.AddTo(cmd.Flags())
	f.output.Extra = []report.Format{{Name: "mail", Doc: "plain text for a mailing list, 72 columns",
		Write: func(w io.Writer, s *result.Set, o report.Options) error {
			return mail.WriteReport(w, s, o.Top, o.AllRows)
		}}}
	f.output.AddTo(cmd, 20)
	completeList(cmd, "by", ipi.KeyNames())
	complete(cmd, "sort", append(states.SortColumns(), ipi.KeyNames()...))
	complete(cmd, "what-if", whatIfs())
	return cmd
}

// whatIfs are the values of --what-if.
func whatIfs() []string { return []string{"deferral", "deferral-without-tlb"} }

func runReport(ctx context.Context, t *cli.Terminal, f *reportFlags, paths []string) error {
	by, err := states.ParseKeys(f.by)
	if err != nil {
		return err
	}
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	if err := states.CheckSort(f.sort, by); err != nil {
		return err
	}
	maxGroups, err := f.groups.Max()
	if err != nil {
		return err
	}
	maxFiles, err := f.files.Max()
	if err != nil {
		return err
	}
	if f.whatIf != "" && !slices.Contains(whatIfs(), f.whatIf) {
		return cli.Unknown("what-if", f.whatIf, whatIfs())
	}
	named, err := f.marks.Parse()
	if err != nil {
		return err
	}
	f.sends.UseMarks(named)
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	sums := states.NewSums(sends.Isolated.Targets(), by, sends.Catalog, f.isPage())
	sums.Config.MaxGroups = maxGroups
	sums.Total.MaxFiles(maxFiles)
	sums.Add(f.supplements(sends, named)...)
	if f.example {
		x := newExamples(sends, by, maxGroups)
		sums.Add(x.reading(x.addToGroups))
	}
	err = sums.Read(ctx, sends, func(set *result.Set) error {
		states.SortGroups(set, f.sort)
		return write(set)
	})
	set := sums.Total.Result()
	sends.WarnRepeated(set)
	return finish(err, set, func() {
		states.SortGroups(set, f.sort)
		sums.AddTo(set)
	}, write)
}

// supplements are the further analyses that were asked for by flags of their own.
func (f *reportFlags) supplements(sends *cli.Sends, named []marks.Mark) []states.Supplement {
	var more []states.Supplement
	if f.whatIf != "" {
		more = append(more, deferral(sends, f.whatIf != "deferral"))
	}
	if len(named) > 0 {
		more = append(more, markTables(sends, named))
	}
	if f.spark {
		more = append(more, bars(sends))
	}
	return more
}

// isPage reports whether the result is to be looked at as a page, which shows
// more than tables.
func (f *reportFlags) isPage() bool { return f.output.Format() == "html" }
