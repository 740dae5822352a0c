package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// restore creates the objects of a backup in the operator's namespace, as a backup tool does: without statuses and owners.
func (o *operator) restore(ctx context.Context, backup *state) error {
	objects := make(chan client.Object)
	errs := make(chan error, 1)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for object := range objects {
				if err := o.cluster.client.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
					select {
					case errs <- fmt.Errorf("restore %s: %w", object.GetName(), err):
					default:
					}
				}
			}
		})
	}
	for _, object := range backup.withoutStatuses() {
		object.SetNamespace(o.namespace)
		objects <- object
	}
	close(objects)
	workers.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// withoutStatuses returns copies of all objects as a backup tool creates them.
func (s *state) withoutStatuses() (objects []client.Object) {
	keep := func(object client.Object) {
		fresh := metav1.ObjectMeta{Name: object.GetName(), Labels: object.GetLabels(), Annotations: object.GetAnnotations()}
		switch o := object.(type) {
		case *v1alpha1.BillingEvent:
			objects = append(objects, &v1alpha1.BillingEvent{ObjectMeta: fresh, Spec: o.Spec})
		case *v1alpha1.Customer:
			objects = append(objects, &v1alpha1.Customer{ObjectMeta: fresh, Spec: o.Spec})
		case *v1alpha1.Subscription:
			objects = append(objects, &v1alpha1.Subscription{ObjectMeta: fresh, Spec: o.Spec})
		case *v1alpha1.Email:
			objects = append(objects, &v1alpha1.Email{ObjectMeta: fresh, Spec: o.Spec})
		case *v1alpha1.PasswordReset:
			objects = append(objects, &v1alpha1.PasswordReset{ObjectMeta: fresh, Spec: o.Spec})
		case *corev1.ConfigMap:
			objects = append(objects, &corev1.ConfigMap{ObjectMeta: fresh, Data: o.Data})
		}
	}
	s.each(keep)
	return objects
}
