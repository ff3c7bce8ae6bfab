package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

var update = flag.Bool("update", false, "rewrite what the scripts in testdata/script expect")

// TestMain gives the scripts two commands: ipiscope, and ipiscope80, which
// writes as to a terminal of 80 columns without colour.
func TestMain(m *testing.M) {
	testscript.Main(m, withPrograms(map[string]func(){
		"ipiscope": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"ipiscope80": func() {
			t := cli.NewTerminal(os.Stdin, os.Stdout, os.Stderr)
			t.Width = 80
			root := newRoot(t)
			root.SetArgs(os.Args[1:])
			os.Exit(cli.Status(root.ExecuteContext(context.Background())))
		},
	}))
}

// TestScripts runs testdata/script. In each of them fixtures/ is the project's
// folder of that name.
func TestScripts(t *testing.T) {
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	composed, err := filepath.Abs("testdata/thread000")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() { // each of the many that read a few lines of text runs the program several times
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), "text-") })
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			return errors.Join(os.Symlink(fixtures, filepath.Join(env.WorkDir, "fixtures")), os.Symlink(composed, filepath.Join(env.WorkDir, "thread000")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a program and holds its exit status against a number: "exits 2
// ipiscope report". Its output can be compared as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG...]")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
