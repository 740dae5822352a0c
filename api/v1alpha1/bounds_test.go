package v1alpha1

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// Every string, list and map of every resource is bounded, so that no payload can make an object too large.
func TestEverythingIsBounded(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(files) != 5 {
		t.Fatalf("want five CRDs, found %v %v", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema struct {
							Properties map[string]map[string]any `json:"properties"`
						} `json:"openAPIV3Schema"`
					} `json:"schema"`
				} `json:"versions"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			for _, part := range []string{"spec", "status"} {
				checkBounds(t, filepath.Base(file)+" "+part, version.Schema.OpenAPIV3Schema.Properties[part])
			}
		}
	}
}

func checkBounds(t *testing.T, path string, schema map[string]any) {
	t.Helper()
	has := func(keys ...string) bool {
		for _, key := range keys {
			if _, ok := schema[key]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case schema["type"] == "string" && !has("maxLength", "enum", "format"):
		t.Errorf("%s is a string of any length", path)
	case schema["type"] == "array" && !has("maxItems"):
		t.Errorf("%s is a list of any length", path)
	case has("additionalProperties") && !has("maxProperties"):
		t.Errorf("%s is a map of any size", path)
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		for name, property := range properties {
			checkBounds(t, path+"."+name, property.(map[string]any))
		}
	}
	for _, part := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[part].(map[string]any); ok {
			checkBounds(t, path+"."+part, inner)
		}
	}
}
