package entitlement

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A one-time purchase entitles the customer while its access runs, whatever the subscriptions say, and whether or not all
// of them are known:
//
//	best of the subscriptions          with a purchase that runs
//	SubscriptionActive, Trialing       as decided; the entitlements of the purchase join
//	GracePeriod                        Purchased; the entitlements of the subscription stay
//	anything else                      Purchased
//
// If the policy is to suspend on disputes, a purchase whose payment is disputed does not count. The full refund of a
// purchase ends its access, whatever --on-refund says: see projection.PurchasePeriods.

// withPurchases joins the decision of the subscriptions with the purchases. The decision is tentative if that of the
// subscriptions is, unless a purchase explains it. It returns when the access of a purchase begins or ends next; nil if none
// does.
func withPurchases(
	in Input, policy Policy, now time.Time, best Decision, isTentative bool,
) (decision Decision, stillTentative bool, change *metav1.Time) {
	periods, disputed := projection.PurchasePeriods(in.Customer), ""
	var counted []projection.PurchasePeriod
	for i := range periods {
		p, dispute := &periods[i], disputeOfPurchase(in.Customer, policy, periods[i].ID)
		if dispute == "" {
			counted = append(counted, *p)
		}
		switch {
		case !p.Covers(now):
		case dispute != "":
			disputed = dispute
		default:
			best.Purchases = append(best.Purchases, p.ID)
		}
		for _, at := range []*metav1.Time{&p.From, p.Until} {
			if at != nil && at.After(now) {
				change = earliest(at, change)
			}
		}
	}
	switch {
	case len(best.Purchases) == 0 && disputed != "" && !best.Entitled && !best.Unknown:
		return Decision{Reason: v1alpha1.ReasonDisputed, Message: disputed}, false, change
	case len(best.Purchases) == 0 && best.Reason == v1alpha1.ReasonNoSubscription:
		decision, isExplained := withoutAccess(in.Customer, periods, best)
		return decision, isTentative && !isExplained, change
	case len(best.Purchases) == 0, best.Reason == v1alpha1.ReasonSubscriptionActive, best.Reason == v1alpha1.ReasonTrialing:
		return best, isTentative, change
	}
	if !best.Entitled {
		best.SubscriptionID = "" // its plan is not what the customer has
	}
	best.Entitled, best.Unknown, best.Reason = true, false, v1alpha1.ReasonPurchased
	best.Message = "The customer bought access that does not end."
	if end := coverageEnd(counted, now); end != nil {
		best.Message = "The customer bought access, which ends" + onDate(end) + "."
	}
	return best, isTentative, change
}

// coverageEnd is when the access that runs now ends, with all purchases that follow on it without a gap; nil if it does not
// end. The periods are those of purchases that count.
func coverageEnd(periods []projection.PurchasePeriod, now time.Time) *metav1.Time {
	end := metav1.NewTime(now)
	for extended := true; extended; {
		extended = false
		for i := range periods {
			p := &periods[i]
			switch {
			case !p.Covers(end.Time):
			case p.Until == nil:
				return nil
			default:
				end, extended = *p.Until, true
			}
		}
	}
	return &end
}

// withoutAccess says why the purchases of a customer without a subscription grant no access. The newest one that says for how
// long it grants access decides. Access that has ended explains the decision, as a subscription that has ended does.
func withoutAccess(c *v1alpha1.CustomerStatus, periods []projection.PurchasePeriod, none Decision) (decision Decision, isExplained bool) {
	i := slices.IndexFunc(c.Purchases, func(p v1alpha1.Purchase) bool { return len(p.Terms) > 0 })
	if i < 0 {
		return none, false
	}
	p := &c.Purchases[i]
	j := slices.IndexFunc(periods, func(period projection.PurchasePeriod) bool { return period.ID == p.ID })
	switch {
	case p.RefundedAt != nil:
		none.Message = "The customer has no subscription, and its purchase was refunded in full" + onDate(p.RefundedAt) + "."
		return none, true
	case j >= 0:
		none.Message = "The customer has no subscription, and the access that it bought ended" + onDate(periods[j].Until) + "."
		return none, true
	case p.PaidAt == nil && p.State == v1alpha1.CheckoutUnpaid:
		none.Reason = v1alpha1.ReasonAwaitingPayment
		none.Message = "The purchase waits for its payment. Access starts once it succeeds."
	case p.PaidAt == nil && p.State == v1alpha1.CheckoutFailed:
		none.Message = "The customer has no subscription, and the payment of its purchase failed."
	default:
		none.Message = "The customer has no subscription, and for how long its purchase grants access cannot be read from Stripe's metadata."
	}
	return none, false
}
