package entitlement

import (
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// gracePeriod is the customer's own, else that of customers that have never paid, else that of all.
func gracePeriod(in Input, policy Policy) time.Duration {
	switch {
	case in.Spec.GracePeriod != nil:
		return in.Spec.GracePeriod.Duration
	case policy.GracePeriodNeverPaid != nil && hasNeverPaid(in.Customer):
		return *policy.GracePeriodNeverPaid
	default:
		return policy.GracePeriod
	}
}

// hasNeverPaid reports whether the customer is known to have paid nothing so far. An import lists no payments: so only a
// history that is recorded from the customer's creation on shows that there was none.
//
// For example, cus_A signs up for a trial today, and its first payment fails in two weeks: it has never paid. cus_B
// paid for years before Tollkeeper was installed, and a payment fails today. No payment of cus_B is known, and that
// does not mean that there was none.
func hasNeverPaid(c *v1alpha1.CustomerStatus) bool {
	return c.PaidSince == nil && c.Complete != nil && c.Complete.Source == v1alpha1.CompleteFromCreation
}
