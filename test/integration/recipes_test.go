package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// source is where a CustomResourceDefinition of another project is: a file of a Go module, or of testdata.
type source struct{ module, version, file string }

var (
	kyverno     = source{"github.com/kyverno/kyverno", "v1.19.1", "config/crds/kyverno/kyverno.io_clusterpolicies.yaml"}
	kro         = source{"github.com/kubernetes-sigs/kro", "v0.9.4", "helm/crds/kro.run_resourcegraphdefinitions.yaml"}
	capsule     = source{"", "21 August 2026", "testdata/capsule_tenants.yaml"}
	argoCD      = source{"github.com/argoproj/argo-cd/v3", "v3.5.7", "manifests/crds/applicationset-crd.yaml"}
	crossplane  = source{"github.com/crossplane/crossplane/v2", "v2.0.2", "cluster/crds/apiextensions.crossplane.io_compositeresourcedefinitions.yaml"}
	composition = source{"github.com/crossplane/crossplane/v2", "v2.0.2", "cluster/crds/apiextensions.crossplane.io_compositions.yaml"}
)

var recipes = map[string][]source{
	"kyverno.yaml":    {kyverno},
	"kro.yaml":        {kro},
	"capsule.yaml":    {kyverno, capsule},
	"argocd.yaml":     {kyverno, argoCD},
	"crossplane.yaml": {crossplane, composition},
}

// The recipes fit the kinds of the projects that they are for, of the versions that docs/tenants.md names. So does what they make.
func TestRecipesFitTheirKinds(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "tenants.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(controlplane.Root(), "examples", "recipes", "*.yaml"))
	if err != nil || len(files) != len(recipes) {
		t.Fatalf("%d recipes are tested of %q: %v", len(recipes), files, err)
	}
	kubeconfig := adminKubeconfig(t)
	for _, namespace := range []string{"argocd", "tenant-3", "tenant-acme"} { // of Argo CD, and of tenants that are made
		if _, err := tryKubectl(t, kubeconfig, "create", "namespace", namespace); err != nil && !strings.Contains(err.Error(), "already exists") {
			t.Fatal(err)
		}
	}
	isInstalled := map[source]bool{}
	for _, sources := range recipes {
		for _, s := range sources {
			if !strings.Contains(string(page), s.version) {
				t.Errorf("docs/tenants.md does not name the version %s of %s", s.version, s.file)
			}
			if !isInstalled[s] {
				isInstalled[s] = true
				install(t, kubeconfig, s.path(t))
			}
		}
	}
	for recipe := range recipes {
		t.Run(recipe, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(controlplane.Root(), "examples", "recipes", recipe))
			if err != nil {
				t.Fatal(err)
			}
			recipeFits(t, kubeconfig, string(text))
			const spec = "\nspec:\n"
			for i := range strings.Count(string(text), spec) {
				parts := strings.SplitAfterN(string(text), spec, i+2)
				parts[i] += "  noSuchField: 1\n"
				if err := apply(t, kubeconfig, strings.Join(parts, "")); err == nil {
					t.Errorf("with an unknown field, spec %d is accepted", i)
				}
			}
		})
	}
}

// path is the file on this machine.
func (s source) path(t *testing.T) string {
	if s.module == "" {
		return s.file
	}
	return filepath.Join(moduleFolder(t, s.module+"@"+s.version), s.file)
}

