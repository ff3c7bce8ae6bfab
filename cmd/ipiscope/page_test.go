package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

const paged = "../../fixtures/k612s4-12b-all-stack/trace.dat"

// pageTables are the tables of a report's page that hold every hit once each.
func pageTables() []string { return []string{"groups", "by_cause", "by_sender", "cpus"} }

// makePage runs a command with --format html and returns the page's path.
func makePage(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	var out, errs bytes.Buffer
	if status := run(context.Background(), append(args, "--format", "html", "-o", path), strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("%q: exit status %d\n%s", args, status, &errs)
	}
	return path
}

// TestPage drives the page of a recording as a person does.
func TestPage(t *testing.T) {
	b := newBrowser(t)
	path := makePage(t, "report", "--all-rows", "--isolated", "2-3", paged)
	for _, c := range []struct {
		name  string
		look  look
		drive func(*tab, *testing.T)
	}{
		{"sort", look{}, (*tab).sorts},
		{"filter", look{}, (*tab).filters},
		{"brush", look{}, (*tab).brushes},
		{"keys", look{}, (*tab).brushesByKey},
		{"flame", look{}, (*tab).searches},
		{"theme", look{}, (*tab).changesTheme},
		{"no script", look{noScript: true}, (*tab).worksWithoutScript},
		{"print", look{print: true}, (*tab).prints},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := b.open(t, path, c.look)
			c.drive(p, t)
			p.quiet()
		})
	}
	t.Run("address", func(t *testing.T) { keepsInAddress(t, b, path) })
}

// A pageRow is a row of a table as the page has it now.
type pageRow struct {
	Name   string
	Hits   int
	Hidden bool
	Text   string
}

// rows are those of a table, in the order they have.
func (p *tab) rows(table string) []pageRow {
	p.t.Helper()
	return eval[[]pageRow](p, fmt.Sprintf(`(() => {
		const t = document.querySelector('table[data-name=%q]');
		const hits = [...t.tHead.rows[0].cells].findIndex((th) => th.dataset.col === "hits");
		return [...t.tBodies[0].rows].map((r) => ({Name: r.cells[0].textContent, Hits: Number(r.cells[hits].dataset.v), Hidden: r.hidden, Text: r.innerText}));
	})()`, table))
}

// hits are the hits of a table's rows by name, those without any left out.
func (p *tab) hits(table string) map[string]int {
	p.t.Helper()
	hits := map[string]int{}
	for _, r := range p.rows(table) {
		if r.Hits != 0 {
			hits[r.Name] += r.Hits
		}
	}
	return hits
}

func (p *tab) names(table string) []string {
	p.t.Helper()
	var names []string
	for _, r := range p.rows(table) {
		names = append(names, r.Name)
	}
	return names
}

func (p *tab) sorts(t *testing.T) {
	head := func(col string) chromedp.CSS {
		return chromedp.CSS(fmt.Sprintf(`table[data-name="by_cause"] th[data-col=%q] button`, col))
	}
	before := p.names("by_cause")
	p.do(chromedp.Click(head("cause")))
	names := p.names("by_cause")
	// how a browser orders what is no letter is its own affair
	letters := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s[0] < 'a' })
	if !slices.IsSorted(letters) || len(letters) < 20 || slices.Equal(before, names) {
		t.Errorf("by name: %q", names)
	}
	p.do(chromedp.Click(head("cause")))
	again := p.names("by_cause")
	slices.Reverse(again)
	if !slices.Equal(names, again) {
		t.Errorf("by name the other way round: %q", again)
	}
	// the keyboard does what the mouse does
	p.do(chromedp.Focus(head("sends")), chromedp.KeyEvent(kb.Enter))
	sends := eval[[]int](p, `[...document.querySelectorAll('table[data-name="by_cause"] tbody tr')].map((r) => Number(r.cells[[...r.closest("table").tHead.rows[0].cells].findIndex((th) => th.dataset.col === "sends")].dataset.v))`)
	if len(sends) < 10 || !slices.IsSortedFunc(sends, func(a, b int) int { return b - a }) {
		t.Errorf("by sends: %v", sends)
	}
	if got := eval[string](p, `[...document.querySelectorAll('table[data-name="by_cause"] [aria-sort]')].map((th) => th.dataset.col + " " + th.getAttribute("aria-sort")).join()`); got != "sends descending" {
		t.Errorf("aria-sort: %s", got)
	}
}

