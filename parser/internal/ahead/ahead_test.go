package ahead

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestOrder: parts come out as they went in, each prepared once, whoever
// prepared it and however long that took.
func TestOrder(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 7} {
		for _, depth := range []int{1, 3, 16} {
			t.Run(fmt.Sprint(threads, "/", depth), func(t *testing.T) {
				p := New(threads)
				defer p.Close()
				var bad atomic.Int32
				work := func(n *int, worker int) {
					if *n%5 == 0 {
						time.Sleep(time.Duration(*n%3) * 100 * time.Microsecond)
					}
					if worker < 0 || worker >= p.Threads() {
						bad.Add(1)
					}
					*n *= 2
				}
				queues := []*Queue[*int]{NewQueue(p, depth, work), NewQueue(p, depth, work)}
				next := make([]int, len(queues))
				for want := range 200 {
					for i, q := range queues {
						for ; !q.Full() && next[i] < 200; next[i]++ {
							n := next[i]
							q.Put(&n)
						}
						if got := *q.Take(); got != 2*want {
							t.Fatalf("part %d of queue %d is %d, want %d", want, i, got, 2*want)
						}
					}
				}
				if bad.Load() > 0 {
					t.Error("a worker has a number beyond Threads")
				}
				for i, q := range queues {
					if !q.Empty() {
						t.Errorf("queue %d is not empty", i)
					}
				}
			})
		}
	}
}

// TestOneThread: with one thread nothing happens behind the caller's back.
func TestOneThread(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(1)
	defer p.Close()
	var ran []int
	q := NewQueue(p, 4, func(n, _ int) { ran = append(ran, n) })
	for i := range 4 {
		q.Put(i)
	}
	if len(ran) != 0 || runtime.NumGoroutine() != before {
		t.Errorf("%d parts prepared, %d goroutines more", len(ran), runtime.NumGoroutine()-before)
	}
	if q.Take(); len(ran) != 1 {
		t.Errorf("%d parts prepared for the first", len(ran))
	}
}

// TestClose does not prepare what nobody will ask for.
func TestClose(t *testing.T) {
	p := New(2)
	var ran atomic.Int32
	begun := make(chan struct{}, 64)
	q := NewQueue(p, 64, func(int, int) {
		begun <- struct{}{}
		ran.Add(1)
		time.Sleep(5 * time.Millisecond)
	})
	for i := range 64 {
		q.Put(i)
	}
	<-begun
	p.Close()
	if n := ran.Load(); n > 3 {
		t.Errorf("%d of 64 parts were prepared", n)
	}
}

func TestDoesNotAllocate(t *testing.T) {
	for _, threads := range []int{1, 2} {
		p := New(threads)
		q := NewQueue(p, 4, func(*int, int) {})
		part := new(int)
		if n := testing.AllocsPerRun(1000, func() {
			q.Put(part)
			q.Take()
		}); n != 0 {
			t.Errorf("%d threads: %v allocations for a part", threads, n)
		}
		p.Close()
	}
}

func BenchmarkQueue(b *testing.B) {
	p := New(2)
	defer p.Close()
	q := NewQueue(p, 8, func(*int, int) {})
	part := new(int)
	b.ReportAllocs()
	for b.Loop() {
		for !q.Full() {
			q.Put(part)
		}
		q.Take()
	}
}
