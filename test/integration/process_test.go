package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// startProcess runs the manager as a process of its own, and returns what kills it at once (SIGKILL).
func startProcess(t *testing.T, namespace string, configure ...func(*config.Config)) (kill func()) {
	t.Helper()
	cfg := defaults(t, namespace)
	for _, set := range configure {
		set(&cfg)
	}
	folder := t.TempDir()
	manager, kubeconfig := filepath.Join(folder, "manager"), filepath.Join(folder, "kubeconfig")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", manager, "./cmd")
	build.Dir = controlplane.Root()
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the manager: %v\n%s", err, output)
	}
	access, err := cluster.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubeconfig, access, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	process := exec.Command(manager, "--namespace="+namespace,
		"--receiver-bind-address=127.0.0.1:0", "--health-probe-bind-address=0")
	process.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, config.EnvStripeEndpointSecret+"="+secret,
		config.EnvStripeSecretKey+"="+cfg.Stripe.SecretKey, config.EnvStripeAPIBase+"="+cfg.Stripe.APIBase)
	process.Stdout, process.Stderr = &log, &log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if killed {
			return
		}
		killed = true
		_ = process.Process.Kill()
		_ = process.Wait()
		if t.Failed() {
			t.Logf("the process's log:\n%s", log.String())
		}
	}
	t.Cleanup(kill)
	return kill
}
