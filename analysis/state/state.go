// Package state is the form in which what analyzers counted in a trace is kept and
// sent: a small file, of which any number add up to the result that reading all
// traces at once has. docs/fleet.md describes it.
//
// A state is one JSON object in one zstd frame with a checksum. It is canonical:
// members and rows have one order and numbers are whole, so equal sums are equal
// bytes. Strings that are no UTF-8 are kept as Text says.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Schema is the name and version of the form.
const Schema = "ipiscope/state/v1"

// Counting is raised whenever a definition changes what is counted, so that sums
// of different definitions are never added. States of another one are made anew
// from their traces: traces are the archive.
const Counting = 1

// maxSize bounds what a state may unpack to: 10^5 states in one, by function, are
// some 51 MB.
const maxSize = 1 << 30

// Magic is what a state begins with, as every zstd frame does (RFC 8878, 3.1.1).
const Magic = "\x28\xb5\x2f\xfd"

// A State is what was counted in the traces of Inputs.
type State struct {
	Schema   string `json:"schema"`
	Counting int    `json:"counting"`
	// Catalog identifies the tables that say what functions and frames mean.
	Catalog string  `json:"catalog"`
	Config  Config  `json:"config"`
	Inputs  []Input `json:"inputs"`
	// Repeated are traces that a sum left out, as they are the same as others in it.
	Repeated []Repeated `json:"repeated,omitzero"`
	// Parts is what each analyzer counted, by the name of the part.
	Parts map[string]Part `json:"parts"`
}

// A Part is the sums of one analyzer in the form that it gives them.
type Part struct {
	Version int             `json:"v"`
	Sums    json.RawMessage `json:"sums"`
	// Inputs are those that look otherwise to whoever counts this part, by their place
	// in State.Inputs: a text is read as far as somebody asks for what is in it.
	Inputs map[int]Input `json:"inputs,omitzero"`
}

// A Repeated is a trace that was left out, and the one that it is the same as.
type Repeated struct {
	Path Text `json:"path"`
	Twin Text `json:"twin"`
}

// A Config is what was asked for, as far as it decides what is counted. Only states
// of one Config add up.
type Config struct {
	By []string `json:"by"`
	// Flags are the flags that choose events, time or hits, as they were given.
	Flags map[string]string `json:"flags,omitzero"`
	// Page says that the state holds what a page shows beside the groups.
	Page bool `json:"page,omitzero"`
	// Also are the commands whose sums the state holds beside those of a report, in the
	// order of their names.
	Also []string `json:"also,omitzero"`
}

// Write writes s. Schema and Counting are set to those of this program.
func (s *State) Write(w io.Writer) error {
	s.Schema, s.Counting = Schema, Counting
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	_, err = z.Write(text.Bytes())
	return errors.Join(err, z.Close())
}

// A Reader decodes states one after the other. It is not for use by several
// goroutines at once.
type Reader struct {
	z    *zstd.Decoder
	text []byte
}

// NewReader returns a Reader.
func NewReader() *Reader {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSize))
	if err != nil { // of options, which are constants
		panic(err)
	}
	return &Reader{z: z}
}

// Read decodes one state, checks that it is whole and of this program's counting,
// and keeps nothing of data.
func (r *Reader) Read(data []byte) (*State, error) {
	if err := r.unpack(data); err != nil {
		return nil, err
	}
	s := &State{}
	if err := s.decode(r.text); err != nil {
		return nil, fmt.Errorf("the state does not hold what %s says: %w", Schema, err)
	}
	if len(s.Inputs) == 0 {
		return nil, errors.New("the state names no input")
	}
	return s, nil
}

// unpack puts the text of a state into r.text.
func (r *Reader) unpack(data []byte) error {
	if !bytes.HasPrefix(data, []byte(Magic)) {
		return errors.New("not a state: it does not begin as a zstd frame does; ipiscope state makes one of a trace")
	}
	if !hasChecksum(data) {
		return errors.New("not a state: its zstd frame has no checksum, so damage would not show")
	}
	var err error
	if r.text, err = r.z.DecodeAll(data, r.text[:0]); err != nil {
		return fmt.Errorf("the state is cut or damaged (%w): make it anew", err)
	}
	return checkHead(r.text)
}

