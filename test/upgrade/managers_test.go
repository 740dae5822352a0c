package upgrade

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_upgrade"
	// patience bounds each wait: the machine may be busy.
	patience = time.Minute
	interval = 50 * time.Millisecond
)

// installation is a namespace with the managers that run there.
type installation struct {
	t          *testing.T
	plane      *controlplane.ControlPlane
	kubeconfig string
	namespace  string
	mails      *mailguntest.Server
}

func newInstallation(t *testing.T, plane *controlplane.ControlPlane, kubeconfig, namespace string) *installation {
	t.Helper()
	if err := plane.NamedNamespace(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	i := &installation{t: t, plane: plane, kubeconfig: kubeconfig, namespace: namespace, mails: mailguntest.New()}
	t.Cleanup(i.mails.Close)
	return i
}

// manager is a process of one of the two versions.
type manager struct {
	*exec.Cmd
	name     string
	endpoint stripetest.Endpoint
	probe    string
	log      *buffer
}

// buffer is a buffer for concurrent use.
type buffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// start runs a manager of bin/ until the test ends or it is stopped, and waits until it is ready. The flags are those that both
// versions have.
func (i *installation) start(binary string) *manager {
	i.t.Helper()
	addresses, err := freeport.Addresses(2)
	if err != nil {
		i.t.Fatal(err)
	}
	m := &manager{
		name: binary, probe: "http://" + addresses[1] + "/readyz", log: &buffer{},
		endpoint: stripetest.Endpoint{URL: "http://" + addresses[0] + receiver.Path, Secret: secret},
		Cmd: exec.Command(filepath.Join(controlplane.Root(), "bin", binary), "--namespace="+i.namespace, "--leader-elect", "--drain-delay=0s",
			"--receiver-bind-address="+addresses[0], "--health-probe-bind-address="+addresses[1], "--metrics-bind-address=0",
			"--mails-per-address=0"),
	}
	m.Env = append(os.Environ(), "KUBECONFIG="+i.kubeconfig,
		config.Variable("batch-delay")+"=100ms", // the previous version does not know it, and ignores the variable
		config.EnvStripeEndpointSecret+"="+secret, config.EnvMailgunAPIKey+"="+mailguntest.Key, config.EnvMailgunDomain+"="+mailguntest.Domain,
		config.EnvMailgunSenderEmail+"=Example <hello@example.com>", config.EnvMailgunAPIBase+"="+i.mails.APIBase(),
		config.EnvPasswordResetURL+"=https://app.example.com/reset")
	m.Stdout, m.Stderr = m.log, m.log
	if err := m.Start(); err != nil {
		i.t.Fatalf("run `make test-upgrade`: %v", err)
	}
	i.t.Cleanup(func() {
		_ = m.Process.Kill()
		_ = m.Wait()
		if i.t.Failed() {
			i.t.Logf("the log of %s in %s:\n%s", m.name, i.namespace, strings.Join(m.problems(), "\n"))
		}
	})
	i.eventually(binary+" is ready", func(ctx context.Context) string {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.probe, nil)
		if err != nil {
			return err.Error()
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return response.Status
		}
		return ""
	})
	return m
}

// problems are the lines of the log that are not of the level info.
func (m *manager) problems() []string {
	return slices.DeleteFunc(strings.Split(m.log.String(), "\n"), func(line string) bool {
		return line == "" || strings.Contains(line, `"level":"info"`) || strings.Contains(line, `"level":"debug"`)
	})
}

// stop ends the manager as a rollout does, and waits until it has exited.
func (m *manager) stop(t *testing.T) {
	t.Helper()
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = m.Process.Kill() })
	defer late.Stop()
	if err := m.Wait(); err != nil {
		t.Errorf("%s exited with an error: %v", m.name, err)
	}
}

// post sends events to the managers in turn, as a Service does, and expects 200 for each.
func post(t *testing.T, events []stripetest.Event, to ...*manager) {
	t.Helper()
	for n, e := range events {
		m := to[n%len(to)]
		code, err := m.endpoint.Post(t.Context(), e)
		if err != nil || code != http.StatusOK {
			t.Fatalf("post %s %s to %s: answered %d, %v", e.Type, e.ID, m.name, code, err)
		}
	}
}

// eventually waits until check returns no problem.
func (i *installation) eventually(what string, check func(context.Context) string) {
	i.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(i.t.Context(), interval, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == "", nil
	})
	if err != nil {
		i.t.Fatalf("%s: in %s %s", what, i.namespace, last)
	}
}

// kubectl runs kubectl as an administrator.
func kubectl(t *testing.T, kubeconfig string, arguments ...string) string {
	t.Helper()
	assets, err := controlplane.Assets()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), append([]string{"--kubeconfig=" + kubeconfig}, arguments...)...)
	command.Dir = controlplane.Root()
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", arguments, err, out)
	}
	return string(out)
}
