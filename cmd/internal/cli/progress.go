package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// progressAfter is how long work may take before a bar appears.
const progressAfter = time.Second

// A progress draws a bar on standard error for work that takes long.
type progress struct {
	t     *Terminal
	src   trace.Progresser
	start time.Time
	bar   *progressbar.ProgressBar
}

// newProgress returns the progress of reading src, nil if none can be shown.
func newProgress(t *Terminal, src trace.Source) *progress {
	p, ok := trace.As[trace.Progresser](src)
	if !ok || !t.Progress {
		return nil
	}
	return &progress{t: t, src: p, start: time.Now()}
}

func (p *progress) tick() {
	if p == nil || time.Since(p.start) < progressAfter {
		return
	}
	done, total := p.src.Progress()
	if p.bar == nil {
		if total == 0 {
			total = -1 // a spinner
		}
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.t.Err),
			// no rate and no forecast: the bar begins in the middle
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetDescription("reading"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = p.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
}

func (p *progress) end() {
	if p != nil && p.bar != nil {
		_ = p.bar.Clear()
	}
}
