// Package ahead lets workers prepare the parts of an input before they are
// needed, and hands them out in order: what a reader sees does not depend on how
// many workers there are.
package ahead

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Pool is the workers of one input. The goroutine that takes the results is
// one of them: with one thread there is no other, and work is done when its
// result is asked for.
type Pool struct {
	threads int
	tasks   chan task
	workers sync.WaitGroup
	closed  atomic.Bool
}

// A task can be claimed by one worker.
type task interface{ run(worker int) }

// backlog bounds the tasks that wait for a worker. What does not fit is done by
// who needs it.
const backlog = 1024

// New returns a Pool of that many threads, 0 is one for each CPU. It must be
// closed.
func New(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{threads: threads}
	if threads > 1 {
		p.tasks = make(chan task, backlog)
	}
	for w := 1; w < threads; w++ {
		p.workers.Go(func() {
			for t := range p.tasks {
				if !p.closed.Load() {
					t.run(w)
				}
			}
		})
	}
	return p
}

// Threads is the number of workers. Their numbers are less than that.
func (p *Pool) Threads() int { return p.threads }

// Close ends the workers; parts that none of them has begun are dropped. Queues
// must not be used any more.
func (p *Pool) Close() {
	p.closed.Store(true)
	if p.tasks != nil {
		close(p.tasks)
	}
	p.workers.Wait()
}

// A Queue is one sequence of parts. It belongs to one goroutine.
type Queue[T any] struct {
	pool  *Pool
	work  func(part T, worker int)
	slots []*slot[T] // a ring: from head, n of them
	head  int
	n     int
}

type slot[T any] struct {
	queue   *Queue[T]
	part    T
	claimed atomic.Bool
	done    chan struct{}
}

// NewQueue returns a Queue of at most depth parts under way. work prepares a
// part; worker tells whose buffers it may use.
func NewQueue[T any](p *Pool, depth int, work func(part T, worker int)) *Queue[T] {
	q := &Queue[T]{pool: p, work: work, slots: make([]*slot[T], depth)}
	for i := range q.slots {
		q.slots[i] = &slot[T]{queue: q, done: make(chan struct{}, 1)}
	}
	return q
}

// Len is the number of parts that Take has to hand out.
func (q *Queue[T]) Len() int { return q.n }

// Full reports whether Put has no room.
func (q *Queue[T]) Full() bool { return q.n == len(q.slots) }

// Empty reports whether Take has nothing to wait for.
func (q *Queue[T]) Empty() bool { return q.n == 0 }

// Put appends a part that is to be prepared. There must be room for it.
func (q *Queue[T]) Put(part T) {
	s := q.slots[(q.head+q.n)%len(q.slots)]
	q.n++
	s.part = part
	s.claimed.Store(false)
	if q.pool.threads == 1 {
		return
	}
	select {
	case q.pool.tasks <- s:
	default:
	}
}

// Take returns the oldest part when it is ready. There must be one.
func (q *Queue[T]) Take() T {
	s := q.slots[q.head]
	q.head = (q.head + 1) % len(q.slots)
	q.n--
	s.run(0)
	<-s.done
	part := s.part
	var none T
	s.part = none
	return part
}

// Peek returns the part that Take will return next, when it is ready. There must
// be one.
func (q *Queue[T]) Peek() T {
	s := q.slots[q.head]
	s.run(0)
	<-s.done
	s.done <- struct{}{} // for Take
	return s.part
}

func (s *slot[T]) run(worker int) {
	if s.claimed.CompareAndSwap(false, true) {
		s.queue.work(s.part, worker)
		s.done <- struct{}{}
	}
}
