package projection

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Parts of a Subscription's status that the subscription's own events write.
const (
	partState       = "state"
	partTrialEnding = "trialEndingAnnounced"
)

// SubscriptionState shows the subscription's whole state.
func SubscriptionState(a *Aggregate, e *Event) bool {
	return showSubscription(a, e, v1alpha1.AuthorityState)
}

// SubscriptionEnded shows the subscription's whole state for good: only another end can follow.
func SubscriptionEnded(a *Aggregate, e *Event) bool {
	return showSubscription(a, e, v1alpha1.AuthorityFinal)
}

// TrialEnding shows when Stripe announced the end of the trial. The state that comes with it shows only until another
// event reports the state.
func TrialEnding(a *Aggregate, e *Event) bool {
	shows := showSubscription(a, e, v1alpha1.AuthorityHint)
	s := a.ensureSubscription(e.SubscriptionID)
	if s != nil && takePart(&s.Positions, partTrialEnding, positionOf(e, v1alpha1.AuthorityState, 0)) {
		s.TrialEndingAnnounced = e.Created.DeepCopy()
		shows = true
	}
	return shows
}

func showSubscription(a *Aggregate, e *Event, authority v1alpha1.Authority) bool {
	s, record := a.ensureSubscription(e.SubscriptionID), e.Subscription
	if s == nil || record == nil {
		return false
	}
	state := *record.SubscriptionState.DeepCopy()
	switch {
	case authority == v1alpha1.AuthorityFinal && !hasEnded(state.Status):
		state.Status = StatusCanceled // A deleted subscription has ended, whatever status the event carries.
	case authority == v1alpha1.AuthorityState && hasEnded(state.Status):
		authority = v1alpha1.AuthorityFinal
	}
	keepEarliest(&a.Customer.CustomerSince, state.StartedAt)
	keepServedSince(&a.Customer, &state)

	p := positionOf(e, authority, lifecycleRank(state.Status)*10+typeRank(e.Type))
	shows := takeStatePart(&s.Positions, partState, p, record.Trace)
	if shows {
		s.SubscriptionState = state
		s.Plan = planName(itemsOf(s))
	}
	keepFirstSeen(s, state.Status, e)
	if record.PreviousStatus != "" || e.Type == "customer.subscription.created" {
		shows = keepStatusSince(s, state.Status, e) || shows
	}
	return shows
}

// keepFirstSeen keeps when the subscription was first shown in a status in which grace runs.
func keepFirstSeen(s *v1alpha1.SubscriptionStatus, status string, e *Event) {
	if status != StatusPastDue && status != StatusPaused {
		return
	}
	if seen, known := s.FirstSeen[status]; known && !e.Created.Before(&seen) {
		return
	}
	if s.FirstSeen == nil {
		s.FirstSeen = map[string]metav1.Time{}
	}
	s.FirstSeen[status] = e.Created
}

// keepStatusSince keeps when the subscription last came into the status. It ignores statuses that this version does not
// know.
func keepStatusSince(s *v1alpha1.SubscriptionStatus, status string, e *Event) bool {
	since, known := s.StatusSince[status]
	if known && e.Created.Before(&since) || !slices.Contains(subscriptionStatuses, status) {
		return false
	}
	if s.StatusSince == nil {
		s.StatusSince = map[string]metav1.Time{}
	}
	s.StatusSince[status] = e.Created
	return true
}

// planName is the short name of the plan: the price of the first licensed item. Metered items, which have no quantity,
// are add-ons.
func planName(items []v1alpha1.SubscriptionItem) string {
	if names := planNames(items); len(names) > 0 {
		return names[0]
	}
	return ""
}

// planNames are the short names of what was bought: the prices of the licensed items, or of all items if there are only
// metered ones.
func planNames(items []v1alpha1.SubscriptionItem) []string {
	if licensed := slices.DeleteFunc(slices.Clone(items), isMetered); len(licensed) > 0 {
		items = licensed
	}
	var names []string
	for _, item := range items {
		if name := cmp.Or(item.LookupKey, item.Nickname, item.Price); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// isMetered reports whether usage is billed for the item: it has no quantity.
func isMetered(item v1alpha1.SubscriptionItem) bool { return item.Quantity == nil }
