package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// crdsOf are CRDs of other projects, by the file in examples/gitops that needs them, of the versions that docs/install.md names.
var crdsOf = map[string][]struct{ module, version, crd string }{
	"flux.yaml": {
		{"github.com/fluxcd/source-controller", "v1.9.0", "config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml"},
		{"github.com/fluxcd/helm-controller", "v1.4.3", "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"},
	},
	"argocd.yaml":          {{"github.com/argoproj/argo-cd/v3", "v3.3.0", "manifests/crds/application-crd.yaml"}},
	"external_secret.yaml": {{"github.com/external-secrets/external-secrets", "v1.3.2", "config/crds/bases/external-secrets.io_externalsecrets.yaml"}},
}

// The examples for GitOps fit the kinds of the projects that they are for.
func TestGitOpsExamplesFitTheirKinds(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := adminKubeconfig(t)
	for _, namespace := range []string{installedNamespace, "argocd"} {
		if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), namespace)); err != nil {
			t.Fatal(err)
		}
	}
	for example, crds := range crdsOf {
		t.Run(example, func(t *testing.T) {
			for _, c := range crds {
				if !strings.Contains(string(page), c.version) {
					t.Errorf("docs/install.md does not name %s %s", c.module, c.version)
				}
				installCRD(t, kubeconfig, filepath.Join(moduleFolder(t, c.module+"@"+c.version), c.crd))
			}
			path := filepath.Join(controlplane.Root(), "examples", "gitops", example)
			fits(t, kubeconfig, path)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			wrong := filepath.Join(t.TempDir(), example)
			if err := os.WriteFile(wrong, []byte(strings.ReplaceAll(string(text), "\nspec:\n", "\nspec:\n  noSuchField: 1\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := tryKubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", wrong); err == nil {
				t.Error("an example with an unknown field is accepted")
			}
		})
	}
}

// installCRD installs a CRD of another project until the test ends.
func installCRD(t *testing.T, kubeconfig, crd string) {
	t.Helper()
	kubectl(t, kubeconfig, "apply", "--server-side", "-f", crd)
	t.Cleanup(func() { _, _ = tryKubectl(t, kubeconfig, "delete", "--wait=false", "-f", crd) })
}

// fits waits until the API server accepts the manifests: it serves a new kind after a moment.
func fits(t *testing.T, kubeconfig, path string) {
	t.Helper()
	var refused error
	if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, func(context.Context) (bool, error) {
		_, refused = tryKubectl(t, kubeconfig, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", path)
		return refused == nil, nil
	}); err != nil {
		t.Fatal(refused)
	}
}
