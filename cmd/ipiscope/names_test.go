package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// A definedName is a line of the table of names in docs/definitions.md.
type definedName struct {
	name, member string
	heads, not   []string
}

// definedNames reads the table.
func definedNames(t *testing.T) []definedName {
	t.Helper()
	page, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Names\n")
	list := func(cell string) []string {
		return strings.FieldsFunc(cell, func(r rune) bool { return r == ',' })
	}
	var all []definedName
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || !strings.Contains(cells[3], "`") {
			continue
		}
		x := definedName{name: strings.TrimSpace(cells[1]), member: strings.Trim(cells[3], " `"), heads: list(cells[4]), not: list(cells[5])}
		for _, words := range [][]string{x.heads, x.not} {
			for i := range words {
				words[i] = strings.TrimSpace(words[i])
			}
		}
		x.not = slices.DeleteFunc(x.not, func(s string) bool { return s == "" })
		all = append(all, x)
	}
	if len(all) < 15 {
		t.Fatalf("%d terms read of the table of names", len(all))
	}
	return all
}

// A sourceColumn is one that the analyzers' source names.
type sourceColumn struct{ member, head, at string }

// columns finds all literals of result.Col with a name and a head that are constants.
func columns(t *testing.T) []sourceColumn {
	t.Helper()
	var all []sourceColumn
	err := filepath.WalkDir("../../analysis", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				if name, head := member(lit, "Name"), member(lit, "Head"); name != "" && head != "" {
					all = append(all, sourceColumn{name, head, files.Position(lit.Pos()).String()})
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(all) < 200 {
		t.Fatal(len(all), "columns found", err)
	}
	return all
}

// member is a member of a literal that is a constant text.
func member(lit *ast.CompositeLit, name string) string {
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := kv.Key.(*ast.Ident)
		value, _ := kv.Value.(*ast.BasicLit)
		if key != nil && value != nil && key.Name == name && value.Kind == token.STRING {
			text, _ := strconv.Unquote(value.Value)
			return text
		}
	}
	return ""
}

// TestNames: what the table of names lists has that name and no other, in the heads
// of columns and in the help of flags.
func TestNames(t *testing.T) {
	all, found := columns(t), map[string]bool{}
	for _, x := range definedNames(t) {
		for _, c := range all {
			if c.member != x.member {
				continue
			}
			found[x.member] = true
			if !slices.Contains(x.heads, c.head) {
				t.Errorf("%s: the column %q is headed %q, the table of names has %q", c.at, c.member, c.head, x.heads)
			}
		}
		for _, word := range x.not {
			other := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `s?\b`)
			for _, c := range all {
				if other.MatchString(c.head) {
					t.Errorf("%s: the head %q: say %q", c.at, c.head, x.name)
				}
			}
			forFlags(newRoot(cli.NewTerminal(nil, &bytes.Buffer{}, &bytes.Buffer{})), func(cmd *cobra.Command, f *pflag.Flag) {
				if other.MatchString(f.Usage) && !strings.Contains(f.Usage, "this "+word) && !strings.Contains(f.Usage, "other "+word) {
					t.Errorf("%s --%s: %q: say %q", cmd.CommandPath(), f.Name, f.Usage, x.name)
				}
			})
		}
	}
	for _, member := range []string{"host", "hits", "sends", "per_cpu_hour", "lost", "line", "evidence", "longest_quiet_ns"} {
		if !found[member] {
			t.Errorf("no column %q is seen: the test does not see what it is about", member)
		}
	}
}

// forFlags calls do for each flag of a command and those below it.
func forFlags(cmd *cobra.Command, do func(*cobra.Command, *pflag.Flag)) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { do(cmd, f) })
	for _, c := range cmd.Commands() {
		forFlags(c, do)
	}
}