func (p *tab) filters(t *testing.T) {
	p.typeInto(`#by_cause input`, "tracepoint UNREGISTER")
	var shown []string
	hits := 0
	for _, r := range p.rows("by_cause") {
		if !r.Hidden {
			shown = append(shown, r.Name)
			hits += r.Hits
		}
	}
	if diff := cmp.Diff([]string{"tracepoint_probe_unregister"}, shown); diff != "" || hits != 552 {
		t.Errorf("rows shown (-want +got), with %d hits:\n%s", hits, diff)
	}
	foot := eval[string](p, `document.querySelector('table[data-name="by_cause"] tfoot').innerText`)
	if !strings.Contains(foot, "1 of 28 rows") || !strings.Contains(foot, "552") || !strings.Contains(foot, "45.1 %") {
		t.Errorf("foot: %q", foot)
	}
	p.typeInto(`#by_cause input`, "")
	if foot := eval[string](p, `document.querySelector('table[data-name="by_cause"] tfoot').innerText`); !strings.Contains(foot, "1223") {
		t.Errorf("foot without a filter: %q", foot)
	}
}

// An exportedHit is a row of export, which counts nothing together.
type exportedHit struct {
	time  int64
	names map[string]string // by table
}

func exportedHits(t *testing.T, trace string) []exportedHit {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(context.Background(), []string{"export", "--isolated", "2-3", "--format", "csv", trace}, nil, &out, &errs); status != 0 {
		t.Fatalf("export: exit status %d\n%s", status, &errs)
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(records[0], name) }
	var hits []exportedHit
	for _, r := range records[1:] {
		at, err := strconv.ParseInt(r[column("time_ns")], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		hits = append(hits, exportedHit{at, map[string]string{
			"groups": r[column("function")], "by_cause": r[column("cause")], "by_sender": r[column("sender")], "cpus": r[column("target")],
		}})
	}
	return hits
}

// selection is what the page says is selected, in cells.
func (p *tab) selection() (from, to int64) {
	p.t.Helper()
	s := eval[[]string](p, `[...document.querySelectorAll("input.time")].map((i) => i.value)`)
	axis := p.axis()
	cell := func(text string) int64 {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.t.Fatalf("selection %q", s)
		}
		return int64(math.Round((seconds*1e9 - axis.Lead) / axis.Width))
	}
	return cell(s[0]), cell(s[1])
}

// An axis is where the page's cells lie in time, in ns but for Origin.
type axis struct{ Width, Lead, End, Origin float64 }

func (p *tab) axis() axis {
	p.t.Helper()
	return eval[axis](p, `(() => { const t = JSON.parse(document.getElementById("data").textContent).time; return {Width: t.width, Lead: t.lead, End: t.end, Origin: t.origin}; })()`)
}

// start is when a cell begins, in seconds on the axis.
func (x axis) start(cell int64) string {
	return strconv.FormatFloat((x.Lead+float64(cell)*x.Width)/1e9, 'f', 9, 64)
}

