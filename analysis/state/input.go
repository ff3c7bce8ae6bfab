package state

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// An Input is one trace of a state.
type Input struct {
	// Asked is what is known without reading the trace.
	Asked
	// ID is the SHA-256 of the trace's bytes, "" if it was not asked for.
	ID string
	result.Input
}

// Asked is what whoever asked for a state knows of a trace before it is read.
type Asked struct {
	// Path is that of the file, or what stands for it where it comes through a pipe.
	Path string `json:"path"`
	// Size and Modified, in nanoseconds since 1970, are those of the file, 0 of what
	// is none.
	Size     int64 `json:"size,omitzero"`
	Modified int64 `json:"modified,omitzero"`
	// Isolated is the set of isolated CPUs of its machine as a list, "" for all.
	Isolated string `json:"isolated"`
	// Host is the name that a manifest gives the machine, "" for the recording's own;
	// Date when it was recorded, and Groups what else a manifest says of it.
	Host   string            `json:"host,omitzero"`
	Date   string            `json:"date,omitzero"`
	Groups map[string]string `json:"groups,omitzero"`
}

// Machine is the name of the traced machine, "" if nothing tells.
func (in *Input) Machine() string {
	if in.Asked.Host != "" {
		return in.Asked.Host
	}
	return in.Input.Host
}

// described is result.Input with the names of its members in a state. Converting one
// to the other compiles only while they have the same fields.
type described struct {
	Path         string          `json:"-"` // Asked.Path
	Bytes        int64           `json:"bytes,omitzero"`
	Format       string          `json:"format,omitzero"`
	Tool         string          `json:"tool,omitzero"`
	Kernel       string          `json:"kernel,omitzero"`
	Host         string          `json:"node,omitzero"`
	Clock        string          `json:"clock,omitzero"`
	CPUs         int             `json:"cpus,omitzero"`
	Events       uint64          `json:"events,omitzero"`
	Lost         uint64          `json:"lost,omitzero"`
	LostUnknown  bool            `json:"lost_unknown,omitzero"`
	SyntaxErrors uint64          `json:"syntax_errors,omitzero"`
	Recordings   int             `json:"recordings,omitzero"`
	First        int64           `json:"first"`
	Last         int64           `json:"last"`
	Ticks        bool            `json:"ticks,omitzero"`
	Incomplete   bool            `json:"incomplete,omitzero"`
	Whole        bool            `json:"whole,omitzero"`
	Excerpt      string          `json:"excerpt,omitzero"`
	Arch         string          `json:"arch,omitzero"`
	Sent         result.Sent     `json:"-"` // stored.Sent
	Tells        []string        `json:"tells,omitzero"`
	Recorded     []string        `json:"recorded,omitzero"`
	Unrecorded   []string        `json:"unrecorded,omitzero"`
	Unsaid       []string        `json:"unsaid,omitzero"`
	Untold       []string        `json:"untold,omitzero"`
	Missing      []string        `json:"missing,omitzero"`
	Silent       string          `json:"silent,omitzero"`
	Identity     result.Identity `json:"-"` // stored.Sends
	Twin         string          `json:"-"` // whoever adds up finds twins
	FramesLeft   int             `json:"frames_left,omitzero"`
	Notes        []string        `json:"notes,omitzero"`
}

// sent and identity are as described, of result.Sent and result.Identity.
type (
	sent struct {
		CPU        uint64 `json:"cpu,omitzero"`
		Mask       uint64 `json:"mask,omitzero"`
		Raise      uint64 `json:"raise,omitzero"`
		Untargeted uint64 `json:"untargeted,omitzero"`
	}
	identity struct {
		Sends        uint64 `json:"sends"`
		Rounded      uint64 `json:"rounded"`
		Cut          uint64 `json:"cut"`
		RoundedTimes uint64 `json:"rounded_times,omitzero"`
		CutTimes     uint64 `json:"cut_times,omitzero"`
		Vague        bool   `json:"vague,omitzero"`
	}
)

// stored is an Input as a state has it.
type stored struct {
	Asked
	ID    string    `json:"id,omitzero"`
	Trace described `json:"trace"`
	Sent  sent      `json:"sent,omitzero"`
	Sends identity  `json:"sends,omitzero"`
}

