package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fluxKinds are the CRDs of the versions of Flux that docs/install.md names.
var fluxKinds = map[string]string{
	"github.com/fluxcd/source-controller@v1.9.0": "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml",
	"github.com/fluxcd/helm-controller@v1.4.3":   "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml",
}

// actAsFlux installs Flux's CRDs, and installs the chart with the values of the HelmRelease once there is one, as Flux does.
func actAsFlux(t *testing.T) {
	t.Helper()
	for module, crd := range fluxKinds {
		folder := must(t, `cd "$(mktemp -d)" && go mod download -json `+module, "")
		var answer struct{ Dir string }
		if err := json.Unmarshal([]byte(folder), &answer); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(answer.Dir, crd)
		must(t, "kubectl apply --server-side -f "+file, "")
		t.Cleanup(func() {
			_, _ = shell(context.WithoutCancel(t.Context()), "kubectl delete --ignore-not-found -f "+file, "")
		})
	}
	done := make(chan error, 1)
	go func() { done <- release(t.Context(), t.TempDir()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// release waits for the HelmRelease, installs the chart with its values, and reports that it is ready.
func release(ctx context.Context, folder string) error {
	helmRelease := &unstructured.Unstructured{}
	helmRelease.SetGroupVersionKind(schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"})
	key := client.ObjectKey{Namespace: namespace, Name: "tollkeeper"}
	for cluster.Client.Get(ctx, key, helmRelease) != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("there is no HelmRelease: %w", ctx.Err())
		case <-time.After(time.Second / 5):
		}
	}
	values, _, err := unstructured.NestedMap(helmRelease.Object, "spec", "values")
	if err != nil {
		return err
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, "values.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	if _, err := shell(ctx, "helm upgrade --install tollkeeper charts/tollkeeper --take-ownership --namespace "+namespace+" --wait --timeout 2m --values "+file, ""); err != nil {
		return err
	}
	before := client.MergeFrom(helmRelease.DeepCopy())
	condition := map[string]any{"type": "Ready", "status": "True", "reason": "InstallSucceeded", "message": "installed", "lastTransitionTime": time.Now().UTC().Format(time.RFC3339)}
	if err := unstructured.SetNestedField(helmRelease.Object, helmRelease.GetGeneration(), "status", "observedGeneration"); err != nil {
		return err
	}
	if err := unstructured.SetNestedSlice(helmRelease.Object, []any{condition}, "status", "conditions"); err != nil {
		return err
	}
	return cluster.Client.Status().Patch(ctx, helmRelease, before)
}
