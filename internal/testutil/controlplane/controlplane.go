// Package controlplane starts a real etcd and kube-apiserver with Tollkeeper's CRDs, for tests and the demo.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tollkeeper/tollkeeper/internal/app"
)

// ControlPlane is a running etcd and kube-apiserver.
type ControlPlane struct {
	// Config is a client configuration with the rights of an administrator.
	Config *rest.Config
	// Client reads from the API server without a cache, and writes to it.
	Client client.WithWatch

	environment *envtest.Environment
	kubeconfig  func() ([]byte, error)
}

// Start starts the binaries that `make controlplane` installs, on free ports, and installs the CRDs of config/crd. etcd
// does not wait for the disk.
func Start() (*ControlPlane, error) { return start(&envtest.Environment{}, CRDs()) }

// StartWith is Start with the CRDs of another folder, such as those of an earlier release.
func StartWith(crds string) (*ControlPlane, error) { return start(&envtest.Environment{}, crds) }

// StartDurable is Start with an etcd that syncs every write to the disk, as in production.
func StartDurable() (*ControlPlane, error) {
	environment := &envtest.Environment{}
	environment.ControlPlane.Etcd = &envtest.Etcd{}
	environment.ControlPlane.Etcd.Configure().Disable("unsafe-no-fsync")
	return start(environment, CRDs())
}

func start(environment *envtest.Environment, crds string) (*ControlPlane, error) {
	assets, err := Assets()
	if err != nil {
		return nil, err
	}
	environment.BinaryAssetsDirectory = assets
	environment.CRDDirectoryPaths = []string{crds}
	environment.ErrorIfCRDPathMissing = true
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the control plane: %w", err), environment.Stop())
	}
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: app.Scheme()})
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	kubeconfig := sync.OnceValues(func() ([]byte, error) { return adminKubeconfig(environment) })
	return &ControlPlane{Config: config, Client: c, environment: environment, kubeconfig: kubeconfig}, nil
}

// adminKubeconfig makes a user. Concurrent use is not safe.
func adminKubeconfig(environment *envtest.Environment) ([]byte, error) {
	user, err := environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, err
	}
	return user.KubeConfig()
}

// Assets returns the folder of the binaries: KUBEBUILDER_ASSETS, else where `make controlplane` installs them.
func Assets() (string, error) {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		assets = filepath.Join(Root(), "bin", "k8s")
	}
	if _, err := os.Stat(filepath.Join(assets, "kube-apiserver")); err != nil {
		return "", fmt.Errorf("no control plane in %s: run `make controlplane`: %w", assets, err)
	}
	return assets, nil
}

// CRDs returns the folder of Tollkeeper's CRDs.
func CRDs() string { return filepath.Join(Root(), "config", "crd", "bases") }

// EtcdURL is the address of etcd's API, which needs no credentials.
func (c *ControlPlane) EtcdURL() string { return c.environment.ControlPlane.Etcd.URL.String() }

// Stop stops the processes.
func (c *ControlPlane) Stop() error { return c.environment.Stop() }

// Namespace creates a namespace with a generated name that starts with prefix, and returns the name.
func (c *ControlPlane) Namespace(ctx context.Context, prefix string) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	err := c.Client.Create(ctx, namespace)
	return namespace.Name, err
}

// NamedNamespace creates a namespace with this name.
func (c *ControlPlane) NamedNamespace(ctx context.Context, name string) error {
	return c.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// Kubeconfig returns the content of a kubeconfig file with the rights of an administrator.
func (c *ControlPlane) Kubeconfig() ([]byte, error) { return c.kubeconfig() }

// Root returns the root folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
