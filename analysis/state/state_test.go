package state_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/internal/law"
)

// fill gives every field of a struct a value of its own, so that one that is forgotten
// shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \xff<&", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n) << 60)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.SetMapIndex(key, value)
	default:
		panic(v.Kind().String())
	}
}

func filled() *state.State {
	var in state.Input
	n := 0
	fill(reflect.ValueOf(&in).Elem(), &n)
	in.Twin, in.Input.Path = "", in.Asked.Path // the one is for who adds up, the other is the same
	return &state.State{
		Schema: state.Schema, Counting: state.Counting, Catalog: "c",
		Config: state.Config{By: []string{"function"}, Flags: map[string]string{"cpu": "1"}, Page: true},
		Inputs: []state.Input{in}, Parts: map[string]state.Part{"ipi": {Version: 1, Sums: json.RawMessage(`[1]`)}},
	}
}

func written(t *testing.T, s *state.State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWhole: what is written is what is read, every field of it, and writing does not
// change what is written.
func TestWhole(t *testing.T) {
	s := filled()
	data := written(t, s)
	if d := cmp.Diff(filled(), s); d != "" {
		t.Errorf("writing changes the state: %s", d)
	}
	back, err := state.NewReader().Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, back); d != "" {
		t.Error(d)
	}
	if !bytes.Equal(data, written(t, back)) {
		t.Error("written again the bytes differ")
	}
	path, err := state.NewReader().Path(data)
	if err != nil || path != s.Inputs[0].Asked.Path {
		t.Errorf("path %q, %v", path, err)
	}
}

// TestRefused: what is no state, cut, damaged or of another version is refused, and the
// message says which.
func TestRefused(t *testing.T) {
	good := written(t, filled())
	pack := func(text string, crc bool) []byte {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(crc))
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll([]byte(text), nil)
	}
	head := fmt.Sprintf(`{"schema":%q,"counting":%d,`, state.Schema, state.Counting)
	for want, data := range map[string][]byte{
		"does not begin as a zstd frame":            []byte("{}"),
		"has no checksum":                           pack(head+`"inputs":[]}`, false),
		"cut or damaged":                            good[:len(good)-1],
		"no JSON object with a schema":              pack("[]", true),
		"of ipiscope/state/v2, counting 3; this":    pack(`{"schema":"ipiscope/state/v2","counting":3}`, true),
		"counting 99; this program adds up":         pack(`{"schema":"ipiscope/state/v1","counting":99}`, true),
		"does not hold what ipiscope/state/v1 says": pack(head+`"inputs":1}`, true),
		"names no input":                            pack(head+`"inputs":[]}`, true),
	} {
		_, err := state.NewReader().Read(data)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for i := range good { // whatever bit: noticed
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if s, err := state.NewReader().Read(bad); err == nil && cmp.Diff(filled(), s) != "" {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
	}
}

// TestDiffers: every part of what was asked for keeps states apart.
func TestDiffers(t *testing.T) {
	for name, change := range map[string]func(*state.State){
		"catalogues": func(s *state.State) { s.Catalog = "d" },
		"keys":       func(s *state.State) { s.Config.By = []string{"function", "cause"} },
		"--for html": func(s *state.State) { s.Config.Page = false },
		"--cpu":      func(s *state.State) { s.Config.Flags = nil },
		"--filter":   func(s *state.State) { s.Config.Flags["filter"] = "x" },
		"parts":      func(s *state.State) { s.Parts["latency"] = state.Part{} },
		"\"ipi\"":    func(s *state.State) { s.Parts["ipi"] = state.Part{Version: 2} },
	} {
		a, b := filled(), filled()
		change(b)
		if why := a.Differs(b); !strings.Contains(why, name) {
			t.Errorf("%s: %q", name, why)
		}
		if (b.Differs(a) == "") != (a.Differs(b) == "") {
			t.Errorf("%s: the other way round it is not so", name)
		}
	}
	a := filled()
	if why := a.Differs(filled()); why != "" || !a.IsOf(filled()) {
		t.Errorf("equal states differ: %q", why)
	}
	b := filled()
	b.Inputs[0].Size++
	if a.IsOf(b) {
		t.Error("a file of another size is the same")
	}
	b = filled()
	b.Inputs[0].ID, b.Inputs[0].Input = "", result.Input{}
	b.Parts = nil
	if !a.IsOf(b) {
		t.Error("what only reading tells keeps a state from being recognised")
	}
}

// TestText: any bytes come back.
func TestText(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		want := state.TextOf(string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")))
		data, err := json.Marshal(map[state.Text]state.Text{want: want})
		if err != nil {
			t.Fatal(err)
		}
		var back map[state.Text]state.Text
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if got, ok := back[want]; !ok || got != want {
			t.Fatalf("%q came back as %q", want, back)
		}
	})
}

// FuzzRead: whatever bytes, an error or a state, in bounded memory.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := filled().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		r := state.NewReader()
		s, err := r.Read(data)
		if (s == nil) == (err == nil) {
			t.Fatalf("state %v, error %v", s, err)
		}
		_, _ = r.Path(data)
	})
}
