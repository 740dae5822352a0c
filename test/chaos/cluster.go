package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
)

const (
	adminToken = "chaos-admin"
	// The processes are called by the cluster's name and one of these.
	etcdName, apiserverName = "etcd", "kube-apiserver"
)

// cluster is an etcd and a kube-apiserver that can be killed: each restarts on the same port with the same data.
type cluster struct {
	etcd, apiserver *daemon
	// lock is held while one of them is killed, and until the operator has had time to work since.
	lock   lock
	config *rest.Config
	client client.Client
}

// withCluster starts a cluster, hands it to do, and stops it. Each part of a run has its own: an API server that starts reads all that
// is stored before it serves it.
func withCluster(ctx context.Context, folder, name string, do func(c *cluster) error) (err error) {
	c, err := newCluster(ctx, folder, name)
	defer func() { err = errors.Join(err, c.close()) }()
	if err != nil {
		return err
	}
	return do(c)
}

// newCluster starts both with their data and logs in the folder, and installs the CRDs.
func newCluster(ctx context.Context, folder, name string) (c *cluster, err error) {
	c = &cluster{lock: newLock()}
	if err := c.start(folder, name); err != nil {
		return c, err
	}
	// The API server generates its certificate at its first start.
	certificate := filepath.Join(folder, name+"-certificates", "apiserver.crt")
	err = eventually(ctx, time.Minute, "the API server has a certificate", func(context.Context) error {
		_, err := os.Stat(certificate)
		return err
	})
	if err != nil {
		return c, err
	}
	c.config.CAFile = certificate
	if c.client, err = client.New(c.config, client.Options{Scheme: app.Scheme()}); err != nil {
		return c, err
	}
	if err := c.ready(ctx); err != nil {
		return c, err
	}
	if _, err := envtest.InstallCRDs(c.config, envtest.CRDInstallOptions{Paths: []string{controlplane.CRDs()}}); err != nil {
		return c, fmt.Errorf("install the CRDs: %w", err)
	}
	return c, nil
}

func (c *cluster) start(folder, name string) (err error) {
	assets, err := controlplane.Assets()
	if err != nil {
		return err
	}
	ports, err := freeport.Addresses(3)
	if err != nil {
		return err
	}
	key, tokens := filepath.Join(folder, name+"-sa.key"), filepath.Join(folder, name+"-tokens.csv")
	if err := errors.Join(writeKey(key), os.WriteFile(tokens, []byte(adminToken+",admin,admin,system:masters\n"), 0o600)); err != nil {
		return err
	}
	etcd := "http://" + ports[0]
	if c.etcd, err = newDaemon(folder, name+"-"+etcdName, filepath.Join(assets, "etcd"),
		"--data-dir="+filepath.Join(folder, name+"-etcd"), "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls=http://"+ports[1], "--quota-backend-bytes=8589934592"); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(ports[2])
	if err != nil {
		return err
	}
	if c.apiserver, err = newDaemon(folder, name+"-"+apiserverName, filepath.Join(assets, "kube-apiserver"),
		"--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+port,
		"--cert-dir="+filepath.Join(folder, name+"-certificates"), "--token-auth-file="+tokens, "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+key,
		"--service-account-signing-key-file="+key, "--service-cluster-ip-range=10.0.0.0/24",
		"--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"); err != nil {
		return err
	}
	c.config = &rest.Config{Host: "https://" + ports[2], BearerToken: adminToken, QPS: -1, Timeout: time.Minute}
	c.etcd.start()
	c.apiserver.start()
	return nil
}

// ready waits until the API server answers.
func (c *cluster) ready(ctx context.Context) error {
	return eventually(ctx, 2*time.Minute, "the API server is ready", func(ctx context.Context) error {
		return c.client.List(ctx, &corev1.NamespaceList{}, client.Limit(1))
	})
}

// serves waits until the API server has read all BillingEvents: until then it answers a list from memory with 429. The selector
// selects none.
func (c *cluster) serves(ctx context.Context) error {
	return eventually(ctx, 2*time.Minute, "the API server serves BillingEvents", func(ctx context.Context) error {
		return c.client.List(ctx, &v1alpha1.BillingEventList{}, client.MatchingLabels{"select": "none"}, fromMemory)
	})
}

// fromMemory has the API server list what it has in memory.
var fromMemory = &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}}

func (c *cluster) namespace(ctx context.Context, name string) error {
	return c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

func (c *cluster) close() error {
	var errs []error
	for _, d := range []*daemon{c.apiserver, c.etcd} {
		if d != nil {
			errs = append(errs, d.close())
		}
	}
	return errors.Join(errs...)
}

// writeKey generates the key that signs the tokens of service accounts.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

// eventually waits until check returns nil. After patience it returns the last error of check.
func eventually(ctx context.Context, patience time.Duration, what string, check func(context.Context) error) error {
	return poll(ctx, 50*time.Millisecond, 10*time.Second, patience, what, check)
}

// poll is eventually with its own interval (every) and its own timeout of one check (each).
func poll(ctx context.Context, every, each, patience time.Duration, what string, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, every, patience, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, each)
		defer cancel()
		found := check(ctx)
		if last == nil || !errors.Is(found, context.DeadlineExceeded) { // the check that the end cuts off says nothing
			last = found
		}
		return found == nil, nil
	})
	if err != nil {
		return fmt.Errorf("timed out after %s waiting until %s: %w", patience, what, errors.Join(last, ctx.Err()))
	}
	return nil
}
