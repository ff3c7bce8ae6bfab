package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that all packages of the project begin with.
const module = "github.com/ipiscope/ipiscope/"

// A room is a part of the project with a law on what it may import. Packages
// are named by their folder below the top. Whatever comes first in rooms and
// holds a package is its room.
type room struct {
	name  string
	holds []string // folders; each stands for itself and all below
	// ours are the folders of the project that the room may import, nil for
	// none. What a room holds it may import, unless apart is set.
	ours  []string
	apart bool
	// never are the packages outside the project that it must not import;
	// "(modules)" stands for everything that is not the standard library.
	never []string
}

// rooms is the import law: bytes become events in parser, events become results
// in analysis, results become bytes in report, and analysis/result is all that
// report sees of the rest.
func rooms() []room {
	events := []string{"parser/trace", "parser/cpumask", "parser/ksym", "parser/filter", "parser/events"}
	noIO := []string{"os", "os/exec", "io/ioutil", "net", "net/http", "syscall", "log"}
	return []room{
		{name: "CPU masks", holds: []string{"parser/cpumask"}, never: []string{"(modules)", "os"}},
		{name: "vocabulary", holds: []string{"parser/trace"}, ours: []string{"parser/cpumask"}, never: []string{"(modules)", "os"}},
		{name: "parser", holds: []string{"parser"}},
		{name: "results", holds: []string{"analysis/result"}, never: append(noIO, "(modules)")},
		{name: "names and bounds", holds: []string{"analysis/names", "analysis/bound"}, ours: []string{"analysis/result"}, never: append(noIO, "(modules)")},
		{name: "shared analysis", holds: []string{"analysis/track", "analysis/key", "analysis/catalog", "analysis/stat", "analysis/state"}, ours: append(events, "analysis/result", "analysis/names", "analysis/bound"), never: noIO},
		{name: "analyzers", holds: []string{"analysis"}, apart: true, never: noIO,
			ours: append(events, "analysis/result", "analysis/names", "analysis/bound", "analysis/track", "analysis/key", "analysis/catalog", "analysis/stat", "analysis/state", "analysis.")},
		{name: "report", holds: []string{"report"}, ours: []string{"analysis/result"}, never: []string{"os", "os/exec", "net", "net/http"}},
		{name: "fixtures", holds: []string{"fixtures"}},
		{name: "tools of tests", holds: []string{"internal"}, ours: []string{"parser", "analysis"}},
		{name: "commands", holds: []string{"cmd"}, ours: []string{"parser", "analysis", "report"}},
	}
}

// within reports whether a package is one of the folders or below. A folder
// with a dot behind it stands for itself alone.
func within(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		if self, ok := strings.CutSuffix(f, "."); ok {
			return pkg == self
		}
		return pkg == f || strings.HasPrefix(pkg, f+"/")
	})
}

// checkImports says what is wrong with the imports of one package.
func checkImports(rooms []room, pkg string, imports []string) []string {
	i := slices.IndexFunc(rooms, func(r room) bool { return within(pkg, r.holds) })
	if i < 0 {
		return []string{fmt.Sprintf("%s is in no room of the project", pkg)}
	}
	r := rooms[i]
	var wrong []string
	for _, imp := range imports {
		ours, ok := strings.CutPrefix(imp, module)
		switch {
		case ok && within(ours, r.ours), ok && !r.apart && within(ours, r.holds):
		case ok:
			wrong = append(wrong, fmt.Sprintf("%s (%s) imports %s", pkg, r.name, ours))
		case slices.Contains(r.never, imp), isModule(imp) && slices.Contains(r.never, "(modules)"):
			wrong = append(wrong, fmt.Sprintf("%s (%s) imports %s", pkg, r.name, imp))
		}
	}
	return wrong
}

// isModule reports whether an import path is outside the standard library,
// whose paths have no dot in their first element.
func isModule(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".")
}

// TestImportLaw holds every package against the law; tests may import what they
// like.
func TestImportLaw(t *testing.T) {
	packages := importsOf(t)
	for _, must := range []string{"parser/trace", "analysis/result", "report/json", "cmd/ipiscope"} {
		if packages[must] == nil {
			t.Errorf("%s was not found: the test looks at the wrong folder", must)
		}
	}
	for pkg, imports := range packages {
		for _, wrong := range checkImports(rooms(), pkg, imports) {
			t.Error(wrong)
		}
	}
}

