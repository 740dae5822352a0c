// Package integration runs the whole operator against a real API server. The tests post events over HTTP and check the
// resources.
package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// cluster is shared by all tests of the package. Each test has its own namespace.
var cluster *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	logging.Install(logging.New(os.Stderr, logging.Options{Level: logging.Error}))
	var err error
	if cluster, err = controlplane.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if binary.path != "" {
		_ = os.RemoveAll(filepath.Dir(binary.path))
	}
	if err := cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}
