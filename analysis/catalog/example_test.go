package catalog_test

import (
	"fmt"
	"log"

	"github.com/ipiscope/ipiscope/analysis/catalog"
)

// What a stack says of the send that it was taken at, innermost frame first.
func ExampleCatalog_Cause() {
	cat, err := catalog.Load()
	if err != nil {
		log.Fatal(err)
	}
	frames := []string{
		"smp_call_function_many_cond", "on_each_cpu_cond_mask", "text_poke_bp_batch", "text_poke_finish", "arch_jump_label_transform_apply",
		"__static_key_slow_inc", "static_key_enable", "tracepoint_add_func", "event_trace_enable", "do_syscall_64",
	}
	function, _, _ := cat.ResolveFunction(frames)
	fmt.Println(function, cat.Classify(function, frames).Class, cat.Cause(frames).Function)
	// Output:
	// do_sync_core deferrable tracepoint_add_func
}
