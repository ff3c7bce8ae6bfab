package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/shift"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/mail"
)

// pageBars is how many rows the figure of a page has, all of which the table has.
const pageBars = 12

type diffFlags struct {
	input          cli.InputFlags
	isolated       cli.IsolatedFlag
	duplicates     bool
	isolatedBefore string
	isolatedAfter  string
	output         cli.OutputFlags
	catalog        cli.CatalogFlag
	filter         cli.FilterFlags
	before, after  []string
	by             string
	byGiven        func() bool
	marginGiven    func() bool
	filterGiven    func() bool
	times          timesFlags
	work           string
	counts         string
	control        []string
	failOn         []string
	flame          string
	alpha, margin  float64
	runCV          float64
}

func newDiff(t *cli.Terminal) *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff [flags] BEFORE AFTER | -b TRACE... -a TRACE... | NAME=TRACE...",
		Short: "Compare recordings made before and after a change",
		Long: `Compare the hits of recordings made before and after a change: rates for each
isolated CPU and hour, their ratio with its 95 % interval, and whether chance
explains the difference.

A folder or a quoted pattern ("before/*.dat") stands for the traces in it; the
traces of one side are repeated runs of one set-up: three runs or more of each
measure how much runs differ. What fewer runs cannot tell is assumed to be
--run-cv, and said.

Rows are gone, reduced, grown or new if neither of two kinds of chance explains
the difference after adjustment for the number of rows (q): counting, as hits are
few and come in bursts, and the variation from run to run. It must hold even if
hits of unknown names and lost events belong to the other side. Rows are unchanged
if the ratio is shown to be within --margin, and unclear else; the column reason
says why. docs/definitions.md has the method.

` + timesHelp + indent(shift.ConditionHelp) + `

--counts compares counts that were made elsewhere:

` + indent(compare.CountsHelp) + `

--fail-on CONDITION ends with exit status 4 if it is met:

` + indent(compare.ConditionHelp) + `

The condition looks at the figures alone; verdict=grown in front of it asks for
significance too. Where hits of unknown names or lost events could make the
condition true, it cannot be decided: the exit status is 3. git bisect run takes
every status from 1 to 127 but 125 for bad; to skip commits that could not be
measured or decided, run

  sh -c 'ipiscope diff ...; s=$?; [ $s = 0 ] || [ $s = 4 ] || exit 125; exit $s'`,
		Example: `  ipiscope diff --isolated 2-3 before.dat after.dat
  ipiscope diff --isolated 2-3 -b b1.dat -b b2.dat -a a1.dat -a a2.dat
  ipiscope diff --isolated 2-3 base=base/ v1=v1/ v2=v2/
  ipiscope diff --isolated 2-3 --control function=reschedule --format mail before after
  ipiscope diff --isolated 2-3 --fail-on 'function=do_sync_core > 0' good.dat new.dat
  ipiscope diff --of bracket --by function --isolated 2-3 before/ after/`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDiff(cmd.Context(), t, &f, args) },
	}
	f.addSides(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.counts, "counts", "", "compare the counts in `FILE` instead of traces")
	f.addConclusion(fs)
	f.output.Extra = []report.Format{{Name: "mail", Doc: "plain text for a cover letter, 72 columns",
		Write: func(w io.Writer, s *result.Set, o report.Options) error { return mail.Write(w, s, o.Top) }}}
	fs.StringVar(&f.flame, "flame", "", "write the hits of both sides by stack, as `FORMAT` folded or pprof, for flame graphs")
	complete(cmd, "flame", []string{"folded", "pprof"})
	f.output.AddTo(cmd, 20)
	return cmd
}

// addConclusion defines the flags that say what the comparison is for.
func (f *diffFlags) addConclusion(fs *pflag.FlagSet) {
	fs.StringVar(&f.work, "work", "", "take rates per unit of work: `before=N,after=N`, what each run did, before=N+N for one run after the other, or run for the same work in all")
	fs.StringArrayVar(&f.control, "control", nil, "`KEY=PATTERN` of rows that nothing should have changed: what they differ by is noise")
	fs.StringArrayVar(&f.failOn, "fail-on", nil, "exit with status 4 if `CONDITION` is met")
}

// addLevels defines the flags that say how to judge.
func (f *diffFlags) addLevels(fs *pflag.FlagSet) {
	fs.BoolVar(&f.duplicates, "allow-duplicates", false, "take a recording that was named twice, or a copy of it, as if it were another one")
	fs.Float64Var(&f.alpha, "alpha", 0.05, "error rate `P` of calling rows different")
	fs.Float64Var(&f.runCV, "run-cv", stat.DefaultRunCV, "`CV` by which rates of runs of one set-up are assumed to vary where too few runs show it")
	fs.Float64Var(&f.margin, "margin", compare.DefaultMargin, "`FACTOR` within which a rate is called unchanged")
}

