package entitlement

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// unlessNotKnown withholds a negative decision while a subscription may exist that is not known. Otherwise a tenant
// controller could suspend a customer whose subscription is active at Stripe. A decision is tentative if no subscription
// is known, or the state of one is not.
//
//	                     tentative   definite (ended, unpaid, grace over, paused, disputed, refunded)
//	complete             as decided  as decided
//	not, without a key   Unknown     as decided: nothing will be read, so what is known decides
//	events are gone      Unknown     Unknown: what is known is a part of what was known (see also unlessOutdated)
//	not, with a key      Unknown     Unknown: Stripe is read within seconds
//
// For example, the first event about a customer of two years changes its e-mail address. No subscription is known, and
// nothing shows that there is none: Unknown. Stripe lists an active one: True.
func unlessNotKnown(in Input, d Decision, isTentative bool) Decision {
	isDefinite := !isTentative && !in.HasStripe && in.Customer.EventsGoneBefore == nil
	if d.Entitled || in.Customer.Complete != nil || isDefinite {
		return d
	}
	message := "Not all of the customer's subscriptions are known yet. "
	switch {
	case in.HasStripe:
		message += "They are being read from Stripe. Access stays as it is until then."
	case in.Customer.EventsGoneBefore != nil:
		message += "The status was lost, and events that made it are no longer in the cluster. Bring them back from the archive " +
			"(kubectl tollkeeper archive restore), or decide with spec.override. Access stays as it is until then."
	default:
		message += "Access stays as it is until an event reports one."
	}
	return Decision{Unknown: true, Reason: v1alpha1.ReasonStateNotKnown, Message: message, SubscriptionID: d.SubscriptionID}
}

// unlessOutdated does not take a subscription for active by what was reported before events are gone: what ended it since may be
// gone with them. Such an old event is in the cluster still if it was resent, or failed, or if its payment is disputed. For example, with
// events gone before March:
//
//	customer.subscription.updated of January, active   not known: it may have been canceled in February
//	the same, and its invoice was paid in April        active until then
func unlessOutdated(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, a assessment) assessment {
	gone, reported := c.EventsGoneBefore, projection.StatePosition(s).Created
	if !a.entitled || !reported.Before(gone) || s.LastPaidAt != nil && !s.LastPaidAt.Before(gone) {
		return a
	}
	return tentative(unreported(nil, "Events that came after the subscription's last report are gone."))
}
