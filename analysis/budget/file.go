package budget

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Format describes a budget file.
const Format = `max_hits_per_cpu_hour: 10
classes:               # hits per CPU and hour by class
  deferrable: 0
functions:             # and by function
  do_sync_core: 0
count: interference    # or hits: self-IPIs and the recorder's too
interruptions:         # of any kind per CPU and hour; kinds are those of quiet
  tick: 3600           # all tick timer irq softirq task
  task: 0
max_handler: 50us
max_interruption: 100us # the longest time for which a CPU is not left alone
max_stolen: 0.01       # percent of its time that interruptions take
max_delivery_p99: 20us # from the send to the interrupt
min_quiet: 1s          # the longest quiet time of each CPU
max_untraced: 0        # interrupts that no event tells of; needs --interrupts
max_lost: 0            # events
max_sample: 10us       # of osnoise: the longest sample of each CPU
max_rest: 5us          # and the longest time in one that no event explains
min_available: 99.99   # percent
max_timer_latency: 50us
max_noise:             # the longest single noise, by function or name
  do_sync_core: 5us
isolated: 2-7          # as --isolated, which goes before it
groups:                # CPUs with limits of their own, in place of those above
  polling:
    cpus: 6-7
    max_hits_per_cpu_hour: 0`

// An UnknownKeyError is a name that a budget file has no use for.
type UnknownKeyError struct {
	Name  string
	Where string // file:line
	Valid []string

	line int
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("%s: unknown key %q: want %s", e.Where, e.Name, strings.Join(e.Valid, ", "))
}

// key is a name that a file may hold, with what reads it.
type key struct {
	name string
	read func(*Budget, *yaml.Node) error
}

// keys are what a file may hold.
func keys() []key {
	return append(limitKeys(), []key{
		{"count", func(b *Budget, v *yaml.Node) error { return readCount(v, &b.All) }},
		{"max_lost", func(b *Budget, v *yaml.Node) error { return readNumber(v, &b.MaxLost) }},
		{"isolated", func(b *Budget, v *yaml.Node) error {
			if b.Isolated = v.Value; v.Kind != yaml.ScalarNode || v.Value == "" {
				return fmt.Errorf("%s: want CPUs as --isolated takes them, such as 2-3,8", shown(v))
			}
			return nil
		}},
		{"groups", func(b *Budget, v *yaml.Node) error { return readGroups(v, b) }},
	}...)
}

// limitKeys are the limits of one CPU.
func limitKeys() []key {
	return []key{
		{"max_hits_per_cpu_hour", func(b *Budget, v *yaml.Node) error { b.MaxHits = new(float64); return readRate(v, b.MaxHits) }},
		{"classes", func(b *Budget, v *yaml.Node) error { return readLimits(v, &b.Classes) }},
		{"functions", func(b *Budget, v *yaml.Node) error { return readLimits(v, &b.Functions) }},
		{"interruptions", func(b *Budget, v *yaml.Node) error { return readInterruptions(v, &b.Interruptions) }},
		timeKey("max_handler", func(b *Budget) **time.Duration { return &b.MaxHandler }),
		timeKey("min_quiet", func(b *Budget) **time.Duration { return &b.MinQuiet }),
		timeKey("max_interruption", func(b *Budget) **time.Duration { return &b.MaxInterruption }),
		{"max_stolen", func(b *Budget, v *yaml.Node) error { b.MaxStolen = new(float64); return readPercent(v, b.MaxStolen) }},
		timeKey("max_delivery_p99", func(b *Budget) **time.Duration { return &b.MaxDelivery }),
		{"max_untraced", func(b *Budget, v *yaml.Node) error { b.MaxUntraced = new(uint64); return readNumber(v, b.MaxUntraced) }},
		timeKey("max_sample", func(b *Budget) **time.Duration { return &b.MaxSample }),
		timeKey("max_rest", func(b *Budget) **time.Duration { return &b.MaxRest }),
		timeKey("max_timer_latency", func(b *Budget) **time.Duration { return &b.MaxLatency }),
		{"min_available", func(b *Budget, v *yaml.Node) error {
			b.MinAvailable = new(float64)
			return readPercent(v, b.MinAvailable)
		}},
		{"max_noise", func(b *Budget, v *yaml.Node) error { return readNoises(v, &b.MaxNoise) }},
	}
}

