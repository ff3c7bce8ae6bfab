package filter

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Program holds the expressions of a command line and knows which events they
// are for.
//
//	EVENTGLOB: EXPR   is for the events that the glob names, by "name" or
//	                  "system:name"; * ? and [a-z] are wildcards
//	EXPR              is for the events of the ipi system that accept it
//
// An event that several expressions are for must pass all of them. An event
// that none is for does not match: a filter chooses, as trace-cmd record -e
// EVENT -f EXPR does.
//
// Where an expression is for several events, those that do not accept it are
// excluded with a warning, and it is an error if none accepts it. A name without
// wildcards must accept it.
//
// Events are specialised when the first one with their id comes, because text
// inputs learn ids while they are read. A Program is not safe for concurrent
// use and serves one Table at a time.
type Program struct {
	rules []*rule
	env   Env

	table  *trace.Table
	events []slot // by EventID
	err    error
}

// A rule is one expression with its scope.
type rule struct {
	src    string // as given
	scope  string // glob over names, empty for a bare expression
	expr   *Expr
	exact  bool // the scope has no wildcard: the event must accept
	named  int  // events that the scope names
	took   int  // and that accepted
	reason error
}

// A slot is what an event id was specialised to.
type slot struct {
	ready bool
	seen  bool  // Match met one
	err   error // the input cannot evaluate what the kernel would accept
	progs []*EventProgram
	warns []Warning
}