// brushes selects a part of the time with the mouse. What the tables say of it
// must be what export has there.
func (p *tab) brushes(t *testing.T) {
	hits := exportedHits(t, paged)
	texts := `[...document.querySelectorAll("table")].map((t) => t.innerText).join("\n")`
	before := eval[string](p, texts)
	totals := map[string]map[string]int{}
	for _, table := range pageTables() {
		totals[table] = p.hits(table)
	}
	axis := p.axis()
	first := int64(math.Round(axis.Origin*1e9 + axis.Lead))
	p.drag(`#timeline .u-over`, 0.3, 0.55)
	from, to := p.selection()
	if to-from < 20 {
		t.Fatalf("selected cells %d to %d", from, to)
	}
	for _, table := range pageTables() {
		want := map[string]int{}
		for _, h := range hits {
			if cell := int64(float64(h.time-first) / axis.Width); cell >= from && cell < to {
				want[h.names[table]]++
			}
		}
		if diff := cmp.Diff(want, p.hits(table)); diff != "" || len(want) == 0 {
			t.Errorf("%s in cells %d to %d (-export +page):\n%s", table, from, to, diff)
		}
	}
	p.formats(t)
	inside := p.hits("groups")
	if eval[bool](p, `getComputedStyle(document.querySelector('#groups th[data-col="sends"]')).display !== "none"`) {
		t.Error("sends, which are not known for a part of the time, are shown for it")
	}
	// what lies before and behind makes up the rest
	end := fmt.Sprint(axis.End / 1e9)
	rest := map[string]int{}
	for _, part := range [][2]string{{"", axis.start(from)}, {axis.start(to), end}} {
		p.choose(part[0], part[1])
		for name, n := range p.hits("groups") {
			rest[name] += n
		}
	}
	for name, n := range inside {
		rest[name] += n
	}
	if diff := cmp.Diff(totals["groups"], rest); diff != "" {
		t.Errorf("three parts add up to (-whole +parts):\n%s", diff)
	}
	// all of the time is the page as it was
	p.choose("0", end)
	if diff := cmp.Diff(before, eval[string](p, texts)); diff != "" {
		t.Errorf("all of the time selected (-before +after):\n%s", diff)
	}
	sum := 0
	for _, n := range p.hits("groups") {
		sum += n
	}
	if sum != len(hits) {
		t.Errorf("%d hits on the page, export has %d", sum, len(hits))
	}
}

// formats holds the numbers that the script prints against those of the program.
func (p *tab) formats(t *testing.T) {
	t.Helper()
	for column, unit := range map[string]string{"share": "1", "per_cpu_hour": "1/h"} {
		cells := eval[[][]string](p, fmt.Sprintf(`(() => {
			const t = document.querySelector('table[data-name="by_cause"]'), i = [...t.tHead.rows[0].cells].findIndex((th) => th.dataset.col === %q);
			return [...t.tBodies[0].rows].map((r) => [r.cells[i].dataset.v, r.cells[i].innerText.trim()]);
		})()`, column))
		for _, c := range cells {
			v, err := strconv.ParseFloat(c[0], 64)
			if want := text.Human(result.Float(v), unit); err != nil || c[1] != want {
				t.Errorf("%s %s is printed %q, report/text prints %q", column, c[0], c[1], want)
			}
		}
	}
}

// choose types a selection.
func (p *tab) choose(from, to string) {
	p.t.Helper()
	p.typeInto(`input.time[aria-label^="From"]`, from)
	p.typeInto(`input.time[aria-label^="To"]`, to)
	p.do(chromedp.KeyEvent(kb.Enter))
}

func (p *tab) brushesByKey(t *testing.T) {
	p.do(chromedp.Focus(chromedp.CSS(".chart")), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	for range 3 {
		p.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(8))) // Shift
	}
	if from, to := p.selection(); from != 1 || to != 5 {
		t.Errorf("keys selected cells %d to %d", from, to)
	}
	p.do(chromedp.KeyEvent("+"))
	p.do(chromedp.KeyEvent(kb.Escape))
	if got := eval[string](p, `document.querySelector("input.time").value`); got != "" {
		t.Errorf("Escape leaves %q selected", got)
	}
	if eval[bool](p, `[...document.querySelectorAll("#timeline button")].find((b) => b.textContent === "Show all time").disabled`) {
		t.Error("+ did not zoom")
	}
}

