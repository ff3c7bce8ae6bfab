package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Keepable lists what a state may hold beside what a report says.
func Keepable() []string { return []string{"html", "diff", "latency", "quiet"} }

// A further is the sums of another command than report, a part of a state. Each is
// counted in a reading of its own, exactly as that command does: what a source says of
// itself depends on what it is asked for.
type further struct {
	name    string
	version int
	// read counts a trace; nil if the sums of a report hold all there is
	read   reading
	add    func(json.RawMessage, []result.Input) error
	state  func() (json.RawMessage, error)
	result func() *result.Set
	// inputs are those of the sums that look otherwise than to a report, by their place
	inputs map[int]state.Input
}

// A reading counts one trace, and returns the sums as a state keeps them.
type reading func(ctx context.Context, sends *cli.Sends, m *Maker, j *Job) (json.RawMessage, []result.Input, error)

// A counted is what a command counts of traces.
type counted[C any] interface {
	Merge(C)
	State() (json.RawMessage, error)
	Result() *result.Set
}

// newFurther returns one without any sums, whose parts decode takes out of states.
func newFurther[C counted[C]](name string, version int, read reading, decode func(json.RawMessage, []result.Input) (C, error)) *further {
	var total C
	isBegun := false
	return &further{
		name: name, version: version, read: read,
		add: func(sums json.RawMessage, inputs []result.Input) error {
			one, err := decode(sums, inputs)
			switch {
			case err != nil:
				return err
			case isBegun:
				total.Merge(one)
			default:
				total, isBegun = one, true
			}
			return nil
		},
		state:  func() (json.RawMessage, error) { return total.State() },
		result: func() *result.Set { return total.Result() },
	}
}

// furtherOf are those of a Config, without any sums.
func furtherOf(c state.Config) ([]*further, error) {
	var all []*further
	for _, name := range c.Also {
		switch name {
		case "diff":
			all = append(all, &further{name: name})
		case "latency":
			f, err := furtherLatency(c)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		case "quiet":
			all = append(all, furtherQuiet())
		default:
			return nil, fmt.Errorf("it was made for %q, which this program does not know", name)
		}
	}
	return all, nil
}

// latencyConfig is what latency is asked for by the flags of a state.
func latencyConfig(c state.Config) (latency.Config, error) {
	cfg := latency.Config{Window: latency.DefaultWindow}
	var err error
	if cfg.By, err = latency.ParseKeys(strings.Join(c.By, ",")); err != nil {
		var unknown *key.UnknownError
		if errors.As(err, &unknown) {
			return cfg, cli.Usage(fmt.Errorf("--for latency: times have no %s: group by %s", unknown.Name, strings.Join(latency.KeyNames(), " ")))
		}
		return cfg, cli.Usage(err)
	}
	if kind := c.Flags["kind"]; kind != "" {
		if cfg.Kind, err = latency.ParseKind(kind); err != nil {
			return cfg, cli.Unknown("kind", kind, latency.Kinds())
		}
	}
	if text := c.Flags["window"]; text != "" {
		window, err := time.ParseDuration(text)
		if err != nil || window < 0 {
			return cfg, cli.Usage(fmt.Errorf("--window %s: want a time such as 50us", text))
		}
		cfg.Window = trace.Time(window)
	}
	return cfg, nil
}

func furtherLatency(c state.Config) (*further, error) {
	cfg, err := latencyConfig(c)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, sends *cli.Sends, m *Maker, j *Job) (json.RawMessage, []result.Input, error) {
		own := cfg
		own.Isolated, own.Catalog, own.MaxGroups = sends.Isolated.Targets(), sends.Catalog, m.more
		sum := latency.NewCounts(own)
		err := sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
			m.name(&src.Table().Meta, j)
			one := own
			one.Counts = counts
			s := latency.New(src.Table(), one)
			input, err := run(s)
			sum.Merge(s.Counts(input))
			return err
		})
		m.redact.groups(sum.Rename)
		return storedOf(sum.State, sum.Inputs(), err)
	}
	decode := func(sums json.RawMessage, inputs []result.Input) (*latency.Counts, error) {
		return latency.Decode(sums, cfg, inputs)
	}
	return newFurther("latency", latency.StateVersion, read, decode), nil
}

