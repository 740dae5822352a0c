package customer

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// announcePurchases reports purchases that grant no access because their metadata cannot be read, once for each.
func (r *Reconciler) announcePurchases(customer *v1alpha1.Customer, before []v1alpha1.Purchase) {
	for i := range customer.Status.Purchases {
		p := &customer.Status.Purchases[i]
		wasKnown := slices.ContainsFunc(before, func(known v1alpha1.Purchase) bool { return known.ID == p.ID && known.Problem == p.Problem })
		if p.Problem == "" || wasKnown {
			continue
		}
		r.Recorder.Eventf(customer, nil, corev1.EventTypeWarning, "PurchaseNotReadable", "Fold",
			"The purchase %s grants no access: %s. Correct the metadata at Stripe and annotate this Customer with %s, or set spec.access.",
			p.ID, p.Problem, v1alpha1.AnnotationResync)
	}
}
