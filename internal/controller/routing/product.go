package routing

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// IsOfProduct reports whether the product controller takes the event: it is pending, is applied, and reports a product.
func (s Scope) IsOfProduct(o client.Object) bool {
	e, ok := o.(*v1alpha1.BillingEvent)
	if !ok || !s.Covers(e) || e.Status.Outcome != v1alpha1.OutcomePending || e.Spec.DecodeError != "" {
		return false
	}
	t, handled := events.Lookup(e.Spec.Type)
	return handled && t.ByProduct && e.Spec.Product != nil && e.Spec.ObjectID != "" && e.CustomerID() == ""
}
