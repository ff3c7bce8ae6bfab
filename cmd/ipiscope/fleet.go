package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/fleet"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

func newFleet(t *cli.Terminal) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "fleet",
		Short: "Ask of many hosts: how their rates are spread, who is far off",
		Long: `Answer questions about many hosts from the states that state made of their
recordings. A host is the unit: recordings of one add up, hosts without hits
count, and a rate of all together is never taken for that of one.`,
	})
	cmd.AddCommand(newFleetReport(t), newFleetDiff(t), newFleetOutliers(t), newFleetFirst(t))
	return cmd
}

// fleetFlags are those of every question.
type fleetFlags struct {
	output cli.OutputFlags
	by     string
	over   string
}

func (f *fleetFlags) addTo(cmd *cobra.Command, top int) {
	fs := cmd.Flags()
	cli.KeysVar(fs, &f.by, "by", "", "group by `KEYS`, some of those that the states have; without it by all of them")
	fs.StringVar(&f.over, "over", "host", "take recordings together by `WHAT`: host, kernel, arch or a group of the manifest")
	f.output.AddTo(cmd, top)
}

func newFleetReport(t *cli.Terminal) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "report [flags] STATE|FOLDER|LIST...",
		Short: "How the rate of each group is spread over hosts",
		Long: `Tell of each group how many hosts it hits, and the median, the quantiles and the
largest of their rates, hosts without hits included, beside the rate of all
together, which none of them need have.`,
		Example: "  ipiscope fleet report states\n  ipiscope fleet report --over kernel --format html -o fleet.html states",
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(t, args, (*fleet.Fleet).Report)
		},
	}
	f.addTo(cmd, 20)
	return cmd
}

func newFleetOutliers(t *cli.Terminal) *cobra.Command {
	var f fleetFlags
	var within string
	var z float64
	cmd := &cobra.Command{
		Use:   "outliers [flags] STATE|FOLDER|LIST...",
		Short: "Hosts whose rate is far above that of others",
		Long: `List the hosts whose rate of hits is far above the others': by the distance of
log(1 + rate) from the median in robust standard deviations (from the median absolute
deviation; Iglewicz and Hoaglin 1993). Of fewer than 8 hosts nothing is said.`,
		Example: "  ipiscope fleet outliers states\n  ipiscope fleet outliers --within kernel --z 5 states",
		RunE: func(_ *cobra.Command, args []string) error {
			if z <= 0 {
				return cli.Usage(fmt.Errorf("--z %g: want a number above 0", z))
			}
			return f.run(t, args, func(fl *fleet.Fleet, over string) *result.Set { return fl.Outliers(over, within, z) })
		},
	}
	f.addTo(cmd, 20)
	cmd.Flags().StringVar(&within, "within", "", "compare only hosts that have the same `WHAT`: kernel, arch or a group of the manifest")
	cmd.Flags().Float64Var(&z, "z", fleet.DefaultZ, "list hosts more than `N` robust standard deviations above the median")
	return cmd
}

func newFleetFirst(t *cli.Terminal) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "first [flags] STATE|FOLDER|LIST...",
		Short: "When and where each group of hits showed first",
		Long: `Tell of each group the date and the host of the first recording that has it, and
how many hosts were recorded before that without it. Dates are those of the
manifest, else those of the files, which is said.`,
		Example: "  ipiscope fleet first states\n  ipiscope fleet first --by function --format csv states",
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(t, args, (*fleet.Fleet).First)
		},
	}
	f.addTo(cmd, 0)
	return cmd
}

// run reads the states and writes what ask says of them.
func (f *fleetFlags) run(t *cli.Terminal, args []string, ask func(*fleet.Fleet, string) *result.Set) error {
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	var fl *fleet.Fleet
	var keys []int
	var fromFiles int
	repeated, err := eachHost(args, func(s *hostState) error {
		if fl == nil {
			if keys, err = keysAmong(f.by, s.Config.By); err != nil {
				return err
			}
			by := make([]string, len(keys))
			for i, k := range keys {
				by[i] = s.Config.By[k]
			}
			fl = fleet.New(by)
		}
		x := s.trace(keys)
		if s.in.Date == "" && x.Date != "" {
			fromFiles++
		}
		name, err := s.is(f.over)
		fl.Add(name, x)
		return err
	})
	if err != nil {
		return err
	}
	set := ask(fl, f.over)
	states.WarnTwins(set, repeated)
	if fromFiles > 0 && set.Table("first") != nil {
		set.Warn("date-of-file", fmt.Sprintf("%d recordings have no date in a manifest: that of their file is taken", fromFiles))
	}
	return write(set)
}

