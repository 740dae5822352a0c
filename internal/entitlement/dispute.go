package entitlement

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// unlessDisputed ends an entitlement while the customer's bank takes a payment of the subscription back, or tries to, and
// the policy is to suspend then. An inquiry (warning_…) has moved no money. A lost dispute counts until the customer's next
// payment.
func unlessDisputed(in Input, s *v1alpha1.SubscriptionStatus, policy Policy, a assessment) assessment {
	if policy.OnDispute != Suspend || !a.entitled {
		return a
	}
	for i := range in.Customer.OpenDisputes {
		d := &in.Customer.OpenDisputes[i]
		if message := suspension(in.Customer, d, s); message != "" && concerns(in, d, s) {
			disputed := notEntitled(v1alpha1.ReasonDisputed, nil, "%s", message)
			disputed.changesAt = a.changesAt
			return disputed
		}
	}
	return a
}

// disputeOfPurchase is why a dispute of its payment ends the access of a purchase; empty if none does.
func disputeOfPurchase(c *v1alpha1.CustomerStatus, policy Policy, purchaseID string) string {
	if policy.OnDispute != Suspend {
		return ""
	}
	for i := range c.OpenDisputes {
		d := &c.OpenDisputes[i]
		if p := purchaseBy(c, paymentIDs{d.ChargeID, d.PaymentIntentID}); p != nil && p.ID == purchaseID {
			if message := suspension(c, d, nil); message != "" {
				return message
			}
		}
	}
	return ""
}

// purchaseBy is the purchase that the payment paid; nil if none is known.
func purchaseBy(c *v1alpha1.CustomerStatus, payment paymentIDs) *v1alpha1.Purchase {
	for i := range c.Purchases {
		if p := &c.Purchases[i]; payment.match(p.ChargeID, p.PaymentIntentID) {
			return p
		}
	}
	return nil
}

// suspension is why access ends with the dispute; empty if the dispute takes no access away: an inquiry, one that is closed,
// or one that was lost and that a payment has followed. s is the subscription whose access it is; nil for a purchase.
func suspension(c *v1alpha1.CustomerStatus, d *v1alpha1.Dispute, s *v1alpha1.SubscriptionStatus) string {
	switch {
	case strings.HasPrefix(d.Status, "warning_"), projection.IsClosedDispute(d.Status):
		return ""
	case d.Status == "lost" && hasPaidSince(c, d, s):
		return ""
	case d.Status == "lost":
		return "A payment was disputed" + onDate(d.Created) + " and the dispute was lost. Access resumes with the next payment."
	default:
		return "A payment was disputed" + onDate(d.Created) + ". Access is suspended until the dispute is won or withdrawn."
	}
}

// concerns reports whether the disputed payment may have paid the subscription. It did not if it paid the present period
// of another one, if it paid a purchase that is known, if it was made before the subscription began, or if it is the
// customer's last payment and paid no subscription: then it was a purchase. Any other payment may be one of an earlier period.
func concerns(in Input, d *v1alpha1.Dispute, s *v1alpha1.SubscriptionStatus) bool {
	disputed := paymentIDs{d.ChargeID, d.PaymentIntentID}
	pays := func(other *v1alpha1.SubscriptionStatus) bool { return hasPaid(in.Customer, other, disputed) }
	last := in.Customer.LastPayment
	switch {
	case pays(s):
		return true
	case slices.ContainsFunc(subscriptionsOf(in), pays), purchaseBy(in.Customer, disputed) != nil,
		wasPaidBefore(in.Customer, d.PaymentIntentID, s):
		return false
	default:
		return last == nil || !disputed.match(last.ChargeID, last.PaymentIntentID) || projection.PaidInvoice(s) == nil
	}
}

// wasPaidBefore reports whether the payment intent is known to have succeeded before the subscription began. A checkout may start
// the subscription moments after its payment. When a subscription on a test clock began is simulated.
func wasPaidBefore(c *v1alpha1.CustomerStatus, intentID string, s *v1alpha1.SubscriptionStatus) bool {
	paidAt := projection.IntentPaidAt(c, intentID)
	return paidAt != nil && s.StartedAt != nil && s.TestClock == "" && paidAt.Add(sameMoment).Before(s.StartedAt.Time)
}

func subscriptionsOf(in Input) []*v1alpha1.SubscriptionStatus {
	var list []*v1alpha1.SubscriptionStatus
	for _, s := range in.Subscriptions {
		list = append(list, s)
	}
	return list
}

// hasPaid reports whether a payment is known to have paid the subscription's present period.
func hasPaid(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, payment paymentIDs) bool {
	paid, last := projection.PaidInvoice(s), c.LastPayment
	if paid == nil {
		return false
	}
	if known := paymentsOf(c, paid); len(known) > 0 {
		return slices.ContainsFunc(known, func(other paymentIDs) bool { return payment.match(other.chargeID, other.intentID) })
	}
	return last != nil && payment.match(last.ChargeID, last.PaymentIntentID) &&
		isSameMoment(&last.At, paid) && last.Amount == paid.Amount && last.Currency == paid.Currency
}

// hasPaidSince reports whether a payment succeeded after the dispute was first reported as lost, or an invoice of the subscription
// was paid, as outside of Stripe. One over 0 pays nothing. Earlier versions stored only when the loss was last reported.
func hasPaidSince(c *v1alpha1.CustomerStatus, d *v1alpha1.Dispute, s *v1alpha1.SubscriptionStatus) bool {
	reported := projection.DisputePosition(c, d.ID).Created
	lostAt := cmp.Or(d.LostAt, &reported)
	return c.LastPayment != nil && lostAt.Before(&c.LastPayment.At) || s != nil && lostAt.Before(moneyPaidAt(s))
}

// moneyPaidAt is when the invoice of the subscription's present period was paid; nil if it is not known, or was over 0. Of an invoice
// that is paid outside of Stripe only the amount due is known.
func moneyPaidAt(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	paid, latest := projection.PaidInvoice(s), s.LatestInvoice
	switch {
	case paid == nil:
		return nil
	case paid.Amount > 0, latest != nil && latest.ID == paid.InvoiceID && latest.AmountDue > 0:
		return &paid.PaidAt
	default:
		return nil
	}
}