// install applies CustomResourceDefinitions until the test ends.
func install(t *testing.T, kubeconfig, crd string) {
	t.Helper()
	kubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", crd)
	t.Cleanup(func() { // when the test's context has ended
		binary := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
		if out, err := exec.CommandContext(context.Background(), binary, "--kubeconfig", kubeconfig, "delete", "--wait=false", "-f", crd).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// apply has the API server check manifests, and keeps nothing.
func apply(t *testing.T, kubeconfig, manifests string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(path, []byte(manifests), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := tryKubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", path)
	return err
}

// recipeFits checks a recipe, its own CustomResourceDefinitions first, and what it makes.
func recipeFits(t *testing.T, kubeconfig, recipe string) {
	t.Helper()
	objects := documents(t, recipe)
	for _, o := range objects {
		if o.GetKind() == "CustomResourceDefinition" {
			path := filepath.Join(t.TempDir(), "crd.yaml")
			if err := os.WriteFile(path, []byte(manifest(t, o)), 0o600); err != nil {
				t.Fatal(err)
			}
			install(t, kubeconfig, path)
		}
	}
	var refused error
	if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, func(context.Context) (bool, error) {
		refused = apply(t, kubeconfig, recipe)
		return refused == nil, nil // the API server serves a new kind after a moment
	}); err != nil {
		t.Fatal(refused)
	}
	for _, o := range objects {
		for _, made := range made(t, o) {
			if err := apply(t, kubeconfig, manifest(t, made)); err != nil {
				t.Errorf("%s %s makes what does not fit: %v\n%s", o.GetKind(), o.GetName(), err, manifest(t, made))
			}
		}
	}
}

func documents(t *testing.T, text string) (objects []unstructured.Unstructured) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var o unstructured.Unstructured
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Object != nil {
			objects = append(objects, o)
		}
	}
}

func manifest(t *testing.T, o unstructured.Unstructured) string {
	t.Helper()
	text, err := sigsyaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// made are the objects that Kyverno or Crossplane makes of the recipe's object, with 3 for each of Kyverno's variables.
func made(t *testing.T, o unstructured.Unstructured) (objects []unstructured.Unstructured) {
	t.Helper()
	switch o.GetKind() {
	case "ClusterPolicy":
		filled := documents(t, regexp.MustCompile(`\{\{[^{}]*\}\}`).ReplaceAllString(manifest(t, o), "3"))[0]
		rules, _, _ := unstructured.NestedSlice(filled.Object, "spec", "rules")
		for _, rule := range rules {
			if generated, found, _ := unstructured.NestedMap(rule.(map[string]any), "generate"); found {
				data, _, _ := unstructured.NestedMap(generated, "data")
				objects = append(objects, object(generated, data))
			}
			targets, _, _ := unstructured.NestedSlice(rule.(map[string]any), "mutate", "targets")
			if patch, found, _ := unstructured.NestedMap(rule.(map[string]any), "mutate", "patchStrategicMerge"); found {
				objects = append(objects, object(targets[0].(map[string]any), patch))
			}
		}
		if len(objects) == 0 {
			t.Errorf("%s makes nothing", o.GetName())
		}
	case "Composition":
		for status, want := range map[string]string{"True": "10", "False": "0", "Unknown": "7", "": "7"} {
			rendered := composed(t, o, status, "7")
			objects = append(objects, rendered...)
			if got, _, _ := unstructured.NestedString(rendered[len(rendered)-1].Object, "spec", "hard", "pods"); got != want {
				t.Errorf("with Entitled %q, a tenant of 7 pods may have %s, want %s", status, got, want)
			}
		}
		fresh := composed(t, o, "Unknown", "")
		if got, _, _ := unstructured.NestedString(fresh[len(fresh)-1].Object, "spec", "hard", "pods"); got != "0" {
			t.Errorf("with Entitled Unknown, a new tenant may have %s pods, want none", got)
		}
	}
	return objects
}

// object is what a rule makes: the target's kind and name, and the content.
func object(target, content map[string]any) unstructured.Unstructured {
	o := unstructured.Unstructured{Object: content}
	if content == nil {
		o.Object = map[string]any{}
	}
	o.SetAPIVersion(target["apiVersion"].(string))
	o.SetKind(target["kind"].(string))
	o.SetName("tenant-3")
	if namespace, isNamespaced := target["namespace"].(string); isNamespaced {
		o.SetNamespace(namespace)
	}
	return o
}

// composed renders the composition's template as function-go-templating does, and leaves out the request for the Customer. pods is
// the limit of the tenant that is there; empty if none is.
func composed(t *testing.T, composition unstructured.Unstructured, entitled, pods string) []unstructured.Unstructured {
	t.Helper()
	steps, _, _ := unstructured.NestedSlice(composition.Object, "spec", "pipeline")
	text, _, _ := unstructured.NestedString(steps[0].(map[string]any), "input", "inline", "template")
	parsed, err := template.New("").Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	customer := map[string]any{}
	if entitled != "" {
		customer["status"] = map[string]any{"conditions": []any{
			map[string]any{"type": "Ready", "status": "False"}, map[string]any{"type": "Entitled", "status": entitled},
		}}
	}
	observed := map[string]any{"composite": map[string]any{"resource": map[string]any{
		"metadata": map[string]any{"name": "acme"}, "spec": map[string]any{"customer": "cus_Ada"},
	}}}
	if pods != "" {
		observed["resources"] = map[string]any{"quota": map[string]any{
			"resource": map[string]any{"spec": map[string]any{"hard": map[string]any{"pods": pods}}},
		}}
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, map[string]any{
		"observed": observed, "extraResources": map[string]any{"customer": map[string]any{"items": []any{map[string]any{"resource": customer}}}},
	}); err != nil {
		t.Fatal(err)
	}
	objects := documents(t, out.String())
	if len(objects) != 3 || objects[0].GetKind() != "ExtraResources" {
		t.Fatalf("the template renders\n%s", out.String())
	}
	return objects[1:]
}

// moduleFolder downloads a Go module, and returns the folder of its files.
func moduleFolder(t *testing.T, module string) string {
	t.Helper()
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	download.Dir = t.TempDir() // outside of any module
	output, err := download.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(output, &answer); err != nil || jsonErr != nil || answer.Dir == "" {
		t.Fatalf("download %s: %v, %v, %s", module, err, jsonErr, answer.Error)
	}
	return answer.Dir
}
