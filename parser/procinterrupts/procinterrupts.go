// Package procinterrupts reads /proc/interrupts: how often each interrupt hit
// each CPU since boot (kernel/irq/proc.c, show_interrupts, and
// arch/*/kernel/irq.c, arch_show_interrupts).
package procinterrupts

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Table is one copy of /proc/interrupts.
type Table struct {
	CPUs []int // the numbers of the columns; CPUs that are off have none
	Rows []Row
}

// A Row is one line. Counts has a number for each of Table.CPUs.
type Row struct {
	Name   string // "24", "LOC", "IPI0"
	Text   string // what stands after the counts: chip and action, or a sentence
	Counts []uint64
}

const (
	maxLine = 1 << 20 // 8192 CPUs of 11 columns
	maxRows = 1 << 16
)

// Parse reads a copy. name is what errors call it.
func Parse(r io.Reader, name string) (*Table, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	if !s.Scan() {
		if err := s.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return nil, fmt.Errorf("%s: is empty: want a copy of /proc/interrupts", name)
	}
	t := &Table{}
	for w := range strings.FieldsSeq(s.Text()) {
		n, err := strconv.ParseUint(strings.TrimPrefix(w, "CPU"), 10, 16)
		if err != nil || !strings.HasPrefix(w, "CPU") || slices.Contains(t.CPUs, int(n)) {
			return nil, fmt.Errorf("%s:1: %q: want the column heads CPU0 CPU1 ... of /proc/interrupts", name, w)
		}
		t.CPUs = append(t.CPUs, int(n))
	}
	if len(t.CPUs) == 0 {
		return nil, fmt.Errorf("%s:1: no column heads: want a copy of /proc/interrupts", name)
	}
	for n := 2; s.Scan(); n++ {
		label, rest, ok := strings.Cut(s.Text(), ":")
		if !ok {
			if strings.TrimSpace(s.Text()) == "" {
				continue
			}
			return nil, fmt.Errorf("%s:%d: no colon after the interrupt's name", name, n)
		}
		row, whole := parseRow(strings.TrimSpace(label), rest, len(t.CPUs))
		if !whole {
			continue // ERR and MIS count for the machine, not for its CPUs
		}
		if len(t.Rows) >= maxRows {
			return nil, fmt.Errorf("%s:%d: more than %d rows", name, n, maxRows)
		}
		t.Rows = append(t.Rows, row)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// parseRow reads one number a CPU. It is false if there are fewer.
func parseRow(label, rest string, cpus int) (Row, bool) {
	row := Row{Name: label}
	for len(row.Counts) < cpus {
		rest = strings.TrimLeft(rest, " \t")
		word := rest
		if i := strings.IndexAny(rest, " \t"); i >= 0 {
			word = rest[:i]
		}
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return row, false
		}
		row.Counts = append(row.Counts, n)
		rest = rest[len(word):]
	}
	row.Text = strings.Join(strings.Fields(rest), " ")
	return row, true
}

// A Delta is how often an interrupt hit a CPU between two copies.
type Delta struct {
	Name, Text string
	CPU        int
	Count      uint64
}

// Deltas subtracts the counts of before from those of after, in the order of
// after. Rows and CPUs that are in one of them only are left out. A count that
// went down is an error: the copies are swapped or of different boots.
func Deltas(before, after *Table) ([]Delta, error) {
	old := map[string]*Row{}
	for i := range before.Rows {
		old[before.Rows[i].Name] = &before.Rows[i]
	}
	var list []Delta
	for i := range after.Rows {
		a := &after.Rows[i]
		b := old[a.Name]
		if b == nil {
			continue
		}
		for j, cpu := range after.CPUs {
			k := slices.Index(before.CPUs, cpu)
			if k < 0 {
				continue
			}
			if a.Counts[j] < b.Counts[k] {
				return nil, fmt.Errorf("interrupt %s on CPU %d went down from %d to %d: are the copies in order, and of one boot?", a.Name, cpu, b.Counts[k], a.Counts[j])
			}
			list = append(list, Delta{a.Name, a.Text, cpu, a.Counts[j] - b.Counts[k]})
		}
	}
	return list, nil
}
