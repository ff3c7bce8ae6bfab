package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// selection is that of --events, --cpu and --instance for one trace.
func (in *Inputs) selection(t *trace.Table) (trace.Selection, error) {
	s := trace.Selection{Events: in.events, CPUs: in.cpus, Instance: in.instance}
	if in.events != nil {
		if err := checkEvents(t, in.events); err != nil {
			return s, err
		}
	}
	if t.Meta.LongSize == 0 && len(t.Meta.Instances) == 0 {
		return s, nil // a text shows its instances line by line
	}
	return s, in.checkInstance(t)
}

// checkInstance finds an instance that a trace does not have. Of a text that is
// known when it was read.
func (in *Inputs) checkInstance(t *trace.Table) error {
	names := t.Meta.Instances
	switch {
	case in.instance == nil || *in.instance == "" || slices.Contains(names, *in.instance):
		return nil
	case len(names) == 0:
		return Usage(fmt.Errorf("unknown instance %q: the input has none, leave --instance out", *in.instance))
	}
	return Unknown("instance", *in.instance, names)
}

// checkRecorded finds words of --recorded that stand for no send event and look
// like one: a misspelled one would say that it was off.
func checkRecorded(words []string) error {
	var valid []string
	for e := range events.All() {
		valid = append(valid, e.Name)
	}
	for _, w := range words {
		_, event, both := strings.Cut(w, ":")
		if !both {
			event = w
		}
		if strings.HasPrefix(event, "ipi_") && !strings.ContainsAny(event, "*?[") && !events.IsKnown(event) {
			return UnknownBriefly("event", event, valid)
		}
	}
	return nil
}

// checkEvents finds names that no event has. Only binary traces can tell: they
// list the events that their kernel has, text shows its names line by line.
func checkEvents(t *trace.Table, names []string) error {
	if t.Meta.LongSize == 0 {
		return nil
	}
	for _, name := range names {
		if len(t.Lookup(name)) > 0 || events.IsKnown(name) {
			continue // one that is known may be missing in this kernel
		}
		var valid []string
		for _, s := range t.Schemas() {
			valid = append(valid, s.Name)
		}
		for e := range events.All() {
			valid = append(valid, e.Name)
		}
		return UnknownBriefly("event", name, valid)
	}
	return nil
}
