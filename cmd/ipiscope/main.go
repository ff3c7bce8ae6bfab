// Ipiscope tells from recorded kernel traces which IPIs hit the isolated CPUs,
// who sent them, and why.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

func main() {
	collectLate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the program, whatever it is waiting for
	}()
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// collectLate lets the heap grow to 32 MiB before the first garbage collection,
// which then is 4 MiB, and after that each time it has doubled, as usual. A small
// recording is done by then: it took four collections, a tenth of its CPU time.
func collectLate() {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(800)
	runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, usual)
}
