package filter

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// term reads one comparison at src[i:] (parse_pred). The kernel counts
// positions within a term from one on, hence the i+1 in all its errors.
func (p *parser) term(i int) (*Term, int, *Error) {
	t := &Term{Off: i, index: len(p.terms)}
	s := i
	for i < len(p.src) && (isAlnum(p.src[i]) || p.src[i] == '_') {
		i++
	}
	t.Field = p.src[s:i]
	if t.Field == "" {
		return nil, 0, p.fail(-1, "", "EPERM", "a field name must stand at "+quoteRest(p.src[s:]))
	}
	f, ok := lookup(p.schema, t.Field, p.env)
	if !ok {
		return nil, 0, p.fail(i+1, msgFieldNotFound, "EINVAL", helpField(p.schema, t.Field, p.src[i:]))
	}
	if strings.HasPrefix(p.src[i:], ".ustring") {
		t.Ustring = true
		i += len(".ustring")
	}
	if strings.HasPrefix(p.src[i:], ".function") {
		t.Function = true
		i += len(".function")
	}
	i = p.skip(i)
	if t.Op, ok = operator(p.src[i:]); !ok {
		return nil, 0, p.fail(i+1, msgInvalidOp, "EINVAL", helpOperator(t.Field, p.src[i:]))
	}
	i = p.skip(i + len(t.Op.String()))
	t.Value.Off = i
	v := test{term: t, field: f}
	i, err := p.value(&v, i)
	if err != nil {
		err.Errno = "EINVAL"
		return nil, 0, err
	}
	t.Value.End, t.End = i, i
	p.terms = append(p.terms, t)
	if p.schema != nil {
		p.tests = append(p.tests, v)
	}
	return t, i, nil
}

func (p *parser) skip(i int) int {
	for i < len(p.src) && isSpace(p.src[i]) {
		i++
	}
	return i
}

func operator(s string) (Op, bool) {
	for op := range numOps {
		if strings.HasPrefix(s, opText[op]) {
			return op, true
		}
	}
	return 0, false
}

// value reads the right side of a comparison and checks it against the field.
func (p *parser) value(v *test, i int) (int, *Error) {
	rest := p.src[i:]
	switch {
	case v.term.Function:
		return p.function(v, i)
	case v.field.class == classFunctionIP:
		return p.bare(v, i)
	case strings.HasPrefix(rest, "CPUS"), p.env.Extensions && strings.HasPrefix(rest, "MASK"):
		return p.cpus(v, i)
	case rest != "" && (rest[0] == '\'' || rest[0] == '"'):
		return p.quoted(v, i)
	case rest != "" && (isDigit(rest[0]) || rest[0] == '-'):
		return p.number(v, i)
	}
	return 0, p.fail(i+1, msgInvalidValue, "", helpValue(v, rest))
}

func (p *parser) word(i int) int {
	for i < len(p.src) && isAlnum(p.src[i]) {
		i++
	}
	return i
}

// function reads the value after field.function: an address, or a symbol up to
// the next white space.
func (p *parser) function(v *test, i int) (int, *Error) {
	t := v.term
	if v.field.class != classAny && v.field.size != uint32(p.env.longSize()) {
		return 0, p.fail(i+1, msgIllegalOp, "", ".function is for fields that hold an address, of the size of a long")
	}
	if t.Op != OpEQ && t.Op != OpNE {
		return 0, p.fail(i+1, msgInvalidOp, "", ".function takes only == and !=")
	}
	s := i
	if i < len(p.src) && isDigit(p.src[i]) {
		i = p.word(i)
		t.Value.Kind, t.Value.Text = Number, p.src[s:i]
		if i-s >= numBuf {
			return 0, p.fail(i+1, msgTooLong, "", "")
		}
		addr, ok := parseUnsigned(t.Value.Text)
		if !ok || p.env.longSize() == 4 && addr>>32 != 0 {
			return 0, p.fail(i+1, msgInvalidValue, "", "an address is a number such as 0xffffffff81000000")
		}
		v.num = addr
		if p.env.Symbols != nil && p.schema != nil {
			if v.start, v.end, v.ranged = p.env.Symbols.RangeAt(addr); !v.ranged {
				return 0, p.fail(i+1, msgNoFunction, "", "no function of the given symbols holds this address")
			}
		}
		return i, nil
	}
	for i < len(p.src) && !isSpace(p.src[i]) {
		i++
	}
	t.Value.Kind, t.Value.Text = Symbol, p.src[s:i]
	// Without symbols a name cannot be checked, but one with a quote or a
	// parenthesis in it is a slip, and never a symbol.
	if t.Value.Text == "" || strings.ContainsAny(t.Value.Text, "'\"()&|=<>{}!~,;*?") {
		return 0, p.fail(i+1, msgNoFunction, "", helpFunction(t.Value.Text))
	}
	if p.env.Symbols != nil && p.schema != nil {
		if v.start, v.end, v.ranged = p.env.Symbols.Range(t.Value.Text); !v.ranged {
			return 0, p.fail(i+1, msgNoFunction, "", helpFunction(t.Value.Text))
		}
	}
	return i, nil
}

