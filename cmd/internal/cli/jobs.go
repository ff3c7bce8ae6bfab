package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// maxJobs bounds --jobs: each has buffers of its own.
const maxJobs = 256

// AddJobs defines --jobs for a command that keeps what belongs to a trace apart.
func (f *SendFlags) AddJobs(fs *pflag.FlagSet) { f.input.AddJobs(fs) }

// AddJobs defines --jobs for a command that keeps what belongs to a trace apart.
func (f *InputFlags) AddJobs(fs *pflag.FlagSet) {
	f.atOnce = true
	fs.IntVar(&f.jobs, "jobs", 0, "read `N` traces at once, each with one thread unless --threads says otherwise; 0 is one for each CPU where there are more traces than CPUs. The result is the same whatever N")
}

// jobsOf checks --jobs. Commands without it read one trace after the other.
func (f *InputFlags) jobsOf(traces int) (int, error) {
	jobs := f.jobs
	if !f.atOnce {
		return 1, nil
	}
	if err := CheckJobs(jobs); err != nil {
		return 0, err
	}
	if cpus := runtime.GOMAXPROCS(0); jobs == 0 && traces > cpus {
		jobs = cpus
	}
	return min(jobs, traces), nil
}

// CheckJobs checks a number of jobs, 0 for the usual one.
func CheckJobs(jobs int) error {
	if jobs < 0 || jobs > maxJobs {
		return Usage(fmt.Errorf("--jobs %d: want 1 to %d, or 0 for the usual number", jobs, maxJobs))
	}
	return nil
}

// EachOf is Each with --jobs, of traces with these isolated CPUs: f is called for several
// traces at once, up to where it calls run by one at a time, and behind that by one at a
// time in the order of the traces. It keeps what belongs to a trace in variables of its
// own, and says what there is to say on the Terminal that it is given.
func (in *Inputs) EachOf(ctx context.Context, iso *Isolated, f func(*Terminal, trace.Source, Run) error) error {
	if in.jobs > 1 && iso.open == "" {
		return in.eachAtOnce(ctx, f)
	}
	return in.Each(ctx, func(src trace.Source, run Run) error { return f(in.t, src, run) })
}

// eachAtOnce reads several traces at the same time. What f does before it runs the
// states is done by one at a time in any order, what it does behind that in the
// order of the traces; so is what is said about them.
func (in *Inputs) eachAtOnce(ctx context.Context, f func(*Terminal, trace.Source, Run) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	traces := in.Traces()
	var prepare sync.Mutex
	alike := *in // a copy, since in is written to by whose turn it is
	alike.repeated = nil
	all := AtOnce(in.t, in.jobs, len(traces), func(i int, t *Terminal, turn func()) error {
		own := alike
		own.t, own.turn, own.memory = t, turn, alike.memory.apart()
		own.oneThread()
		err := Trace{&own, traces[i].Path}.Read(ctx, func(src trace.Source, run Run) error {
			prepare.Lock()
			unlock := sync.OnceFunc(prepare.Unlock)
			defer unlock()
			return f(t, src, func(states ...analysis.State) (result.Input, error) {
				unlock()
				defer turn() // also where it could not be read
				return run(states...)
			})
		})
		turn()
		in.repeated = append(in.repeated, own.repeated...)
		if endsAll(err) {
			cancel()
		}
		return err
	})
	if i := slices.IndexFunc(all, endsAll); i >= 0 {
		return all[i]
	}
	return Worst(all)
}

// oneThread reads with one thread unless --threads says otherwise.
func (in *Inputs) oneThread() {
	if in.threads == 0 {
		in.threads = 1
	}
}

// AtOnce does n pieces of work, up to jobs of them at the same time, and returns
// their errors. Each has a Terminal of its own, what it says comes in the order of
// the pieces. turn waits until all pieces before this one are done, so that what
// follows has that order too; it may be called again, or not at all. Work behind it
// does not count as one of jobs, so that others go on while one waits for its turn.
// What is said behind an error that ends all is left out.
func AtOnce(t *Terminal, jobs, n int, work func(i int, t *Terminal, turn func()) error) []error {
	all := make([]error, n)
	done := make([]chan struct{}, n+1) // done[i] is closed when all before i are done
	for i := range done {
		done[i] = make(chan struct{})
	}
	close(done[0])
	over := false // read and set by whose turn it is
	places := make(chan struct{}, jobs)
	one := func(i int) {
		var said bytes.Buffer
		own := *t
		own.Err, own.Progress = &said, false
		turn := sync.OnceFunc(func() {
			<-places
			<-done[i]
			own.Err = t.Err
			if over {
				own.Err = io.Discard
			}
			_, _ = said.WriteTo(own.Err) // as Warnf does
		})
		all[i] = work(i, &own, turn)
		turn()
		over = over || endsAll(all[i])
		close(done[i+1])
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(jobs+jobs/2, n) { // who waits holds what it found: not too many
		workers.Go(func() {
			for {
				places <- struct{}{} // before i is taken: the first that is not done has one
				i := int(next.Add(1) - 1)
				if i >= n {
					<-places
					return
				}
				one(i)
			}
		})
	}
	workers.Wait()
	return all
}

// apart is a ceiling of the same program for another goroutine.
func (c *ceiling) apart() *ceiling {
	if c == nil {
		return nil
	}
	return &ceiling{c.text, c.limit, slices.Clone(c.sample)}
}
