// Package sendipis is a program whose IPIs are known, to hold recorders against.
package sendipis

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Main is the program. It sends IPIs from CPU 0 to a thread of it that runs on
// CPU 1.
//
//	sendipis membarrier|mprotect COUNT [PER-SECOND [SECONDS]]
//
// After SECONDS it ends, however many it has sent, and prints their number.
//
// One membarrier(2) of MEMBARRIER_CMD_PRIVATE_EXPEDITED interrupts the other
// thread's CPU (kernel/sched/membarrier.c, ipi_mb), and so does taking away the
// right to write to a page that both have used (arch/x86/mm/tlb.c,
// flush_tlb_func).
//
// Nobody is interrupted where the other thread does not run at that moment: it has
// real-time priority, but Linux leaves a twentieth of a CPU's time to ordinary
// tasks (sched(7), sched_rt_runtime_us; the fair server since 6.8) if there are
// any.
//
// The other thread must not leave its CPU, neither to be scheduled anew by the
// runtime, which takes long on a busy machine, nor to collect garbage. But where
// the runtime has to stop all threads it must find this one at a call, or it waits
// for ever. A program that hangs all the same is ended by its limit of CPU time.
func Main() {
	const still = "GODEBUG=asyncpreemptoff=1,updatemaxprocs=0"
	if !slices.Contains(os.Environ(), still) {
		err := unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), still))
		fmt.Fprintln(os.Stderr, "sendipis:", err)
		os.Exit(1)
	}
	debug.SetGCPercent(-1)
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: 30, Max: 30}) // seconds; setrlimit(2): SIGKILL
	if err := sendKnownIPIs(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "sendipis:", err)
		os.Exit(1)
	}
}

func sendKnownIPIs(kind string, args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	gap := time.Duration(0)
	if len(args) > 1 {
		rate, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		gap = time.Second / time.Duration(rate)
	}
	limit := time.Duration(math.MaxInt64)
	if len(args) > 2 {
		seconds, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		limit = time.Duration(seconds) * time.Second
	}
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	const register, expedited = 1 << 4, 1 << 3 // include/uapi/linux/membarrier.h
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, register, 0, 0); errno != 0 {
		return fmt.Errorf("membarrier: %w", errno)
	}
	var stop atomic.Bool
	var spun atomic.Uint64
	ready := make(chan error)
	go spin(1, page, &stop, &spun, ready)
	if err := <-ready; err != nil {
		return err
	}
	defer stop.Store(true)
	for spun.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := stay(0); err != nil {
		return err
	}
	start, sent := time.Now(), 0
	if limit < math.MaxInt64 {
		defer func() { fmt.Fprintln(os.Stdout, sent) }()
	}
	next := start
	for ; sent < count && time.Since(start) < limit; sent++ {
		for gap > 0 && time.Now().Before(next) { // sleeping is too coarse
		}
		next = next.Add(gap)
		if kind == "membarrier" {
			if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, expedited, 0, 0); errno != 0 {
				return fmt.Errorf("membarrier: %w", errno)
			}
			continue
		}
		page[0]++
		for _, prot := range []int{unix.PROT_READ, unix.PROT_READ | unix.PROT_WRITE} {
			if err := unix.Mprotect(page, prot); err != nil {
				return err
			}
		}
	}
	return nil
}

// spin runs on a CPU, in place of everything else there if it may, until it is
// told to stop.
func spin(cpu int, page []byte, stop *atomic.Bool, spun *atomic.Uint64, ready chan<- error) {
	err := stay(cpu)
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0) // without it others run there, too
	ready <- err
	for sum := byte(0); !stop.Load(); sum += touch(page) {
		spun.Add(1)
	}
}

// touch reads the page in a call that calls: there the runtime may stop a thread.
//
//go:noinline
func touch(page []byte) byte { return firstOf(page) }

//go:noinline
func firstOf(page []byte) byte { return page[0] }

// stay keeps this thread on a CPU.
func stay(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}
