// Command tenant-controller gives each entitled customer of Tollkeeper a namespace. It is an example to copy: see README.md.
package main

import (
	"flag"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	billing "github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func main() {
	var t tenants
	flag.StringVar(&t.billingNamespace, "billing-namespace", "tollkeeper-system", "The namespace of the Customers.")
	flag.DurationVar(&t.retention, "retention", 30*24*time.Hour, "How long a suspended tenant is kept before it is deleted.")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	manager, err := newManager(ctrl.GetConfigOrDie(), &t)
	if err == nil {
		err = manager.Start(ctrl.SetupSignalHandler())
	}
	if err != nil {
		ctrl.Log.Error(err, "The tenant controller cannot run")
		os.Exit(1)
	}
}

// newManager returns a manager that watches the Customers of one namespace, and all namespaces. It reads what is in a
// namespace when it is needed, and keeps none of it in memory.
func newManager(config *rest.Config, t *tenants) (ctrl.Manager, error) {
	if err := billing.AddToScheme(scheme.Scheme); err != nil {
		return nil, err
	}
	inBilling := cache.ByObject{Namespaces: map[string]cache.Config{t.billingNamespace: {}}}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{ByObject: map[client.Object]cache.ByObject{&billing.Customer{}: inBilling}},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{
			&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.ResourceQuota{}, &rbacv1.RoleBinding{},
		}}},
	})
	if err != nil {
		return nil, err
	}
	t.Client = manager.GetClient()
	return manager, ctrl.NewControllerManagedBy(manager).Named("tenant").For(&billing.Customer{}).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(t.customerOf)).Complete(t)
}
