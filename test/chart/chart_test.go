// Package chart checks the Helm chart: that it installs what config/ does, and what each value changes. It needs
// `make bin/helm bin/kustomize bin/glua`.
package chart

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// run runs a tool of bin/ in the root folder, and returns what it prints.
func run(t *testing.T, tool string, arguments ...string) (string, error) {
	t.Helper()
	path := filepath.Join(controlplane.Root(), "bin", tool)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("run `make bin/%s`: %v", tool, err)
	}
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Dir = controlplane.Root()
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(arguments, " "), err, problems.String())
	}
	return out.String(), nil
}

// objects are manifests by kind and name.
type objects map[string]*unstructured.Unstructured

func parse(t *testing.T, text string) objects {
	t.Helper()
	found := objects{}
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict([]byte(document), &object.Object); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if len(object.Object) == 0 {
			continue
		}
		key := object.GetKind() + " " + object.GetName()
		if found[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		found[key] = object
	}
	return found
}

// release renders the chart as a release in a namespace.
func release(t *testing.T, name, namespace string, arguments ...string) objects {
	t.Helper()
	text, err := run(t, "helm", append([]string{"template", name, "charts/tollkeeper", "--namespace=" + namespace}, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func kustomize(t *testing.T, folder string) objects {
	t.Helper()
	text, err := run(t, "kustomize", "build", folder)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

// The chart installs object by object what the manifests of config/ install. It may differ in what Helm or a release needs.
func TestTheChartInstallsTheManifests(t *testing.T) {
	for name, tc := range map[string]struct {
		folders []string
		values  []string
	}{
		"split":    {folders: []string{"config/split"}},
		"combined": {folders: []string{"config/default"}, values: []string{"--set=split=false"}},
		"with metrics": {folders: []string{"config/split", "config/prometheus"},
			values: []string{"--set=metrics.serviceMonitor.enabled=true,metrics.alerts.enabled=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := objects{}
			for _, folder := range tc.folders {
				maps.Copy(want, kustomize(t, folder))
			}
			got := release(t, "tollkeeper", "tollkeeper-system", append(tc.values, "--set=image.tag=latest")...)
			delete(want, "Namespace tollkeeper-system") // helm --create-namespace makes it
			for key := range want {
				normalize(want[key])
			}
			for key := range got {
				normalize(got[key])
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Fatalf("objects (-config +chart):\n%s", diff)
			}
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if diff := cmp.Diff(want[key].Object, got[key].Object); diff != "" {
					t.Errorf("%s (-config +chart):\n%s", key, diff)
				}
			}
		})
	}
}

// normalize takes away in what chart and config/ may differ: labels of Helm, and how the policies select their namespace.
func normalize(object *unstructured.Unstructured) {
	labels := object.GetLabels()
	for _, label := range []string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
		delete(labels, label)
	}
	if object.SetLabels(labels); len(labels) == 0 {
		unstructured.RemoveNestedField(object.Object, "metadata", "labels")
	}
	annotations := object.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	delete(annotations, "argocd.argoproj.io/sync-options")
	object.SetAnnotations(annotations)
	unstructured.RemoveNestedField(object.Object, "spec", "matchResources", "namespaceSelector")
}

// The chart's copies of files in config/ are current. `make generate` makes them.
func TestTheChartsFilesAreCurrent(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "files")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(controlplane.Root(), "hack", "chart", "files.sh"), fresh).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "diff", "-ru", filepath.Join(controlplane.Root(), "charts", "tollkeeper", "files"), fresh).CombinedOutput(); err != nil {
		t.Errorf("run `make generate`:\n%s", out)
	}
}

func TestLint(t *testing.T) {
	if out, err := run(t, "helm", "lint", "--strict", "charts/tollkeeper"); err != nil {
		t.Error(out, err)
	}
}
