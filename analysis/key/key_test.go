package key_test

import (
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func all() key.List {
	var l key.List
	for k := range key.Num {
		l = append(l, k)
	}
	return l
}

// texts are all values of a subject, by the key's name.
func texts(t *testing.T, table *trace.Table, s *key.Subject) map[string]string {
	t.Helper()
	cat := catalogtest.Load(t)
	for _, k := range all() {
		if k.Doc() == "" {
			t.Fatalf("key %d has no row in rows.go: see docs/adding.md", k)
		}
	}
	attr := track.NewAttributor(cat, table)
	ids := key.Of(all(), s, attr)
	m := map[string]string{}
	for i, k := range all() {
		m[k.String()] = k.Text(ids[i], table, attr)
	}
	return m
}

func TestText(t *testing.T) {
	table := trace.NewTable()
	table.Meta.Path = "some/trace.dat"
	table.AddSchema(&trace.Schema{Name: "other"})
	event := table.AddSchema(&trace.Schema{Name: "ipi_send_cpu"})
	s := &key.Subject{
		Event: event, Function: table.Name("do_sync_core"), Callback: table.Name(track.Generic), Callsite: table.Name("f+0x1"), Evidence: track.EvidenceCSD,
		Comm: table.Name("mix"), Instance: table.Name("isol"), PID: -1, Sender: 8191, Target: 2, Line: track.LineCall, Mode: track.ModeUser,
		Kind: table.Name("ipi"),
	}
	want := map[string]string{
		"callback": track.Generic, "function": "do_sync_core", "evidence": "csd", "callsite": "f+0x1", "event": "ipi_send_cpu",
		"cause": "f", "mechanism": "(no stack)", "entry": "(no stack)", "class": "deferrable", "classes": "deferrable", "comm": "mix", "pid": "-1", "sender": "8191", "target": "2",
		"pair": "8191>2", "line": "call_function", "context": "user", "stack": "(no stack)", "instance": "isol", "file": "some/trace.dat",
		"kind": "ipi", "name": "do_sync_core",
	}
	check(t, want, texts(t, table, s))
	s.NoIPI = true
	want["event"] = track.NoIPI
	check(t, want, texts(t, table, s))
	// what the target tells is known without a send
	s.NoSend = true
	for name := range want {
		switch name {
		case "function", "evidence", "class", "classes", "target", "line", "context", "file", "kind", "name":
		default:
			want[name] = key.NoSend
		}
	}
	check(t, want, texts(t, table, s))
}

func check(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %q, want %q", name, got[name], w)
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d keys, %d are tested", len(got), len(want))
	}
}

func TestParse(t *testing.T) {
	l := key.List{key.PID, key.Function}
	if keys, err := l.Parse(" function, pid"); err != nil || len(keys) != 2 || keys[0] != key.Function || keys[1] != key.PID {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := l.Parse("comm"); err == nil || !strings.Contains(err.Error(), `unknown key "comm": want pid, function`) {
		t.Errorf("a key of another list: %v", err)
	}
}
