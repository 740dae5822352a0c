package customer

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// writeStatus writes the status of a Customer or Subscription.
func (r *Reconciler) writeStatus(ctx context.Context, object client.Object, kind string, options ...client.SubResourceUpdateOption) error {
	if err := r.Client.Status().Update(ctx, object, options...); err != nil {
		return fmt.Errorf("write status of %s %s: %w", kind, object.GetName(), apirejection.Hide("it", err))
	}
	r.written.add(object)
	return nil
}

// create creates a Customer or Subscription.
func (r *Reconciler) create(ctx context.Context, object client.Object, kind string) error {
	if err := r.Client.Create(ctx, object); err != nil {
		return fmt.Errorf("create %s %s: %w", kind, object.GetName(), apirejection.Hide("it", err))
	}
	r.written.add(object)
	return nil
}
