package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// environmentFile, in the repository, is what a shell sources to work with the demo.
const environmentFile = "bin/demo.env"

// writeEnvironment writes the file. kubectl and its plugin come first in the path.
func (s *stage) writeEnvironment() error {
	bin := filepath.Join(controlplane.Root(), "bin")
	text := fmt.Sprintf(`export KUBECONFIG=%q
export PATH=%q:"$PATH"
export ENDPOINT=%q
export STRIPE_ENDPOINT_SECRET=%q
`, s.kubeconfig, filepath.Join(bin, "k8s")+":"+bin, s.endpoint.URL, secret)
	return os.WriteFile(filepath.Join(controlplane.Root(), environmentFile), []byte(text), 0o600)
}
