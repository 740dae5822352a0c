package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// What config/ installs is accepted by a real API server, by the very commands that the README gives.
func TestTheManifestsAreAccepted(t *testing.T) {
	kubeconfig := adminKubeconfig(t)
	if err := client.IgnoreAlreadyExists(cluster.NamedNamespace(t.Context(), "tollkeeper-system")); err != nil {
		t.Fatal(err) // a dry run creates none, and what is to be in it would be refused
	}
	for _, folder := range []string{"config/crd", "config/default", "config/split", "config/samples"} {
		t.Run(folder, func(t *testing.T) {
			out := kubectl(t, kubeconfig, "apply", "--server-side", "--dry-run=server", "--namespace="+installed, "-k",
				filepath.Join(controlplane.Root(), folder))
			for line := range strings.Lines(out) {
				if !strings.HasSuffix(line, "serverside-applied (server dry run)\n") {
					t.Errorf("kubectl says: %s", line)
				}
			}
		})
	}
}

func kubectl(t *testing.T, kubeconfig string, args ...string) string {
	t.Helper()
	binary := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	command := exec.CommandContext(t.Context(), binary, append([]string{"--kubeconfig", kubeconfig}, args...)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, problems.String())
	}
	return out.String()
}