func furtherQuiet() *further {
	read := func(ctx context.Context, sends *cli.Sends, m *Maker, j *Job) (json.RawMessage, []result.Input, error) {
		cfg := quiet.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog}
		sum := quiet.NewCounts(cfg)
		err := sends.Each(ctx, func(src trace.Source, _ func(*trace.Event) bool, run cli.Run) error {
			m.name(&src.Table().Meta, j)
			s := quiet.New(src.Table(), cfg)
			input, err := run(s)
			sum.Merge(s.Counts(input))
			return err
		})
		sum.RenameTasks(func(name string) string { return m.redact.name("comm", name) })
		return storedOf(sum.State, sum.Inputs(), err)
	}
	return newFurther("quiet", quiet.StateVersion, read, quiet.Decode)
}

// storedOf is what a reading counted. Damage is in it, as in that of the report, and was
// said there.
func storedOf(sums func() (json.RawMessage, error), inputs []result.Input, err error) (json.RawMessage, []result.Input, error) {
	if len(inputs) == 0 || cli.Status(err) == cli.ExitUsage {
		return nil, nil, err
	}
	text, err := sums()
	return text, inputs, err // and not that of reading
}

// readAgain adds to a state what other commands count of its trace.
func (m *Maker) readAgain(ctx context.Context, t *cli.Terminal, j *Job, beside bool, s *state.State) error {
	for _, f := range m.further {
		if f.read == nil {
			continue
		}
		silent := *t // what there is to say was said by the first reading
		silent.Err, silent.Progress = io.Discard, false
		sends := m.sends.Of(&silent, j.Path, j.isolated)
		if beside {
			sends.OneThread()
		}
		sums, inputs, err := f.read(ctx, sends, m, j)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case sums == nil && err == nil:
			err = fmt.Errorf("%s: could not be read again for %s", j.Path, f.name)
			fallthrough
		case err != nil:
			return err
		}
		s.Parts[f.name] = state.Part{Version: f.version, Sums: sums, Inputs: unlike(s.Inputs, inputs)}
	}
	return nil
}

// unlike are the inputs that are described otherwise than those of a state, by place.
func unlike(of []state.Input, inputs []result.Input) map[int]state.Input {
	var other map[int]state.Input
	for i, in := range inputs {
		x := of[i]
		if x.Input = in; reflect.DeepEqual(x, of[i]) {
			continue
		}
		if other == nil {
			other = map[int]state.Input{}
		}
		other[i] = x
	}
	return other
}

// InputsOf are the inputs of a state as the command sees them that counted a part.
func (s *Stored) InputsOf(part string) []result.Input {
	inputs := make([]result.Input, len(s.Inputs))
	for i := range s.Inputs {
		inputs[i] = s.Inputs[i].Input
		if own, ok := s.Parts[part].Inputs[i]; ok {
			inputs[i] = own.Input
		}
		inputs[i].Twin = ""
	}
	return inputs
}

// take adds the part of a state; before is how many inputs there were.
func (f *further) take(s Stored, before int) error {
	p, ok := s.Parts[f.name]
	if !ok || p.Version != f.version {
		return fmt.Errorf("part %s of version %d, this program has %d", f.name, p.Version, f.version)
	}
	if err := f.add(p.Sums, s.InputsOf(f.name)); err != nil {
		return fmt.Errorf("part %s: %w", f.name, err)
	}
	for i, in := range p.Inputs {
		if i < 0 || i >= len(s.Inputs) {
			return fmt.Errorf("part %s: input %d of %d", f.name, i, len(s.Inputs))
		}
		if f.inputs == nil {
			f.inputs = map[int]state.Input{}
		}
		f.inputs[before+i] = in
	}
	return nil
}

// has reports whether a state holds what a command prints.
func has(c state.Config, command string) bool {
	return command == "report" || slices.Contains(c.Also, command) || command == "diff" && c.Page
}
