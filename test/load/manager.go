package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

const secret = "whsec_load"

// manager is a running manager.
type manager struct {
	process
	endpoint string
	metrics  string
	probe    string
	command  *exec.Cmd
	started  time.Time
}

// startManager starts a manager without a Stripe key, so that it asks Stripe nothing, and waits until it is ready.
func (b *bench) startManager(ctx context.Context, namespace string, elects bool, flags ...string) (*manager, error) {
	m, err := b.launch(namespace, elects, flags...)
	if err != nil {
		return nil, err
	}
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := fetch(ctx, m.probe)
		return err == nil, nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the manager does not get ready: %w", err), m.stop())
	}
	return m, nil
}

// launch starts a manager and does not wait.
func (b *bench) launch(namespace string, elects bool, flags ...string) (*manager, error) {
	ports, err := freeport.Addresses(3)
	if err != nil {
		return nil, err
	}
	access, err := b.plane.Kubeconfig()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(b.folder, b.next(namespace+"-manager"))
	if err := os.WriteFile(path+".kubeconfig", access, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(path + ".log")
	if err != nil {
		return nil, err
	}
	m := &manager{
		endpoint: "http://" + ports[0] + receiver.Path, probe: "http://" + ports[1] + "/readyz", metrics: "http://" + ports[2] + "/metrics",
	}
	m.command = exec.Command(b.binary, append(flags, "--namespace="+namespace, "--receiver-bind-address="+ports[0],
		"--health-probe-bind-address="+ports[1], "--metrics-bind-address="+ports[2], "--metrics-secure=false", "--drain-delay=0s",
		fmt.Sprintf("--leader-elect=%t", elects))...)
	// As the manifests set it.
	const memoryLimit = "GOMEMLIMIT=460MiB"
	m.command.Env = append(os.Environ(), "KUBECONFIG="+path+".kubeconfig", memoryLimit, config.EnvStripeEndpointSecret+"="+secret, config.EnvStripeSecretKey+"=",
		config.EnvMailgunAPIKey+"="+mailguntest.Key, config.EnvMailgunDomain+"="+mailguntest.Domain,
		config.EnvMailgunAPIBase+"="+b.mailgun.APIBase(), config.EnvMailgunSenderEmail+"=hello@kite.example")
	m.command.Stdout, m.command.Stderr = log, log
	m.started = time.Now()
	if err := m.command.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	m.process = process(m.command.Process.Pid)
	return m, log.Close()
}

// stop tells the manager to end, and waits for it.
func (m *manager) stop() error {
	_ = m.command.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.AfterFunc(time.Minute, func() { _ = m.command.Process.Kill() })
	defer timer.Stop()
	return m.command.Wait()
}

// kill ends the manager at once.
func (m *manager) kill() {
	_ = m.command.Process.Kill()
	_ = m.command.Wait() // its exit status says that it was killed
}
