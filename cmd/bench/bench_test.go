package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{"256MiB": 256 << 20, "1GiB": 1 << 30, "8KiB": 8 << 10, "12345": 12345} {
		var s byteSize
		if err := s.Set(text); err != nil || int64(s) != want || s.String() != text {
			t.Errorf("%q is %d (%q), %v; want %d", text, s, s.String(), err, want)
		}
	}
	for _, text := range []string{"", "MiB", "1.5GiB", "1TiB", "x"} {
		if err := new(byteSize).Set(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestContest runs a pipeline that sleeps as long as what it is compared with,
// and one whose program does not exist.
func TestContest(t *testing.T) {
	b := &bench{ctx: context.Background(), runs: 3, progress: new(bytes.Buffer)}
	rows, err := b.contest(contest{title: "sleeping", ours: command{name: "ours", shell: "sleep 0.05"}, them: []command{
		{name: "a | b", shell: "sleep 0.5 | cat", needs: []string{"cat"}},
		{name: "gone", shell: "false", needs: []string{"no-such-program"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[0].wall.Milliseconds() < 50 || rows[1].wall.Milliseconds() < 500 || rows[1].ratioWall >= 1 || rows[2].missing != "no-such-program" {
		t.Errorf("%+v", rows)
	}
	var d document
	d.contest(contest{title: "sleeping"}, rows)
	for _, want := range []string{"### sleeping", "| `ours` | 0.", "| `a \\| b` | ", "| `gone` | no-such-program is not installed |"} {
		if !strings.Contains(d.String(), want) {
			t.Errorf("no %q in\n%s", want, d.String())
		}
	}
	if _, err := b.contest(contest{ours: command{shell: "exit 3"}}); err == nil {
		t.Error("a command that fails was measured")
	}
}

// TestHold: a job within its limit passes at once, one beyond it is measured again
// before it fails, and one whose yardstick is not there is left out.
func TestHold(t *testing.T) {
	b := &bench{ctx: context.Background(), runs: 1, progress: new(bytes.Buffer)}
	burn := func(n string) command {
		return command{name: "burn " + n, shell: "i=0; while [ $i -lt " + n + " ]; do i=$((i+1)); done"}
	}
	for _, c := range []struct {
		g     gate
		ok    bool
		lines []string
	}{
		{gate{"little", burn("1000"), burn("1000"), math.Inf(1)}, true, []string{"ok "}},
		{gate{"much", burn("1000"), burn("1000"), 0}, false, []string{"slow", "slow", "slow"}},
		{gate{"alone", burn("1"), command{shell: "false", needs: []string{"no-such-program"}}, 1}, true, []string{"skip"}},
	} {
		var out bytes.Buffer
		ok, err := b.hold(c.g, &out)
		if err != nil || ok != c.ok {
			t.Errorf("%s: %v, %v", c.g.name, ok, err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(c.lines) {
			t.Errorf("%s:\n%s", c.g.name, out.String())
			continue
		}
		for i, want := range c.lines {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: %q, want %q", c.g.name, lines[i], want)
			}
		}
	}
}

func TestReplaceIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	var d document
	d.WriteString("new\n")
	for text, want := range map[string]string{
		"above\n" + figuresBegin + "old\nfigures\n" + figuresEnd + "below\n": "above\n" + figuresBegin + "new\n" + figuresEnd + "below\n",
		"no figures\n": "no figures\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := d.replaceIn(path)
		got, rerr := os.ReadFile(path)
		if rerr != nil || string(got) != want || (err == nil) != strings.Contains(text, "old") {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// TestMake makes a file as the command does.
func TestMake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.dat")
	var out, errw bytes.Buffer
	from := filepath.Join("..", "..", "fixtures", "karm64s4-21-ipi-all", "trace.dat")
	if status := run(context.Background(), []string{"-make", path, "-size", "4MiB", "-from", from}, &out, &errw); status != 0 {
		t.Fatalf("status %d: %s", status, errw.String())
	}
	if st, err := os.Stat(path); err != nil || st.Size() < 4<<20 {
		t.Errorf("%v, %v", st, err)
	}
	for _, args := range [][]string{{"-size", "1KiB"}, {"-runs", "0"}, {"extra"}, {"-no-such-flag"}} {
		if status := run(context.Background(), args, &out, &errw); status != 2 {
			t.Errorf("%v: status %d, want 2", args, status)
		}
	}
	if status := run(context.Background(), []string{"-make", path, "-from", "no-such.dat"}, &out, &errw); status != 1 {
		t.Errorf("status %d, want 1", status)
	}
}