// NewProgram parses the expressions. Env.Extensions is set. The error names the
// expression; it is an *Error if the expression is no filter on any event.
func NewProgram(exprs []string, env Env) (*Program, error) {
	env.Extensions = true
	p := &Program{env: env}
	for _, src := range exprs {
		scope, body := splitScope(src)
		body = trim(body)
		x, err := Parse(body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(body, "@isolated") && env.Isolated == "" {
			return nil, fmt.Errorf("filter %q: @isolated stands for the isolated CPUs, and they are not known: give them with --isolated", body)
		}
		if _, err := path.Match(scope, ""); err != nil {
			return nil, fmt.Errorf("filter %q: %q is no pattern of event names", src, scope)
		}
		p.rules = append(p.rules, &rule{src: src, scope: scope, expr: x, exact: scope != "" && !hasWildcard(scope)})
	}
	return p, nil
}

// splitScope cuts "EVENTGLOB: EXPR". No expression begins with a name and a
// colon, so nothing else can be meant; a second colon belongs to system:name.
func splitScope(s string) (scope, body string) {
	first, rest, ok := cutName(s)
	if !ok {
		return "", s
	}
	if second, rest2, ok := cutName(rest); ok {
		return first + ":" + second, rest2
	}
	return first, rest
}

func cutName(s string) (name, rest string, ok bool) {
	i := 0
	for i < len(s) && (isAlnum(s[i]) || isSpace(s[i]) || strings.IndexByte("_-*?[]", s[i]) >= 0) {
		i++
	}
	name = trim(s[:min(i, len(s))])
	if i == len(s) || s[i] != ':' || name == "" || strings.IndexFunc(name, func(r rune) bool { return r == ' ' || r == '\t' }) >= 0 {
		return "", s, false
	}
	return name, s[i+1:], true
}

// Bind specialises the program for the schemas that a trace has by now, and
// reports what cannot work: an event that refuses the expression it is named
// for, or an expression that no event takes. With complete, the schemas are all
// there will be, and a scope that names none of them is an error too.
func (p *Program) Bind(t *trace.Table, complete bool) error {
	p.rebind(t)
	for _, s := range t.Schemas() {
		p.slot(s.ID)
	}
	if p.err != nil {
		return p.err
	}
	if err := p.unused(); err != nil {
		return err
	}
	for _, r := range p.rules {
		if complete && r.named == 0 {
			return r.unknown(t)
		}
	}
	return nil
}

func (p *Program) rebind(t *trace.Table) {
	p.table, p.events, p.err = t, nil, nil
	for _, r := range p.rules {
		r.named, r.took, r.reason = 0, 0, nil
	}
}

// unused reports an expression that every event refused that it is for.
func (p *Program) unused() error {
	for _, r := range p.rules {
		if r.named > 0 && r.took == 0 {
			return fmt.Errorf("no event accepts the filter %q: %w", r.src, r.reason)
		}
	}
	return nil
}

func (r *rule) unknown(t *trace.Table) error {
	if r.scope == "" {
		return fmt.Errorf("filter %q: the trace has no ipi events; name the events it is for, as in \"sched_switch: %s\"", r.src, r.expr.Src)
	}
	best, dist := "", 3
	for _, s := range t.Schemas() {
		for _, n := range []string{s.Name, s.FullName()} {
			if d := distance(r.scope, n); d < dist {
				best, dist = n, d
			}
		}
	}
	if best != "" {
		return fmt.Errorf("filter %q: the trace has no event %s: did you mean %s?", r.src, r.scope, best)
	}
	return fmt.Errorf("filter %q: the trace has no event %s", r.src, r.scope)
}

// names reports whether the expression is for an event.
func (r *rule) names(s *trace.Schema) bool {
	if r.scope == "" {
		return s.System == "ipi" || s.System == "" && strings.HasPrefix(s.Name, "ipi_")
	}
	scope, name := r.scope, s.Name
	if sys, event, ok := strings.Cut(r.scope, ":"); ok {
		if s.System == "" {
			scope = event // the text does not say the system
		} else {
			scope, name = sys+":"+event, s.System+":"+s.Name
		}
	}
	ok, _ := path.Match(scope, name)
	return ok
}

// slot specialises an event id on first sight.
func (p *Program) slot(id trace.EventID) *slot {
	for int(id) >= len(p.events) {
		p.events = append(p.events, slot{})
	}
	sl := &p.events[id]
	if sl.ready {
		return sl
	}
	sl.ready = true
	s := p.table.Schema(id)
	excluded := false
	for _, r := range p.rules {
		if !r.names(s) {
			continue
		}
		r.named++
		ep, err := Compile(r.expr, s, p.env)
		if err == nil {
			r.took++
			sl.progs = append(sl.progs, ep)
			sl.warns = append(sl.warns, ep.warns...)
			continue
		}
		excluded = true
		p.refuse(sl, r, s, err)
	}
	if excluded {
		sl.progs = nil
	}
	return sl
}

// refuse handles an event that does not take an expression that is for it. An
// input that cannot evaluate what the kernel would accept must not look as if
// nothing matched.
func (p *Program) refuse(sl *slot, r *rule, s *trace.Schema, err error) {
	why := ""
	var refused *Error
	if errors.As(err, &refused) {
		why = refused.Msg
		err = fmt.Errorf("%s does not take the filter:\n%w", s.FullName(), err) // the caret is below the text only on a line of its own
	} else {
		sl.err = err
	}
	if r.reason == nil {
		r.reason = err
	}
	if r.exact && p.err == nil {
		p.err = err
	}
	if sl.err == nil {
		sl.warns = append(sl.warns, Warning{CodeExcluded, s.FullName(), fmt.Sprintf("%s is excluded by the filter `%s`, which it does not take: %s", s.FullName(), r.expr.Src, why)})
	}
}

// Match reports whether e passes every expression that is for it, and there is
// one. It does not allocate once it has seen an event of each id.
func (p *Program) Match(e *trace.Event) bool {
	if e.Table() != p.table {
		p.rebind(e.Table())
	}
	var sl *slot
	if int(e.ID) < len(p.events) && p.events[e.ID].seen {
		sl = &p.events[e.ID]
	} else {
		sl = p.slot(e.ID)
		sl.seen = true
	}
	for _, ep := range sl.progs {
		if !ep.Match(e) {
			return false
		}
	}
	return len(sl.progs) > 0
}

// Selects reports whether an expression is for events of this schema, whether
// or not they accept it.
func (p *Program) Selects(s *trace.Schema) bool {
	for _, r := range p.rules {
		if r.names(s) {
			return true
		}
	}
	return false
}

// Err reports what went wrong while matching: an event that its expression does
// not suit, or one that could not be judged. Ask it at the end of the input, and
// earlier to stop early: nothing matches after an error of its event.
func (p *Program) Err() error {
	if p.err != nil {
		return p.err
	}
	for i := range p.events {
		sl := &p.events[i]
		if sl.seen && sl.err != nil {
			return sl.err
		}
		for _, ep := range sl.progs {
			if err := ep.Err(); err != nil {
				return err
			}
		}
	}
	return p.unused()
}

// Warnings returns what is to say about the expressions and the events seen so
// far, each thing once.
func (p *Program) Warnings() []Warning {
	var out []Warning
	said := map[string]bool{}
	add := func(w Warning) {
		if !said[w.Text] {
			said[w.Text] = true
			out = append(out, w)
		}
	}
	for i := range p.events {
		if !p.events[i].seen {
			continue
		}
		for _, w := range p.events[i].warns {
			add(w)
		}
		for _, ep := range p.events[i].progs {
			if ep.state.noted {
				add(Warning{CodeUnknownComm, "", "the trace does not know the names of some tasks (<...>), so a filter on comm may miss them"})
			}
		}
	}
	for _, r := range p.rules {
		if r.named == 0 && r.scope != "" && p.table != nil {
			add(Warning{CodeUnmatched, "", r.unknown(p.table).Error()})
		}
	}
	return out
}
