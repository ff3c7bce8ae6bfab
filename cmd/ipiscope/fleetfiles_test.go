package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A fileSchema is a JSON schema (draft-07) as far as those in testdata/schemas go. What
// an object has and no schema names is an error: so it is to the servers that take these
// files, if asked, and else a setting that nobody hears.
type fileSchema struct {
	Ref         string                `json:"$ref"`
	Type        string                `json:"type"`
	Enum        []string              `json:"enum"`
	Items       *fileSchema           `json:"items"`
	Additional  *fileSchema           `json:"additionalProperties"`
	Properties  map[string]fileSchema `json:"properties"`
	Required    []string              `json:"required"`
	Definitions map[string]fileSchema `json:"definitions"`
}

// check says what is wrong with a value, "" if nothing is. Properties without a type are
// not used by the files that the schema was made for.
func (s *fileSchema) check(path string, value any, of map[string]fileSchema) string {
	if s.Ref != "" {
		d, ok := of[s.Ref]
		if !ok {
			return fmt.Sprintf("%s: no definition of %s", path, s.Ref)
		}
		return d.check(path, value, of)
	}
	fits := false
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" {
			break
		}
		return s.checkObject(path, v, of)
	case []any:
		if s.Type != "array" {
			break
		}
		for i, x := range v {
			if wrong := s.Items.check(fmt.Sprintf("%s[%d]", path, i), x, of); wrong != "" {
				return wrong
			}
		}
		return ""
	case string:
		if s.Type == "string" && s.Enum != nil && !slices.Contains(s.Enum, v) {
			return fmt.Sprintf("%s: %q is none of %q", path, v, s.Enum)
		}
		fits = s.Type == "string"
	case int:
		fits = s.Type == "integer"
	case bool:
		fits = s.Type == "boolean"
	}
	if fits {
		return ""
	}
	return fmt.Sprintf("%s: %v is no %q", path, value, s.Type)
}

func (s *fileSchema) checkObject(path string, v map[string]any, of map[string]fileSchema) string {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return fmt.Sprintf("%s: no %s", path, name)
		}
	}
	for name, x := range v {
		p, ok := s.Properties[name]
		if !ok && s.Additional != nil {
			p, ok = *s.Additional, true
		}
		if !ok {
			return fmt.Sprintf("%s: an unknown %s", path, name)
		}
		if wrong := p.check(path+"."+name, x, of); wrong != "" {
			return wrong
		}
	}
	return ""
}

// TestFleetFiles: the files of docs/fleet for Kubernetes and Argo are what their schemas
// say, and mistakes in them would show.
func TestFleetFiles(t *testing.T) {
	for name, mistakes := range map[string][][2]string{
		"kubernetes": {
			{"backoffLimitPerIndex: 3", "backoffLimitPerIndx: 3"}, {"action: FailIndex", "action: FailedIndex"}, {"values: [2]", `values: ["2"]`}, {"operator: In\n", "\n"},
			{`cpu: "1"`, "cpu: 1"}, {"claimName: fleet", "claim: fleet"}, {"mountPath: /fleet", "mountpath: /fleet"}, {"completionMode: Indexed", "completionMode: indexed"},
		},
		"argo": {
			{"retryStrategy:", "retry:"}, {`count: "64"`, "count: {n: 64}"}, {"{name: shard, value:", "{nam: shard, value:"}, {"expression:", "when:"}, {"image:", "images:"},
		},
	} {
		data, err := os.ReadFile("testdata/schemas/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var schema fileSchema
		if err := json.Unmarshal(data, &schema); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("../../docs/fleet/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		check := func(text string) string {
			var file map[string]any
			if err := yaml.Unmarshal([]byte(text), &file); err != nil {
				t.Fatal(err)
			}
			return schema.check(name, file, schema.Definitions)
		}
		if wrong := check(string(text)); wrong != "" {
			t.Errorf("docs/fleet/%s.yaml: %s", name, wrong)
		}
		for _, m := range mistakes {
			wrong := strings.Replace(string(text), m[0], m[1], 1)
			if wrong == string(text) {
				t.Fatalf("%s: no %q to change", name, m[0])
			}
			if check(wrong) == "" {
				t.Errorf("%s: %q in place of %q is taken", name, m[1], m[0])
			}
		}
	}
}
