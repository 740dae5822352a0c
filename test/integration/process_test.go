package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// binary is the manager binary, built once for all tests.
var binary struct {
	sync.Once
	path string
	err  error
}

func managerBinary(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		var folder string
		if folder, binary.err = os.MkdirTemp("", "tollkeeper-test-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(folder, "manager")
		build := exec.Command("go", "build", "-o", binary.path, "./cmd")
		build.Dir = controlplane.Root()
		if output, err := build.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("build the manager: %w\n%s", err, output)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

// process is a manager in a separate process.
type process struct {
	*exec.Cmd
	log  *logBuffer
	once sync.Once
}

// logBuffer is a buffer for concurrent writers and readers.
type logBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// kill sends SIGKILL, and waits until the process has exited and its log is complete.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
}

// end waits until the process exits by itself.
func (p *process) end() (err error) {
	p.once.Do(func() { err = p.Wait() })
	return err
}

// startProcess runs the manager in a separate process until the test ends or kill is called.
func startProcess(t *testing.T, namespace string, configure ...func(*config.Config)) *process {
	t.Helper()
	access, err := cluster.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	return startProcessWith(t, access, namespace, configure...)
}

// startProcessWith is startProcess with this content of the kubeconfig file.
func startProcessWith(t *testing.T, access []byte, namespace string, configure ...func(*config.Config)) *process {
	t.Helper()
	cfg := defaults(t, namespace)
	cfg.MetricsSecure, cfg.Log.Level = false, logging.Debug
	for _, set := range configure {
		set(&cfg)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, access, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{log: &logBuffer{}, Cmd: exec.Command(managerBinary(t), "--namespace="+namespace,
		"--receiver-bind-address="+cfg.ReceiverBindAddress, "--health-probe-bind-address="+cfg.HealthProbeBindAddress,
		"--metrics-bind-address="+cfg.MetricsBindAddress, fmt.Sprintf("--metrics-secure=%t", cfg.MetricsSecure),
		fmt.Sprintf("--leader-elect=%t", cfg.LeaderElect), "--components="+components(cfg),
		"--cloudevents-sink="+cfg.CloudEventsSink, "--import="+string(cfg.Import), "--mail-settle="+cfg.MailSettle.String(),
		"--drain-delay="+cfg.DrainDelay.String(), "--batch-delay="+cfg.BatchDelay.String(), "--log-level="+string(cfg.Log.Level))}
	p.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	if cfg.CredentialsDir != "" {
		p.Args = append(p.Args, "--credentials-dir="+cfg.CredentialsDir)
	}
	for name, value := range map[string]string{
		config.EnvCloudEventsSigningSecret: signingSecrets(cfg),
		config.EnvStripeEndpointSecret:     strings.Join(cfg.Stripe.EndpointSecrets, ","), config.EnvStripeSecretKey: cfg.Stripe.SecretKey, config.EnvStripeAPIBase: cfg.Stripe.APIBase,
		config.EnvMailgunAPIKey: cfg.Mailgun.APIKey, config.EnvMailgunDomain: cfg.Mailgun.Domain, config.EnvMailgunAPIBase: cfg.Mailgun.APIBase,
		config.EnvMailgunSenderEmail: cfg.Mailgun.SenderEmail, config.EnvAppName: cfg.App.Name, config.EnvPasswordResetURL: cfg.App.PasswordResetURL,
	} {
		if cfg.CredentialsDir == "" { // which has all of them
			p.Env = append(p.Env, name+"="+value)
		}
	}
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the process's log:\n%s", p.log)
		}
	})
	return p
}

// components returns the value of --components for the configuration.
func components(cfg config.Config) string {
	switch cfg.Components {
	case config.Components{Receiver: true}:
		return "receiver"
	case config.Components{Controllers: true}:
		return "controllers"
	default:
		return "receiver,controllers"
	}
}
