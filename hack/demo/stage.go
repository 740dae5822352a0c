package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	zapError  = zapcore.ErrorLevel
	namespace = "tollkeeper-system"
	secret    = "whsec_demo"
	// patience is how long a step waits for its expectation.
	patience = 30 * time.Second
)

// stage is the environment of the stories: a control plane, a manager and a stand-in for Mailgun.
type stage struct {
	cluster    *controlplane.ControlPlane
	mailgun    *mailguntest.Server
	endpoint   stripetest.Endpoint
	metrics    string // the URL of the manager's metrics
	folder     string
	kubeconfig string
	manager    *exec.Cmd
	log        *os.File
	ended      chan error
	tenants    *tenantController
}

// newStage starts everything. The caller must close the stage, even after an error.
func newStage(ctx context.Context) (*stage, error) {
	s := &stage{mailgun: mailguntest.New()}
	if err := timed("Starting etcd and kube-apiserver, installing the CRDs", s.startCluster); err != nil {
		return s, err
	}
	if err := errors.Join(s.cluster.NamedNamespace(ctx, namespace), s.installRoles(ctx)); err != nil {
		return s, err
	}
	if err := timed("Starting the manager", func() error { return s.startManager(ctx) }); err != nil {
		return s, err
	}
	return s, errors.Join(timed("Starting the tenant controller of examples/tenant-controller", s.startTenants), s.writeEnvironment())
}

// timed runs do, and prints what it does and how long it took.
func timed(what string, do func() error) error {
	begin := time.Now()
	fmt.Printf("%s ... ", what)
	if err := do(); err != nil {
		fmt.Println("failed")
		return err
	}
	fmt.Printf("%.1fs\n", time.Since(begin).Seconds())
	return nil
}

func (s *stage) startCluster() (err error) {
	if s.folder, err = os.MkdirTemp("", "tollkeeper-demo-"); err != nil {
		return err
	}
	if s.cluster, err = controlplane.Start(); err != nil {
		return err
	}
	kubeconfig, err := inNamespace(s.cluster.Kubeconfig())
	if err != nil {
		return err
	}
	s.kubeconfig = filepath.Join(s.folder, "kubeconfig")
	return os.WriteFile(s.kubeconfig, kubeconfig, 0o600)
}

// inNamespace sets the operator's namespace in a kubeconfig, so that commands need not name it.
func inNamespace(kubeconfig []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	access, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	access.Contexts[access.CurrentContext].Namespace = namespace
	return clientcmd.Write(*access)
}

func (s *stage) startManager(ctx context.Context) error {
	addresses, err := freeport.Addresses(3)
	if err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.folder, "manager.log")); err != nil {
		return err
	}
	address, probe, metrics := addresses[0], addresses[1], addresses[2]
	s.metrics = "http://" + metrics + "/metrics"
	s.endpoint = stripetest.Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}

	s.manager = exec.Command(filepath.Join(controlplane.Root(), "bin", "manager"),
		"--receiver-bind-address="+address, "--health-probe-bind-address="+probe, "--namespace="+namespace, "--drain-delay=0s",
		"--leader-elect", "--metrics-bind-address="+metrics, "--metrics-secure=false",
		"--event-attempts=2") // an event that cannot be read fails after a second, not after two minutes
	s.manager.Args = append(s.manager.Args, strings.Fields(os.Getenv("FLAGS"))...)
	s.manager.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig, config.EnvStripeEndpointSecret+"="+secrets(),
		config.EnvStripeSecretKey+"=", // the stories have no Stripe account that could be asked
		config.EnvMailgunAPIKey+"="+mailguntest.Key, config.EnvMailgunDomain+"="+mailguntest.Domain,
		config.EnvMailgunAPIBase+"="+s.mailgun.APIBase(), config.EnvMailgunSenderEmail+"=Kite <hello@kite.example>",
		config.EnvAppName+"=Kite", config.EnvPasswordResetURL+"=https://app.kite.example/password")
	s.manager.Stdout, s.manager.Stderr = s.log, s.log
	s.manager.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches only the demo, which then stops the manager
	if err := s.manager.Start(); err != nil {
		return fmt.Errorf("start the manager: %w", err)
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.manager.Wait() }()
	return s.awaitReady(ctx, "http://"+probe+"/readyz")
}

