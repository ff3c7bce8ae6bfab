package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// A shell is one that completes command lines.
type shell struct {
	name  string
	write func(*cobra.Command, io.Writer) error
}

func shells() []shell {
	return []shell{
		{"bash", func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
		{"zsh", func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) }},
		{"fish", func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
		{"powershell", func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) }},
	}
}

func newCompletion(t *cli.Terminal) *cobra.Command {
	var names []string
	for _, s := range shells() {
		names = append(names, s.name)
	}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what makes a shell complete the commands, flags and their values",
		Long: `Print what makes a shell (` + strings.Join(names, ", ") + `) complete the commands of ipiscope,
their flags and the values that these take. Packages and make install put it
where the shells look for it. By hand that is, for one user,

  bash: ~/.local/share/bash-completion/completions/ipiscope
  fish: ~/.config/fish/completions/ipiscope.fish
  zsh:  _ipiscope in a folder that $fpath names`,
		Example: `  source <(ipiscope completion bash)
  ipiscope completion fish > ~/.config/fish/completions/ipiscope.fish`,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usage(errors.New("completion: name one shell: " + strings.Join(names, " ")))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range shells() {
				if s.name == args[0] {
					return s.write(cmd.Root(), t.Out)
				}
			}
			return cli.Unknown("shell", args[0], names)
		},
	}
}

// complete lets shells offer the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	// fails only for a flag that does not exist
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeList is complete for a flag that takes several values with commas: it
// offers those that are not there yet.
func completeList(cmd *cobra.Command, flag string, values []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		given := ""
		if i := strings.LastIndexByte(typed, ','); i >= 0 {
			given = typed[:i+1]
		}
		var offers []string
		for _, v := range values {
			if !strings.Contains(","+given, ","+v+",") {
				offers = append(offers, given+v)
			}
		}
		return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}
