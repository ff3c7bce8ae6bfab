package catalog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A said is the texts of a row with what it holds for.
type said struct {
	where          string
	do, why, limit string
	kernelRange
}

// allSaid returns the texts of all rows, as the tables have them.
func allSaid(t *testing.T, tab *tables) (all []said) {
	t.Helper()
	add := func(where string, cells []string, since, until string) {
		r, err := parseRange(since, until)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, said{where, undash(cells[0]), undash(cells[1]), undash(cells[2]), r})
	}
	for _, r := range tab.section("callbacks").rows {
		add("callback "+r.cells[0], r.cells[13:16], r.cells[5], r.cells[6])
	}
	for _, r := range tab.section("classes").rows {
		add("class "+r.cells[0]+" "+r.cells[1], r.cells[7:10], r.cells[3], r.cells[4])
	}
	for _, r := range tab.section("vectors").rows {
		add("vector "+r.cells[0], []string{r.cells[7], "-", "-"}, "-", "-")
	}
	for _, r := range tab.section("ticks").rows {
		add("tick "+r.cells[0], r.cells[1:4], "-", "-")
	}
	return all
}

// verbs of whys and limits; what is to be done begins with one of doings.
var (
	verbs = strings.Fields("is are was were has have had does do can could cannot may must needs need asked asks began begins belongs calls called carries causes caused changed changes " +
		"chooses comes came copied costs decides defers deferred deliver delays draws drops ends ended exists fires fired flush flushed follows found freed gave goes go gone happens hands held helps hides holds interrupts " +
		"joined keeps kicks leaves left lets look looks lose loses made makes masks measures means merges mapped moved moves names notifies opens passes patches planted polls posted prints printed put " +
		"queued raised read reads record refills reports reported reboots refuses requires restarts runs sample samples saved says sends sent sees set sets shrunk sleeps slept spares spared stands starts started stop " +
		"stops stopped switched switches takes take takes tests told took treats tells turned turns use used uses wait waits waited wakes want wants went works woken woke wrote writes wide worked mend made destroyed freed registered includes " +
		"removed resized overflowed truncated disappeared appeared attached detached armed arms broadcast broadcasts saves map unmapped drop lock switch halves become became injected forked handed checks hops load loads wake give free open tells")
	doings = strings.Fields("Find Make Stop Set Put Load Write Keep Do Run Name Pin Give Slew Switch Let Open Read Map Mend Replace Remove Set Use Size Limit Leave Take Create Attach Start End Record Configure Initialise " +
		"Clear Ask Disable Lock Fork Send Move Drive Attach Cool Look Close Don't Unload Wait Press Shorten Start")
)

var word = regexp.MustCompile(`[A-Za-z']+`)

// TestTextsAreSentences: what to do is one sentence that begins with what to do; whys and limits
// are sentences with a verb.
func TestTextsAreSentences(t *testing.T) {
	tab := embeddedTables(t)
	for _, s := range allSaid(t, tab) {
		if s.do != "" && !strings.HasPrefix(s.do, "=") {
			first, _, _ := strings.Cut(s.do, " ")
			if !slices.Contains(doings, first) || !strings.HasSuffix(s.do, ".") || strings.Contains(s.do, ". ") {
				t.Errorf("%s: do is no sentence that begins with what to do: %s", s.where, s.do)
			}
		}
		for _, text := range []string{s.why, s.limit} {
			if text == "" {
				continue
			}
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: no full stop: %s", s.where, text)
			}
			for sentence := range strings.SplitSeq(strings.TrimSuffix(text, "."), ". ") {
				if !slices.ContainsFunc(word.FindAllString(sentence, -1), func(w string) bool { return slices.Contains(verbs, w) }) {
					t.Errorf("%s: a sentence without a verb: %s", s.where, sentence)
				}
				if r := sentence[0]; r-'a' < 26 && !strings.Contains(strings.Fields(sentence)[0], "/") && !slices.Contains(smallStarts, strings.Fields(sentence)[0]) && word.FindString(sentence) == strings.Fields(sentence)[0] {
					t.Errorf("%s: a sentence begins small: %s", s.where, sentence)
				}
			}
		}
		for _, abbreviation := range strings.Fields("EQS cblist TICK_DEP HK_TYPE mm_cpumask") {
			if strings.Contains(s.do+s.why+s.limit, abbreviation) {
				t.Errorf("%s: nobody knows what %s is", s.where, abbreviation)
			}
		}
	}
}