// MarshalJSON implements json.Marshaler.
func (in Input) MarshalJSON() ([]byte, error) {
	x := stored{in.Asked, in.ID, described(in.Input), sent(in.Sent), identity(in.Identity)}
	// a copy: strings are replaced in place
	v := reflect.ValueOf(&x).Elem()
	replaceStrings(v, func(s string) (string, error) {
		text, err := Text{s}.MarshalText()
		return string(text), err
	})
	return json.Marshal(x)
}

// UnmarshalJSON implements json.Unmarshaler.
func (in *Input) UnmarshalJSON(data []byte) error {
	var x stored
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	return in.take(&x, data)
}

// take takes what was decoded of data.
func (in *Input) take(x *stored, data []byte) (err error) {
	if bytes.Contains(data, []byte(`\u0000`)) { // there may be a Text that is no UTF-8
		err = replaceStrings(reflect.ValueOf(x).Elem(), func(s string) (string, error) {
			var t Text
			err := t.UnmarshalText([]byte(s))
			return t.s, err
		})
	}
	*in = Input{x.Asked, x.ID, result.Input(x.Trace)}
	in.Input.Path, in.Sent, in.Identity = in.Asked.Path, result.Sent(x.Sent), result.Identity(x.Sends)
	return err
}

// replaceStrings replaces every string in a struct; slices and maps are made anew.
func replaceStrings(v reflect.Value, f func(string) (string, error)) error {
	switch v.Kind() {
	case reflect.String:
		s, err := f(v.String())
		v.SetString(s)
		return err
	case reflect.Struct:
		for i := range v.NumField() {
			if err := replaceStrings(v.Field(i), f); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range c.Len() {
			if err := replaceStrings(c.Index(i), f); err != nil {
				return err
			}
		}
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		c := reflect.MakeMap(v.Type())
		for it := v.MapRange(); it.Next(); {
			k, w := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			k.Set(it.Key())
			w.Set(it.Value())
			if err := replaceStrings(k, f); err != nil {
				return err
			}
			if err := replaceStrings(w, f); err != nil {
				return err
			}
			c.SetMapIndex(k, w)
		}
		v.Set(c)
	}
	return nil
}

// Text is a string of a trace, which may hold any bytes. In JSON what is UTF-8 is
// itself; else it is U+0000 and the bytes in hexadecimal. It is no string since
// encoding/json writes those that are keys of a map as they are.
type Text struct{ s string }

// TextOf returns s as a Text.
func TextOf(s string) Text { return Text{s} }

// String is the string with all its bytes.
func (t Text) String() string { return t.s }

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) {
	if utf8.ValidString(t.s) && !strings.HasPrefix(t.s, "\x00") {
		return []byte(t.s), nil
	}
	return []byte("\x00" + hex.EncodeToString([]byte(t.s))), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Text) UnmarshalText(text []byte) error {
	if len(text) == 0 || text[0] != 0 {
		*t = Text{string(text)}
		return nil
	}
	raw, err := hex.DecodeString(string(text[1:]))
	if err != nil {
		return fmt.Errorf("text that is no UTF-8: %w", err)
	}
	*t = Text{string(raw)}
	return nil
}

// TextsOf returns strings as Texts.
func TextsOf(list []string) (out []Text) {
	for _, s := range list {
		out = append(out, Text{s})
	}
	return out
}

// StringsOf returns Texts as strings.
func StringsOf(list []Text) (out []string) {
	for _, t := range list {
		out = append(out, t.s)
	}
	return out
}

// A Remark is something that is said of a trace.
type Remark struct {
	Path Text   `json:"path"`
	Text string `json:"text"`
}

// RemarksOf returns what analyzers say as Remarks.
func RemarksOf[T ~struct{ Path, Text string }](list []T) (out []Remark) {
	for _, x := range list {
		r := struct{ Path, Text string }(x)
		out = append(out, Remark{Text{r.Path}, r.Text})
	}
	return out
}

// RemarksTo returns Remarks as analyzers say them.
func RemarksTo[T ~struct{ Path, Text string }](list []Remark) (out []T) {
	for _, r := range list {
		out = append(out, T(struct{ Path, Text string }{r.Path.s, r.Text}))
	}
	return out
}
