package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// followed is a text of 279 sends and where the first half of its lines ends.
func followed(t *testing.T) (text []byte, half int) {
	t.Helper()
	f, err := os.Open("../../fixtures/k72s4-01-zstd-local/report-t.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	half = len(text)/2 + bytes.Index(text[len(text)/2:], []byte("\n"))
	return text, half + 1
}

// A shown is what a command printed and tells of each result.
type shown struct {
	mu   sync.Mutex
	text bytes.Buffer
	came chan struct{}
}

func (o *shown) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.came <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

// hitsOf are the hits and events of the results that were printed one behind the
// other.
func hitsOf(t *testing.T, text []byte) (hits, events []int) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var r struct{ Totals struct{ Hits, Events int } }
		if err := d.Decode(&r); err == io.EOF {
			return hits, events
		} else if err != nil {
			t.Fatal(err)
		}
		hits, events = append(hits, r.Totals.Hits), append(events, r.Totals.Events)
	}
}

// plainReport is the report of the text when it is whole.
func plainReport(t *testing.T, text []byte) []byte {
	t.Helper()
	var out, errw bytes.Buffer
	if status := run(context.Background(), []string{"report", "--isolated", "2-3", "--format", "json", "-"}, bytes.NewReader(text), &out, &errw); status != 0 {
		t.Fatal(errw.String())
	}
	return out.Bytes()
}

// checkFollowed holds what --follow printed against the report of the whole
// text: it ends with that, and nothing before it says more.
func checkFollowed(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.HasSuffix(got, want) {
		t.Errorf("the last result is not that of the whole text")
	}
	hits, events := hitsOf(t, got)
	if len(hits) < 2 || hits[0] == 0 || events[0] >= events[len(events)-1] {
		t.Errorf("hits %v, events %v: want a first result from the first half of the text", hits, events)
	}
	for i := 1; i < len(hits); i++ {
		if hits[i] < hits[i-1] || events[i] < events[i-1] {
			t.Errorf("hits %v, events %v go back", hits, events)
		}
	}
}

func TestFollowPipe(t *testing.T) {
	text, half := followed(t)
	in, w := io.Pipe()
	out := &shown{came: make(chan struct{}, 1)}
	go func() {
		w.Write(text[:half])
		<-out.came // the result so far, while the pipe is silent
		w.Write(text[half:])
		w.Close()
	}()
	var errw bytes.Buffer
	if status := run(context.Background(), []string{"report", "--follow", "50ms", "--isolated", "2-3", "--format", "json", "-"}, in, out, &errw); status != 0 {
		t.Fatalf("status %d: %s", status, errw.String())
	}
	checkFollowed(t, out.text.Bytes(), plainReport(t, text))
}

func TestFollowFile(t *testing.T) {
	text, half := followed(t)
	path := filepath.Join(t.TempDir(), "trace.txt")
	if err := os.WriteFile(path, text[:half], 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(context.Background())
	out := &shown{came: make(chan struct{}, 1)}
	go func() {
		<-out.came
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			f.Write(text[half:])
			f.Close()
		}
		<-out.came
		<-time.After(2 * 300 * time.Millisecond) // the rest may come in several parts
		interrupt()
	}()
	var errw bytes.Buffer
	if status := run(ctx, []string{"report", "--follow", "300ms", "--isolated", "2-3", "--format", "json", path}, strings.NewReader(""), out, &errw); status != 0 {
		t.Fatalf("status %d: %s", status, errw.String())
	}
	want := bytes.ReplaceAll(plainReport(t, text), []byte(`"(stdin)"`), []byte(`"`+path+`"`))
	checkFollowed(t, out.text.Bytes(), want)
}

// TestFollowRefuses: what cannot be read while it grows, and flags that need the
// end of the input.
func TestFollowRefuses(t *testing.T) {
	dat := "../../fixtures/k72s4-01-zstd-local/trace.dat"
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{dat}, 1, "cannot be read while it grows"},
		{[]string{dat, dat}, 2, "--follow reads one trace"},
		{[]string{"--trim", "1", dat}, 2, "--follow reads its input once"},
		{[]string{"--from", "+1", dat}, 2, "--follow reads its input once"},
	} {
		var out, errw bytes.Buffer
		status := run(context.Background(), append([]string{"report", "--follow", "1s"}, tt.args...), strings.NewReader(""), &out, &errw)
		if status != tt.status || !strings.Contains(errw.String(), tt.want) {
			t.Errorf("%v: status %d, %s; want %d, %q", tt.args, status, errw.String(), tt.status, tt.want)
		}
	}
}

// A closed output ends the input.
func TestFollowClosed(t *testing.T) {
	text, half := followed(t)
	in, w := io.Pipe()
	defer w.Close()
	go w.Write(text[:half])
	gone, far := io.Pipe()
	gone.Close()
	var errw bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(context.Background(), []string{"report", "--follow", "50ms", "--isolated", "2-3", "-"}, in, far, &errw)
	}()
	select {
	case status := <-done:
		if status == 0 {
			t.Error("status 0, and nothing could be written")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a command whose output is closed goes on reading")
	}
}
