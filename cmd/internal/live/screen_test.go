package live

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
)

var update = flag.Bool("update", false, "write what frames are as they should be")

// watched is a Screen of some size with a view of a few hits.
func watched(t *testing.T, width, height int, colour bool) *Screen {
	t.Helper()
	m := &Meter{Isolated: []int{2, 3}}
	var v *View
	for i, n := range []int{10, 40, 45} {
		s, st := overviewed(t, sent(n))
		at := moment(st, int64(2+i)*sec)
		at.OwnHits, at.OwnCPU = 1, 21*time.Millisecond
		at.Stacks = map[string][]string{"ipi_mb": {"last stack, of a\x1b[2J-7 on CPU 0 at 1.000441:", "  smp_call_function_many_cond", "  membarrier_private_expedited", "  __x64_sys_membarrier"}}
		v = m.viewed(s, at)
	}
	s := NewScreen(colour, func(a Action) string { return fmt.Sprintf("action %d", a) })
	s.Update(tea.WindowSizeMsg{Width: width, Height: height})
	s.Update(v)
	return s
}

// press gives keys to a Screen.
func (s *Screen) press(keys ...string) {
	for _, k := range keys {
		s.key(k)
	}
}

// golden holds a frame against the file that has it.
func golden(t *testing.T, name, frame string) {
	t.Helper()
	path := filepath.Join("testdata", "frames", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(frame+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), frame+"\n"); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// checkSize wants a frame to fit its terminal.
func checkSize(t *testing.T, name, frame string, width, height int) {
	t.Helper()
	lines := strings.Split(frame, "\n")
	if len(lines) != height {
		t.Errorf("%s: %d lines of %d", name, len(lines), height)
	}
	for _, line := range lines {
		if w := lipgloss.Width(line); w > width {
			t.Errorf("%s: %d columns of %d: %q", name, w, width, line)
		}
	}
}

func TestFrames(t *testing.T) {
	for _, width := range []int{60, 80, 200} {
		for name, colour := range map[string]bool{"plain": false, "colour": true} {
			name = fmt.Sprintf("%d-%s", width, name)
			frame := watched(t, width, 24, colour).Frame()
			checkSize(t, name, frame, width, 24)
			golden(t, name, frame)
			s := watched(t, width, 24, colour)
			s.press("enter")
			checkSize(t, name+"-details", s.Frame(), width, 24)
			golden(t, name+"-details", s.Frame())
		}
	}
}

// TestKeys: each key shows what it is for.
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
	}{
		{"keys-cause", []string{"b", "b"}},
		{"keys-cpu", []string{"c", "c"}},
		{"keys-details", []string{"down", "up", "enter"}},
		{"keys-by-name", []string{"s", "s", "down", "down", "down"}},
		{"keys-paused", []string{"p"}},
		{"keys-help", []string{"?"}},
		{"keys-reset", []string{"r"}},
	} {
		s := watched(t, 100, 30, false)
		s.press(tt.keys...)
		frame := s.Frame()
		checkSize(t, tt.name, frame, 100, 30)
		golden(t, tt.name, frame)
	}
}

// TestKeysTwice: what a key does is undone by it, by the next one or by Escape.
func TestKeysTwice(t *testing.T) {
	want := watched(t, 100, 30, false).Frame()
	for _, keys := range [][]string{{"p", "p"}, {"?", "?"}, {"s", "s", "s"}, {"c", "c", "c"}, {"enter", "esc"}, {"c", "esc"}, {"r", "k"}} {
		s := watched(t, 100, 30, false)
		s.press(keys...)
		if diff := cmp.Diff(want, s.Frame()); diff != "" {
			t.Errorf("%v: %s", keys, diff)
		}
	}
}

// TestAnyKeys: nothing that is typed, in any size, breaks a frame.
func TestAnyKeys(t *testing.T) {
	keys := []string{"b", "s", "c", "down", "enter", "p", "?", "?", "up", "esc", "x", "r", "w", "c", "b", "enter"}
	for _, height := range []int{4, 10, 24, 100} {
		s := watched(t, 60, height, true)
		for i := range 60 {
			s.press(keys[(i*7)%len(keys)])
			checkSize(t, fmt.Sprintf("height %d, key %d", height, i), s.Frame(), 60, height)
		}
	}
	s := NewScreen(false, func(Action) string { return "" })
	s.press(keys...)
	checkSize(t, "nothing to show", s.Frame(), 80, 24)
}

// TestPause: what is shown stays, and the newest view is shown when it goes on.
func TestPause(t *testing.T) {
	s := watched(t, 100, 30, false)
	old := s.view
	s.press("p")
	newer := *old
	s.Update(&newer)
	if s.view != old {
		t.Error("it does not pause")
	}
	s.press("p")
	if s.view != &newer {
		t.Error("it goes on with what was shown before")
	}
}

// TestQuit: q and Ctrl-C end it.
func TestQuit(t *testing.T) {
	for _, msg := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		asked := 0
		s := NewScreen(false, func(a Action) string {
			if a == Quit {
				asked++
			}
			return ""
		})
		if _, cmd := s.Update(msg); cmd == nil || asked != 1 {
			t.Errorf("%s does not end it", msg.String())
		}
	}
}

// TestReset: totals begin anew, rates do not jump.
func TestReset(t *testing.T) {
	m := &Meter{Isolated: []int{2, 3}}
	s, st := counted(t, sent(10))
	m.viewed(s, moment(st, 2*sec))
	m.Reset()
	if s, st = counted(t, sent(30)); true {
		v := m.viewed(s, moment(st, 3*sec))
		if !strings.HasPrefix(v.Head, "CPUs 2-3: 20 hits in 1.0 s, 20/s") {
			t.Error(v.Head)
		}
		if got := cell(t, v.Groups, 0, "hits"); got != "20" || len(v.Groups.Rows) != 1 {
			t.Errorf("%s hits in %d groups", got, len(v.Groups.Rows))
		}
		if got := cell(t, v.CPUs, 1, "hits"); got != "0" {
			t.Errorf("%s hits on CPU 3", got)
		}
	}
}

// TestManyCPUs: of more than 16 CPUs those that are hit most have a row.
func TestManyCPUs(t *testing.T) {
	m := &Meter{}
	for cpu := range 80 {
		m.Isolated = append(m.Isolated, cpu)
	}
	s, st := overviewed(t, sent(10))
	v := m.viewed(s, moment(st, 2*sec))
	screen := NewScreen(false, nil)
	screen.Update(tea.WindowSizeMsg{Width: 80, Height: 40})
	screen.Update(v)
	golden(t, "many-cpus", screen.Frame())
	if rows := len(v.Set.Table("cpus").Rows); rows != 80 {
		t.Errorf("%d rows for machines", rows)
	}
	if v.CPUs.Rows[0][0] != result.Int(0) {
		t.Error("the view was changed by showing it")
	}
}