func (p *tab) searches(t *testing.T) {
	// 156 and 156 hits of trace events, 72 of sysctls: docs/worked-example.md
	p.typeInto(`#flame input`, "static_key_")
	if got, want := eval[string](p, `document.querySelector("#flame [role=status]").textContent`), "frames found, 31.4 % of the hits"; !strings.HasSuffix(got, want) {
		t.Errorf("search: %q, want %q", got, want)
	}
	if n := eval[int](p, `document.querySelectorAll("#flame .match").length`); n == 0 {
		t.Error("no frame is marked")
	}
	frame := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#flame .frame")].find((f) => f.textContent === %q)`, name)
	}
	eval[bool](p, "("+frame("proc_sys_call_handler")+".click(), true)")
	if w := eval[string](p, frame("proc_sys_call_handler")+".style.width"); w != "100%" {
		t.Errorf("zoomed frame is %s wide", w)
	}
	p.do(chromedp.KeyEvent(kb.ArrowUp))
	if got := eval[string](p, `document.activeElement.getAttribute("aria-label")`); !strings.HasPrefix(got, "vfs_write: ") {
		t.Errorf("above it is %q", got)
	}
	p.do(chromedp.KeyEvent(kb.Escape))
	if w := eval[string](p, frame("proc_sys_call_handler")+".style.width"); w == "100%" {
		t.Error("Escape does not show all frames again")
	}
}

// keepsInAddress: what is selected stands in the address, a link to a part of the page
// keeps it, and a page that is opened with that address shows the same.
func keepsInAddress(t *testing.T, b *browser, path string) {
	p := b.open(t, path, look{})
	p.choose("1", "2")
	p.typeInto(`#by_cause input`, "tracepoint")
	p.typeInto(`#flame input`, "static_key_")
	eval[bool](p, `([...document.querySelectorAll("#flame .frame")].find((f) => f.textContent === "proc_sys_call_handler").click(), document.querySelector("nav a[href='#flame']").click(), true)`)
	const state = `JSON.stringify([[...document.querySelectorAll("input")].map((i) => i.value), document.querySelector("#flame [role=status]").textContent,
		[...document.querySelectorAll("#flame .frame")].map((f) => f.style.width), [...document.querySelectorAll("tfoot")].map((f) => f.textContent)])`
	want := eval[string](p, state)
	hash := eval[string](p, `location.hash`)
	for left := 100; hash == "#flame" && left > 0; left-- { // until the page was told that it changed
		hash = eval[string](p, `location.hash`)
	}
	for _, part := range []string{"#flame&", "&time=0.9735,2.0137", "&filter.by_cause=tracepoint", "&search=static_key_", "&frame="} {
		if !strings.Contains(hash, part) {
			t.Errorf("the address has %s, and no %s", hash, part)
		}
	}
	q := b.open(t, path+hash, look{})
	if got := eval[string](q, state); got != want {
		t.Errorf("opened by its address the page shows\n%.300s\nwant\n%.300s", got, want)
	}
	if top := eval[float64](q, `document.getElementById("flame").getBoundingClientRect().top`); top > 300 {
		t.Errorf("the part that the address names is %v px down", top)
	}
	for _, tab := range []*tab{p, q} {
		tab.quiet()
	}
	r := b.open(t, path+`#time=x,<img src=x onerror=pwned=1>&frame=-1&filter.by_cause="><script>pwned=1</script>`, look{})
	if eval[bool](r, `"pwned" in window`) {
		t.Error("an address runs a script")
	}
}

func (p *tab) changesTheme(t *testing.T) {
	ground := `getComputedStyle(document.body).backgroundColor`
	light := eval[string](p, ground)
	const button = chromedp.CSS(".brand button")
	p.do(chromedp.Click(button), chromedp.Click(button))
	if dark := eval[string](p, ground); dark == light {
		t.Errorf("dark theme is on %s as the light one is", dark)
	}
}

func (p *tab) worksWithoutScript(t *testing.T) {
	text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("main")))
	p.must(err)
	for _, want := range []string{"do_sync_core", "1176", "96.2 %", "tracepoint_add_func", "Stop the program that turns trace events"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	for _, not := range []string{"Clear selection", "Filter", "Flame graph"} {
		if strings.Contains(text, not) {
			t.Errorf("%q is shown, which needs the script", not)
		}
	}
}

