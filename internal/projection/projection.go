// Package projection folds Stripe events into the statuses of one customer and its subscriptions.
//
// It is pure: no client, no clock, no I/O. A status is made of parts. Each part keeps the position of the event that it
// shows (status.memory), and an event takes a part only if its own position is not before that one. So the result
// depends on the set of events alone: not on their order, their batches, or how often each was folded. History
// (history.go) decides between events of one second that report different states of one object.
package projection

import (
	"cmp"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Effect folds one event into an aggregate. It reports whether the aggregate shows the event now, even if an earlier
// fold of the same event put it there.
type Effect func(*Aggregate, *Event) bool

// Change is an event with its effects.
type Change struct {
	Event   *Event
	Effects []Effect
}

// Fold applies changes to the aggregate in the order of their events. It returns their outcomes in the order given:
// Applied if at least one part showed the event when its turn came, else Superseded.
//
// toRecall are the ids of events that lost in an earlier fold and win now. Their states are not at hand: fold them
// again, together with the changes, into the aggregate as it was before.
func Fold(a *Aggregate, changes []Change) (outcomes []v1alpha1.Outcome, toRecall []string) {
	order := make([]int, len(changes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return CompareEvents(changes[i].Event, changes[j].Event) })

	outcomes = make([]v1alpha1.Outcome, len(changes))
	for i := range outcomes {
		outcomes[i] = v1alpha1.OutcomeSuperseded
	}
	for range 2 { // The first pass collects each part's history, the second decides with all of it.
		for _, i := range order {
			if a.apply(changes[i]) {
				outcomes[i] = v1alpha1.OutcomeApplied
			}
		}
	}
	settleDeletion(a)
	namePayments(a)
	toRecall = idsToRecall(a.Customer.Positions)
	for _, s := range a.Subscriptions {
		toRecall = append(toRecall, idsToRecall(s.Positions)...)
	}
	slices.Sort(toRecall)
	return outcomes, slices.Compact(toRecall)
}

func (a *Aggregate) apply(change Change) (shows bool) {
	e := change.Event
	if keepLastEvent(&a.Customer.LastEvent, e) {
		a.Customer.Livemode = new(e.Livemode)
	}
	if e.CustomerAccount != "" { // it never changes; should two be named, one of them shows whatever the order
		a.Customer.CustomerAccount = max(a.Customer.CustomerAccount, e.CustomerAccount)
	}
	if subscription := a.ensureSubscription(e.SubscriptionID); subscription != nil {
		keepLastEvent(&subscription.LastEvent, e)
	}
	for _, effect := range change.Effects {
		shows = effect(a, e) || shows
	}
	return shows
}

// keepLastEvent keeps the newest event, and reports whether e has just become the newest.
func keepLastEvent(last **v1alpha1.EventReference, e *Event) bool {
	if *last != nil && cmp.Or(e.Created.Compare((*last).Created.Time), cmp.Compare(e.EventID, (*last).ID)) <= 0 {
		return false
	}
	*last = &v1alpha1.EventReference{ID: e.EventID, Type: e.Type, Created: e.Created}
	return true
}
