package filter_test

import (
	"fmt"
	"log"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Events of a trace that a filter of the kernel would have kept; trace-cmd report
// prints 59 with cpu=2.
func ExampleProgram() {
	src, err := parser.Open("../../fixtures/k612s4-06-multi/trace.dat", parser.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	p, err := filter.NewProgram([]string{"cpu == 2"}, filter.Env{})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Bind(src.Table(), true); err != nil {
		log.Fatal(err)
	}
	kept := 0
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok && p.Match(e) {
			kept++
		}
	}
	fmt.Println(kept, src.Err(), p.Err())
	// Output:
	// 59 <nil> <nil>
}
