package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// versionFlag gives the program --version, as cobra does by itself: but that has
// the line made by a template.
func versionFlag(root *cobra.Command) {
	show := root.Flags().BoolP("version", "v", false, "version for "+root.Name())
	run := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *show {
			_, err := io.WriteString(cmd.OutOrStdout(), versionLine())
			return err
		}
		return run(cmd, args)
	}
}

// writeUsage writes what cobra's own usage template makes, with the flags in so many
// columns, 80 where there is no terminal. There is no template: text/template calls
// methods by name, and where it is used the linker must keep every method of every
// type; html/template in report/html makes it do so still (docs/performance.md).
func writeUsage(w io.Writer, cmd *cobra.Command, columns int) error {
	if columns == 0 {
		columns = 80
	}
	var b strings.Builder
	b.WriteString("Usage:")
	if cmd.Runnable() {
		b.WriteString("\n  " + cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n  " + cmd.CommandPath() + " [command]")
	}
	if len(cmd.Aliases) > 0 {
		b.WriteString("\n\nAliases:\n  " + cmd.NameAndAliases())
	}
	if cmd.HasExample() {
		b.WriteString("\n\nExamples:\n" + cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n\nAvailable Commands:")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "\n  %-*s %s", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	for _, part := range []struct {
		title  string
		usages string
	}{
		{"Flags", usages(cmd.HasAvailableLocalFlags(), cmd.LocalFlags().FlagUsagesWrapped, columns)},
		{"Global Flags", usages(cmd.HasAvailableInheritedFlags(), cmd.InheritedFlags().FlagUsagesWrapped, columns)},
	} {
		if part.usages != "" {
			b.WriteString("\n\n" + part.title + ":\n" + part.usages)
		}
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n\nUse \"" + cmd.CommandPath() + " [command] --help\" for more information about a command.")
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// usages are the usages of flags, if there are any.
func usages(any bool, of func(columns int) string, columns int) string {
	if !any {
		return ""
	}
	return strings.TrimRight(of(columns), " \t\r\n")
}