// bare reads the value of ftrace:function's ip, which perf alone can set and
// which needs no quotes.
func (p *parser) bare(v *test, i int) (int, *Error) {
	t := v.term
	if t.Field != "ip" {
		return 0, p.fail(i+1, msgIPOnly, "", "")
	}
	s := i
	var quote byte
	if i < len(p.src) && (p.src[i] == '\'' || p.src[i] == '"') {
		quote = p.src[i]
		s++
	}
	for i++; i < len(p.src); i++ {
		if c := p.src[i]; quote != 0 && c == quote || quote == 0 && (c == ')' || c == '&' || c == '|') {
			break
		}
	}
	i = min(i, len(p.src))
	t.Value.Kind, t.Value.Text = Bare, p.src[min(s, i):i]
	if len(t.Value.Text) >= maxText {
		return 0, p.fail(i+1, msgTooLong, "", "")
	}
	return i, nil
}

func (p *parser) cpus(v *test, i int) (int, *Error) {
	t := v.term
	switch v.field.class {
	case classAny, classCPUMask, classCPU, classScalar:
	default:
		return 0, p.fail(i+1, msgIllegalOp, "", "`"+t.Field+"` does not hold CPUs")
	}
	if t.Op != OpEQ && t.Op != OpNE && t.Op != OpBand {
		return 0, p.fail(i+1, msgIllegalOp, "", "a CPU set takes only & (is in, intersects), == and !=")
	}
	t.Value.Kind, t.Value.Mask = CPUs, p.src[i] == 'M'
	i += len("CPUS")
	if i >= len(p.src) || p.src[i] != '{' {
		return 0, p.fail(i+2, msgMissingOpen, "", "a CPU set is written CPUS{2-3}")
	}
	i++
	n := strings.IndexByte(p.src[i:], '}')
	if n < 0 {
		return 0, p.fail(len(p.src)+1, msgMissingClose, "", "a CPU set is written CPUS{2-3}")
	}
	t.Value.Text = p.src[i : i+n]
	i += n
	mask, bad := p.cpulist(t.Value.Text)
	if bad != "" {
		return 0, p.fail(i+1, msgCPUList, "", bad)
	}
	v.mask = mask
	return i + 1, nil
}

// maxCPUs is the largest CONFIG_NR_CPUS of a mainline kernel; it stands for
// the number of CPUs where nobody says it.
const maxCPUs = 8192

// cpulist reads what stands between the braces; bad says what is wrong with it.
func (p *parser) cpulist(list string) (m cpumask.Mask, bad string) {
	if list == "" {
		return m, "the list is empty: name CPUs, as in CPUS{2-3}"
	}
	if p.env.Extensions && strings.Contains(list, "@isolated") {
		stands := p.env.Isolated
		if p.schema == nil {
			stands = "0"
		} else if stands == "" {
			return m, "@isolated stands for the isolated CPUs, and they are not known: give them with --isolated"
		}
		list = strings.ReplaceAll(list, "@isolated", stands)
	}
	n := p.env.NrCPUs
	if n <= 0 {
		n = maxCPUs
	}
	m, err := cpumask.ParseBitmapList([]byte(list), n)
	if err != nil {
		return m, helpCPUList(list, p.env.NrCPUs, err)
	}
	return m, ""
}

func (p *parser) quoted(v *test, i int) (int, *Error) {
	t := v.term
	if t.Op != OpEQ && t.Op != OpNE && t.Op != OpGlob {
		return 0, p.fail(i+1, msgIllegalOp, "", "a text takes only ==, != and ~")
	}
	if !v.field.class.text() {
		return 0, p.fail(i+1, msgExpectDigit, "", helpNumeric(v, p.src[i:]))
	}
	s := i + 1
	n := strings.IndexByte(p.src[s:], p.src[i]) // balance saw that there is one
	if n < 0 {
		return 0, p.fail(len(p.src)+1, msgMissingQuote, "", "")
	}
	if n >= maxText {
		return 0, p.fail(s+n+1, msgTooLong, "", "a text must be shorter than 256 bytes")
	}
	t.Value.Kind, t.Value.Text, t.Value.Quote = Quoted, p.src[s:s+n], p.src[i]
	return s + n + 1, nil
}

func (p *parser) number(v *test, i int) (int, *Error) {
	t := v.term
	if v.field.class.text() && v.field.class != classAny {
		return 0, p.fail(i+1, msgExpectString, "", "`"+t.Field+"` is a text: write "+t.Field+` == "..."`)
	}
	if t.Op == OpGlob {
		return 0, p.fail(i+1, msgIllegalOp, "", "~ is for texts; a number takes == != < <= > >= &")
	}
	s := i
	if p.src[i] == '-' {
		i++
	}
	i = p.word(i)
	t.Value.Kind, t.Value.Text = Number, p.src[s:i]
	if i-s >= numBuf {
		return 0, p.fail(i+1, msgTooLong, "", "")
	}
	ok := false
	if v.field.signed || v.field.class == classAny {
		v.num, ok = parseSigned(t.Value.Text)
	}
	if !ok && !v.field.signed {
		v.num, ok = parseUnsigned(t.Value.Text)
	}
	if !ok {
		return 0, p.fail(s+1, msgIllegalInt, "", helpInteger(v, p.schema))
	}
	return i, nil
}
