package html

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// hostile are texts that would do something on a page that did not escape them.
func hostile() []string {
	return []string{
		`<script>pwned=1</script>`, `</script><script>pwned=1</script>`, `<!--<script>`, `<img src=x onerror=pwned=1>`,
		`"><svg onload=pwned=1>`, `' onmouseover='pwned=1`, `javascript:pwned=1`, `{{.}}`, `</style><style>*{display:none}`,
		"\x1b[31mred\x07", "tab\tand\nbreak", "\u202egnp.exe", "\u2028\u2029", "\xff\xfe", `\u003cb\u003e`, `]]>`, `&lt;b&gt;`, `__proto__`, `constructor`,
	}
}

// over is a value over time.
func over(counts ...int64) result.Value { return result.Over(&result.Bars{Width: 10, Counts: counts}) }

// hostileSet is a result in which every text is hostile.
func hostileSet() *result.Set {
	h := hostile()
	s := &result.Set{
		Schema: "ipiscope/report/v1", Verdict: strings.Join(h, " "), Notes: h, Isolated: h[0], By: h,
		Inputs:   []result.Input{{Path: h[3], Format: h[0], Tool: h[1], Kernel: h[2], Host: h[4], Clock: h[5], First: 1, Last: 100}},
		Warnings: []result.Warning{{Code: h[0], Text: h[1]}},
		Totals:   []result.Field{{Name: "hits", Value: result.Int(int64(len(h)))}, {Name: h[0], Value: result.Str(h[1])}},
		Time:     &result.Time{Width: 10, Cells: 10, End: 100, Ends: []int64{100}, Origin: 1},
	}
	groups := &result.Table{Name: "groups", Title: h[0], Cols: []result.Col{
		{Name: "comm", Head: h[0], Help: h[4], Key: true}, {Name: "hits", Head: "hits"}, {Name: "share", Head: h[1], Unit: "1"}, {Name: "class", Head: "class"}, {Name: "top_cause", Head: "top cause"}, {Name: "over_time"},
	}}
	advice := &result.Table{Name: "advice", Title: "What to do", Prose: "mitigation", Cols: []result.Col{
		{Name: "hits"}, {Name: "share", Unit: "1"}, {Name: "function"}, {Name: "root"}, {Name: "class"}, {Name: "mitigation"}, {Name: "reason"},
	}}
	s.Stacks = &result.Stacks{Values: []result.Col{{Name: "hits"}}, Labels: []result.Col{{Name: "class"}}}
	for i, text := range h {
		v := result.Str(text)
		groups.Rows = append(groups.Rows, []result.Value{v, result.Int(1), result.Float(1 / float64(len(h))), v, v, over(0, 1)})
		advice.Rows = append(advice.Rows, []result.Value{result.Int(1), result.Float(0.1), v, v, v, v, v})
		s.Stacks.Samples = append(s.Stacks.Samples, result.Sample{Frames: []string{text, h[(i+1)%len(h)]}, Labels: []string{text}, Values: []int64{1}})
	}
	s.Tables = []*result.Table{groups, advice}
	return s
}

