package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutant is one change of a file: the bytes from start to end are replaced.
type mutant struct {
	path       string
	line       int
	start, end int
	text       string // in their place
	source     []byte // the whole file, shared
}

// changed is the whole file with the change.
func (m *mutant) changed() []byte {
	return bytes.Join([][]byte{m.source[:m.start], []byte(m.text), m.source[m.end:]}, nil)
}

// lines are the lines that the change touches, before and after it, as one each.
func (m *mutant) lines() (before, after string) {
	from := bytes.LastIndexByte(m.source[:m.start], '\n') + 1
	to := len(m.source)
	if n := bytes.IndexByte(m.source[m.end:], '\n'); n >= 0 {
		to = m.end + n
	}
	oneLine := func(b ...[]byte) string { return strings.Join(strings.Fields(string(bytes.Join(b, nil))), " ") }
	return oneLine(m.source[from:to]), oneLine(m.source[from:m.start], []byte(m.text), m.source[m.end:to])
}

func (m *mutant) String() string {
	before, after := m.lines()
	return fmt.Sprintf("%s:%d\n    - %s\n    + %s", m.path, m.line, before, after)
}

// placesOf lists the mutants of the files of a package, without its tests and what
// is made by programs.
func placesOf(dir string) ([]*mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []*mutant
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		of, err := mutantsOf(path, source)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	if len(all) == 0 {
		return nil, errors.New("no Go code to change")
	}
	return all, nil
}

func mutantsOf(path string, source []byte) ([]*mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	v := &visitor{path: path, source: source, fset: fset}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			ast.Inspect(f.Body, v.visit)
		}
	}
	return v.found, nil
}

type visitor struct {
	path   string
	source []byte
	fset   *token.FileSet
	found  []*mutant
}

func (v *visitor) replace(from, to token.Pos, text string) {
	start := v.fset.Position(from)
	v.found = append(v.found, &mutant{v.path, start.Line, start.Offset, v.fset.Position(to).Offset, text, v.source})
}

func (v *visitor) text(n ast.Node) string {
	return string(v.source[v.fset.Position(n.Pos()).Offset:v.fset.Position(n.End()).Offset])
}

// swaps are operators and what is put in their place. A bound that is off by one and
// a condition that is the other way round are the mistakes that people make.
var swaps = map[token.Token][]token.Token{
	token.EQL:        {token.NEQ},
	token.NEQ:        {token.EQL},
	token.LSS:        {token.LEQ, token.GEQ},
	token.LEQ:        {token.LSS, token.GTR},
	token.GTR:        {token.GEQ, token.LEQ},
	token.GEQ:        {token.GTR, token.LSS},
	token.LAND:       {token.LOR},
	token.LOR:        {token.LAND},
	token.ADD:        {token.SUB},
	token.SUB:        {token.ADD},
	token.MUL:        {token.QUO},
	token.ADD_ASSIGN: {token.SUB_ASSIGN, token.ASSIGN},
	token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.OR_ASSIGN:  {token.ASSIGN},
	token.INC:        {token.DEC},
	token.DEC:        {token.INC},
}

func (v *visitor) operator(op token.Token, at token.Pos) {
	for _, other := range swaps[op] {
		v.replace(at, at+token.Pos(len(op.String())), other.String())
	}
}

func (v *visitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		v.operator(n.Op, n.OpPos)
	case *ast.IncDecStmt:
		v.operator(n.Tok, n.TokPos)
		v.replace(n.Pos(), n.End(), "")
	case *ast.AssignStmt:
		v.operator(n.Tok, n.TokPos)
		if n.Tok != token.DEFINE {
			v.replace(n.Pos(), n.End(), "")
		}
	case *ast.ExprStmt:
		v.replace(n.Pos(), n.End(), "")
	case *ast.IfStmt:
		v.condition(n.Cond)
	case *ast.BasicLit:
		if i, err := strconv.Atoi(n.Value); err == nil && n.Kind == token.INT {
			v.replace(n.Pos(), n.End(), strconv.Itoa(i+1))
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			v.replace(n.Pos(), n.End(), "false")
		case "false":
			v.replace(n.Pos(), n.End(), "true")
		}
	case *ast.BranchStmt:
		if n.Tok == token.CONTINUE && n.Label == nil {
			v.replace(n.Pos(), n.End(), "break")
		}
	}
	return true
}

// condition makes a branch be taken never and always. What it compares and calls is
// kept, so that nothing is unused.
func (v *visitor) condition(cond ast.Expr) {
	v.replace(cond.Pos(), cond.End(), "("+v.text(cond)+") && 1 > 2")
	v.replace(cond.Pos(), cond.End(), "("+v.text(cond)+") || 1 < 2")
}
