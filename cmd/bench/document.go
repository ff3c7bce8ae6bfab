package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// The figures stand between these lines of the document.
const (
	figuresBegin = "<!-- figures: written by make bench -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

// A document collects figures as Markdown.
type document struct{ strings.Builder }

// machine says what the figures were measured on.
func (d *document) machine(ctx context.Context) error {
	fmt.Fprintf(d, "Measured on %s with %d processors, %s", model(), runtime.NumCPU(), runtime.Version())
	for _, tool := range [][2]string{{"trace-cmd", "--version"}, {"zstd", "--version"}, {"grep", "--version"}} {
		out, err := exec.CommandContext(ctx, tool[0], tool[1]).CombinedOutput()
		if v := regexp.MustCompile(`\d+(\.\d+)+`).Find(out); err == nil && v != nil {
			fmt.Fprintf(d, ", %s %s", tool[0], v)
		}
	}
	d.WriteString(".\n")
	return ctx.Err()
}

// model is the processor's name.
func model() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(text); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOARCH
}

func (d *document) contest(g contest, rows []row) {
	size := int64(0)
	if st, err := os.Stat(g.file); err == nil {
		size = st.Size()
	}
	fmt.Fprintf(d, "\n### %s\n\nFILE has %d MB.\n\n", g.title, size/1e6)
	d.WriteString("| | elapsed | CPU | peak memory | MB/s | ipiscope's time by this one's | CPU by CPU |\n|---|---|---|---|---|---|---|\n")
	for i, r := range rows {
		name := "`" + strings.ReplaceAll(r.command.name, "|", `\|`) + "`"
		if r.missing != "" {
			fmt.Fprintf(d, "| %s | %s is not installed | | | | | |\n", name, r.missing)
			continue
		}
		ratios := " | "
		if i > 0 {
			ratios = fmt.Sprintf("%.3g | %.3g", r.ratioWall, r.ratioCPU)
		}
		fmt.Fprintf(d, "| %s | %.3f s | %.3f s | %.1f MiB | %.0f | %s |\n", name, r.wall.Seconds(), r.cpu.Seconds(), mebibytes(r.memory), float64(size)/1e6/r.wall.Seconds(), ratios)
	}
}

func (d *document) scale(points []point) {
	d.WriteString("\n### The same report on files of any size\n\n| file | elapsed | CPU | CPU per MB | peak memory |\n|---|---|---|---|---|\n")
	for _, p := range points {
		fmt.Fprintf(d, "| %.1f MB | %.3f s | %.3f s | %.3f ms | %.1f MiB |\n", float64(p.size)/1e6, p.wall.Seconds(), p.cpu.Seconds(), p.cpu.Seconds()*1e9/float64(p.size), mebibytes(p.memory))
	}
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// replaceIn puts the figures in place of those that stand in a file.
func (d *document) replaceIn(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), figuresBegin)
	_, after, ok2 := strings.Cut(rest, figuresEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s: want the lines %q and %q, between which figures stand", path, strings.TrimSpace(figuresBegin), strings.TrimSpace(figuresEnd))
	}
	return os.WriteFile(path, []byte(before+figuresBegin+d.String()+figuresEnd+after), 0o644)
}
