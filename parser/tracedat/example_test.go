package tracedat_test

import (
	"fmt"
	"log"
	"os"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// The records of a trace.dat in the order of their times: events, losses, and what
// could not be understood.
func ExampleOpen() {
	const path = "../../fixtures/k612s4-06-multi/trace.dat"
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	src, err := tracedat.Open(f, st.Size(), path, tracedat.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sends := 0
	for src.Scan() {
		switch r := src.Record().(type) { // valid until the next Scan
		case *trace.Event:
			if r.Schema().Name == "ipi_send_cpu" {
				sends++
			}
		case *trace.Lost, *trace.SyntaxError:
			fmt.Println(r)
		}
	}
	fmt.Println(src.Table().Meta.Kernel, sends, src.Err())
	// Output:
	// 6.12.107+deb13-amd64 119 <nil>
}
