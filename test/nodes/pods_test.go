package nodes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
)

// pods are processes of the manager, in place of the containers that kwok does not start. Each has the rights of its account
// and the keys of the installation's Secret.
type pods struct {
	running []*exec.Cmd
	logs    []string // their files
}

// start starts a receiver and the controllers, and returns the receiver's URL with the signing secret.
func (p *pods) start(ctx context.Context, stripeURL string) (url, secret string, err error) {
	var keys corev1.Secret
	if err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "tollkeeper-credentials"}, &keys); err != nil {
		return "", "", err
	}
	addresses, err := freeport.Addresses(2)
	if err != nil {
		return "", "", err
	}
	secret = string(keys.Data["STRIPE_ENDPOINT_SECRET"])
	if err := p.run(ctx, "tollkeeper-receiver", []string{"STRIPE_ENDPOINT_SECRET=" + secret},
		"--components=receiver", "--receiver-bind-address="+addresses[0], "--health-probe-bind-address="+addresses[1]); err != nil {
		return "", "", err
	}
	if err := p.run(ctx, "tollkeeper-controller-manager", []string{"STRIPE_SECRET_KEY=" + string(keys.Data["STRIPE_SECRET_KEY"]), "STRIPE_API_BASE=" + stripeURL},
		"--components=controllers", "--leader-elect", "--health-probe-bind-address=0"); err != nil {
		return "", "", err
	}
	return "http://" + addresses[0] + receiver.Path, secret, ready(ctx, "http://"+addresses[1]+"/readyz")
}

// run starts a process with the rights of the account.
func (p *pods) run(ctx context.Context, account string, keys []string, arguments ...string) error {
	token := &authenticationv1.TokenRequest{}
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := cluster.Client.SubResource("token").Create(ctx, object, token); err != nil {
		return err
	}
	access := clientcmdapi.NewConfig()
	access.Clusters["x"] = &clientcmdapi.Cluster{Server: cluster.Config.Host, CertificateAuthorityData: cluster.Config.CAData}
	access.AuthInfos["x"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	access.Contexts["x"] = &clientcmdapi.Context{Cluster: "x", AuthInfo: "x"}
	access.CurrentContext = "x"
	kubeconfig := filepath.Join(cluster.folder, account+".kubeconfig")
	if err := clientcmd.WriteToFile(*access, kubeconfig); err != nil {
		return err
	}
	process := exec.Command(filepath.Join(controlplane.Root(), "bin", "manager"), append(arguments, "--namespace="+namespace, "--drain-delay=0s")...)
	process.Env = append(append(os.Environ(), "KUBECONFIG="+kubeconfig), keys...)
	log, err := os.Create(filepath.Join(cluster.folder, account+".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	process.Stdout, process.Stderr = log, log
	p.running, p.logs = append(p.running, process), append(p.logs, log.Name())
	return process.Start()
}

// stop kills the processes, and shows their logs if the test has failed.
func (p *pods) stop(t *testing.T) {
	t.Helper()
	for _, process := range p.running {
		if process.Process != nil {
			_ = process.Process.Kill()
			_ = process.Wait()
		}
	}
	for _, file := range p.logs {
		if log, err := os.ReadFile(file); err == nil && t.Failed() {
			t.Logf("%s:\n%s", file, log)
		}
	}
}

// ready waits until the probe succeeds.
func ready(ctx context.Context, probe string) error {
	last := errors.New("not asked")
	if err := wait.PollUntilContextTimeout(ctx, time.Second/10, patience, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			last = err
			return false, nil
		}
		last = errors.New(response.Status)
		return response.StatusCode == http.StatusOK, response.Body.Close()
	}); err != nil {
		return fmt.Errorf("the receiver is not ready: %w", last)
	}
	return nil
}
