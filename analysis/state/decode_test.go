package state

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// TestListsAsEncodingJSON: what is read faster is read as encoding/json does, and
// what that refuses is refused.
func TestListsAsEncodingJSON(t *testing.T) {
	spaces := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	numbers := rapid.OneOf(rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Uint64().Draw(t, "number")) }),
		rapid.SampledFrom([]string{"0", "007", "1 2", "-1", "1.5", "1e3", "18446744073709551616", "99999999999999999999999", "null", `"1"`, "[1]", ""}))
	texts := rapid.OneOf(rapid.Custom(func(t *rapid.T) string {
		b, err := json.Marshal(rapid.String().Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}), rapid.SampledFrom([]string{`"a"`, `"[,:]"`, `"a\"b"`, `"\u0000ff"`, "\"\xff\"", "null", "1", `"`, "{}", ""}))
	list := func(t *rapid.T, of *rapid.Generator[string]) []byte {
		items := rapid.SliceOfN(of, 0, 4).Draw(t, "items")
		for i := range items {
			items[i] = spaces.Draw(t, "before") + items[i] + spaces.Draw(t, "behind")
		}
		return []byte(rapid.SampledFrom([]string{"[", "[ "}).Draw(t, "open") + strings.Join(items, ",") + rapid.SampledFrom([]string{"]", "]", "]", ""}).Draw(t, "close"))
	}
	law.Check(t, func(t *rapid.T) {
		data := list(t, numbers)
		var want []uint64
		var got Numbers
		wantErr, err := json.Unmarshal(data, &want), json.Unmarshal(data, &got)
		// encoding/json leaves a number as it is where null stands
		if (err != nil) != (wantErr != nil || strings.Contains(string(data), "null")) || err == nil && !slices.Equal(got, want) {
			t.Fatalf("%s: %v, %v, want %v, %v", data, got, err, want, wantErr)
		}
	})
	law.Check(t, func(t *rapid.T) {
		data := list(t, texts)
		var want []Text
		var got Texts
		wantErr, err := json.Unmarshal(data, &want), json.Unmarshal(data, &got)
		if strings.Contains(string(data), "null") && wantErr == nil {
			return // a Text stays as it is
		}
		if (err != nil) != (wantErr != nil) || err == nil && !slices.Equal(got, want) {
			t.Fatalf("%s: %v, %v, want %v, %v", data, got, err, want, wantErr)
		}
	})
	for in, want := range map[string]Numbers{"null": nil, "[]": {}, "[18446744073709551615]": {math.MaxUint64}} {
		var got Numbers
		if err := json.Unmarshal([]byte(in), &got); err != nil || !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
}

// TestMembers: objects and lists are cut where encoding/json cuts them, and what is
// no JSON is never all cut into pieces that are.
func TestMembers(t *testing.T) {
	for _, data := range []string{`{"k":1:"a":2}`, `[1:2]`, `{"k":1,}`, `[1,]`, `{"k":1}}`, `{1:2}`, `{"k"}`} {
		whole := true
		for name, value := range Members([]byte(data)) {
			whole = whole && json.Valid(value) && (name != "" || data[0] == '[')
		}
		if whole {
			t.Errorf("%s is taken for JSON", data)
		}
	}
	pieces := rapid.SampledFrom([]string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"b\\"`, `"\"],"`, `"`, `1`, ` `, `{"x":[1,{"y":"}"}]}`, `null`, `true`})
	law.Check(t, func(t *rapid.T) {
		open := rapid.SampledFrom([]string{`{"k":1,`, `{`, `[1,`, `[`}).Draw(t, "open")
		data := open + strings.Join(rapid.SliceOfN(pieces, 0, 6).Draw(t, "pieces"), "")
		data += rapid.SampledFrom([]string{"}", "]", ""}).Draw(t, "close")
		var object map[string]json.RawMessage
		var array []json.RawMessage
		isObject := json.Unmarshal([]byte(data), &object) == nil
		isJSON := isObject || json.Unmarshal([]byte(data), &array) == nil
		got := map[string]string{}
		n, whole := 0, true
		for name, value := range Members([]byte(data)) {
			whole = whole && json.Valid(value) && (name != "" || strings.HasPrefix(data, "["))
			if !isObject {
				name = fmt.Sprint(n)
			}
			n++
			got[name] = strings.TrimSpace(string(value))
		}
		if !isJSON {
			if whole && n > 0 {
				t.Fatalf("%s is no JSON and is cut into %q", data, got)
			}
			return
		}
		for i, value := range array {
			if object == nil {
				object = map[string]json.RawMessage{}
			}
			object[fmt.Sprint(i)] = value
		}
		if len(got) != len(object) {
			t.Fatalf("%s: %q, want %q", data, got, object)
		}
		for name, value := range object {
			if got[name] != string(value) {
				t.Fatalf("%s: %q: %q, want %q", data, name, got[name], value)
			}
		}
	})
}