func timeKey(name string, of func(*Budget) **time.Duration) key {
	return key{name, func(b *Budget, v *yaml.Node) error {
		to := of(b)
		*to = new(time.Duration)
		return readTime(v, *to)
	}}
}

// Parse reads a budget file: Format says what may be in it. name is what errors
// call it.
func Parse(data []byte, name string) (*Budget, error) {
	b := &Budget{}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return b, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w; the form is\n\n%s", name, err, Format)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more than one document in it", name)
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: %s: want keys and values; the form is\n\n%s", name, root.Line, shown(root), Format)
	}
	err := readKeys(root, b, keys())
	var bad *lineError
	var unknown *UnknownKeyError
	switch {
	case errors.As(err, &unknown):
		unknown.Where = fmt.Sprintf("%s:%d", name, unknown.line)
	case errors.As(err, &bad):
		err = fmt.Errorf("%s:%d: %s", name, bad.line, bad.text)
	}
	return b, err
}

// readKeys reads a mapping of these keys.
func readKeys(m *yaml.Node, b *Budget, valid []key) error {
	return pairs(m, func(name, value *yaml.Node) error {
		for _, k := range valid {
			if k.name == name.Value {
				return k.read(b, value)
			}
		}
		unknown := &UnknownKeyError{Name: name.Value, line: name.Line}
		for _, k := range valid {
			unknown.Valid = append(unknown.Valid, k.name)
		}
		return unknown
	})
}

// A lineError is what is wrong with a line of the file.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return e.text }

// pairs walks through a mapping.
func pairs(m *yaml.Node, f func(key, value *yaml.Node) error) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value == "" {
			return &lineError{key.Line, shown(key) + ": want a name in front of the colon"}
		}
		if seen[key.Value] {
			return &lineError{key.Line, key.Value + ": is given twice"}
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			return &lineError{value.Line, key.Value + ": anchors and aliases are not read"}
		}
		err := f(key, value)
		var unknown *UnknownKeyError
		var within *lineError
		switch {
		case err == nil:
		case errors.As(err, &unknown):
			return err
		case errors.As(err, &within):
			return &lineError{within.line, key.Value + ": " + within.text}
		default:
			return &lineError{value.Line, key.Value + ": " + err.Error()}
		}
	}
	return nil
}

// shown is a value as an error prints it.
func shown(v *yaml.Node) string {
	switch v.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys and values"
	}
	return fmt.Sprintf("%q", v.Value)
}

func readRate(v *yaml.Node, to *float64) error {
	if err := v.Decode(to); err != nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		return fmt.Errorf("%s: want a number of hits per CPU and hour", shown(v))
	}
	return checkRate(*to)
}

func readNumber(v *yaml.Node, to *uint64) error {
	n, err := strconv.ParseUint(v.Value, 10, 64)
	if err != nil || v.Kind != yaml.ScalarNode {
		return fmt.Errorf("%s: want a whole number, 0 or more", shown(v))
	}
	*to = n
	return nil
}

func readTime(v *yaml.Node, to *time.Duration) error {
	d, err := time.ParseDuration(v.Value)
	if err != nil || d < 0 || v.Kind != yaml.ScalarNode {
		return fmt.Errorf("%s: want a time such as 50us or 1.5s", shown(v))
	}
	*to = d
	return nil
}

func readCount(v *yaml.Node, all *bool) error {
	switch {
	case v.Kind == yaml.ScalarNode && v.Value == "interference":
	case v.Kind == yaml.ScalarNode && v.Value == "hits":
		*all = true
	default:
		return fmt.Errorf("%s: want interference or hits", shown(v))
	}
	return nil
}

// readLimits reads limits by name, in the order of the file.
func readLimits(v *yaml.Node, to *[]Limit) error {
	if v.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: want names and numbers of hits per CPU and hour", shown(v))
	}
	return pairs(v, func(key, value *yaml.Node) error {
		l := Limit{Name: key.Value}
		err := readRate(value, &l.Max)
		*to = append(*to, l)
		return err
	})
}

// readInterruptions reads limits by kind.
func readInterruptions(v *yaml.Node, to *[]Limit) error {
	if err := readLimits(v, to); err != nil {
		return err
	}
	for _, l := range *to {
		if !slices.Contains(Interruptions(), l.Name) {
			return fmt.Errorf("%q: want %s", l.Name, strings.Join(Interruptions(), ", "))
		}
	}
	return nil
}