// addSides defines the flags that say which traces are compared and how.
func (f *diffFlags) addSides(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringArrayVarP(&f.before, "before", "b", nil, "a `TRACE` of the state before the change; may be repeated")
	fs.StringArrayVarP(&f.after, "after", "a", nil, "a `TRACE` of the state after it; may be repeated")
	f.isolated.AddTo(fs)
	fs.StringVar(&f.isolatedBefore, "isolated-before", "", "the isolated CPUs of the first side, if they differ: a `LIST` or a file")
	fs.StringVar(&f.isolatedAfter, "isolated-after", "", "the isolated CPUs of the other sides: a `LIST` or a file")
	cli.KeysVar(fs, &f.by, "by", states.DefaultBy, "group by `KEYS`, comma separated: "+strings.Join(ipi.KeyNames(), " "))
	f.byGiven = func() bool { return fs.Changed("by") }
	f.marginGiven = func() bool { return fs.Changed("margin") }
	f.filterGiven = func() bool { return fs.Changed("filter") }
	f.times.addTo(cmd)
	f.addLevels(fs)
	f.filter.AddTo(fs, "count only the sends")
	f.catalog.AddTo(fs)
	f.input.AddTo(fs)
	f.input.AddJobs(fs)
	completeList(cmd, "by", ipi.KeyNames())
}

// checkLevels checks --alpha and --margin.
func (f *diffFlags) checkLevels() error {
	if !(f.alpha > 0 && f.alpha < 0.5) {
		return cli.Usage(fmt.Errorf("--alpha %g: want a probability such as 0.05", f.alpha))
	}
	if !(f.runCV > 0 && f.runCV <= 10) {
		return cli.Usage(fmt.Errorf("--run-cv %g: want a coefficient of variation above 0, such as 0.25 for 25 %%", f.runCV))
	}
	if !(f.margin > 1) {
		return cli.Usage(fmt.Errorf("--margin %g: want a factor above 1, such as 1.25", f.margin))
	}
	return nil
}

// levels are what the flags say of how to judge.
func (f *diffFlags) levels() compare.Config {
	return compare.Config{Alpha: f.alpha, Margin: f.margin, RunCV: f.runCV}
}

func runDiff(ctx context.Context, t *cli.Terminal, f *diffFlags, args []string) error {
	if f.times.given() {
		return runTimes(ctx, t, f, args)
	}
	write, err := f.writer(t)
	if err != nil {
		return err
	}
	if err := f.checkLevels(); err != nil {
		return err
	}
	cfg := f.levels()
	var sides []compare.Side
	var conditions []*compare.Condition
	var readErr error
	if f.counts != "" {
		if sides, err = f.readCounts(t, args, &cfg); err != nil {
			return err
		}
		if conditions, err = f.conditions(&cfg); err != nil {
			return err
		}
	} else {
		specs, err := f.specs(args)
		if err != nil {
			return err
		}
		by, err := states.ParseKeys(f.by)
		if err != nil {
			return err
		}
		for _, k := range by {
			cfg.By = append(cfg.By, k.String())
		}
		if conditions, err = f.conditions(&cfg); err != nil {
			return err
		}
		if sides, readErr = f.readTraces(ctx, t, specs, by); sides == nil {
			return readErr
		}
	}
	set, err := f.compare(sides, &cfg, f.output.Format() == "html", write)
	if err == nil {
		err = readErr
	}
	if err == nil {
		err = f.warnUnheard(t, conditions, set)
	}
	if err != nil {
		return err
	}
	return conclude(conditions, set)
}

// compare compares the sides and writes what comes of it.
func (f *diffFlags) compare(sides []compare.Side, cfg *compare.Config, page bool, write func(*result.Set) error) (*result.Set, error) {
	if err := f.addWork(sides, cfg); err != nil {
		return nil, err
	}
	if err := checkExposure(sides, *cfg); err != nil {
		return nil, err
	}
	set := compare.Compare(sides, *cfg)
	if page {
		set.Figures = []*result.Figure{compare.Figure(set, pageBars)}
	}
	return set, write(set)
}

// warnUnheard tells of functions in --fail-on that nothing knows: a condition on one
// that is misspelled is never met.
func (f *diffFlags) warnUnheard(t *cli.Terminal, conditions []*compare.Condition, set *result.Set) error {
	cat, err := f.catalog.Load()
	if err != nil {
		return err
	}
	valid := map[string]bool{}
	for _, cb := range cat.Callbacks() {
		valid[cb.Name] = true
	}
	rows := set.Table("rows")
	if at := rows.Index("function"); at >= 0 {
		for _, row := range rows.Rows {
			for name := range names.Members(row[at].Str) {
				valid[name] = true
			}
		}
	}
	for _, c := range conditions {
		for _, name := range c.Functions() {
			if _, known := cat.Callback(name); !known && !valid[name] {
				t.Warnf("warning", "--fail-on: %v", cli.Unheard("function", name, "neither the catalogue nor the recordings know it", slices.Sorted(maps.Keys(valid))))
			}
		}
	}
	return nil
}