func (p *tab) prints(t *testing.T) {
	if got := eval[string](p, `getComputedStyle(document.querySelector("nav")).display + " " + getComputedStyle(document.querySelector(".scroll")).maxHeight`); got != "none none" {
		t.Errorf("in print the list of parts and the height of tables are %s", got)
	}
}

// TestHostilePage: what a recording says is text on the page and does nothing,
// whoever wrote it.
func TestHostilePage(t *testing.T) {
	b := newBrowser(t)
	payloads := []string{
		`<script>pwned=1</script>`, `</script><script>pwned=1</script>`, `<img src=x onerror=pwned=1>`, `"><svg onload=pwned=1>`,
		`' onfocus='pwned=1' autofocus='`, `</title><script>pwned=1</script>`, `<!--<script>`, `{{constructor.constructor('pwned=1')()}}`, "\x1b]0;x\x07\x1b[31m",
	}
	var trace strings.Builder
	trace.WriteString("# tracer: nop\n#\n")
	for i, p := range payloads {
		comm, symbol := p, strings.NewReplacer(" ", "\u00a0", "+", "").Replace(p)
		fmt.Fprintf(&trace, "%16s-202     [000] d..2.     1.%06d: ipi_send_cpu: cpu=%d callsite=%s+0x5e/0x80 callback=%s+0x0/0x10\n", comm, i, 2+i%2, symbol, symbol)
		fmt.Fprintf(&trace, "%16s-202     [000] d..2.     1.%06d: <stack trace>\n => %s\n => do_%s\n", comm, i, symbol, symbol)
	}
	path := filepath.Join(t.TempDir(), `"><img src=x onerror=pwned=1>.txt`)
	if err := os.WriteFile(path, []byte(trace.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"report", "--isolated", "2-3", "--by", "comm,callback,callsite,file", path},
		{"report", "--isolated", "2-3", "--by", "function,stack", path},
		{"diff", "--allow-duplicates", "--isolated", "2-3", "--by", "comm,callback", path, path},
	} {
		p := b.open(t, makePage(t, args...), look{})
		shown := eval[string](p, `document.body.innerText`)
		for _, want := range []string{`<script>pwned=1</script>`, `"><svg onload=pwned=1>`} {
			if !strings.Contains(strings.ReplaceAll(shown, "\u00a0", " "), want) {
				t.Errorf("%q: %q is not shown", args, want)
			}
		}
		// move over everything and click on it: nothing has a handler of its own
		eval[int](p, `[...document.querySelectorAll("main *, footer *")].map((e) => { for (const type of ["mouseover", "focus"]) e.dispatchEvent(new Event(type, {bubbles: true})); }).length`)
		if got := eval[string](p, `typeof pwned + " " + document.querySelectorAll("script").length + " " + document.querySelectorAll("img, iframe, object, embed").length + " " + document.title.startsWith("ipiscope")`); got != "undefined 2 0 true" {
			t.Errorf("%q: pwned, scripts, elements that load, title: %s", args, got)
		}
		p.quiet()
	}
}

// TestPageAccessible runs axe-core, whose file IPISCOPE_AXE names, over pages in
// both themes and in a wide and a narrow window.
func TestPageAccessible(t *testing.T) {
	axe := os.Getenv("IPISCOPE_AXE")
	if axe == "" {
		t.Skip("IPISCOPE_AXE names no axe.min.js (npm install axe-core): pages are not held against it")
	}
	script, err := os.ReadFile(axe)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	before, after := recording("before-1"), recording("after-1")
	report := makePage(t, "report", "--isolated", "2-3", "--example", paged)
	diff := makePage(t, "diff", "--isolated", "2-3", before, after)
	for _, c := range []struct {
		name, path string
		look       look
	}{
		{"report", report, look{}},
		{"report, narrow and dark", report, look{width: 400, height: 800, dark: true}},
		{"diff, dark", diff, look{dark: true}},
		{"diff, narrow", diff, look{width: 400, height: 800}},
	} {
		p := b.open(t, c.path, c.look)
		eval[bool](p, string(script)+"; true")
		found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`axe.run().then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => v.impact + " " + v.id + ": " + v.help + "\n" + v.nodes.slice(0, 5).map((n) => "  " + n.html + "\n  " + n.failureSummary).join("\n")))`, chromedp.EvalAwaitPromise))
		p.must(err)
		for _, f := range found {
			t.Errorf("%s: %s", c.name, f)
		}
	}
}

