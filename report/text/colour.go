package text

// reset ends a colour.
const reset = "\x1b[0m"

// classColour is the colour of a class of hits: what a patch removes is green,
// what configuration removes yellow, what has to stay red, what recording
// caused grey. Other words have none.
func classColour(class string) string {
	switch class {
	case "deferrable":
		return "\x1b[32m"
	case "candidate":
		return "\x1b[36m"
	case "self-filtered":
		return "\x1b[34m"
	case "avoidable":
		return "\x1b[33m"
	case "returnable":
		return "\x1b[35m"
	case "noise":
		return "\x1b[90m"
	case "unavoidable":
		return "\x1b[31m"
	}
	return ""
}

// Coloured is s in the colour of a class; s itself if the class has none.
func Coloured(s, class string) string {
	c := classColour(class)
	if c == "" || s == "" {
		return s
	}
	return c + s + reset
}

// Heading is a line of text from a trace, in bold type if colours may be used.
func Heading(s string, colour bool) string {
	s = Clean(s)
	if colour {
		s = "\x1b[1m" + s + reset
	}
	return s
}
