package main

import (
	"fmt"
	"os"
	"strings"
)

// equivalents are mutants that no test can notice, by path, old line and new line.
type equivalents map[[3]string]bool

// readEquivalents reads a file of them; none without a name. Lines that begin with #
// are for readers.
func readEquivalents(name string) (equivalents, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all := equivalents{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[3] == "" {
			return nil, fmt.Errorf("%s:%d: want path, old line, new line and the reason, by tabs", name, number)
		}
		all[[3]string(f)] = true
	}
	return all, nil
}

func (e equivalents) has(m *mutant) bool {
	before, after := m.lines()
	return e[[3]string{m.path, before, after}]
}