// keysAmong are the places of the wanted keys among those that states have; "" wants
// all.
func keysAmong(by string, have []string) ([]int, error) {
	var places []int
	if by == "" {
		for i := range have {
			places = append(places, i)
		}
		return places, nil
	}
	for name := range strings.SplitSeq(by, ",") {
		i := slices.Index(have, name)
		if i < 0 {
			return nil, cli.Usage(fmt.Errorf("--by %s: the states have the keys %s; make them anew with state --by", name, strings.Join(have, ",")))
		}
		places = append(places, i)
	}
	return places, nil
}

// A hostState is the state of one recording.
type hostState struct {
	states.Stored
	in  *state.Input
	sum *ipi.Counts
}

// eachHost calls f for each state that is of one recording. Those of a recording that
// was there before are left out, as merge does, and returned.
func eachHost(args []string, f func(*hostState) error) (repeated []result.Input, err error) {
	var m states.Merger
	for s, err := range eachState(args) {
		switch {
		case err != nil:
			return nil, err
		case len(s.Inputs) != 1:
			return nil, cli.Usage(fmt.Errorf("%s: the sum of %d recordings: hosts cannot be told apart in it; name the states that it was made of", s.Path, len(s.Inputs)))
		}
		if err := m.Fits(s); err != nil {
			return nil, err
		}
		in := &s.Inputs[0]
		if in.Twin = m.Twin(in); in.Twin != "" {
			m.Repeated = append(m.Repeated, in.Input)
			continue
		}
		h, err := hostOf(s)
		if err != nil {
			return nil, err
		}
		if err := f(h); err != nil {
			return nil, err
		}
	}
	return m.Repeated, nil
}

// hostOf decodes the sums of a state that is of one recording.
func hostOf(s states.Stored) (*hostState, error) {
	in := &s.Inputs[0]
	o, err := s.Groups([]result.Input{in.Input}, false)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: the state does not hold what it should: %w", s.Path, err))
	}
	return &hostState{s, in, o.Main()}, nil
}

// property is what a recording has of a property, "" if nothing tells.
func (s *hostState) property(name string) string {
	switch name {
	case "host":
		return cmp.Or(s.in.Machine(), s.in.Asked.Path)
	case "kernel":
		return s.in.Kernel
	case "arch":
		return s.in.Arch
	}
	return s.in.Groups[name]
}

// is is the property of a recording that it is taken together by.
func (s *hostState) is(name string) (string, error) {
	value := s.property(name)
	if value == "" {
		return "", cli.Usage(fmt.Errorf("%s: nothing tells its %q: known are host, kernel, arch and the groups %s", s.Path, name, strings.Join(sortedNames(s.in.Groups), ", ")))
	}
	return value, nil
}

// date is that of the manifest, else that of the file (UTC).
func (s *hostState) date() string {
	if s.in.Date == "" && s.in.Modified != 0 {
		return time.Unix(0, s.in.Modified).UTC().Format("2006-01-02")
	}
	return s.in.Date
}

// trace is what a fleet needs of the recording, by the keys at these places.
func (s *hostState) trace(keys []int) *fleet.Trace {
	x := &fleet.Trace{Host: s.property("host"), Date: s.date(), Is: map[string]string{"kernel": s.in.Kernel, "arch": s.in.Arch}, Input: s.in.Input, CPUTime: s.sum.CPUTime().Float(), Total: s.sum.Total().Hits}
	for name, value := range s.in.Groups {
		x.Is[name] = value
	}
	for _, g := range s.sum.Groups() {
		key := make([]string, len(keys))
		for i, k := range keys {
			key[i] = g.Key[k]
		}
		x.Groups = append(x.Groups, fleet.Group{Key: key, Hits: g.Hits})
	}
	return x
}

type fleetDiffFlags struct {
	output        cli.OutputFlags
	a, b          string
	alpha, margin float64
	runCV         float64
}

