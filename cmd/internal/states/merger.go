package states

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// A Stored is a state with the file that it comes from.
type Stored struct {
	Path string
	*state.State
}

// Groups are the sums by group of a state of these inputs; page tells whether those are
// wanted besides that a page shows.
func (s *Stored) Groups(inputs []result.Input, page bool) (*ipi.Overview, error) {
	part := s.Parts[partIPI]
	if part.Version != ipi.StateVersion {
		return nil, fmt.Errorf("part %s of version %d, this program has %d", partIPI, part.Version, ipi.StateVersion)
	}
	return ipi.DecodeOverview(part.Sums, inputs, !page)
}

// A Merger adds up states.
type Merger struct {
	Page bool // keep what a page shows
	// As is the command whose sums are added up, "" for report; All keeps those of all
	// commands.
	As    string
	All   bool
	Head  *state.State // the first one
	Sums  *Sums        // of a report
	more  []*further   // of other commands
	first string       // path of the first state
	twins cli.Twins
	ids   map[string]string // of traces -> path
	// Inputs are what was added, Repeated what was left out.
	Inputs   []state.Input
	Repeated []result.Input
}

// Add adds a state, unless its trace was there before.
func (m *Merger) Add(s Stored) error {
	if err := m.Fits(s); err != nil {
		return err
	}
	again := 0
	for i, in := range s.InputsOf(m.As) {
		one := state.Input{Asked: s.Inputs[i].Asked, ID: s.Inputs[i].ID, Input: in}
		if in.Twin = m.Twin(&one); in.Twin != "" {
			m.Repeated = append(m.Repeated, in)
			again++
		}
	}
	switch {
	case again > 0 && len(s.Inputs) > 1:
		return cli.Usage(fmt.Errorf("%s: %d of the %d traces that are added up in it were there before, such as %s: a sum cannot be taken apart; merge the states that it was made of", s.Path, again, len(s.Inputs), m.Repeated[len(m.Repeated)-1].Twin))
	case again > 0:
		return nil
	}
	return m.addAll(s)
}

// AddDistinct adds a state of traces of which none was there before, as the caller
// knows.
func (m *Merger) AddDistinct(s Stored) error {
	if err := m.Fits(s); err != nil {
		return err
	}
	return m.addAll(s)
}

func (m *Merger) addAll(s Stored) error {
	var err error
	if m.All || m.As == "" {
		err = m.addSums(s, s.InputsOf(partIPI))
	}
	for _, f := range m.more {
		if f.read != nil && err == nil {
			err = f.take(s, len(m.Inputs))
		}
	}
	if err != nil {
		return cli.Usage(fmt.Errorf("%s: the state does not hold what it should: %w", s.Path, err))
	}
	m.Inputs = append(m.Inputs, s.Inputs...)
	for _, r := range s.Repeated {
		m.Repeated = append(m.Repeated, result.Input{Path: r.Path.String(), Twin: r.Twin.String()})
	}
	return nil
}

// begin takes the first state, which says what is added up.
func (m *Merger) begin(s Stored) error {
	m.first, m.Head = s.Path, s.State
	if as := m.As; as != "" && !has(s.Config, as) {
		return cli.Usage(fmt.Errorf("--as %s: %s holds what %s prints: make it anew with state --for %s", as, s.Path, strings.Join(append([]string{"report"}, s.Config.Also...), ", "), as))
	}
	all, err := furtherOf(s.Config)
	if err != nil {
		return cli.Usage(fmt.Errorf("%s: %w", s.Path, err))
	}
	for _, f := range all {
		if m.All || f.name == m.As {
			m.more = append(m.more, f)
		}
	}
	return nil
}

// Fits refuses a state that differs from the first one in what was counted.
func (m *Merger) Fits(s Stored) error {
	if m.Head == nil {
		if err := m.begin(s); err != nil {
			return err
		}
	}
	if why := m.Head.Differs(s.State); why != "" {
		return cli.Usage(fmt.Errorf("%s and %s do not add up: %s", m.first, s.Path, why))
	}
	return nil
}

// addSums adds what was counted of these inputs.
func (m *Merger) addSums(s Stored, inputs []result.Input) error {
	page := m.Page && s.Config.Page
	groups, err := s.Groups(inputs, page)
	if err != nil {
		return err
	}
	if !page && !(m.All && has(s.Config, "diff")) {
		groups.Narrow()
	}
	if m.Sums == nil {
		by, err := ipi.ParseKeys(strings.Join(s.Config.By, ","))
		if err != nil {
			return err
		}
		m.Sums = NewSums(nil, by, nil, page)
		m.Sums.Total = groups
	} else if err := m.Sums.Total.Merge(groups); err != nil {
		return err
	}
	for _, more := range m.Sums.more {
		p, ok := s.Parts[more.stored.name]
		if !ok || p.Version != more.stored.version {
			return fmt.Errorf("part %s of version %d, this program has %d", more.stored.name, p.Version, more.stored.version)
		}
		if err := more.stored.add(p.Sums, inputs); err != nil {
			return fmt.Errorf("part %s: %w", more.stored.name, err)
		}
	}
	return nil
}

// Twin is the path of the trace that in repeats, "" if there is none.
func (m *Merger) Twin(in *state.Input) string {
	twin := m.twins.Find(in.Input)
	if in.ID == "" {
		return twin
	}
	if twin == "" {
		twin = m.ids[in.ID]
	}
	if m.ids == nil {
		m.ids = map[string]string{}
	}
	if m.ids[in.ID] == "" {
		m.ids[in.ID] = in.Asked.Path
	}
	return twin
}

// Result is the sum as the command prints it that the sums are of, which is not report.
func (m *Merger) Result() *result.Set { return m.more[0].result() }

// State is the sum as a state.
func (m *Merger) State() (*state.State, error) {
	head := &state.State{Catalog: m.Head.Catalog, Config: m.Head.Config, Inputs: m.Inputs}
	if !m.All {
		head.Config.Also = nil
	}
	s, err := m.Sums.State(head, m.Sums.Total.Inputs())
	if err != nil {
		return nil, err
	}
	for _, f := range m.more {
		if f.read == nil {
			continue
		}
		sums, err := f.state()
		if err != nil {
			return nil, err
		}
		s.Parts[f.name] = state.Part{Version: f.version, Sums: sums, Inputs: f.inputs}
	}
	for _, in := range m.Repeated {
		s.Repeated = append(s.Repeated, state.Repeated{Path: state.TextOf(in.Path), Twin: state.TextOf(in.Twin)})
	}
	return s, nil
}