// names that begin a sentence as they are written
var smallStarts = strings.Fields("khugepaged mlockall echo perf mitigations nosmt timer isolcpus intel io_uring arm")

// knobPattern finds settings: files, sysctls, boot parameters.
var knobPattern = regexp.MustCompile(`/(?:sys|proc|dev)/[\w/.*-]*\w|khugepaged/defrag|\b(?:net|vm|kernel|kfence|rcupdate|clocksource|kvm|ccp|workqueue|cpuidle|cppc_cpufreq)\.[a-z_0-9]+[a-z_0-9.]*(?:=\w)?|\b(?:nohz_full|isolcpus|rcu_nocbs|tsc|mce|pti|mitigations|profile|apic|schedstats)=\w*|\bnosmt\b|\brcu_nocb_poll\b`)

// TestKnobs: each setting that a text names is one that some kernel has, by a source; what is to be done
// is to set one only where the kernel has it; and one that harms is named with its price.
func TestKnobs(t *testing.T) {
	tab := embeddedTables(t)
	c := load(t)
	met := map[string]bool{}
	for _, s := range allSaid(t, tab) {
		for i, text := range []string{s.do, s.why, s.limit} {
			for _, name := range knobPattern.FindAllString(text, -1) {
				k := knobOf(c.knobs, name)
				if k == nil {
					t.Errorf("%s names %s, which is not in [knobs]", s.where, name)
					continue
				}
				met[k.Name] = true
				if k.Price != "" && !strings.Contains(text, k.Price) {
					t.Errorf("%s names %s and not its price %q: %s", s.where, name, k.Price, text)
				}
				r, err := parseRange(dashed(k.Since), dashed(k.Until))
				if err != nil {
					t.Fatal(err)
				}
				v61 := makeVersion(6, 1)
				if i == 0 && (r.since > v61 && s.since < r.since && !strings.Contains(text, "Linux "+r.since.String()) || r.until != 0 && (s.until == 0 || s.until > r.until)) {
					t.Errorf("%s recommends %s, which %s has, to kernels that do not have it", s.where, name, r)
				}
			}
		}
	}
	for _, k := range c.knobs {
		if k.Source == "" {
			t.Errorf("%s: no source", k.Name)
		}
		if !met[k.Name] {
			t.Errorf("%s is named by no text", k.Name)
		}
	}
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// knobOf finds the longest name of [knobs] that a text's begins with.
func knobOf(knobs []Knob, name string) (best *Knob) {
	for i := range knobs {
		if k := &knobs[i]; strings.HasPrefix(name, k.Name) && (best == nil || len(k.Name) > len(best.Name)) {
			best = k
		}
	}
	return best
}

func embeddedTables(t *testing.T) *tables {
	t.Helper()
	tab := newTables()
	for _, name := range files {
		data, err := embedded.ReadFile("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if errs := tab.read(Source{name, data}); len(errs) > 0 {
			t.Fatal(errs)
		}
	}
	return tab
}

// TestRowsDoNotContradict: of two rows of one key at most one holds for a kernel, and functions that
// are sent by the same code are decided alike.
func TestRowsDoNotContradict(t *testing.T) {
	rows := embeddedTables(t).section("classes").rows
	for i, a := range rows {
		for _, b := range rows[:i] {
			if !slices.Equal(a.cells[:2], b.cells[:2]) {
				continue
			}
			ra, _ := parseRange(a.cells[3], a.cells[4])
			rb, _ := parseRange(b.cells[3], b.cells[4])
			overlap := (rb.until == 0 || ra.since <= rb.until) && (ra.until == 0 || rb.since <= ra.until)
			if overlap && a.cells[2] == b.cells[2] && (ra == kernelRange{}) == (rb == kernelRange{}) {
				t.Errorf("%s from %s: lines %d and %d both hold for a kernel", a.cells[0], a.cells[1], b.line, a.line)
			}
		}
	}
	cells := map[classAt][]string{}
	for _, r := range rows {
		cells[classAt{r.cells[0], r.cells[1]}] = r.cells
	}
	for at, r := range cells {
		switch at.function {
		case "do_flush_tlb_all": // the size of the range decides which of the two runs
			if o := cells[classAt{"do_kernel_range_flush", at.root}]; o == nil || !slices.Equal(o[1:], r[1:]) {
				t.Errorf("do_kernel_range_flush from %s is not as do_flush_tlb_all", at.root)
			}
		case "do_sync_core": // the architecture does
			o := cells[classAt{"do_nothing", at.root}]
			if o == nil || o[6] != r[6] || r[5] != "deferrable" || o[5] != "candidate" || o[7] != "=do_sync_core" {
				t.Errorf("do_nothing from %s is not as do_sync_core: candidate where that is deferrable", at.root)
			}
		case "do_nothing":
			if r[5] == "deferrable" {
				t.Errorf("do_nothing from %s is deferrable: no posted patch is for arm64", at.root)
			}
		}
	}
}

// TestRowsDoNotContradictForStacks: of a set that a stack leaves open any member gives the same class and the
// same advice, on every kernel.
func TestRowsDoNotContradictForStacks(t *testing.T) {
	for _, release := range []string{"", "6.1.0-9-amd64", "6.12.107+deb13-amd64", "7.2.13+deb14-amd64"} {
		c := load(t).For(release)
		for _, s := range realStacks(t) {
			set, _, _ := c.ResolveFunction(s.frames)
			if !strings.HasPrefix(set, "do_flush_tlb_all|") {
				continue
			}
			whole := c.Classify(set, s.frames)
			for m := range Members(set) {
				if one := c.Classify(m, s.frames); one.Class != whole.Class || one.Do != whole.Do {
					if m == "__cpa_flush_tlb" && strings.Contains(strings.Join(s.frames, " "), "_vm_unmap_aliases") {
						continue // cannot be what was sent
					}
					t.Errorf("%s of %s on %q:\n%+v\n%+v\n%s", m, set, release, one, whole, strings.Join(s.frames, "\n"))
				}
			}
		}
	}
}

// TestNamesAreFunctions holds the names of the tables against kernels: each is, or begins, a function
// of 6.1, 6.12 or 7.2. testdata/functions.txt says how the list was made.
func TestNamesAreFunctions(t *testing.T) {
	data, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var functions, older []string
	for line := range strings.Lines(string(data)) {
		name, kernels, ok := strings.Cut(strings.TrimSpace(line), "\t")
		switch {
		case strings.HasPrefix(line, "#") || !ok:
		case kernels == "none":
			older = append(older, name)
		default:
			functions = append(functions, name)
		}
	}
	slices.Sort(functions)
	isFunction := func(name string) bool {
		return slices.Contains(older, name) || slices.ContainsFunc(functions, func(f string) bool { return Matches(name, f) })
	}
	c := load(t)
	for _, cb := range c.Callbacks() {
		if cb.Kind != "ipi_raise" && cb.Name != Reschedule && !isFunction(cb.Name) {
			t.Errorf("callback %s is a function of no kernel", cb.Name)
		}
	}
	for _, r := range c.classRows {
		for name := range strings.SplitSeq(r.Root, "<") {
			if r.Root != "" && !isFunction(name) {
				t.Errorf("class %s: root %s is a function of no kernel", r.Function, name)
			}
		}
	}
	for _, r := range c.ruleRows {
		if !isFunction(r.Frame) {
			t.Errorf("rule %s is a function of no kernel", r.Frame)
		}
	}
	for _, r := range c.frameRows {
		if !isFunction(r.Name) {
			t.Errorf("frame %s is a function of no kernel", r.Name)
		}
	}
}

// TestRecordedCallbacksHaveRows: what the events of the recordings in the tree name, has a row.
func TestRecordedCallbacksHaveRows(t *testing.T) {
	c := load(t)
	texts, err := filepath.Glob("../../fixtures/*/*.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(?:ipi_send_\w+: .*callback=|csd_\w+: .*func=)(\w+)`)
	seen := map[string]bool{}
	for _, path := range texts {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		for lines.Scan() {
			if !bytes.Contains(lines.Bytes(), []byte("func=")) && !bytes.Contains(lines.Bytes(), []byte("callback=")) {
				continue
			}
			if m := named.FindSubmatch(lines.Bytes()); m != nil {
				seen[string(m[1])] = true
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for name := range seen {
		if name == "netfs_subrequest_slab" {
			continue // no callback: perf's name, on s390x, for the address 0 of a reschedule IPI
		}
		if _, ok := c.Callback(name); !ok && !isAddress(name) {
			t.Errorf("%s has no row", name)
		}
	}
	if len(seen) < 10 || !seen["rcu_barrier_handler"] {
		t.Errorf("found only %v", slices.Sorted(maps.Keys(seen)))
	}
}