func write(t *testing.T, s *result.Set) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s, Options{Command: strings.Join(hostile(), " "), Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements parses a page as browsers do.
func elements(t *testing.T, page string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(doc.Descendants())
}

// TestHostile: texts from a trace are text on the page, wherever they stand.
func TestHostile(t *testing.T) {
	page := write(t, hostileSet())
	count := map[string]int{}
	var texts strings.Builder
	for _, n := range elements(t, page) {
		if n.Type == html.TextNode {
			texts.WriteString(n.Data + "\n")
			continue
		}
		count[n.Data]++
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") && a.Val != "data:," {
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if count["script"] != 2 || count["style"] != 1 || count["img"]+count["iframe"]+count["b"] != 1 {
		t.Errorf("elements: %v", count)
	}
	for _, want := range []string{`<script>pwned=1</script>`, `"><svg onload=pwned=1>`, `{{.}}`, `\x1b[31mred\a`, `tab\tand\nbreak`, `\u202egnp.exe`, `\xff\xfe`, `&lt;b&gt;`} {
		if !strings.Contains(texts.String(), want) {
			t.Errorf("%q is not shown", want)
		}
	}
}

// TestPolicy: the page's policy names the one style and the one script that it
// has, and nothing else may run or be loaded.
func TestPolicy(t *testing.T) {
	var policy string
	var found []string
	for _, n := range elements(t, write(t, hostileSet())) {
		attr := func(key string) string {
			i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
			if i < 0 {
				return ""
			}
			return n.Attr[i].Val
		}
		switch {
		case attr("http-equiv") == "Content-Security-Policy":
			policy = attr("content")
		case n.Data == "style":
			found = append(found, "style-src '"+hash(n.FirstChild.Data)+"';")
		case n.Data == "script" && attr("type") == "":
			found = append(found, "script-src '"+hash(n.FirstChild.Data)+"';")
		}
	}
	if len(found) != 2 || !strings.Contains(policy, found[0]) || !strings.Contains(policy, found[1]) {
		t.Errorf("policy %q; the page has %q", policy, found)
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
}

// TestSize: no result makes a page larger than promised, and what is left out is
// said.
func TestSize(t *testing.T) {
	s := hostileSet()
	const rows, cells = 5000, 256
	s.Time.Cells = cells
	long := strings.Repeat(`"<&>'`, 200)
	for _, t := range s.Tables {
		for i := range rows {
			row := slices.Clone(t.Rows[0])
			for c := range row {
				switch row[c].Kind {
				case result.KindString:
					row[c] = result.Str(fmt.Sprint(i, long))
				case result.KindBars:
					counts := make([]int64, cells)
					for k := range counts {
						counts[k] = int64(i*k + 1)
					}
					row[c] = over(counts...)
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	for i := range 5 {
		more := *s.Tables[0]
		more.Name = fmt.Sprint("more", i)
		s.Tables = append(s.Tables, &more)
	}
	for i := range rows {
		s.Warnings = append(s.Warnings, result.Warning{Code: "x", Text: long})
		s.Inputs = append(s.Inputs, result.Input{Path: long, Kernel: long, Tool: long})
		frames := []string{fmt.Sprint(i, long), fmt.Sprint(i%100, long), fmt.Sprint(i%10, long)}
		s.Stacks.Samples = append(s.Stacks.Samples, result.Sample{Frames: frames, Labels: []string{"deferrable"}, Values: []int64{int64(i + 1)}})
	}
	page := write(t, s)
	if len(page) > MaxSize {
		t.Errorf("%d bytes, want at most %d", len(page), MaxSize)
	}
	for _, want := range []string{"more rows with", "more warnings", "more files", "are not shown."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestFiguresLeftOut: a plot that is too large is not missed without a word.
func TestFiguresLeftOut(t *testing.T) {
	s := hostileSet()
	f := &result.Figure{Form: result.FormBars, Title: "bars", Rows: []string{"x"}, Series: []result.Series{{Points: []result.Point{{Value: 1}}}}}
	s.Figures = []*result.Figure{f, f}
	for limit, want := range map[int]int{1_000_000: 2, 10: 0} {
		l := usual()
		l.figure = limit
		p, err := newPage(s, Options{}, l)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.Sections, func(x section) bool { return x.ID == "plots" })
		if x := p.Sections[i]; len(x.Figures) != want || (x.Doc == "2 left out, which would make the page too large: see ipiscope plot") != (want == 0) {
			t.Errorf("limit %d: %d plots, %q", limit, len(x.Figures), x.Doc)
		}
	}
}

// TestEmpty: a result of nothing is a page all the same.
func TestEmpty(t *testing.T) {
	page := write(t, &result.Set{Schema: "ipiscope/report/v1", Verdict: "CPUs 2-3: no IPI sends recorded in 0 s", Tables: []*result.Table{{Name: "groups", Cols: []result.Col{{Name: "hits"}}}}})
	if !strings.Contains(page, "no IPI sends recorded") || strings.Contains(page, "<table") {
		t.Error("the page of nothing is not that of nothing")
	}
}

// TestFolding: lines over time that would be too long are told in wider cells,
// and not a hit is lost.
// TestIdleRows: rows without a hit are counted and not on the page, unless all rows
// are asked for; the result stays as it was.
func TestIdleRows(t *testing.T) {
	groups := &result.Table{Name: "groups", Idle: []string{"hits"}, Cols: []result.Col{{Name: "function", Head: "function", Key: true}, {Name: "hits", Head: "hits"}},
		Rows: [][]result.Value{{result.Str("busy_function"), result.Int(3)}, {result.Str("idle_function"), result.Int(0)}}}
	s := &result.Set{Schema: "ipiscope/report/v1", Tables: []*result.Table{groups}}
	for all, want := range map[bool]bool{false: false, true: true} {
		var b bytes.Buffer
		if err := Write(&b, s, Options{AllRows: all}); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		if has := strings.Contains(page, "idle_function"); has != want || !strings.Contains(page, "busy_function") || strings.Contains(page, "1 without a hit left out") == want {
			t.Errorf("all rows %v: the idle one is there: %v", all, has)
		}
	}
	if len(groups.Rows) != 2 {
		t.Error("the result has lost a row")
	}
}

func TestFolding(t *testing.T) {
	s := hostileSet()
	s.Time.Cells = 256
	table := s.Tables[0]
	var want int64
	column := table.Index("over_time")
	for i := range 1000 {
		counts := make([]int64, 256)
		for c := range counts {
			counts[c] = int64(c%3 + 1)
			want += counts[c]
		}
		if i >= len(table.Rows) {
			table.Rows = append(table.Rows, slices.Clone(table.Rows[0]))
		}
		table.Rows[i][column] = over(counts...)
	}
	l := usual()
	l.cells = 10_000
	p, err := newPage(s, Options{}, l)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Data
	if d.Time.Width*int64(d.Time.Cells) != 2560 || d.Time.Cells < 16 || d.Time.Cells > 128 {
		t.Errorf("%d cells of %d", d.Time.Cells, d.Time.Width)
	}
	var got int64
	lines := append(slices.Clone(d.Lines["groups"].Lines), d.Lines["groups"].Rest)
	cells := 0
	for _, line := range lines {
		cells += len(line) / 2
		for i := 1; i < len(line); i += 2 {
			got += line[i]
		}
	}
	if got != want || cells > l.cells || len(lines) < 100 {
		t.Errorf("%d hits in %d cells of %d lines, want %d hits", got, cells, len(lines), want)
	}
}

func TestForest(t *testing.T) {
	f := newForest(&result.Table{Cols: []result.Col{{Name: "ratio"}, {Name: "ci.lo"}, {Name: "ci.hi"}}, Rows: [][]result.Value{{result.Float(0.5), result.Float(0.02), result.Float(math.Inf(1))}}})
	for ratio, want := range map[float64]float64{1: 80, 0.01: 0, 100: 160, 0.1: 40, 0: 0, math.Inf(1): 160, 1e9: 160} {
		if got := f.x(ratio); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v lies at %v of 160, want %v", ratio, got, want)
		}
	}
}

func TestInline(t *testing.T) {
	got, err := inline([]byte(`<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg" width="10pt" viewBox="0 0 1 2" onload="x()"><g style="fill:#FFF;stroke-width:2; background:url(x)"><text x="1" href="y">a&amp;b&lt;</text></g></svg>`), `a "b"`)
	want := `<svg role="img" aria-label="a &#34;b&#34;" viewBox="0 0 1 2"><g fill="#FFF" stroke-width="2"><text x="1">a&amp;b&lt;</text></g></svg>`
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
	for _, bad := range []string{`<svg><script>x</script></svg>`, `<svg><image href="x"/></svg>`, `<svg><style>x</style></svg>`, `<svg>`, `x`} {
		if got, err := inline([]byte(bad), "x"); err == nil && got != "" {
			t.Errorf("%s became %s", bad, got)
		}
	}
}

// TestClassColours: a class has the colour on the page that it has in plots.
func TestClassColours(t *testing.T) {
	classes := []string{"deferrable", "candidate", "self-filtered", "avoidable", "returnable", "noise", "unavoidable", "unknown"}
	f := &result.Figure{Form: result.FormBars, By: "class", Rows: []string{"x"}}
	for _, c := range classes {
		f.Series = append(f.Series, result.Series{Name: c, Points: []result.Point{{Value: 1}}})
	}
	style, err := files.ReadFile("page/style.css")
	if err != nil {
		t.Fatal(err)
	}
	rules := strings.Split(string(style), "\n")
	for theme, at := range map[string]int{"light": 0, "dark": 1} {
		svg, err := draw(f, theme)
		if err != nil {
			t.Fatal(err)
		}
		var fills []string
		for _, m := range regexp.MustCompile(`fill="(#[0-9A-F]{6})"></path>`).FindAllStringSubmatch(string(svg), -1) {
			fills = append(fills, strings.ToLower(m[1]))
		}
		fills = fills[1:] // the ground; then the legend
		for i, c := range classes {
			r := slices.IndexFunc(rules, func(s string) bool { return strings.Contains(s, `[data-class="`+c+`"]`) })
			if r < 0 {
				t.Errorf("style.css has no colour for %s", c)
				continue
			}
			colours := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(rules[r], -1)
			if got := colours[min(at, len(colours)-1)]; got != fills[i] {
				t.Errorf("%s, %s: %s on the page, %s in plots", c, theme, got, fills[i])
			}
		}
	}
}

// TestFiguresCarryDoubts: whoever copies a picture out of a page takes its doubts
// along, as below those that plot draws.
func TestFiguresCarryDoubts(t *testing.T) {
	set := &result.Set{
		Schema: "ipiscope/diff/v1", Verdict: "v", Inputs: []result.Input{{Path: "t.dat", Lost: 7}},
		Tables:  []*result.Table{{Name: "rows", Cols: []result.Col{{Name: "function", Key: true}, {Name: "reason"}}, Rows: [][]result.Value{{result.Str("f"), result.Str("unknown")}}}},
		Figures: []*result.Figure{{Name: "bars", Form: result.FormBars, Title: "t"}},
	}
	set.Warn("single-run", "x")
	set.Warn("sends-without-target", "y")
	var out bytes.Buffer
	if err := Write(&out, set, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, f := range set.Figures {
		want := []string{"one run on a side", "some sends have no known target", "some rows are undecided, as not all was seen"}
		if !slices.Equal(f.Caveats, want) {
			t.Errorf("caveats %q, want %q", f.Caveats, want)
		}
		if !strings.Contains(f.Source, "t.dat") {
			t.Errorf("source %q", f.Source)
		}
	}
	if !strings.Contains(out.String(), "Caution: one run") {
		t.Error("the page has no such line")
	}
}
