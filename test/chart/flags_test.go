package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// fixed are the flags that the chart sets itself.
var fixed = []string{"components", "credentials-dir", "leader-elect", "namespace", "receiver-bind-address", "metrics-bind-address", "health-probe-bind-address"}

// The example of every flag in docs/configuration.md can be a value, as text and as YAML reads it, and becomes an argument.
func TestEveryFlagCanBeAValue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	asText, asYAML, want := map[string]any{}, map[string]any{}, []string{}
	for _, example := range regexp.MustCompile("(?m)^\\| `--[^|]*\\|.*\\| `--([a-z-]+)(?:=(.*))?` \\|$").FindAllStringSubmatch(string(page), -1) {
		name, value := example[1], example[2]
		if value == "" {
			value = "true"
		}
		if slices.Contains(fixed, name) {
			continue
		}
		var parsed any
		if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
			t.Fatal(err)
		}
		asText[name], asYAML[name] = value, parsed
		want = append(want, fmt.Sprintf("--%s=%s", name, value))
	}
	if len(want) < 30 {
		t.Fatalf("only %d examples are found", len(want))
	}
	for form, flags := range map[string]any{"text": asText, "YAML": asYAML} {
		content, err := yaml.Marshal(map[string]any{"flags": flags})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		arguments := fmt.Sprint(release(t, "tollkeeper", "tollkeeper-system", "--values="+file).container(t, "tollkeeper-controller-manager")["args"])
		for _, argument := range want {
			if !strings.Contains(arguments, argument) {
				t.Errorf("as %s, %s is not among the arguments %s", form, argument, arguments)
			}
		}
	}
}