func newFleetDiff(t *cli.Terminal) *cobra.Command {
	var f fleetDiffFlags
	cmd := &cobra.Command{
		Use:   "diff [flags] --a WHAT=VALUE --b WHAT=VALUE STATE|FOLDER|LIST...",
		Short: "Compare two groups of hosts",
		Long: `Compare the hosts that have one value of something with those that have another,
as diff compares recordings, with hosts as the units: recordings of one host add
up, and how much hosts of one group differ is what a difference between the groups
is held against.`,
		Example: "  ipiscope fleet diff --a kernel=6.12.107+deb13-amd64 --b kernel=7.2.13+deb14-amd64 states\n  ipiscope fleet diff --a site=ams --b site=fra states",
		RunE:    func(_ *cobra.Command, args []string) error { return f.run(t, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.a, "a", "", "the hosts to compare with: `WHAT=VALUE` with host, kernel, arch or a group of the manifest")
	fs.StringVar(&f.b, "b", "", "the hosts that are compared, likewise")
	fs.Float64Var(&f.alpha, "alpha", 0.05, "of the rows that are called different at most this `PART` is so by chance")
	fs.Float64Var(&f.margin, "margin", compare.DefaultMargin, "call rates within this `FACTOR` unchanged")
	fs.Float64Var(&f.runCV, "host-cv", stat.DefaultRunCV, "how much the rates of hosts of one group are assumed to vary where they are too few to tell: a coefficient of variation `CV`")
	f.output.AddTo(cmd, 20)
	return cmd
}

func (f *fleetDiffFlags) run(t *cli.Terminal, args []string) error {
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	if f.alpha <= 0 || f.alpha >= 1 || f.margin < 1 || f.runCV <= 0 {
		return cli.Usage(errors.New("want 0 < --alpha < 1, --margin of 1 or more and --host-cv above 0"))
	}
	sides := []*fleetSide{{name: f.a, flag: "--a"}, {name: f.b, flag: "--b"}}
	for _, s := range sides {
		var ok bool
		if s.what, s.value, ok = strings.Cut(s.name, "="); !ok {
			return cli.Usage(fmt.Errorf("%s %q: want WHAT=VALUE, such as kernel=6.12.107", s.flag, s.name))
		}
	}
	var by []string
	var left []string // paths of recordings without a rate
	repeated, err := eachHost(args, func(h *hostState) error {
		by = h.Config.By
		if !h.in.HasRate() {
			left = append(left, h.in.Asked.Path)
			return nil
		}
		for _, s := range sides {
			s.take(h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	cfg := compare.Config{By: by, Alpha: f.alpha, Margin: f.margin, RunCV: f.runCV}
	var compared []compare.Side
	for _, s := range sides {
		if len(s.hosts) == 0 {
			return cli.Usage(fmt.Errorf("%s %s: no host has that; there are %s", s.flag, s.name, strings.Join(sortedNames(s.others), ", ")))
		}
		compared = append(compared, s.side())
	}
	if err := checkExposure(compared, cfg); err != nil {
		return err
	}
	set := compare.Compare(compared, cfg)
	states.WarnTwins(set, repeated)
	for _, path := range left {
		fleet.WarnNoRate(set, path, "host")
	}
	return write(set)
}

// A fleetSide is the machines of one side of a comparison.
type fleetSide struct {
	name, flag, what, value string
	hosts                   map[string]*ipi.Counts
	others                  map[string]string // values that others have
}

// take takes a recording if it is of a machine of the side.
func (s *fleetSide) take(h *hostState) {
	if s.hosts == nil {
		s.hosts, s.others = map[string]*ipi.Counts{}, map[string]string{}
	}
	if has := h.property(s.what); has != s.value {
		s.others[has] = has
		return
	}
	host := h.property("host")
	if old := s.hosts[host]; old != nil {
		old.Merge(h.sum)
	} else {
		s.hosts[host] = h.sum
	}
}

// side has a run for each machine.
func (s *fleetSide) side() compare.Side {
	side := compare.Side{Name: s.name}
	for _, host := range sortedNames(s.hosts) {
		r := newRun(s.hosts[host])
		r.Input.Path = host
		for _, in := range s.hosts[host].Inputs()[1:] {
			r.Input = r.Input.With(in)
		}
		side.Runs = append(side.Runs, r)
	}
	return side
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
