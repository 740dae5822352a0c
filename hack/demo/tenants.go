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

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// tenantController is the process of examples/tenant-controller.
type tenantController struct {
	command *exec.Cmd
	log     *os.File
	ended   chan error
}

// startTenants starts the tenant controller.
func (s *stage) startTenants() error {
	log, err := os.Create(filepath.Join(s.folder, "tenant-controller.log"))
	if err != nil {
		return err
	}
	c := &tenantController{log: log, ended: make(chan error, 1)}
	c.command = exec.Command(filepath.Join(controlplane.Root(), "bin", "tenant-controller"), "--billing-namespace="+namespace)
	c.command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	c.command.Stdout, c.command.Stderr = log, log
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.command.Start(); err != nil {
		return fmt.Errorf("start the tenant controller: %w", err)
	}
	go func() { c.ended <- c.command.Wait() }()
	s.tenants = c
	return nil
}

// stop ends the process.
func (c *tenantController) stop() error {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.ended:
		if err != nil {
			return fmt.Errorf("the tenant controller exited with an error: %w; its log: %s", err, c.log.Name())
		}
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("the tenant controller did not stop in time"), c.command.Process.Kill())
	}
}

// tenantOf is the namespace that the tenant controller makes for a customer.
func tenantOf(customer string) string { return "tenant-" + naming.Object("", customer) }

// tenant expects the state of the customer's tenant, its limit of pods, and the replicas of its Deployment.
func (s *scene) tenant(customer, want string) step {
	return s.expect("Namespace "+tenantOf(customer), want, func() string {
		name := tenantOf(customer)
		var tenant corev1.Namespace
		if err := s.cluster.Client.Get(s.ctx, client.ObjectKey{Name: name}, &tenant); apierrors.IsNotFound(err) {
			return "none"
		}
		var quota corev1.ResourceQuota
		_ = s.cluster.Client.Get(s.ctx, client.ObjectKey{Namespace: name, Name: "tenant"}, &quota)
		text := fmt.Sprintf("%s, at most %s pods", tenant.Labels["tenants.example.com/state"], quota.Spec.Hard.Pods())
		var web appsv1.Deployment
		if err := s.cluster.Client.Get(s.ctx, client.ObjectKey{Namespace: name, Name: "web"}, &web); err == nil {
			text += fmt.Sprintf(", web has %d replicas", *web.Spec.Replicas)
		}
		return text
	})
}

// deploy makes a Deployment in the customer's tenant. The demo has no nodes: no pod follows.
func (s *scene) deploy(customer string, replicas int32) step {
	return func() error {
		labels := map[string]string{"app": "web"}
		return s.cluster.Client.Create(s.ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: tenantOf(customer), Name: "web"},
			Spec: appsv1.DeploymentSpec{
				Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.example.com/web:1"}}},
				},
			},
		})
	}
}

// showTenants prints what kubectl shows of the tenants.
func (s *stage) showTenants(ctx context.Context) error {
	for _, arguments := range [][]string{
		{"get", "namespaces", "-l", "tenants.example.com/state", "-L", "tenants.example.com/state"},
		{"get", "resourcequotas", "--all-namespaces", "-o", "custom-columns=NAMESPACE:.metadata.namespace,PODS:.spec.hard.pods"},
		{"get", "deployments", "--all-namespaces"},
	} {
		if err := s.kubectl(ctx, arguments...); err != nil {
			return err
		}
	}
	return nil
}