// conclude ends with the status of --fail-on: a condition that is met weighs
// more than one that cannot be decided.
func conclude(conditions []*compare.Condition, set *result.Set) error {
	undecided := ""
	for _, c := range conditions {
		out := c.Look(set)
		if out.Met != "" {
			return &cli.ExitError{Code: cli.ExitThreshold, Err: errors.New(out.Met)}
		}
		if undecided == "" {
			undecided = out.Undecided
		}
	}
	if undecided != "" {
		return &cli.ExitError{Code: cli.ExitPartial, Err: errors.New(undecided)}
	}
	return nil
}

// writer is what writes the result: that of --format, or of --flame, which is
// always by stack.
func (f *diffFlags) writer(t *cli.Terminal) (func(*result.Set) error, error) {
	if f.flame == "" {
		return f.output.Writer(t)
	}
	if f.byGiven() && f.by != "stack" || f.counts != "" {
		return nil, cli.Usage(errors.New("--flame shows stacks: it goes with --by stack and without --counts"))
	}
	f.by = "stack"
	formats := flameFormats()
	if i := slices.IndexFunc(formats, func(x report.Format) bool { return x.Name == f.flame }); i >= 0 {
		return f.output.With(t, formats[i])
	}
	return nil, cli.Unknown("flame format", f.flame, []string{"folded", "pprof"})
}

// conditions parses what depends on the keys of the rows.
func (f *diffFlags) conditions(cfg *compare.Config) ([]*compare.Condition, error) {
	for _, text := range f.control {
		terms, err := compare.ParseTerms(text, cfg.By)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--control: %w", err))
		}
		cfg.Control = append(cfg.Control, terms)
	}
	var out []*compare.Condition
	for _, text := range f.failOn {
		c, err := compare.ParseCondition(text, cfg.By)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--fail-on: %w", err))
		}
		out = append(out, c)
	}
	return out, nil
}

// addWork puts the work of --work into the runs.
func (f *diffFlags) addWork(sides []compare.Side, cfg *compare.Config) error {
	switch f.work {
	case "":
	case "run":
		for i := range sides {
			for j := range sides[i].Runs {
				sides[i].Runs[j].Work = 1
			}
		}
	default:
		for word := range strings.SplitSeq(f.work, ",") {
			name, amounts, _ := strings.Cut(word, "=")
			i := slices.IndexFunc(sides, func(s compare.Side) bool { return s.Name == name })
			if i < 0 {
				return cli.Usage(fmt.Errorf("--work %s: no side is called %q: want before=N,after=N", f.work, name))
			}
			if err := setWork(&sides[i], amounts); err != nil {
				return cli.Usage(fmt.Errorf("--work %s: %w", f.work, err))
			}
		}
	}
	with, runs := 0, 0
	for _, s := range sides {
		for _, r := range s.Runs {
			runs++
			if r.Work > 0 {
				with++
			}
		}
	}
	if with > 0 && with < runs {
		return cli.Usage(errors.New("the work of each side is needed if that of one is given: --work before=N,after=N"))
	}
	cfg.PerWork = with > 0
	return nil
}

// setWork reads "N", the work of each run, or "N+N", that of one after the other.
func setWork(s *compare.Side, amounts string) error {
	each := strings.Split(amounts, "+")
	if len(each) > 1 && len(each) != len(s.Runs) {
		return fmt.Errorf("%d amounts of work for the %d runs of %s", len(each), len(s.Runs), s.Name)
	}
	for i := range s.Runs {
		text := each[min(i, len(each)-1)]
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n > 0) || n > 1e300 {
			return fmt.Errorf("%q is no amount of work", text)
		}
		s.Runs[i].Work = n
	}
	return nil
}

// checkExposure finds runs that rates cannot be made of.
func checkExposure(sides []compare.Side, cfg compare.Config) error {
	for _, s := range sides {
		for _, r := range s.Runs {
			if r.CPUs == 0 {
				return fmt.Errorf("%s: no isolated CPU to take rates of: give --isolated", r.Input.Path)
			}
			if r.Duration <= 0 && !cfg.PerWork {
				return fmt.Errorf("%s: covers no time, having fewer than two events, so that it has no rates: record one more event as a clock, such as sched:sched_switch, or give --work", r.Input.Path)
			}
		}
	}
	return nil
}
