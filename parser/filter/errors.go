package filter

import (
	"fmt"
	"strings"
)

// The kernel's words (kernel/trace/trace_events_filter.c, ERRORS).
const (
	msgInvalidOp     = "Invalid operator"
	msgTooManyOpen   = "Too many '('"
	msgTooManyClose  = "Too few '('"
	msgMissingQuote  = "Missing matching quote"
	msgMissingOpen   = "Missing '{'"
	msgMissingClose  = "Missing '}'"
	msgTooLong       = "Operand too long"
	msgExpectString  = "Expecting string field"
	msgExpectDigit   = "Expecting numeric field"
	msgIllegalOp     = "Illegal operation for field type"
	msgFieldNotFound = "Field not found"
	msgIllegalInt    = "Illegal integer value"
	msgTooManyTerms  = "Too many terms in predicate expression"
	msgCPUList       = "Invalid cpulist"
	msgIPOnly        = "Only 'ip' field is supported for function trace"
	msgInvalidValue  = "Invalid value (did you forget quotes)?"
	msgNoFunction    = "Function not found"
	msgNoFilter      = "No filter found"
)

// An Error says why the kernel refuses an expression.
type Error struct {
	Expr  string // the expression, as it was given
	Pos   int    // byte column of the caret, 0 is the first; -1 if the kernel shows none
	Msg   string // the kernel's wording; empty where the kernel shows only "Error: (0)"
	Errno string // what the write returns: EINVAL, EPERM, ENOENT or ESRCH
	Help  string // one line on what to do about it, or empty
}

// Error shows the expression, the caret under the kernel's column and its
// message, as reading the filter file does after a refused write, and a line of
// help.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Expr)
	if e.Msg == "" {
		b.WriteString("\nError: (0)")
	} else {
		fmt.Fprintf(&b, "\n%*s\nparse_error: %s", e.Pos+1, "^", e.Msg)
	}
	if e.Help != "" {
		b.WriteString("\nhelp: " + e.Help)
	}
	return b.String()
}

// An EvalError says that a valid expression cannot be evaluated on this input.
type EvalError struct {
	Event string
	Expr  string // the term
	Msg   string
}

func (e *EvalError) Error() string {
	if e.Event == "" {
		return fmt.Sprintf("filter %q: %s", e.Expr, e.Msg)
	}
	return fmt.Sprintf("filter %q on %s: %s", e.Expr, e.Event, e.Msg)
}

// A Warning explains an expression that the kernel accepts although it does not
// mean what it seems to, or an event that an expression does not apply to.
type Warning struct {
	Code  string // stable: "filter-meaningless", "filter-recording-cpu", ...
	Event string // "ipi:ipi_send_cpu"; empty if it is about no event in particular
	Text  string // one sentence
}

func (w Warning) String() string { return w.Text }

// Codes of warnings.
const (
	CodeMeaningless  = "filter-meaningless"   // never or always true
	CodeRecordingCPU = "filter-recording-cpu" // cpu is the recording CPU here
	CodeTruncated    = "filter-truncated"     // the number does not fit the field
	CodeAnchored     = "filter-anchored"      // a glob that matches less than it seems to
	CodeSpelling     = "filter-spelling"      // MASK{}, a trailing operator: not every kernel takes it
	CodeUnchecked    = "filter-unchecked"     // what cannot be known without symbols or the number of CPUs
	CodeExcluded     = "filter-excluded"      // an event that the expression does not apply to
	CodeUnmatched    = "filter-unmatched"     // an event glob that names nothing in the input
	CodeUnknownComm  = "filter-unknown-comm"  // the input does not know the name of a task
)
