package parser

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/internal/plain"
	"github.com/ipiscope/ipiscope/parser/perfscript"
)

// findHeader recognises the line of an event in any text.
func findHeader(line []byte) (plain.Place, bool) {
	if column, word, ok := ftext.FindHeader(line); ok {
		return plain.Place{Column: column, Word: word}, true
	}
	column, word, ok := perfscript.FindHeader(line)
	return plain.Place{Column: column, Word: word, Words: true}, ok
}

// holdsEvent reports whether one of a text's lines is that of an event.
func holdsEvent(text []byte) bool {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if _, ok := findHeader(line); ok {
			return true
		}
		text = rest
	}
	return false
}

// carried returns a reader of the trace that a text of another format carries:
// JSON with its lines in strings, CSV with its lines in a column. It returns nil
// for a text that is none, and an error for one whose trace cannot be found.
func carried(prefix []byte, r io.Reader) (io.Reader, error) {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(prefix, []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(trimmed, []byte("- {\"")) { // a list of YAML whose items are JSON, as LAVA keeps its logs
		inner := &stripped{in: bufio.NewReader(r), marks: "- "}
		key, ok := traceKey(inner.strip(nil, trimmed))
		if !ok {
			return nil, errNoTrace
		}
		return newJSONText(inner, key), nil
	}
	if isJSON(trimmed) {
		key, ok := traceKey(trimmed)
		if !ok {
			return nil, errNoTrace
		}
		return newJSONText(r, key), nil
	}
	if comma, column, ok := traceColumn(prefix); ok {
		c := csvReader(r, comma)
		return &csvText{in: c, column: column}, nil
	}
	if isEscaped(prefix) {
		return &unescaping{in: bufio.NewReader(r)}, nil
	}
	return nil, nil
}

var errNoTrace = errors.New("no trace in it")

// isJSON reports whether a text begins as JSON does: an object's first key, or a
// list of strings or objects.
func isJSON(t []byte) bool {
	if len(t) < 2 {
		return false
	}
	rest := bytes.TrimLeft(t[1:], " \t\r\n")
	if len(rest) == 0 {
		return false
	}
	switch t[0] {
	case '{':
		return rest[0] == '"'
	case '[':
		return rest[0] == '"' || rest[0] == '{'
	case '"': // one string: what it holds has its line breaks escaped
		line, _, _ := bytes.Cut(t, []byte("\n"))
		return bytes.Contains(line, []byte(`\n`))
	}
	return false
}

// maxString bounds a string of JSON.
const maxString = 256 << 20

// A stringsReader returns the strings of JSON texts, one after the other.
type stringsReader struct {
	in    *json.Decoder
	open  []byte // '{' and '['
	isKey bool   // the next string is a key of an object
	key   string
}

func newStrings(r io.Reader) *stringsReader { return &stringsReader{in: json.NewDecoder(r)} }

// next returns the next string and the key it stands after, which is that of
// the object around a list.
func (s *stringsReader) next() (key, value string, err error) {
	for {
		t, err := s.in.Token()
		if err != nil {
			return "", "", err
		}
		inObject := len(s.open) > 0 && s.open[len(s.open)-1] == '{'
		switch t := t.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				s.open = append(s.open, byte(t))
			} else {
				s.open = s.open[:len(s.open)-1]
			}
			s.isKey = len(s.open) > 0 && s.open[len(s.open)-1] == '{'
			continue
		case string:
			if inObject && s.isKey {
				s.key, s.isKey = t, false
				continue
			}
			s.isKey = inObject
			return s.key, t, nil
		}
		s.isKey = inObject
	}
}

// traceKey finds the key of the strings that hold the lines of a trace.
func traceKey(sample []byte) (string, bool) {
	s := newStrings(bytes.NewReader(sample))
	for {
		key, value, err := s.next()
		if err == nil {
			if holdsEvent([]byte(value)) {
				return key, true
			}
			continue
		}
		// The sample may end in the middle of the one string that holds all.
		rest := bytes.TrimLeft(sample[min(int(s.in.InputOffset()), len(sample)):], ": ,\t\r\n")
		return s.key, len(rest) > 0 && rest[0] == '"' && holdsEvent(unescaped(rest[1:]))
	}
}

// unescaped undoes the escapes of a part of a JSON string.
func unescaped(t []byte) []byte {
	t = bytes.ReplaceAll(t, []byte(`\n`), []byte("\n"))
	t = bytes.ReplaceAll(t, []byte(`\t`), []byte("\t"))
	t = bytes.ReplaceAll(t, []byte(`\u003e`), []byte(">"))
	return bytes.ReplaceAll(t, []byte(`\u003c`), []byte("<"))
}

// A jsonText is the text in the strings after one key.
type jsonText struct {
	in    *stringsReader
	limit *limited
	key   string
	out   []byte
	err   error
}

func newJSONText(r io.Reader, key string) *jsonText {
	l := &limited{r: r, left: maxString}
	return &jsonText{in: newStrings(l), limit: l, key: key}
}

// A limited reader ends with an error where a string is too long.
type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("JSON: a string is longer than %d MiB: extract the trace from it", maxString>>20)
	}
	n, err := l.r.Read(p)
	l.left -= n
	return n, err
}

// Read implements io.Reader.
func (t *jsonText) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		key, value, err := t.in.next()
		if t.limit.left = maxString; err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) || err == io.ErrUnexpectedEOF {
				err = fmt.Errorf("JSON: %w", err)
			}
			t.err = err
			continue
		}
		if key != t.key || value == "" || isNumber(value) { // Loki puts a time before each line
			continue
		}
		if t.out = []byte(value); t.out[len(t.out)-1] != '\n' {
			t.out = append(t.out, '\n')
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

func csvReader(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma, c.LazyQuotes, c.FieldsPerRecord, c.ReuseRecord = comma, true, -1, true
	return c
}

// traceColumn finds the column of a table that holds the lines of a trace. It
// asks for quotes around them: a clean line may hold commas.
func traceColumn(sample []byte) (comma rune, column int, ok bool) {
	line, quoted := []byte(nil), false
	for rest := sample; len(rest) > 0 && !quoted; {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		place, event := findHeader(line)
		quoted = event && bytes.IndexByte(line[:max(place.Column, place.Word, 0)], '"') >= 0 && bytes.HasSuffix(bytes.TrimRight(line, "\r"), []byte(`"`)) ||
			event && bytes.Contains(line, []byte(`",`)) && bytes.IndexByte(line[:max(place.Column, place.Word, 0)], '"') >= 0
	}
	if !quoted {
		return 0, 0, false
	}
	for _, comma := range []rune{',', ';', '\t'} {
		c := csvReader(bytes.NewReader(sample), comma)
		for {
			cells, err := c.Read()
			if err != nil {
				break
			}
			for i, cell := range cells {
				if place, event := findHeader([]byte(cell)); event && !bytes.ContainsRune([]byte(cell[:max(place.Column, place.Word, 0)]), '"') {
					return comma, i, true
				}
			}
		}
	}
	return 0, 0, false
}

// A csvText is the text in one column of a table.
type csvText struct {
	in     *csv.Reader
	column int
	out    []byte
}

// Read implements io.Reader.
func (t *csvText) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		cells, err := t.in.Read()
		if err != nil {
			return 0, err
		}
		if t.column < len(cells) {
			t.out = append(append(t.out[:0], cells[t.column]...), '\n')
		}
	}
	n := copy(p, t.out)
	t.out = t.out[:copy(t.out, t.out[n:])]
	return n, nil
}
