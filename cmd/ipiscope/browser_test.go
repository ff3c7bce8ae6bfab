package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A browser is a headless Chromium that the tests of pages share.
type browser struct{ ctx context.Context }

// newBrowser starts Chromium. Where there is none the test is skipped, unless
// IPISCOPE_BROWSER=required, as .ci/run sets it; off skips it anywhere.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	wanted, path := os.Getenv("IPISCOPE_BROWSER"), chromium()
	switch {
	case wanted == "off":
		t.Skip("IPISCOPE_BROWSER=off: pages are not driven in a browser")
	case path == "" && wanted == "required":
		t.Fatal("no chromium, and IPISCOPE_BROWSER=required")
	case path == "":
		t.Skip("no chromium here (apt-get install chromium): pages are not driven in a browser")
	}
	// that a browser did not start, as happens to one of hundreds on a busy machine,
	// tells nothing about pages
	for left := 2; ; left-- {
		b, err := startBrowser(t, path)
		if err == nil {
			return b
		}
		if left == 0 {
			t.Fatalf("%s: %v", path, err)
		}
		t.Logf("once more, as %s: %v", path, err)
	}
}

// startBrowser starts a browser that ends with the test.
func startBrowser(t *testing.T, path string) (*browser, error) {
	t.Helper()
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
	}
	for _, f := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		stop()
	})
	return &browser{ctx}, chromedp.Do(ctx)
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// A tab shows one page and notes what it says and asks for.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // on the console, exceptions too
	requests []string // URLs
}

// look is how a page is looked at; its zero value is 1280 x 900 in light colours.
type look struct {
	width, height int64
	dark, print   bool
	noScript      bool
}

// open shows the page in a tab of its own, which the test closes.
func (b *browser) open(t *testing.T, path string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(func() {
		stop()
		cancel()
	})
	p := &tab{t: t, ctx: ctx}
	p.must(chromedp.Listen(ctx, p.note))
	if l.width == 0 {
		l.width, l.height = 1280, 900
	}
	scheme, media := "light", ""
	if l.dark {
		scheme = "dark"
	}
	if l.print {
		media = "print"
	}
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	p.must(err)
	_, err = chromedp.Call(ctx, cdplog.Enable, cdp.Empty{})
	p.must(err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.must(err)
	if l.noScript {
		_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		p.must(err)
	}
	p.must(chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height), chromedp.Navigate("file://"+path)))
	return p
}

func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			p.messages = append(p.messages, fmt.Sprintf("%s: %s%s", e.Type, a.Value, a.Description))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		p.messages = append(p.messages, "exception: "+text)
	case *cdplog.EventEntryAdded:
		p.messages = append(p.messages, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// quiet fails the test if the page said anything on the console, or asked for
// anything but itself.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		p.t.Errorf("console: %s", m)
	}
	for _, url := range p.requests {
		if !strings.HasPrefix(url, "file://") && !strings.HasPrefix(url, "data:") || len(p.requests) > 2 {
			p.t.Errorf("request: %s", url)
		}
	}
	if len(p.requests) == 0 {
		p.t.Error("the page itself was not seen to be requested")
	}
}

// eval is the value of an expression of JavaScript.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// do carries out what a person does.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.must(chromedp.Do(p.ctx, steps...))
}

// typeInto replaces what is in a field.
func (p *tab) typeInto(selector chromedp.CSS, text string) {
	p.t.Helper()
	p.do(chromedp.Focus(selector))
	eval[bool](p, fmt.Sprintf("(document.querySelector(%q).select(), true)", selector))
	p.do(chromedp.KeyEvent(kb.Backspace))
	if text != "" {
		p.do(chromedp.SendKeys(selector, text))
	}
}

// drag moves the mouse over an element with the button down, from one part of
// its width to another.
func (p *tab) drag(selector chromedp.CSS, from, to float64) {
	p.t.Helper()
	p.do(chromedp.ScrollIntoView(selector))
	box := eval[[]float64](p, fmt.Sprintf("(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()", selector))
	y := box[1] + box[3]/2
	mouse := func(typ input.DispatchMouseEventType, at float64) chromedp.Action[chromedp.Void] {
		return chromedp.MouseEvent(typ, box[0]+at*box[2], y, chromedp.ButtonLeft)
	}
	p.do(mouse(input.DispatchMouseEventTypeMouseMoved, from), mouse(input.DispatchMouseEventTypeMousePressed, from), mouse(input.DispatchMouseEventTypeMouseMoved, (from+to)/2), mouse(input.DispatchMouseEventTypeMouseMoved, to), mouse(input.DispatchMouseEventTypeMouseReleased, to))
}
