package chart

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// The values in docs/install.md and in the examples for GitOps are accepted, and have an effect.
func TestTheExamplesValues(t *testing.T) {
	for path, in := range map[string]func(t *testing.T, text string) any{
		"docs/install.md": func(_ *testing.T, text string) any {
			var values map[string]any
			if err := yaml.Unmarshal([]byte(regexp.MustCompile("(?s)```yaml\n(# values.yaml.*?)```").FindStringSubmatch(text)[1]), &values); err != nil {
				return err
			}
			return values
		},
		"examples/gitops/flux.yaml": func(t *testing.T, text string) any {
			values, _, _ := unstructured.NestedMap(parse(t, text)["HelmRelease tollkeeper"].Object, "spec", "values")
			return values
		},
		"examples/gitops/argocd.yaml": func(t *testing.T, text string) any {
			values, _, _ := unstructured.NestedMap(parse(t, text)["Application tollkeeper"].Object, "spec", "source", "helm", "valuesObject")
			return values
		},
	} {
		t.Run(path, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(controlplane.Root(), path))
			if err != nil {
				t.Fatal(err)
			}
			values, err := yaml.Marshal(in(t, string(text)))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(file, values, 0o600); err != nil {
				t.Fatal(err)
			}
			if release(t, "tollkeeper", "tollkeeper-system", "--values="+file)["Ingress tollkeeper-webhook"] == nil {
				t.Errorf("there is no Ingress with\n%s", values)
			}
		})
	}
}
