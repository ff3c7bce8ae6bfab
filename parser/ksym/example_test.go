package ksym_test

import (
	"fmt"
	"log"

	"github.com/ipiscope/ipiscope/parser/ksym"
)

// The symbol that an address lies in, as in /proc/kallsyms.
func ExampleTable_Lookup() {
	table, err := ksym.NewTable("ffffffff81000000 T _text\nffffffff81012340 t do_sync_core\nffffffff81012380 T text_poke_bp\n")
	if err != nil {
		log.Fatal(err)
	}
	sym, ok := table.Lookup(0xffffffff81012344)
	fmt.Printf("%s+%#x %v\n", sym.Name, sym.Offset, ok)
	// Output:
	// do_sync_core+0x4 true
}
