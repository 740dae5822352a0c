package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	billing "github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// annotationCustomer is on a tenant's namespace: the name of its Customer.
	annotationCustomer = "tenants.example.com/customer"
	// annotationSuspended is on a namespace while its tenant is suspended: since when, in RFC 3339.
	annotationSuspended = "tenants.example.com/suspended-at"
	// labelState is on a tenant's namespace: active or suspended.
	labelState = "tenants.example.com/state"
	// annotationReplicas is on a workload while it is stopped: how many replicas it had.
	annotationReplicas = "tenants.example.com/replicas"
	objectName         = "tenant" // of a tenant's ResourceQuota and RoleBinding
)

// tenants makes the cluster follow the Customers. Each tenant is a namespace.
type tenants struct {
	client.Client
	billingNamespace string
	retention        time.Duration
}

// customerOf returns the request for the Customer of a tenant's namespace, and none for another namespace.
func (t *tenants) customerOf(_ context.Context, namespace client.Object) []reconcile.Request {
	if name := namespace.GetAnnotations()[annotationCustomer]; name != "" {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: t.billingNamespace, Name: name}}}
	}
	return nil
}

// Reconcile acts on the condition Entitled of one Customer. True provides the tenant, False suspends it and deletes it in
// the end. Everything else changes nothing: Unknown, no condition yet, and a Customer that is gone. A Customer that a
// person deletes by mistake comes back, and must find its tenant.
func (t *tenants) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var customer billing.Customer
	err := t.Get(ctx, request.NamespacedName, &customer)
	if err != nil || customer.Spec.Account != "" { // the customers of connected accounts are no tenants of ours
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	switch {
	case customer.IsEntitled():
		return reconcile.Result{}, t.provide(ctx, &customer)
	case customer.IsNotEntitled():
		return t.suspend(ctx, &customer)
	}
	return reconcile.Result{}, nil
}

// provide makes the tenant's namespace, or resumes it.
func (t *tenants) provide(ctx context.Context, customer *billing.Customer) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceFor(customer.Name)}}
	if _, err := controllerutil.CreateOrUpdate(ctx, t.Client, namespace, func() error {
		isAnother := namespace.ResourceVersion != "" && namespace.Annotations[annotationCustomer] != customer.Name
		if isAnother || !namespace.DeletionTimestamp.IsZero() {
			return fmt.Errorf("namespace %s is not the tenant of %s, or is being deleted", namespace.Name, customer.Name)
		}
		metav1.SetMetaDataAnnotation(&namespace.ObjectMeta, annotationCustomer, customer.Name)
		delete(namespace.Annotations, annotationSuspended)
		metav1.SetMetaDataLabel(&namespace.ObjectMeta, labelState, "active")
		return nil
	}); err != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: objectName},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "tenant:" + customer.Spec.CustomerID}},
	}
	return errors.Join(t.setQuota(ctx, namespace.Name, quotaFor(customer)),
		client.IgnoreAlreadyExists(t.Create(ctx, binding)), t.scaleAll(ctx, namespace.Name, resume))
}

// suspend cuts the access, stops the workloads, and deletes the tenant after the retention. The time counts from when this
// controller suspended the tenant: one that was away for a month deletes nothing at once.
func (t *tenants) suspend(ctx context.Context, customer *billing.Customer) (reconcile.Result, error) {
	var namespace corev1.Namespace
	if err := t.Get(ctx, client.ObjectKey{Name: namespaceFor(customer.Name)}, &namespace); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err) // the customer never was a tenant, or is none any more
	}
	if namespace.Annotations[annotationCustomer] != customer.Name || !namespace.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	since, err := time.Parse(time.RFC3339, namespace.Annotations[annotationSuspended])
	if err != nil { // it is active, or the time is not readable: the retention begins now
		since = time.Now()
		changed := namespace.DeepCopy()
		metav1.SetMetaDataAnnotation(&changed.ObjectMeta, annotationSuspended, since.UTC().Format(time.RFC3339))
		metav1.SetMetaDataLabel(&changed.ObjectMeta, labelState, "suspended")
		if err := t.Patch(ctx, changed, client.MergeFrom(&namespace)); err != nil {
			return reconcile.Result{}, err
		}
	}
	if left := time.Until(since.Add(t.retention)); left > 0 {
		return reconcile.Result{RequeueAfter: left}, t.cut(ctx, namespace.Name)
	}
	ctrl.LoggerFrom(ctx).Info("Deleting a tenant: its retention has ended", "tenant", namespace.Name)
	return reconcile.Result{}, client.IgnoreNotFound(t.Delete(ctx, &namespace, client.Preconditions{ResourceVersion: &namespace.ResourceVersion}))
}

// cut lets no pod run, and no user in. The quota comes first, so that nothing starts a pod again.
func (t *tenants) cut(ctx context.Context, namespace string) error {
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: objectName}}
	return errors.Join(t.setQuota(ctx, namespace, nothing), client.IgnoreNotFound(t.Delete(ctx, binding)), t.scaleAll(ctx, namespace, stop))
}

func (t *tenants) setQuota(ctx context.Context, namespace string, hard corev1.ResourceList) error {
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: objectName}}
	_, err := controllerutil.CreateOrUpdate(ctx, t.Client, quota, func() error {
		quota.Spec.Hard = hard
		return nil
	})
	return err
}

// namespaceFor is the tenant's namespace for the Customer of that name. A name that is too long for a namespace keeps its
// end, which is a hash of the customer's id.
func namespaceFor(customer string) string {
	const prefix, maxLength, hash = "tenant-", 63, 9
	if room := maxLength - len(prefix); len(customer) > room {
		customer = customer[:room-hash] + customer[len(customer)-hash:]
	}
	return prefix + customer
}
