package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Stripe's subscription statuses. See https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
const (
	StatusIncomplete        = "incomplete"
	StatusIncompleteExpired = "incomplete_expired"
	StatusTrialing          = "trialing"
	StatusActive            = "active"
	StatusPastDue           = "past_due"
	StatusUnpaid            = "unpaid"
	StatusPaused            = "paused"
	StatusCanceled          = "canceled"
)

// Parts of a Subscription's status.
const (
	partState        = "state"
	partTransition   = "lastTransition"
	partTrialEnding  = "trialEndingAnnounced"
	partInvoice      = "latestInvoice"
	partFailure      = "latestPaymentFailure"
	partInvoiceStart = "invoice/"
)

// SubscriptionState sets the subscription's whole state.
func SubscriptionState(a *Aggregate, e *Event) bool {
	return subscriptionState(a, e, v1alpha1.AuthorityState)
}

// SubscriptionEnded sets the subscription's whole state for good. Nothing that is not an end itself comes after it.
func SubscriptionEnded(a *Aggregate, e *Event) bool {
	return subscriptionState(a, e, v1alpha1.AuthorityFinal)
}

// TrialEnding remembers that Stripe announced the end of the trial. The state that comes with it counts only as long as no
// other event has told the state.
func TrialEnding(a *Aggregate, e *Event) bool {
	shows := subscriptionState(a, e, v1alpha1.AuthorityHint)
	s := a.subscription(e.SubscriptionID)
	if s != nil && claim(&s.Positions, partTrialEnding, position(e, v1alpha1.AuthorityState, 0)) {
		s.TrialEndingAnnounced = e.Created.DeepCopy()
		shows = true
	}
	return shows
}

func subscriptionState(a *Aggregate, e *Event, authority v1alpha1.Authority) bool {
	s, record := a.subscription(e.SubscriptionID), e.Subscription
	if s == nil || record == nil {
		return false
	}
	state := *record.SubscriptionState.DeepCopy()
	switch {
	case authority == v1alpha1.AuthorityFinal && !Ended(state.Status):
		state.Status = StatusCanceled // a deleted subscription has ended, whatever its last word
	case authority == v1alpha1.AuthorityState && Ended(state.Status):
		authority = v1alpha1.AuthorityFinal
	}
	earlier(&a.Customer.CustomerSince, state.StartedAt)

	p := position(e, authority, lifecycle(state.Status)*10+stage(e.Type))
	shows := claim(&s.Positions, partState, p)
	if shows {
		s.SubscriptionState = state
		s.Plan = plan(state.Items)
	}
	if record.PreviousStatus != "" || e.Type == "customer.subscription.created" {
		if claim(&s.Positions, partTransition, p) {
			s.LastTransition = &v1alpha1.StatusTransition{To: state.Status, At: e.Created}
			shows = true
		}
	}
	return shows
}

// Ended says whether the status is one that Stripe never leaves again.
func Ended(status string) bool {
	return status == StatusCanceled || status == StatusIncompleteExpired
}

// lifecycle ranks the statuses that may meet within one second.
func lifecycle(status string) int32 {
	switch status {
	case StatusIncomplete:
		return 0
	case StatusTrialing:
		return 1
	case StatusCanceled, StatusIncompleteExpired:
		return 3
	default:
		return 2
	}
}

// plan is the short name of what is bought.
func plan(items []v1alpha1.SubscriptionItem) string {
	if len(items) == 0 {
		return ""
	}
	for _, name := range []string{items[0].LookupKey, items[0].Nickname} {
		if name != "" {
			return name
		}
	}
	return items[0].Price
}
