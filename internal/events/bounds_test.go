package events

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// schema is the part of an OpenAPI schema that the API server checks here.
type schema struct {
	Type                 string            `json:"type"`
	Format               string            `json:"format"`
	Enum                 []string          `json:"enum"`
	Pattern              string            `json:"pattern"`
	MinLength            *int              `json:"minLength"`
	MaxLength            *int              `json:"maxLength"`
	MaxItems             *int              `json:"maxItems"`
	MaxProperties        *int              `json:"maxProperties"`
	Required             []string          `json:"required"`
	Items                *schema           `json:"items"`
	Properties           map[string]schema `json:"properties"`
	AdditionalProperties *schema           `json:"additionalProperties"`
}

// hostile are the ways to spoil a payload's values. object and type keep theirs, so that every reader is reached.
var hostile = map[string]func(key string, value any) any{
	"long strings": func(_ string, value any) any {
		if text, ok := value.(string); ok && !strings.Contains(text, "Toll") { // as all ids do, so they stay
			return strings.Repeat("<€", 600) + "\u202e\x00"
		}
		return value
	},
	"long ids": func(_ string, value any) any {
		if _, ok := value.(string); ok {
			return strings.Repeat("x", 2000)
		}
		return value
	},
	"ids of many bytes": func(_ string, value any) any {
		if _, ok := value.(string); ok {
			return strings.Repeat("€", 255)
		}
		return value
	},
	"largest numbers":  number(math.MaxInt64),
	"smallest numbers": number(math.MinInt64),
	"much metadata": func(key string, value any) any {
		if key != "metadata" {
			return value
		}
		metadata := map[string]any{}
		for i := range 70 {
			metadata[fmt.Sprintf("tollkeeper_%0*d", 1+4*i, i)] = strings.Repeat("x", 501)
		}
		return metadata
	},
	"long lists": func(_ string, value any) any {
		if list, ok := value.([]any); ok {
			return slices.Repeat(list, 100)
		}
		return value
	},
	"wrong types": func(_ string, value any) any {
		switch value.(type) {
		case nil, map[string]any, []any:
			return value
		case bool:
			return "true"
		default:
			return []any{true}
		}
	},
}

func number(n int64) func(string, any) any {
	return func(_ string, value any) any {
		if _, ok := value.(json.Number); ok {
			return n
		}
		return value
	}
}

// A record that the API server rejects is lost. So even the most hostile payload must give a record and statuses
// within the bounds of the CRDs.
func TestEverythingIsWithinTheBoundsOfTheCRDs(t *testing.T) {
	spec := crd(t, "billingevents").Properties["spec"]
	customer, subscription := crd(t, "customers").Properties["status"], crd(t, "subscriptions").Properties["status"]
	for _, eventType := range handled {
		for _, name := range payloads(t, eventType) {
			for way, spoil := range hostile {
				t.Run(eventType+"/"+name+"/"+way, func(t *testing.T) {
					e, err := decoder.Decode(spoiled(t, payload(t, eventType, name), spoil))
					if err != nil {
						t.Fatal(err)
					}
					spec.check(t, "spec", inJSON(t, e))
					var aggregate projection.Aggregate
					projection.Fold(&aggregate, []projection.Change{Change(e)})
					customer.check(t, "customer.status", inJSON(t, aggregate.Customer))
					for _, s := range aggregate.Subscriptions {
						subscription.check(t, "subscription.status", inJSON(t, s))
					}
				})
			}
		}
	}
}

// crd is the schema of a resource in config/crd.
func crd(t testing.TB, plural string) schema {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "billing.tollkeeper.dev_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(file, &definition); err != nil {
		t.Fatal(err)
	}
	return definition.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// check validates a value by its schema. A schema without a bound is an error too.
func (s schema) check(t *testing.T, path string, value any) {
	t.Helper()
	switch v := value.(type) {
	case string:
		if s.Type != "string" || s.MaxLength == nil && s.Format != "date-time" && s.Enum == nil {
			t.Errorf("%s: the schema sets no bound for a string", path)
		}
		within(t, path, "characters", utf8.RuneCountInString(v), s.MinLength, s.MaxLength)
		if s.Enum != nil && !slices.Contains(s.Enum, v) || s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			t.Errorf("%s: %q is none of %v, or does not match %q", path, v, s.Enum, s.Pattern)
		}
	case []any:
		if s.Type != "array" || s.MaxItems == nil {
			t.Fatalf("%s: the schema sets no bound for a list", path)
		}
		within(t, path, "items", len(v), nil, s.MaxItems)
		for i, item := range v {
			s.Items.check(t, fmt.Sprintf("%s[%d]", path, i), item)
		}
	case map[string]any:
		s.checkObject(t, path, v)
	}
}

func (s schema) checkObject(t *testing.T, path string, object map[string]any) {
	t.Helper()
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			t.Errorf("%s.%s: is required", path, name)
		}
	}
	if s.AdditionalProperties != nil && s.MaxProperties == nil {
		t.Errorf("%s: the schema sets no bound for a map", path)
	}
	within(t, path, "properties", len(object), nil, s.MaxProperties)
	for name, value := range object {
		property, ok := s.Properties[name]
		switch {
		case ok:
			property.check(t, path+"."+name, value)
		case s.AdditionalProperties != nil:
			s.AdditionalProperties.check(t, path+"."+name, value)
		default:
			t.Errorf("%s.%s: is not in the schema", path, name)
		}
	}
}

func within(t *testing.T, path, what string, have int, least, most *int) {
	t.Helper()
	if least != nil && have < *least || most != nil && have > *most {
		t.Errorf("%s: has %d %s", path, have, what)
	}
}

// spoiled is the payload with the values of its object and its previous_attributes spoiled.
func spoiled(t *testing.T, body []byte, spoil func(string, any) any) []byte {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var envelope map[string]any
	if err := decoder.Decode(&envelope); err != nil {
		t.Fatal(err)
	}
	envelope["data"] = walk("data", envelope["data"], spoil)
	spoiled, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return spoiled
}

func walk(key string, value any, spoil func(string, any) any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, element := range v {
			v[name] = walk(name, element, spoil)
		}
	case []any:
		for i, element := range v {
			v[i] = walk(key, element, spoil)
		}
	}
	if key == "object" || key == "type" {
		return value
	}
	return spoil(key, value)
}

func inJSON(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}
