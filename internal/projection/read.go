package projection

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventRead is the event id in the position of a reading: a state that was read from Stripe's API and that no event
// reported.
const EventRead = "read"

// Read folds a reading: an Event with EventRead as its id, and as its created the time from which the object is known
// to be current. It takes part in the order like any other state. Read returns the names of the fields that it changed.
//
// A reading that confirms what shows changes nothing, so a resync that finds no difference writes nothing.
func Read(a *Aggregate, e *Event) (differed []string) {
	switch {
	case e.Subscription != nil && e.SubscriptionID != "":
		return readSubscription(a, e)
	case e.Customer != nil:
		return readProfile(a, e)
	case e.Dispute != nil && e.ObjectID != "":
		return readDispute(a, e)
	case e.Product != nil && e.ObjectID != "":
		return readProduct(a, e)
	default:
		return nil
	}
}

func readSubscription(a *Aggregate, e *Event) []string {
	var shown v1alpha1.SubscriptionStatus
	if s := a.Subscriptions[e.SubscriptionID]; s != nil {
		shown = *s
	}
	if read := &e.Subscription.SubscriptionState; read.Status == StatusPaused && shown.Status == StatusPaused && read.PausedBy == "" {
		read.PausedBy = shown.PausedBy // Stripe returns the cause in API versions from 2026-05-27 on only.
	}
	differed := differingFields(shown.SubscriptionState, e.Subscription.SubscriptionState)
	if len(differed) == 0 && StatePosition(&shown).Doubt == "" || !SubscriptionState(a, e) {
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
	differed := differingFields(shown, read)
	if len(differed) == 0 && ProfilePosition(c).Doubt == "" || !Profile(a, e) {
		return nil
	}
	return differed
}

// readDispute updates a dispute that shows, and shows an open one that does not. Any other was closed long ago.
func readDispute(a *Aggregate, e *Event) []string {
	i := slices.IndexFunc(a.Customer.OpenDisputes, func(d v1alpha1.Dispute) bool { return d.ID == e.ObjectID })
	var shown v1alpha1.DisputeRecord
	switch isClosed := e.Dispute.Status == "lost" || slices.Contains(closedDisputes, e.Dispute.Status); {
	case i >= 0:
		shown = a.Customer.OpenDisputes[i].DisputeRecord
	case isClosed:
		return nil
	}
	differed := differingFields(shown, *e.Dispute)
	if len(differed) == 0 || !DisputeOpened(a, e) {
		return nil
	}
	return differed
}

// differingFields are the JSON names of the fields in which two states of the same kind differ.
func differingFields[T any](a, b T) []string {
	if equality.Semantic.DeepEqual(a, b) {
		return nil
	}
	fieldsA, fieldsB := jsonFields(a), jsonFields(b)
	names := maps.Clone(fieldsA)
	maps.Copy(names, fieldsB)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool {
		return string(fieldsA[name]) == string(fieldsB[name])
	})
}

func jsonFields(state any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	text, err := json.Marshal(state)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return nil // This does not happen: states hold strings, numbers and times.
	}
	return fields
}

// InDoubt returns the positions of the objects whose states are in doubt, by Stripe's id.
func InDoubt(a *Aggregate, customerID string) map[string]v1alpha1.Position {
	doubts := map[string]v1alpha1.Position{}
	if p := ProfilePosition(&a.Customer); p.Doubt != "" {
		doubts[customerID] = p
	}
	for id, s := range a.Subscriptions {
		if p := StatePosition(s); p.Doubt != "" || s.MoreItems {
			doubts[id] = p
		}
	}
	return doubts
}

// IsPartlyKnown reports whether a subscription may exist that is not known, or one is known by name only.
func IsPartlyKnown(a *Aggregate) bool {
	for _, s := range a.Subscriptions {
		if s.Status == "" {
			return true
		}
	}
	return a.Customer.Complete == nil
}

// ProfilePosition is the position of the customer's profile; zero if nothing reported it.
func ProfilePosition(c *v1alpha1.CustomerStatus) v1alpha1.Position { return c.Positions[partProfile] }

// StatePosition is the position of the subscription's state; zero if nothing reported it.
func StatePosition(s *v1alpha1.SubscriptionStatus) v1alpha1.Position { return s.Positions[partState] }
