package crdschema

import (
	"io/fs"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	crd "github.com/tollkeeper/tollkeeper/config/crd"
)

// `kubectl explain` describes every field of every kind. The API server describes metadata itself.
func TestEveryFieldIsDescribed(t *testing.T) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, file := range files {
		var definition apiextensionsv1.CustomResourceDefinition
		content, err := fs.ReadFile(crd.Bases, file)
		if err == nil {
			err = yaml.Unmarshal(content, &definition)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range definition.Spec.Versions {
			fields += describe(t, definition.Spec.Names.Kind, definition.Spec.Versions[i].Schema.OpenAPIV3Schema)
		}
	}
	if fields < 300 {
		t.Errorf("there are only %d fields", fields)
	}
}

// describe reports the fields below the path that lack a description, and counts all.
func describe(t *testing.T, path string, schema *apiextensionsv1.JSONSchemaProps) int {
	fields := 1
	for name := range schema.Properties {
		below := schema.Properties[name]
		if name == "metadata" && len(below.Properties) == 0 && below.AdditionalProperties == nil {
			continue
		}
		if below.Description == "" {
			t.Errorf("%s.%s has no description: add a comment to the field in api/v1alpha1", path, name)
		}
		fields += describe(t, path+"."+name, &below)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		fields += describe(t, path+"[]", schema.Items.Schema)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		fields += describe(t, path+"{}", schema.AdditionalProperties.Schema)
	}
	return fields
}
