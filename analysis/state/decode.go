package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strings"
	"unicode/utf8"
)

// decode reads the text of a state. encoding/json looks at a text three times before
// it has taken what lies in it as it is; parts are most of a state, and are looked at
// again by those whose sums they are. So they are only cut out here.
func (s *State) decode(text []byte) error {
	for name, value := range Members(text) {
		var err error
		switch name {
		case "schema":
			err = json.Unmarshal(value, &s.Schema)
		case "counting":
			err = json.Unmarshal(value, &s.Counting)
		case "catalog":
			err = json.Unmarshal(value, &s.Catalog)
		case "config":
			err = json.Unmarshal(value, &s.Config)
		case "inputs":
			err = json.Unmarshal(value, &s.Inputs)
		case "repeated":
			err = json.Unmarshal(value, &s.Repeated)
		case "parts":
			err = s.decodeParts(value)
		default:
			err = fmt.Errorf("a member %q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *State) decodeParts(text []byte) error {
	s.Parts = map[string]Part{}
	for name, value := range Members(text) {
		var p Part
		for member, value := range Members(value) {
			switch member {
			case "v":
				if err := json.Unmarshal(value, &p.Version); err != nil {
					return err
				}
			case "sums":
				p.Sums = bytes.Clone(value)
			case "inputs":
				if err := json.Unmarshal(value, &p.Inputs); err != nil {
					return err
				}
			default:
				return fmt.Errorf("a member %q of part %q", member, name)
			}
		}
		s.Parts[name] = p
	}
	return nil
}

// Members are the members of a JSON object, or the elements of an array, which have no
// name. They are cut out by brackets, commas and quotation marks alone: whether what
// lies in between is JSON is for whoever decodes it. Where nothing can be cut out the
// rest comes without a name.
func Members(text []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		text = bytes.TrimSpace(text)
		isObject := bytes.HasPrefix(text, []byte("{")) && bytes.HasSuffix(text, []byte("}"))
		isArray := bytes.HasPrefix(text, []byte("[")) && bytes.HasSuffix(text, []byte("]"))
		if !isObject && !isArray {
			yield("", text)
			return
		}
		rest := bytes.TrimSpace(text[1 : len(text)-1])
		for more := len(rest) > 0; more; {
			name := ""
			if isObject {
				end := valueEnd(rest)
				var ok bool
				if name, ok = unquoted(rest[:end]); !ok || end == len(rest) || rest[end] != ':' {
					yield("", rest)
					return
				}
				rest = rest[end+1:]
			}
			end := valueEnd(rest)
			if !yield(name, bytes.TrimSpace(rest[:end])) {
				return
			}
			if more = end < len(rest); more {
				if rest[end] != ',' {
					yield("", rest[end:])
					return
				}
				rest = rest[end+1:]
			}
		}
	}
}

// unquoted is the string that a JSON text is, if it is one.
func unquoted(text []byte) (s string, ok bool) {
	plain := len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"'
	for i := 1; plain && i < len(text)-1; i++ {
		c := text[i]
		plain = c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	if plain {
		return string(text[1 : len(text)-1]), true
	}
	return s, json.Unmarshal(text, &s) == nil
}

// valueEnd is where the first value in text ends: at a comma or colon that is in no
// brackets and no string, else with the text.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:])
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// stringEnd is where the closing quotation mark of the string is that text begins
// with, the end of text if it has none.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			break
		}
		i += n
		escapes := 0
		for text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return len(text)
}

// Numbers are whole numbers. Most of a state are such lists, which encoding/json reads
// slowly, by reflection.
type Numbers []uint64

// UnmarshalJSON implements json.Unmarshaler. It uses the memory of n.
func (n *Numbers) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if want := 1 + bytes.Count(data, []byte(",")); *n == nil || cap(*n) < want {
		*n = make(Numbers, 0, want)
	}
	*n = (*n)[:0]
	if len(data) < 2 || data[0] != '[' {
		return fmt.Errorf("%.20q where a list of whole numbers should be", data)
	}
	digits, value := 0, uint64(0)
	for i, c := range data[1:] {
		switch {
		case c >= '0' && c <= '9':
			if value > (math.MaxUint64-uint64(c-'0'))/10 {
				return fmt.Errorf("a number above %d", uint64(math.MaxUint64))
			}
			digits, value = digits+1, 10*value+uint64(c-'0')
		case c == ',' || c == ']':
			if digits > 0 {
				*n = append(*n, value)
			} else if c == ',' || i > 0 && len(*n) > 0 {
				return fmt.Errorf("%.20q where a whole number should be", data[i:])
			}
			digits, value = 0, 0
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return fmt.Errorf("%.20q where a whole number should be", data[i+1:])
		}
	}
	return nil
}

// Texts are strings of a trace.
type Texts []Text

// UnmarshalJSON implements json.Unmarshaler.
func (l *Texts) UnmarshalJSON(data []byte) error {
	if bytes.IndexByte(data, '\\') >= 0 || !utf8.Valid(data) || !bytes.HasPrefix(data, []byte("[\"")) {
		return json.Unmarshal(data, (*[]Text)(l))
	}
	// no string in it is other than what stands there, and all lie in one
	whole := string(data)
	*l = make(Texts, 0, 1+strings.Count(whole, `","`))
	for {
		_, rest, ok := strings.Cut(whole, `"`)
		if !ok {
			return nil
		}
		var text string
		if text, whole, ok = strings.Cut(rest, `"`); !ok {
			return fmt.Errorf("%.20q where a string should be", rest)
		}
		*l = append(*l, Text{text})
	}
}
