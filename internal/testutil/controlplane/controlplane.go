// Package controlplane starts a real etcd and kube-apiserver, with Tollkeeper's CRDs in it, for tests and the demo.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/tollkeeper/tollkeeper/internal/app"
)

// ControlPlane is a running etcd and kube-apiserver.
type ControlPlane struct {
	// Config reaches the API server as an administrator.
	Config *rest.Config
	// Client reads from and writes to the API server itself.
	Client client.WithWatch

	environment *envtest.Environment
}

// Start starts the binaries that `make controlplane` installed, on free ports, and installs the CRDs of config/crd.
func Start() (*ControlPlane, error) {
	assets, err := Assets()
	if err != nil {
		return nil, err
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{CRDs()},
		ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the control plane: %w", err), environment.Stop())
	}
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: app.Scheme()})
	if err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	return &ControlPlane{Config: config, Client: c, environment: environment}, nil
}

// Assets is the folder of the binaries that `make controlplane` installed.
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

// CRDs is the folder of Tollkeeper's CRDs.
func CRDs() string { return filepath.Join(Root(), "config", "crd", "bases") }

// Stop stops what Start started.
func (c *ControlPlane) Stop() error { return c.environment.Stop() }

// Namespace creates a namespace whose name begins with prefix, and returns its name.
func (c *ControlPlane) Namespace(ctx context.Context, prefix string) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	err := c.Client.Create(ctx, namespace)
	return namespace.Name, err
}

// NamedNamespace creates a namespace.
func (c *ControlPlane) NamedNamespace(ctx context.Context, name string) error {
	return c.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// Kubeconfig is a kubeconfig file's content for an administrator of the control plane.
func (c *ControlPlane) Kubeconfig() ([]byte, error) {
	user, err := c.environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, err
	}
	return user.KubeConfig()
}

// Root is the folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
