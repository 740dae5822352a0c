// Package integration runs the whole operator against a real API server. The tests post events over HTTP and check the
// resources.
package integration

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// cluster is shared by all tests of the package. Each test has its own namespace, so most tests run in parallel. A test does not if
// it reads or changes what all share: metrics, the environment, the process's memory or goroutines, the installed manifests; nor if
// its load or its limits of time would disturb others, or be disturbed. Go runs those first, while the others wait.
var cluster *controlplane.ControlPlane

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// parallelPerCPU is how many tests run at a time for each CPU: a test waits about half of its time.
const parallelPerCPU = 2

func run(m *testing.M) int {
	if err := runInParallel(parallelPerCPU * runtime.GOMAXPROCS(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
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

// runInParallel sets how many tests run at a time, unless the flag -parallel says it.
func runInParallel(tests int) error {
	flag.Parse()
	isSet := false
	flag.Visit(func(f *flag.Flag) { isSet = isSet || f.Name == "test.parallel" })
	if isSet {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(tests))
}
