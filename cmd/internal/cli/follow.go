package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// growthPoll is how often a file is looked at for what was appended to it.
const growthPoll = 200 * time.Millisecond

// AddFollow defines --follow for a command that can show what it has counted
// before the end of its input.
func (f *SendFlags) AddFollow(fs *pflag.FlagSet) {
	fs.DurationVar(&f.input.follow, "follow", 0, "read text that is still being written, a file or a pipe, and print the result so far every `TIME`, such as 5s, until Ctrl-C or the pipe's end")
}

// A follower lets a result be shown while its input is read. lock is held by the
// reading side except where it waits for input: whoever gets it finds everything
// counted that has come, and nothing moves meanwhile.
type follower struct {
	every time.Duration
	lock  sync.Mutex
	// ctx ends the input, as its end would
	ctx  context.Context
	end  context.CancelFunc
	show func(result.Input, analysis.Span) error
	err  error // of show, which ends the input
}

// checkFollow checks --follow, which goes with one text that is read once.
func (in *Inputs) checkFollow(every time.Duration, paths int) error {
	switch {
	case every == 0:
		return nil
	case every < 0:
		return Usage(fmt.Errorf("--follow %v: want a time such as 5s", every))
	case paths != 1:
		return Usage(errors.New("--follow reads one trace"))
	case in.window != nil && in.window.needsScan():
		return Usage(errors.New("--follow reads its input once: --trim and times relative to its start, end or a mark are not known by then"))
	}
	in.follow = &follower{every: every}
	return nil
}

// Follow makes show receive what the states of the current trace can say so far,
// now and then, if --follow was given. It is called between two events; its error
// ends the input.
func (s *Sends) Follow(show func(result.Input, analysis.Span) error) {
	if s.in.follow != nil {
		s.in.follow.show = show
	}
}

// through is what the input is read through: reading gives way to showing, and
// the end of a file that grows is not its end.
func (f *follower) through(r io.Reader, grows bool) io.Reader {
	return &followedReader{follower: f, r: r, grows: grows}
}

type followedReader struct {
	*follower
	r     io.Reader
	grows bool
}

// Read implements io.Reader. Ctrl-C is the end of the input.
func (r *followedReader) Read(p []byte) (int, error) {
	r.lock.Unlock()
	defer r.lock.Lock()
	for {
		if r.ctx.Err() != nil {
			return 0, io.EOF
		}
		n, err := r.r.Read(p)
		switch {
		case errors.Is(err, context.Canceled):
			return n, io.EOF
		case n > 0 || err != io.EOF || !r.grows:
			return n, err
		}
		select {
		case <-r.ctx.Done():
		case <-time.After(growthPoll):
		}
	}
}

// watch shows what p has counted every time that more has come, until the
// returned function is called with the lock held.
func (f *follower) watch(p *analysis.Progress, input func(analysis.Stats) result.Input) (stop func()) {
	ticker, done, gone := time.NewTicker(f.every), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		var shown analysis.Stats
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			f.lock.Lock()
			select {
			case <-done: // the result is shown by who asked for it
			default:
				if st := p.Stats(); st != shown && f.show != nil && f.err == nil {
					shown = st
					if f.err = f.show(input(st), st.Span); f.err != nil {
						f.end()
					}
				}
			}
			f.lock.Unlock()
		}
	}()
	return func() {
		close(done)
		ticker.Stop()
		f.lock.Unlock()
		<-gone
		f.lock.Lock()
	}
}