// Path is that of the first trace of a state, which is not read any further.
func (r *Reader) Path(data []byte) (string, error) {
	if err := r.unpack(data); err != nil {
		return "", err
	}
	for name, value := range Members(r.text) {
		if name != "inputs" {
			continue
		}
		for _, value := range Members(value) {
			for name, value := range Members(value) {
				if name == "path" {
					var path Text
					if err := json.Unmarshal(value, &path); err != nil {
						return "", fmt.Errorf("the state does not hold what %s says: %w", Schema, err)
					}
					return path.s, nil
				}
			}
			break
		}
	}
	return "", errors.New("the state names no input")
}

// checkHead refuses what is no state, or one of another counting.
func checkHead(text []byte) error {
	if bytes.HasPrefix(text, fmt.Appendf(nil, `{"schema":%q,"counting":%d,`, Schema, Counting)) {
		return nil // as all are that are canonical
	}
	var head struct {
		Schema   string `json:"schema"`
		Counting int    `json:"counting"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Schema == "" {
		return errors.New("not a state: no JSON object with a schema in it")
	}
	if head.Schema != Schema || head.Counting != Counting {
		return fmt.Errorf("the state is of %s, counting %d; this program adds up %s, counting %d: make it anew from its trace", head.Schema, head.Counting, Schema, Counting)
	}
	return nil
}

// hasChecksum reports whether the first frame ends in a checksum (RFC 8878,
// 3.1.1.1.1: bit 2 of the frame header descriptor).
func hasChecksum(data []byte) bool { return len(data) > 4 && data[4]&4 != 0 }

// Differs says in what two states differ that cannot be added up, "" if they can.
func (s *State) Differs(o *State) string {
	if why := s.asksElse(o); why != "" {
		return why
	}
	names := slices.Sorted(maps.Keys(s.Parts))
	if !slices.Equal(names, slices.Sorted(maps.Keys(o.Parts))) {
		return "they hold different parts"
	}
	for _, name := range names {
		if s.Parts[name].Version != o.Parts[name].Version {
			return fmt.Sprintf("they have different versions of the part %q", name)
		}
	}
	return ""
}

// asksElse says in what two states differ that was asked for, "" if in nothing.
func (s *State) asksElse(o *State) string {
	switch {
	case s.Catalog != o.Catalog:
		return fmt.Sprintf("they were counted with different catalogues (%.12s, %.12s)", s.Catalog, o.Catalog)
	case !slices.Equal(s.Config.By, o.Config.By):
		return fmt.Sprintf("they have different keys (--by %s, %s)", strings.Join(s.Config.By, ","), strings.Join(o.Config.By, ","))
	case s.Config.Page != o.Config.Page:
		return "one was made with --for html, the other was not"
	case !slices.Equal(s.Config.Also, o.Config.Also):
		return fmt.Sprintf("they were made for different commands (--for %q, %q)", strings.Join(s.Config.Also, ","), strings.Join(o.Config.Also, ","))
	}
	names := slices.Sorted(maps.Keys(s.Config.Flags))
	names = append(names, slices.Sorted(maps.Keys(o.Config.Flags))...)
	for _, name := range names {
		if a, b := s.Config.Flags[name], o.Config.Flags[name]; a != b {
			return fmt.Sprintf("they differ in --%s (%q, %q)", name, a, b)
		}
	}
	return ""
}

// IsOf reports whether a state is what counting again would make, as far as can be
// known without reading the traces: it was asked for the same, of the same traces as
// their names, sizes and times tell.
func (s *State) IsOf(o *State) bool {
	return s.asksElse(o) == "" && slices.EqualFunc(s.Inputs, o.Inputs, func(a, b Input) bool { return reflect.DeepEqual(a.Asked, b.Asked) })
}