// TestPageNumbers: the numbers on the page are those of --format json, to the
// last digit.
func TestPageNumbers(t *testing.T) {
	for _, args := range [][]string{
		{"--isolated", "2-3", paged},
		{"--isolated", "2-3", "--by", "comm,entry", "--sort", "sends", "--filter", "cpu == 3", "../../fixtures/k72s4-01-zstd-local/trace.dat"},
		{"../../fixtures/k612s4-07-lost/trace.dat"},
		{"--isolated", "2-3", "../../fixtures/k612s4-51-statickey-before-1/report-t.txt.gz", "../../fixtures/k612s4-51-statickey-after-1/report-t.txt.gz"},
	} {
		page, err := html.Parse(strings.NewReader(readPage(t, append([]string{"report", "--all-rows"}, args...)...)))
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for node := range page.Descendants() {
			if name := attribute(node, "data-name"); name != "" {
				compared += compareTable(t, node, args, name)
			}
		}
		if compared < 30 {
			t.Errorf("%q: %d numbers compared", args, compared)
		}
	}
}

// compareTable holds the numbers of one table against what report prints as
// JSON, by the keys that the table is by. It returns how many they are.
func compareTable(t *testing.T, table *html.Node, args []string, name string) int {
	t.Helper()
	args = append([]string{"report", "--format", "json"}, args...)
	member := name
	if by, ok := strings.CutPrefix(name, "by_"); ok {
		if i := slices.Index(args, "--by"); i >= 0 { // two would add up
			args = slices.Delete(args, i, i+2)
		}
		args, member = append(args, "--by", by), "groups"
		args = append(args, "--sort", "hits")
	}
	var out, errs bytes.Buffer
	if status := run(context.Background(), args, nil, &out, &errs); status != 0 {
		t.Fatalf("%q: exit status %d\n%s", args, status, &errs)
	}
	var whole map[string]json.RawMessage
	var rows []map[string]any
	if err := errors.Join(json.Unmarshal(out.Bytes(), &whole), json.Unmarshal(whole[member], &rows)); err != nil {
		t.Fatal(err)
	}
	n := 0
	head, body := cells(table, "thead"), cells(table, "tbody")
	if len(body) != len(rows) {
		t.Errorf("%q: %s has %d rows on the page, %d in JSON", args, name, len(body), len(rows))
		return 0
	}
	for r, row := range body {
		for c, cell := range row {
			column, value := attribute(head[0][c], "data-col"), attribute(cell, "data-v")
			want, ok := rows[r][column].(float64)
			if path, isFile := strings.CutPrefix(column, "by_file."); isFile {
				want, ok = rows[r]["by_file"].(map[string]any)[path].(float64)
			}
			if !ok {
				continue // a key, words or a picture, or a column that JSON does not have
			}
			if got, err := strconv.ParseFloat(value, 64); err != nil || got != want {
				t.Errorf("%q: %s, row %d: %s is %q on the page, %v in JSON", args, name, r, column, value, want)
			}
			n++
		}
	}
	return n
}

// cells are those of each row in a part of a table.
func cells(table *html.Node, part string) [][]*html.Node {
	var rows [][]*html.Node
	for n := range table.Descendants() {
		switch {
		case n.Data == "tr" && n.Parent.Data == part:
			rows = append(rows, nil)
		case (n.Data == "td" || n.Data == "th") && n.Parent.Parent.Data == part:
			rows[len(rows)-1] = append(rows[len(rows)-1], n)
		}
	}
	return rows
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func readPage(t *testing.T, args ...string) string {
	t.Helper()
	text, err := os.ReadFile(makePage(t, args...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