// secrets returns the signing secrets that the manager accepts: the demo's, and one from the environment, such as the
// Stripe CLI's.
func secrets() string {
	if external := os.Getenv(config.EnvStripeEndpointSecret); external != "" {
		return secret + "," + external
	}
	return secret
}

func (s *stage) awaitReady(ctx context.Context, url string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-s.ended:
			s.ended <- err
			return false, fmt.Errorf("the manager exited: %w", err)
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil // not listening yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("the manager did not become ready: %w", err)
	}
	return nil
}

// show prints what kubectl shows of all resources.
func (s *stage) show(ctx context.Context) error {
	for _, kinds := range []string{"customers", "subscriptions", "billingevents", "emails"} {
		if err := s.kubectl(ctx, "get", kinds); err != nil {
			return err
		}
	}
	return s.showTenants(ctx)
}

// kubectl prints a command and runs it in the operator's namespace.
func (s *stage) kubectl(ctx context.Context, arguments ...string) error {
	command := "kubectl " + strings.Join(arguments, " ")
	fmt.Printf("\n$ %s\n", command)
	kubectl := exec.CommandContext(ctx, filepath.Join(controlplane.Root(), "bin", "k8s", "kubectl"),
		append([]string{"--kubeconfig", s.kubeconfig}, arguments...)...)
	kubectl.Stdout, kubectl.Stderr = os.Stdout, os.Stderr
	if err := kubectl.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

// showMail saves the e-mails that the stand-in for Mailgun accepted, and prints their paths.
func (s *stage) showMail() error {
	files, err := s.mailgun.Save(filepath.Join(controlplane.Root(), "bin", "demo-mail"))
	if err != nil {
		return fmt.Errorf("save the e-mails: %w", err)
	}
	fmt.Println("\nThe e-mails, as a stand-in for Mailgun received them:")
	for _, file := range files {
		fmt.Println("  " + file)
	}
	return nil
}

// keep prints how to connect, and waits for Ctrl-C or the exit of the manager.
func (s *stage) keep(ctx context.Context) {
	fmt.Printf(`
Still running; Ctrl-C stops it. In another terminal:

  source %s
  kubectl get customers

docs/tutorial.md has what to try. The metrics are at %s, the operator's log is %s.

To forward events from your Stripe sandbox, start the demo with the signing secret of the Stripe CLI, then listen:

  STRIPE_ENDPOINT_SECRET=$(stripe listen --print-secret) KEEP=1 make demo
  stripe listen --forward-to %s
`, environmentFile, s.metrics, s.log.Name(), s.endpoint.URL)
	select {
	case <-ctx.Done():
	case err := <-s.ended:
		s.ended <- err
		fmt.Println("The manager exited by itself.")
	}
	fmt.Println("\nStopping.")
}

// close stops everything in reverse order. After a failure it keeps the manager's log.
func (s *stage) close(failed bool) error {
	var errs []error
	if s.tenants != nil {
		errs = append(errs, s.tenants.stop())
	}
	if s.ended != nil {
		_ = s.manager.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-s.ended:
			if err != nil {
				errs = append(errs, fmt.Errorf("the manager exited with an error: %w", err))
			}
		case <-time.After(patience):
			errs = append(errs, errors.New("the manager did not stop in time"), s.manager.Process.Kill())
		}
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Stop())
	}
	s.mailgun.Close()
	if err := os.Remove(filepath.Join(controlplane.Root(), environmentFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	if failed && s.log != nil {
		fmt.Fprintf(os.Stderr, "\nThe manager's log, %s, ends with:\n\n%s\n", s.log.Name(), endOfLog(s.log.Name()))
	} else if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}
