package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Parts of a Customer's status that payment intents and setup intents write.
const (
	partPaymentIntent = "latestPaymentIntent"
	partSetup         = "latestSetup"
)

// PaymentIntent shows how far the newest payment has come. A checkout whose payment was canceled has failed.
func PaymentIntent(a *Aggregate, e *Event) bool {
	r := e.Payment
	if r == nil || e.ObjectID == "" {
		return false
	}
	if r.Status == intentCanceled {
		keepIntent(&a.Customer, e, rankCanceled)
	}
	intent := v1alpha1.Intent{ID: e.ObjectID, Created: r.Created.DeepCopy(), Status: r.Status, Failure: r.Failure.DeepCopy()}
	return showIntentIfNewest(&a.Customer.LatestPaymentIntent, &a.Customer.Positions, partPaymentIntent, e, intent)
}

// Setup shows the newest attempt to set up a payment method, and the method once it is set up.
func Setup(a *Aggregate, e *Event) bool {
	r := e.Setup
	if r == nil || e.ObjectID == "" {
		return false
	}
	intent := v1alpha1.Intent{ID: e.ObjectID, Created: r.Created.DeepCopy(), Status: r.Status, Failure: r.Failure.DeepCopy()}
	shows := showIntentIfNewest(&a.Customer.LatestSetup, &a.Customer.Positions, partSetup, e, intent)
	if intent.Status == intentSucceeded {
		shows = showMethod(a, e, r.PaymentMethod, v1alpha1.AuthorityHint) || shows
	}
	return shows
}

// showIntentIfNewest shows the newest intent in its latest state. A success and a cancellation are final.
func showIntentIfNewest(shown **v1alpha1.Intent, parts *positions, part string, e *Event, intent v1alpha1.Intent) bool {
	if old := *shown; old != nil && old.ID != intent.ID {
		if compareCreation(old.Created, old.ID, intent.Created, intent.ID) > 0 {
			return false
		}
		delete(*parts, part)
	}
	authority := v1alpha1.AuthorityState
	if intent.Status == intentSucceeded || intent.Status == intentCanceled {
		authority = v1alpha1.AuthorityFinal
	}
	if !takePart(parts, part, positionOf(e, authority, typeRank(e.Type))) {
		return false
	}
	*shown = &intent
	return true
}
