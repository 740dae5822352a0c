package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Parts of a Customer's status that the customer's own events write.
const (
	partProfile = "profile"
	partSignup  = "signup"
	partSetup   = "latestSetup"
	partMethod  = "paymentMethod/"

	maxMethods = 10
)

// Profile sets what Stripe knows of the customer.
func Profile(a *Aggregate, e *Event) bool {
	c, record := &a.Customer, e.Customer
	if record == nil || !contest(&c.Positions, partProfile, position(e, v1alpha1.AuthorityState, stage(e.Type)), record.Trace) {
		return false
	}
	c.Email, c.Name = record.Email, record.Name
	c.Delinquent = record.Delinquent
	c.DefaultPaymentMethodID = record.DefaultPaymentMethodID
	c.Metadata = record.DeepCopy().Metadata
	return true
}

// contact sets address and name from an event that only mentions them.
func contact(a *Aggregate, e *Event, email, name string) bool {
	if email == "" || !claim(&a.Customer.Positions, partProfile, position(e, v1alpha1.AuthorityHint, 0)) {
		return false
	}
	a.Customer.Email, a.Customer.Name = email, name
	return true
}

// Checkout makes the customer and the subscription known, and remembers the first checkout as the sign-up.
func Checkout(a *Aggregate, e *Event) bool {
	record := e.Checkout
	if record == nil || e.ObjectID == "" {
		return false
	}
	started := e.Created
	if record.Created != nil {
		started = *record.Created
	}
	earlier(&a.Customer.CustomerSince, &started)
	shows := contact(a, e, record.Email, record.Name)
	if claimFirst(&a.Customer.Positions, partSignup, position(e, v1alpha1.AuthorityState, 0)) {
		a.Customer.Signup = &v1alpha1.Signup{
			SessionID:         e.ObjectID,
			StartedAt:         started,
			CompletedAt:       e.Created,
			ClientReferenceID: record.ClientReferenceID,
		}
		shows = true
	}
	return shows
}

// IsSignup says whether the event is the checkout by which a new customer signed up: the customer's first one, with no
// subscription, invoice or payment known from before it.
func IsSignup(c *v1alpha1.CustomerStatus, e *Event) bool {
	return e.Checkout != nil && c.Signup != nil && c.Signup.SessionID == e.ObjectID &&
		!c.CustomerSince.Before(&c.Signup.StartedAt)
}

// PaymentMethod shows the payment method's new state.
func PaymentMethod(a *Aggregate, e *Event) bool {
	if e.PaymentMethod == nil {
		return false
	}
	return methodSeen(a, e, &e.PaymentMethod.PaymentMethod, v1alpha1.AuthorityState)
}

// Setup shows the newest attempt to set up a payment method, and the method once it is set up.
func Setup(a *Aggregate, e *Event) bool {
	if e.Setup == nil || e.ObjectID == "" {
		return false
	}
	shows := newestIntent(&a.Customer.LatestSetup, &a.Customer.Positions, partSetup, e, v1alpha1.Intent{
		ID:      e.ObjectID,
		Created: e.Setup.Created.DeepCopy(),
		Status:  e.Setup.Status,
		Failure: e.Setup.Failure.DeepCopy(),
	})
	if e.Setup.Status == "succeeded" {
		shows = methodSeen(a, e, e.Setup.PaymentMethod, v1alpha1.AuthorityHint) || shows
	}
	return shows
}

// methodSeen remembers a payment method. The method's own events tell its state; a payment made with it is a hint.
func methodSeen(a *Aggregate, e *Event, method *v1alpha1.PaymentMethod, authority v1alpha1.Authority) bool {
	if method == nil || method.ID == "" {
		return false
	}
	if method.Last4 == "" {
		authority = v1alpha1.AuthorityMention
	}
	c := &a.Customer
	if claim(&c.Positions, partMethod+method.ID, position(e, authority, stage(e.Type))) {
		c.PaymentMethods = upsert(c.PaymentMethods, *method, methodID)
	}
	c.PaymentMethods = arrange(c.PaymentMethods, c.Positions, partMethod, maxMethods, methodID)
	return c.Positions[partMethod+method.ID].EventID == e.EventID
}

func methodID(m *v1alpha1.PaymentMethod) string { return m.ID }
