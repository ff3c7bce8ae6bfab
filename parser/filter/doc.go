// Package filter is the kernel's event-filter language, offline: what a person
// writes into events/*/filter or gives to trace-cmd record -f is accepted,
// refused and evaluated here as kernel/trace/trace_events_filter.c does it,
// with the same words and the same caret.
//
// # The language
//
//	filter  = or-expr                 "0" clears the filter: everything passes
//	or-expr = and-expr { "||" and-expr }
//	and-expr= unary { "&&" unary }
//	unary   = { "!" } ( "(" or-expr ")" | term )
//	term    = field [".ustring"] [".function"] op value
//	op      = "~" | "!=" | "==" | "<=" | "<" | ">=" | ">" | "&"
//	value   = CPUS{cpulist} | 'text' | "text" | number | symbol
//
// A symbol stands only after field.function and runs to the next white space.
// There are no escapes in texts, no arithmetic, and no field on the right side.
//
// A name is looked up among the event's own fields, then CPU, cpu, common_cpu
// (the recording CPU), COMM, comm (the running task) and stacktrace, then the
// common_ fields. So `cpu` is the target of ipi_send_cpu, which has such a
// field, and the sender of ipi_send_cpumask, which has not.
//
// # Use
//
// Check says what the kernel would say about an expression for one event.
// Compile makes an EventProgram that evaluates events of one schema. A Program
// holds several expressions, each for the events it names, and specialises
// itself for each event id when it sees the first event of it.
//
// Beyond the kernel's language, and only with Env.Extensions, `MASK{cpulist}`
// (the spelling of the first posting of the IPI deferral series) is read as
// CPUS{cpulist}, and `@isolated` within the braces stands for Env.Isolated.
package filter
