package projection

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

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

var statuses = []string{
	StatusIncomplete, StatusIncompleteExpired, StatusTrialing, StatusActive, StatusPastDue, StatusUnpaid, StatusPaused, StatusCanceled,
}

// Parts of a Subscription's status.
const (
	partState        = "state"
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
	shows := contest(&s.Positions, partState, p, record.Trace)
	if shows {
		s.SubscriptionState = state
		s.Plan = plan(state.Items)
	}
	if record.PreviousStatus != "" || e.Type == "customer.subscription.created" {
		shows = entered(s, state.Status, e) || shows
	}
	return shows
}

// entered remembers when the subscription last came into the status. Statuses that are not Stripe's are not remembered.
func entered(s *v1alpha1.SubscriptionStatus, status string, e *Event) bool {
	if since, known := s.StatusSince[status]; known && e.Created.Before(&since) || !slices.Contains(statuses, status) {
		return false
	}
	if s.StatusSince == nil {
		s.StatusSince = map[string]metav1.Time{}
	}
	s.StatusSince[status] = e.Created
	return true
}

// Ended says whether the status is one that Stripe never leaves again.
func Ended(status string) bool {
	return status == StatusCanceled || status == StatusIncompleteExpired
}

// StateTold is when Stripe made the event that the subscription's state is from.
func StateTold(s *v1alpha1.SubscriptionStatus) (told *metav1.Time, known bool) {
	p, known := s.Positions[partState]
	return &p.Created, known
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
