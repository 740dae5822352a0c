package routing

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// IsThin reports whether the thin controller takes the event: it is pending, its mode is applied, and Stripe has to be asked
// what it reports. Only Stripe can tell whether its account is the platform's own.
func (s Scope) IsThin(o client.Object) bool {
	e, ok := o.(*v1alpha1.BillingEvent)
	if !ok || !s.CoversMode(e) || e.Status.Outcome != v1alpha1.OutcomePending {
		return false
	}
	_, handled := events.SnapshotType(&e.Spec)
	return handled
}

// IncludesAccount reports whether the event's account is let in, as far as is known without Stripe: the account of a thin event
// may be the platform's own.
func (s Scope) IncludesAccount(e *v1alpha1.BillingEvent) bool {
	return e.Spec.Thin != nil || s.Accounts.Includes(e.Spec.Account)
}

// IsUnlinked reports whether the unlinked controller takes the event: no other one does.
func (s Scope) IsUnlinked(o client.Object) bool {
	return s.CustomerOf(o) == "" && !s.IsOfProduct(o) && !s.IsThin(o)
}
