package recorder

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
)

// Arm prepares an instance that stays, for Use later: so the interrupts of
// switching events on come now and not then.
func Arm(fs tracefs.FS, name string, c *Config) error {
	full, err := tracefs.ArmedName(name)
	if err != nil {
		return err
	}
	if tracefs.Has(fs, tracefs.Dir(full)) {
		return fmt.Errorf("%s is armed already: ipiscope record --disarm %s takes it down", name, name)
	}
	i, _, err := Prepare(fs, full, c)
	if err != nil {
		return err
	}
	i.Release()
	return nil
}

// Disarm removes what Arm made, nothing else.
func Disarm(fs tracefs.FS, name string) error {
	full, err := tracefs.ArmedName(name)
	if err != nil {
		return err
	}
	if !tracefs.Has(fs, tracefs.Dir(full)) {
		return fmt.Errorf("%s is not armed: there is no trace instance %s", name, full)
	}
	i, err := tracefs.Open(fs, full)
	if err != nil {
		return err
	}
	_ = i.Write("events/enable", "0")
	return i.Remove()
}

// useInstance takes an instance that Arm made, or one of that very name, which the
// kernel's command line may have made. What it records is read back from it.
func (r *recording) useInstance() error {
	name, err := tracefs.ArmedName(r.Use)
	if err != nil || !tracefs.Has(r.fs, tracefs.Dir(name)) {
		name = r.Use
	}
	if strings.ContainsAny(name, "/") || name == "." || name == ".." || !tracefs.Has(r.fs, tracefs.Dir(name)) {
		return fmt.Errorf("--use %s: there is no such trace instance: ipiscope record --arm %s makes one", r.Use, r.Use)
	}
	if r.instance, err = tracefs.Open(r.fs, name); err != nil {
		return err
	}
	r.plan, err = readBack(r.instance)
	if err != nil {
		return err
	}
	r.plan.Isolated = r.Request.Isolated
	for _, e := range r.plan.Events {
		if want := "CPUS{" + r.Request.Isolated.String() + "}"; strings.Contains(e.Filter, "CPUS{") && !strings.Contains(e.Filter, want) {
			return fmt.Errorf("--use %s: it was armed with the filter %q of %s: give --isolated as it was then", r.Use, e.Filter, e.FullName())
		}
	}
	return nil
}

// readBack finds out what an instance records.
func readBack(i *tracefs.Instance) (*plan.Plan, error) {
	p := &plan.Plan{}
	on, err := i.Read("set_event")
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(on) {
		system, event, ok := strings.Cut(name, ":")
		if !ok {
			continue
		}
		e := plan.Event{System: system, Name: event}
		if text, err := i.Read(eventFile(system, event, "filter")); err == nil && text != "none" {
			e.Filter = text
		}
		if text, err := i.Read(eventFile(system, event, "trigger")); err == nil {
			e.Stack = hasTrigger(text, "stacktrace")
			if hasTrigger(text, "traceoff") {
				p.StopOn = &plan.Trigger{System: system, Name: event}
			}
		}
		e.Receives = strings.HasPrefix(e.Filter, "CPU ")
		p.Events = append(p.Events, e)
	}
	if len(p.Events) == 0 {
		return nil, fmt.Errorf("the instance %s records nothing: no event is on in it", i.Name)
	}
	if on, err := i.Read("options/stacktrace"); err == nil {
		p.AllStacks = on == "1"
	}
	return p, nil
}

// hasTrigger finds an action in a trigger file, whose comments list what there
// could be.
func hasTrigger(text, action string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, action) {
			return true
		}
	}
	return false
}
