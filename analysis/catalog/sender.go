package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// A Sender is a kernel function that sends IPIs or leads to one, as the function
// tracers show it.
type Sender struct {
	Function string
	Line     string // call, reschedule or irq_work: those of one line call one another
	Depth    int    // the order in which they do
	Sends    bool   // it hands the IPI to the interrupt controller; the others may send none
	// Arch, Since and Until say which kernels have it: all, and Linux versions, "" for
	// no end.
	Arch, Since, Until string
	Source, Text       string
}

// Senders returns the rows of data/functions.tsv in their order.
func Senders() []Sender {
	data, err := embedded.ReadFile("data/functions.tsv")
	if err != nil {
		panic(err) // it is a part of the program
	}
	var all []Sender
	for line := range strings.Lines(string(data)) {
		x := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || x[0] == "function" {
			continue
		}
		depth, err := strconv.Atoi(x[2])
		if err != nil || len(x) != 9 {
			panic(fmt.Sprintf("data/functions.tsv: %q", line))
		}
		all = append(all, Sender{
			Function: x[0], Line: x[1], Depth: depth, Sends: x[3] == "ipi", Arch: x[4], Since: undash(x[5]), Until: undash(x[6]), Source: x[7], Text: x[8],
		})
	}
	return all
}
