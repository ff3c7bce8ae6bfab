// Package manual writes the manual pages of commands from what their help says.
package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Date stands at the foot of every page. It changes with releases, so that pages
// change only with their commands.
const Date = "2026-11-25"

// An Entry is a term and what it means.
type Entry struct{ Term, Text string }

// Facts are what the help of a command does not say.
type Facts struct {
	Keys        []Entry // that --by takes
	Exit        []Entry // exit statuses
	Environment []Entry
	Files       []Entry
	SeeAlso     []string // pages of other programs, "trace-cmd-record(1)"
}

// Name is the name of a command's page without its section,
// "ipiscope-filter-check".
func Name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// Commands lists the commands that have a page: root and all below that are not
// hidden and no mere help.
func Commands(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			all = append(all, Commands(c)...)
		}
	}
	return all
}

// Page is the page of a command in the language of man(7).
func Page(cmd *cobra.Command, facts Facts) []byte {
	p := &page{}
	p.line(`.\" Made from the help of the command; see docs/architecture.md.`)
	p.line(`.TH %s 1 %s ipiscope "User Commands"`, strings.ToUpper(escape(Name(cmd))), Date)
	p.section("NAME")
	p.line(`%s \- %s`, escape(Name(cmd)), escape(uncapital(cmd.Short)))
	p.section("SYNOPSIS")
	p.synopsis(cmd)
	p.section("DESCRIPTION")
	p.description(cmd)
	p.commands(cmd)
	p.options(cmd)
	p.entries("KEYS", facts.Keys)
	p.entries("EXIT STATUS", facts.Exit)
	p.entries("ENVIRONMENT", facts.Environment)
	p.entries("FILES", facts.Files)
	p.examples(cmd)
	p.seeAlso(cmd, facts.SeeAlso)
	return []byte(p.b.String())
}

type page struct{ b strings.Builder }

// line writes a line of macros or of escaped text.
func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

func (p *page) section(name string) { p.line(`.SH "%s"`, name) }

// text writes lines that roff fills. A line must not begin as a macro does.
func (p *page) text(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		p.line("%s", guard(escape(line)))
	}
}

func (p *page) synopsis(cmd *cobra.Command) {
	path := cmd.CommandPath()
	use := cmd.UseLine()
	if cmd.HasAvailableSubCommands() && !strings.Contains(cmd.Use, " ") {
		use = path + " COMMAND [flags]"
	}
	for i, way := range strings.Split(strings.TrimPrefix(use, path), " | ") {
		if i > 0 {
			p.line(".br")
		}
		words := []string{`\fB` + option(path) + `\fR`}
		for _, w := range strings.Fields(way) {
			words = append(words, synopsisWord(w))
		}
		p.line("%s", strings.Join(words, " "))
	}
}

// synopsisWord sets what is typed as it is in bold and what stands for something
// in italics.
func synopsisWord(w string) string {
	if w == "[flags]" {
		return `[\fIOPTION\fR]...`
	}
	var out strings.Builder
	for w != "" {
		n := strings.IndexFunc(w, func(r rune) bool { return !isUpper(r) })
		if n < 0 {
			n = len(w)
		}
		if n > 1 {
			out.WriteString(`\fI` + escape(w[:n]) + `\fR`)
			w = w[n:]
			continue
		}
		n = strings.IndexFunc(w, func(r rune) bool { return strings.ContainsRune("[]=|.", r) })
		switch {
		case n < 0:
			n = len(w)
			fallthrough
		case n > 0:
			out.WriteString(`\fB` + option(w[:n]) + `\fR`)
		default:
			n = 1
			out.WriteString(escape(w[:1]))
		}
		w = w[n:]
	}
	return out.String()
}

func isUpper(r rune) bool { return r >= 'A' && r <= 'Z' }

// description writes the long help: paragraphs, and those that are indented as
// they are.
func (p *page) description(cmd *cobra.Command) {
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	for i, paragraph := range strings.Split(long, "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			p.verbatim(paragraph)
			continue
		}
		if i > 0 {
			p.line(".PP")
		}
		p.text(paragraph)
	}
}

func (p *page) verbatim(lines string) {
	p.line(".PP")
	p.line(".RS 4")
	p.line(".nf")
	for line := range strings.SplitSeq(lines, "\n") {
		p.line("%s", guard(option(strings.TrimPrefix(line, "  "))))
	}
	p.line(".fi")
	p.line(".RE")
}

func (p *page) commands(cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	p.section("COMMANDS")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			p.line(".TP")
			p.line(`.BR %s (1)`, escape(Name(c)))
			p.text(c.Short + ".")
		}
	}
}

func (p *page) options(cmd *cobra.Command) {
	p.section("OPTIONS")
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			p.option(f)
		}
	})
	p.line(".TP")
	p.line(`\fB\-h\fR, \fB\-\-help\fR`)
	p.text("Show a summary of all this.")
}

func (p *page) option(f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	term := `\fB\-\-` + option(f.Name) + `\fR`
	if f.Shorthand != "" {
		term = `\fB\-` + option(f.Shorthand) + `\fR, ` + term
	}
	if value != "" {
		term += ` \fI` + escape(value) + `\fR`
	}
	p.line(".TP")
	p.line("%s", term)
	text := capital(usage) + "."
	if d := defaultOf(f); d != "" {
		text += " The default is " + d + "."
	}
	p.text(text)
}

// defaultOf is the default of a flag if it is worth to be said, as help has it.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "false", "[]", "0s", "-1":
		return ""
	}
	return f.DefValue
}

func (p *page) entries(section string, all []Entry) {
	if len(all) == 0 {
		return
	}
	p.section(section)
	for _, e := range all {
		p.line(".TP")
		p.line(`\fB%s\fR`, option(e.Term))
		p.text(capital(e.Text) + ".")
	}
}

func (p *page) examples(cmd *cobra.Command) {
	if cmd.Example == "" {
		return
	}
	p.section("EXAMPLES")
	p.line(".nf")
	for line := range strings.SplitSeq(cmd.Example, "\n") {
		p.line("%s", guard(option(strings.TrimPrefix(line, "  "))))
	}
	p.line(".fi")
}

func (p *page) seeAlso(cmd *cobra.Command, others []string) {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, Name(cmd.Parent())+"(1)")
		for _, c := range cmd.Parent().Commands() {
			if c.IsAvailableCommand() && c != cmd {
				pages = append(pages, Name(c)+"(1)")
			}
		}
	}
	pages = append(pages, others...)
	p.section("SEE ALSO")
	for i, name := range pages {
		title, section, _ := strings.Cut(name, "(")
		comma := ","
		if i == len(pages)-1 {
			comma = ""
		}
		p.line(`.BR %s (%s%s`, escape(title), section, comma)
	}
}

// escape makes text of s.
func escape(s string) string { return strings.ReplaceAll(s, `\`, `\e`) }

// option makes what is typed of s: its hyphens are minus signs.
func option(s string) string { return strings.ReplaceAll(escape(s), "-", `\-`) }

// guard keeps a line from being taken for a macro.
func guard(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// uncapital undoes capital, but for names such as IPI.
func uncapital(s string) string {
	if len(s) > 1 && isUpper(rune(s[0])) && !isUpper(rune(s[1])) {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
