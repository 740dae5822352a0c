// Package projection folds Stripe events into the statuses of one customer and its subscriptions.
//
// It is pure: no client, no clock, no I/O. Every part of a status is a register that remembers the position of the event it
// came from (status.positions), and an event writes a part only if its own position is not before the part's. So the
// result depends on the set of events alone: not on their order, their batches, or how often each was seen. Where events of one
// second tell different states of one thing, its history says which came last (history.go).
package projection

import (
	"cmp"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Event is what is folded: the envelope and the record of a BillingEvent.
type Event = v1alpha1.BillingEventSpec

// Aggregate is one customer with all its subscriptions: what one reconciler owns and writes.
type Aggregate struct {
	// Customer is the customer's status.
	Customer v1alpha1.CustomerStatus
	// Subscriptions are the subscriptions' statuses by Stripe's id.
	Subscriptions map[string]*v1alpha1.SubscriptionStatus
}

// DeepCopy is a copy that shares nothing.
func (a *Aggregate) DeepCopy() *Aggregate {
	copied := &Aggregate{Customer: *a.Customer.DeepCopy()}
	if a.Subscriptions != nil {
		copied.Subscriptions = make(map[string]*v1alpha1.SubscriptionStatus, len(a.Subscriptions))
		for id, s := range a.Subscriptions {
			copied.Subscriptions[id] = s.DeepCopy()
		}
	}
	return copied
}

// Effect folds one event into an aggregate. It reports whether the event shows there now, even if an earlier fold of the
// same event put it there.
type Effect func(*Aggregate, *Event) bool

// Change is an event with its effects.
type Change struct {
	Event   *Event
	Effects []Effect
}

// Fold applies changes to the aggregate, in the order of their events, and returns each one's outcome, in the order given:
// Applied if the event showed in at least one part when its turn came, else Superseded.
//
// missing are the ids of events that were folded before and lost, and that win now: their states are not at hand. Fold them again
// together with the changes, into the aggregate as it was before.
func Fold(a *Aggregate, changes []Change) (outcomes []v1alpha1.Outcome, missing []string) {
	order := make([]int, len(changes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return CompareEvents(changes[i].Event, changes[j].Event) })

	outcomes = make([]v1alpha1.Outcome, len(changes))
	for i := range outcomes {
		outcomes[i] = v1alpha1.OutcomeSuperseded
	}
	for range 2 { // once to learn what followed on what, once to judge by it
		for _, i := range order {
			if a.apply(changes[i]) {
				outcomes[i] = v1alpha1.OutcomeApplied
			}
		}
	}
	return outcomes, a.missing()
}

func (a *Aggregate) missing() []string {
	ids := missing(a.Customer.Positions)
	for _, s := range a.Subscriptions {
		ids = append(ids, missing(s.Positions)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (a *Aggregate) apply(change Change) (shows bool) {
	e := change.Event
	if latest(&a.Customer.LastEvent, e) {
		a.Customer.Livemode = new(e.Livemode)
	}
	if subscription := a.subscription(e.SubscriptionID); subscription != nil {
		latest(&subscription.LastEvent, e)
	}
	for _, effect := range change.Effects {
		shows = effect(a, e) || shows
	}
	return shows
}

// subscription is the status of the subscription with the id, made if it is new; nil if the id is empty.
func (a *Aggregate) subscription(id string) *v1alpha1.SubscriptionStatus {
	if id == "" {
		return nil
	}
	if a.Subscriptions == nil {
		a.Subscriptions = map[string]*v1alpha1.SubscriptionStatus{}
	}
	if a.Subscriptions[id] == nil {
		a.Subscriptions[id] = &v1alpha1.SubscriptionStatus{}
	}
	return a.Subscriptions[id]
}

// latest keeps the newest event, and says whether it is this one.
func latest(last **v1alpha1.EventReference, e *Event) bool {
	have := *last
	if have != nil && cmp.Or(e.Created.Compare(have.Created.Time), cmp.Compare(e.EventID, have.ID)) <= 0 {
		return false
	}
	*last = &v1alpha1.EventReference{ID: e.EventID, Type: e.Type, Created: e.Created}
	return true
}

// CompareEvents orders events by their time, then by their id.
func CompareEvents(a, b *Event) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.EventID, b.EventID))
}