// TestImportLawHolds breaks the law on purpose.
func TestImportLawHolds(t *testing.T) {
	for _, c := range []struct {
		pkg, imp string
		ok       bool
	}{
		{"parser/cpumask", "math/bits", true},
		{"parser/cpumask", "golang.org/x/sys/cpu", false},
		{"parser/cpumask", module + "parser/trace", false},
		{"parser/trace", module + "parser/cpumask", true},
		{"parser/trace", module + "parser/ksym", false},
		{"parser/trace", "github.com/klauspost/compress/zstd", false},
		{"parser/tracedat", "github.com/klauspost/compress/zstd", true},
		{"parser/tracedat", module + "parser/ringbuf", true},
		{"parser/tracedat", module + "analysis/result", false},
		{"parser/tracedat", module + "report", false},
		{"parser", module + "analysis", false},
		{"parser/filter", module + "cmd/internal/cli", false},
		{"analysis", module + "parser/trace", true},
		{"analysis", module + "analysis/result", true},
		{"analysis", module + "parser", false},
		{"analysis", module + "analysis/ipi", false},
		{"analysis", "os", false},
		{"analysis/ipi", module + "analysis", true},
		{"analysis/ipi", module + "analysis/track", true},
		{"analysis/ipi", module + "analysis/catalog", true},
		{"analysis/ipi", module + "analysis/latency", false},
		{"analysis/ipi", module + "parser/tracedat", false},
		{"analysis/ipi", module + "parser/ftext", false},
		{"analysis/ipi", module + "parser", false},
		{"analysis/ipi", module + "report/text", false},
		{"analysis/ipi", "os", false},
		{"analysis/track", module + "parser/cpumask", true},
		{"analysis/track", module + "analysis", false},
		{"analysis/track", module + "analysis/ipi", false},
		{"analysis/result", module + "parser/trace", false},
		{"report/json", module + "analysis/result", true},
		{"report/json", "encoding/json", true},
		{"report", module + "report/json", true},
		{"report/text", "github.com/olekukonko/tablewriter", true},
		{"report/text", module + "analysis", false},
		{"report/text", module + "analysis/ipi", false},
		{"report/text", module + "parser/trace", false},
		{"report/text", module + "parser/cpumask", false},
		{"report/text", "os", false},
		{"cmd/ipiscope", module + "analysis/ipi", true},
		{"cmd/ipiscope", module + "cmd/internal/cli", true},
		{"cmd/internal/cli", module + "parser", true},
		{"reports", "fmt", false},
		{"util", "fmt", false},
	} {
		wrong := checkImports(rooms(), c.pkg, []string{"fmt", c.imp})
		if (len(wrong) == 0) != c.ok {
			t.Errorf("%s imports %s: law says %q, want ok %v", c.pkg, c.imp, wrong, c.ok)
		}
	}
}

// TestNothingHidden finds what works behind the back of whoever calls: output
// that is not asked for, and code that runs because a package is imported.
func TestNothingHidden(t *testing.T) {
	for name, f := range parse(t, 0) {
		for _, wrong := range hidden(f) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

func TestNothingHiddenHolds(t *testing.T) {
	for body, want := range map[string]int{
		`func f() { fmt.Println("x") }`:                  1,
		`func f() { fmt.Printf("x"); print(1) }`:         2,
		`func f() { fmt.Fprintln(w, "x") }`:              0,
		`func f() string { return fmt.Sprint() }`:        0,
		`func (t *T) print() {}; func g() { t.print() }`: 0,
		`func init() {}`:                                 1,
		`func (t *T) init() {}`:                          0,
		`var x = fmt.Print`:                              1,
		`func initialise() {}`:                           0,
		`func f() { println() }`:                         1,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; import \"fmt\"\n"+body, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := hidden(f); len(got) != want {
			t.Errorf("%s: %q, want %d complaints", body, got, want)
		}
	}
}

// hidden lists uses of standard output without a writer, and init functions.
func hidden(f *ast.File) []string {
	var wrong []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				wrong = append(wrong, "has an init function")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "fmt" && strings.HasPrefix(n.Sel.Name, "Print") {
				wrong = append(wrong, "calls fmt."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println") {
				wrong = append(wrong, "calls "+x.Name)
			}
		}
		return true
	})
	return wrong
}

// importsOf reads the imports of every package below the top. It reads files of
// all build constraints, so that no platform is left out.
func importsOf(t *testing.T) map[string][]string {
	packages := map[string][]string{}
	for name, f := range parse(t, parser.ImportsOnly) {
		pkg := path.Dir(name)
		if packages[pkg] == nil {
			packages[pkg] = []string{}
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(packages[pkg], imp) {
				packages[pkg] = append(packages[pkg], imp)
			}
		}
	}
	return packages
}

// parse parses all Go files of the project except tests.
func parse(t *testing.T, mode parser.Mode) map[string]*ast.File {
	files := map[string]*ast.File{}
	for name, src := range sources(t) {
		f, err := parser.ParseFile(token.NewFileSet(), name, src, mode)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	return files
}

// sources reads all Go files of the project except tests.
func sources(t *testing.T) map[string][]byte {
	top := os.DirFS("../..")
	files := map[string][]byte{}
	err := fs.WalkDir(top, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files[name], err = fs.ReadFile(top, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
