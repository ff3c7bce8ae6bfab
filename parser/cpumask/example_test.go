package cpumask_test

import (
	"fmt"
	"log"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Which CPUs of a set does a mask name, as the kernel prints it?
func ExampleMask() {
	isolated, err := cpumask.ParseList([]byte("2-3,8-9"))
	if err != nil {
		log.Fatal(err)
	}
	sent, err := cpumask.ParseHex([]byte("00000f0e"))
	if err != nil {
		log.Fatal(err)
	}
	hit := sent
	hit.And(&isolated)
	fmt.Println(isolated.String())
	fmt.Println(hit.String(), hit.Count())
	// Output:
	// 2-3,8-9
	// 2-3,8-9 4
}
