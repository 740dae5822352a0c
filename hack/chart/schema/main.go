// Command schema writes which flags the chart's value `flags` may have, and of which form, into the chart's values.schema.json: those
// that the code declares. With -check it writes nothing and fails if the schema is stale.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

const path = "charts/tollkeeper/values.schema.json"

// ofTheChart are the flags that the templates set.
var ofTheChart = []string{
	"components", "credentials-dir", "leader-elect", "namespace", "receiver-bind-address", "metrics-bind-address", "health-probe-bind-address",
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail if the schema is stale")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintf(os.Stderr, "schema: %v\n", err)
		os.Exit(1)
	}
}

// block is the value `flags` in the file, whose other parts are written by hand.
var block = regexp.MustCompile(`(?s)(\n    "flags": )\{.*?\n    \}`)

func run(check bool) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	schema, err := flagsSchema()
	if err != nil {
		return err
	}
	if len(block.FindAll(old, -1)) != 1 {
		return fmt.Errorf(`%s has not exactly one block "flags"`, path)
	}
	fresh := block.ReplaceAllFunc(old, func(found []byte) []byte {
		return slices.Concat(block.FindSubmatch(found)[1], schema)
	})
	switch {
	case bytes.Equal(old, fresh):
		return nil
	case check:
		return fmt.Errorf("%s is stale: run `make generate`", path)
	default:
		return os.WriteFile(path, fresh, 0o644)
	}
}

// flagsSchema describes every flag that a user may set, with its help.
func flagsSchema() ([]byte, error) {
	var c config.Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	c.Flags(flags)
	properties := map[string]any{}
	flags.VisitAll(func(f *flag.Flag) {
		if !slices.Contains(ofTheChart, f.Name) {
			property := form(f)
			property["description"] = f.Usage
			properties[f.Name] = property
		}
	})
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("    ", "  ")
	err := encoder.Encode(map[string]any{
		"$comment": "generated from internal/config by hack/chart/schema", "type": "object", "additionalProperties": false, "properties": properties,
	})
	return bytes.TrimSpace(text.Bytes()), err
}

// form is what YAML may have for the flag. The operator checks the rest at start.
func form(f *flag.Flag) map[string]any {
	getter, isBuiltIn := f.Value.(flag.Getter)
	if !isBuiltIn { // a flag of our own type, such as a list
		return map[string]any{"oneOf": []any{
			map[string]any{"type": []string{"string", "boolean", "integer"}},
			map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
		}}
	}
	switch getter.Get().(type) {
	case bool:
		return map[string]any{"enum": []any{true, false, "true", "false"}}
	case int:
		return map[string]any{"type": []string{"integer", "string"}, "pattern": "^-?[0-9]+$"}
	case time.Duration:
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`, "minimum": 0, "maximum": 0}
	default:
		return map[string]any{"type": "string"}
	}
}
