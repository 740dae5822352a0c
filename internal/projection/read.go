package projection

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventRead is the event id in the position of a state that was read from Stripe's API: no event told it.
const EventRead = "read"

// Read folds an object that was read from Stripe: an Event with EventRead as its id, and the time from which the object is known to be
// current. It takes part in the order like any other state. It returns the names of the fields that showed something else.
//
// What Stripe confirms is not touched, so that a comparison which finds nothing writes nothing.
func Read(a *Aggregate, e *Event) (differed []string) {
	switch {
	case e.Subscription != nil && e.SubscriptionID != "":
		return readSubscription(a, e)
	case e.Customer != nil:
		return readProfile(a, e)
	case e.Dispute != nil && e.ObjectID != "":
		return readDispute(a, e)
	default:
		return nil
	}
}

func readSubscription(a *Aggregate, e *Event) []string {
	var shown v1alpha1.SubscriptionStatus
	if s := a.Subscriptions[e.SubscriptionID]; s != nil {
		shown = *s
	}
	differed := differences(shown.SubscriptionState, e.Subscription.SubscriptionState)
	if len(differed) == 0 && shown.Positions[partState].Doubt == "" || !SubscriptionState(a, e) {
		return nil
	}
	return differed
}

func readProfile(a *Aggregate, e *Event) []string {
	c := &a.Customer
	shown := v1alpha1.CustomerRecord{
		Email: c.Email, Name: c.Name, Delinquent: c.Delinquent, DefaultPaymentMethodID: c.DefaultPaymentMethodID, Metadata: c.Metadata,
	}
	read := *e.Customer
	read.Trace = v1alpha1.Trace{}
	differed := differences(shown, read)
	if len(differed) == 0 && c.Positions[partProfile].Doubt == "" || !Profile(a, e) {
		return nil
	}
	return differed
}

// readDispute looks at disputes that show. Others are none of ours: they were won or closed long ago.
func readDispute(a *Aggregate, e *Event) []string {
	i := slices.IndexFunc(a.Customer.OpenDisputes, func(d v1alpha1.Dispute) bool { return d.ID == e.ObjectID })
	if i < 0 {
		return nil
	}
	differed := differences(a.Customer.OpenDisputes[i].DisputeRecord, *e.Dispute)
	if len(differed) == 0 || !DisputeOpened(a, e) {
		return nil
	}
	return differed
}

// differences are the names of the fields, as JSON has them, that differ between two states of the same kind.
func differences[T any](have, want T) []string {
	if equality.Semantic.DeepEqual(have, want) {
		return nil
	}
	a, b := fields(have), fields(want)
	names := maps.Clone(a)
	maps.Copy(names, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool { return string(a[name]) == string(b[name]) })
}

// fields are the state's fields as JSON.
func fields(state any) map[string]json.RawMessage {
	named := map[string]json.RawMessage{}
	text, err := json.Marshal(state)
	if err == nil {
		err = json.Unmarshal(text, &named)
	}
	if err != nil {
		return nil // it does not happen: states hold strings, numbers and times
	}
	return named
}

// InDoubt are the positions of the objects whose states the events cannot tell for certain, by the objects' Stripe ids.
func InDoubt(a *Aggregate, customerID string) map[string]v1alpha1.Position {
	doubts := map[string]v1alpha1.Position{}
	if p := ProfilePosition(&a.Customer); p.Doubt != "" {
		doubts[customerID] = p
	}
	for id, s := range a.Subscriptions {
		if p := StatePosition(s); p.Doubt != "" {
			doubts[id] = p
		}
	}
	return doubts
}

// ProfilePosition is where the customer's profile is from.
func ProfilePosition(c *v1alpha1.CustomerStatus) v1alpha1.Position { return c.Positions[partProfile] }

// StatePosition is where the subscription's state is from.
func StatePosition(s *v1alpha1.SubscriptionStatus) v1alpha1.Position { return s.Positions[partState] }
