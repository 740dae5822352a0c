package integration

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// The API server accepts every field of the installations of examples/archive, by kustomize and by Helm.
func TestTheExamplesOfAnArchiveAreAccepted(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), installedNamespace)); err != nil {
		t.Fatal(err)
	}
	for _, example := range []string{"azure", "bucket", "folder"} {
		folder := filepath.Join(controlplane.Root(), "examples", "archive", example)
		for form, text := range map[string]string{
			"kustomize": kubectl(t, kubeconfig, "kustomize", folder),
			"Helm": helm(t, kubeconfig, "template", "tollkeeper", "charts/tollkeeper", "--namespace="+installedNamespace,
				"--values="+filepath.Join(folder, "values.yaml")),
		} {
			rendered := filepath.Join(t.TempDir(), form+".yaml")
			if err := os.WriteFile(rendered, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			fits(t, kubeconfig, rendered)
		}
	}
}
