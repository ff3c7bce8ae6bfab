package listing

import "github.com/ipiscope/ipiscope/analysis/result"

// Columns are those of every row, in order. Names are a contract: columns are
// added behind the last one.
func (r Rows) Columns() []result.Col {
	switch r {
	case Sends:
		return sendColumns()
	case Requests:
		return requestColumns()
	}
	return hitColumns()
}

// stamp makes the first column, by which rows are in order.
func stamp(help string) result.Col {
	return result.Col{Name: "time_ns", Unit: "ns", Help: help, Kind: result.KindInt}
}

func number(name, help string) result.Col {
	return result.Col{Name: name, Help: help, Kind: result.KindInt}
}

// time makes a column of a time that may not be known.
func time(name, help string) result.Col {
	return result.Col{Name: name, Unit: "ns", Help: help, Kind: result.KindInt, Optional: true}
}

func text(name, help string) result.Col {
	return result.Col{Name: name, Help: help, Kind: result.KindString}
}

func hitColumns() []result.Col {
	return []result.Col{
		stamp("time of the send on the trace's clock"),
		number("sender", "CPU that sent"),
		number("target", "isolated CPU that was hit"),
		number("pid", "pid of the sending task"),
		text("comm", "name of the sending task"),
		text("event", "the send event"),
		text("callback", "the callback that the event names"),
		text("callsite", "where the send was called from"),
		text("function", "what the hit makes the target run"),
		text("evidence", "how the function is known"),
		text("cause", "the kernel function that made the send necessary"),
		text("entry", "what entered the kernel"),
		text("class", "what can be done about it"),
		number("self", "1 if the CPU sent to itself"),
		text("instance", "trace instance"),
		text("file", "input file"),
		text("mechanism", "what the cause called that sends"),
		number("noise", "1 if the recorder caused it"),
		text("stack", "the stack of the send, innermost frame first"),
		text("arrival", "matched if its interrupt is known, else why not"),
		number("joined", "1 if an older hit's interrupt served it too"),
		time("entry_ns", "entry event of its interrupt (arm64: ipi_entry)"),
		time("exit_ns", "exit event of its interrupt (arm64: ipi_exit)"),
		text("context", "what the interrupt found: user, kernel, idle, unknown"),
	}
}

func sendColumns() []result.Col {
	return []result.Col{
		stamp("time of the send on the trace's clock"),
		number("sender", "CPU that sent"),
		text("targets", "CPUs that it went to, isolated or not, as a list"),
		number("pid", "pid of the sending task"),
		text("comm", "name of the sending task"),
		text("event", "the send event"),
		text("callback", "the callback that the event names"),
		text("callsite", "where the send was called from"),
		text("function", "what it makes the targets run; if that differs, all joined by +"),
		text("evidence", "how the function is known"),
		text("cause", "the kernel function that made the send necessary"),
		text("entry", "what entered the kernel"),
		text("class", "what can be done about it; if that differs, all joined by +"),
		number("hits", "isolated CPUs among the targets"),
		number("self", "1 if the sender is one of them"),
		number("noise", "hits that the recorder caused"),
		number("requests", "csd_queue_cpu events that led to it"),
		text("instance", "trace instance"),
		text("file", "input file"),
		text("mechanism", "what the cause called that sends"),
		text("stack", "the stack of the send, innermost frame first"),
	}
}

func requestColumns() []result.Col {
	return []result.Col{
		stamp("time of csd_queue_cpu on the trace's clock"),
		number("sender", "CPU that asked"),
		number("target", "isolated CPU that is to run the function"),
		number("pid", "pid of the asking task"),
		text("comm", "name of the asking task"),
		text("function", "what was asked for"),
		text("callsite", "where it was called from"),
		number("ipi", "1 if it sent an IPI, 0 if it was queued behind another or the target was polling"),
		time("sent_ns", "time of that IPI's send"),
		text("event", "that IPI's send event, (no ipi) without one"),
		text("cause", "the kernel function that made the send necessary"),
		text("entry", "what entered the kernel"),
		text("class", "what can be done about it"),
		text("mechanism", "what the cause called that sends"),
		text("arrival", "matched if the function was seen to run, else why not"),
		time("start_ns", "csd_function_entry on the target"),
		time("end_ns", "csd_function_exit"),
		number("shared", "1 if it was served by the run of another request"),
		text("instance", "trace instance"),
		text("file", "input file"),
		text("stack", "the stack of the IPI's send, innermost frame first"),
	}
}
