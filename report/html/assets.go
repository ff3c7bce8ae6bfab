package html

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

// files are what a page is made of; uplot has its licence beside it.
//
//go:embed page uplot
var files embed.FS

// scripts and styles list the files in the order in which a page has them. The
// scripts are one function, so that they see each other and nobody else does.
var (
	scripts = []string{
		"page/dom.js", "page/address.js", "page/format.js", "page/theme.js", "page/cells.js", "page/tables.js", "page/timeline.js", "page/flame.js", "page/main.js",
	}
	styles = []string{"uplot/uPlot.min.css", "page/style.css", "page/live.css"}
)

type assets struct {
	page          *template.Template
	style, script string
}

func load() (*assets, error) {
	page, err := template.ParseFS(files, "page/*.tmpl")
	if err != nil {
		return nil, err
	}
	style, err := join(styles)
	if err != nil {
		return nil, err
	}
	library, err := join([]string{"uplot/uPlot.iife.min.js"})
	if err != nil {
		return nil, err
	}
	own, err := join(scripts)
	if err != nil {
		return nil, err
	}
	return &assets{page, style, "(() => {\n\"use strict\";\n" + library + own + "})();\n"}, nil
}

func join(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// policy is the page's Content-Security-Policy: it loads nothing, and of styles
// and scripts only its own are taken, which their hashes name.
func (a *assets) policy() string {
	return fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", hash(a.script), hash(a.style))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
