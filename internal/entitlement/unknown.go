package entitlement

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// unlessNotKnown withholds a negative decision while a subscription may exist that is not known. Otherwise a tenant
// controller could suspend a customer whose subscription is active at Stripe. A decision is tentative if no subscription
// is known, or the state of one is not.
//
//	                     tentative   definite (ended, unpaid, grace over, paused, disputed, refunded)
//	complete             as decided  as decided
//	not, without a key   Unknown     as decided: nothing will be read, so what is known decides
//	events are gone      Unknown     Unknown: what is known is a part of what was known
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
