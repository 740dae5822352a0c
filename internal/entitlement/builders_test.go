package entitlement

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// noon is the current time of every test.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// day is noon, so many days later or earlier.
func day(n int) *metav1.Time { return &metav1.Time{Time: noon.AddDate(0, 0, n)} }

const (
	leeway = 10 * time.Second
	week   = 7 * 24 * time.Hour
)

// plain is the policy of the default flags, but for --trial-leeway.
var plain = Policy{GracePeriod: week, TrialLeeway: leeway, OnDispute: Record, OnRefund: Record, OnVoidPause: AtPeriodEnd}

// strict is a policy that suspends on disputes and refunds, and ends access with a pause of collection.
var strict = Policy{GracePeriod: week, TrialLeeway: leeway, OnDispute: Suspend, OnRefund: Suspend, OnVoidPause: AtOnce}

// subscription builds a subscription's status.
type subscription struct{ status v1alpha1.SubscriptionStatus }

// sub is a subscription of which only the status is known.
func sub(status string) *subscription {
	s := &subscription{}
	s.status.Status = status
	return s
}

func (s *subscription) started(t *metav1.Time) *subscription    { s.status.StartedAt = t; return s }
func (s *subscription) ended(t *metav1.Time) *subscription      { s.status.EndedAt = t; return s }
func (s *subscription) trialUntil(t *metav1.Time) *subscription { s.status.TrialEnd = t; return s }
func (s *subscription) cancelAt(t *metav1.Time) *subscription   { s.status.CancelAt = t; return s }
func (s *subscription) cancelAtPeriodEnd() *subscription        { s.status.CancelAtPeriodEnd = true; return s }

func (s *subscription) period(start, end *metav1.Time) *subscription {
	s.status.CurrentPeriodStart, s.status.CurrentPeriodEnd = start, end
	return s
}

// paused pauses collection; resumes is nil if no end is set.
func (s *subscription) paused(behavior string, resumes *metav1.Time) *subscription {
	s.status.PauseCollection = &v1alpha1.PauseCollection{Behavior: behavior, ResumesAt: resumes}
	return s
}

// seen is when an event first showed the subscription in its status.
func (s *subscription) seen(t *metav1.Time) *subscription {
	s.status.FirstSeen = map[string]metav1.Time{s.status.Status: *t}
	return s
}

func (s *subscription) lastPaid(t *metav1.Time) *subscription    { s.status.LastPaidAt = t; return s }
func (s *subscription) paidThrough(t *metav1.Time) *subscription { s.status.PaidThrough = t; return s }

// latest is the status of the subscription's newest invoice, which bills a month.
func (s *subscription) latest(status string) *subscription {
	s.status.LatestInvoice = &v1alpha1.Invoice{ID: "in_9", Status: status, PeriodStart: day(-1), PeriodEnd: day(29)}
	return s
}

// due is when the newest invoice is to be paid.
func (s *subscription) due(t *metav1.Time) *subscription { s.status.LatestInvoice.DueAt = t; return s }

// failing is when the subscription's newest invoice was created, which is open and was tried once.
func (s *subscription) failing(created *metav1.Time) *subscription {
	s.status.LatestInvoice = &v1alpha1.Invoice{ID: "in_9", Status: "open", Created: created, AttemptCount: 1}
	return s
}

func (s *subscription) onTestClock() *subscription { s.status.TestClock = "clock_1"; return s }

func (s *subscription) pausedBy(cause string) *subscription { s.status.PausedBy = cause; return s }

// became remembers when the subscription last came into a status.
func (s *subscription) became(status string, t *metav1.Time) *subscription {
	if s.status.StatusSince == nil {
		s.status.StatusSince = map[string]metav1.Time{}
	}
	s.status.StatusSince[status] = *t
	return s
}

// customer builds the input of a decision.
type customer struct{ in Input }

// newCustomer is known whole, and has a name and an address, which no message may contain.
func newCustomer() *customer {
	return &customer{in: Input{
		Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A", Access: v1alpha1.AccessAuto},
		Customer: &v1alpha1.CustomerStatus{
			Email: "ada@example.com", Name: "Ada Lovelace",
			Complete: &v1alpha1.Completeness{Source: v1alpha1.CompleteFromCreation, At: *day(-30)},
		},
		Subscriptions: map[string]*v1alpha1.SubscriptionStatus{},
	}}
}

func (c *customer) with(id string, s *subscription) *customer {
	c.in.Subscriptions[id] = &s.status
	return c
}

// reported is when the states of all subscriptions were reported.
func (c *customer) reported(t *metav1.Time) *customer {
	for _, s := range c.in.Subscriptions {
		s.Positions = statePosition(t)
	}
	return c
}

// incomplete is a customer of which subscriptions may exist that are not known.
func (c *customer) incomplete() *customer { c.in.Customer.Complete = nil; return c }

// eventsGone makes the status one that was lost, and of which events are gone.
func (c *customer) eventsGone() *customer {
	c.in.Customer.EventsGoneBefore = day(-45)
	return c
}

// withKey is a customer that can be read from Stripe.
func (c *customer) withKey() *customer { c.in.HasStripe = true; return c }

func (c *customer) access(mode v1alpha1.AccessMode) *customer { c.in.Spec.Access = mode; return c }

// override is set by a person whose name, like the customer's, no message may contain; until is nil if it has no end.
func (c *customer) override(access v1alpha1.OverrideAccess, until *metav1.Time) *customer {
	c.in.Spec.Override = &v1alpha1.Override{Access: access, Until: until, Reason: "Ada Lovelace asked", Author: "bob@example.com"}
	return c
}

func (c *customer) grace(d time.Duration) *customer {
	c.in.Spec.GracePeriod = &metav1.Duration{Duration: d}
	return c
}

func (c *customer) dispute(id, status string) *customer {
	c.in.Customer.OpenDisputes = append(c.in.Customer.OpenDisputes, v1alpha1.Dispute{
		ID: id, ChargeID: "ch_" + id, DisputeRecord: v1alpha1.DisputeRecord{Reason: "fraudulent", Status: status},
	})
	return c
}

// lostAt is when Stripe reported that the dispute was lost.
func (c *customer) lostAt(id string, t *metav1.Time) *customer {
	c.in.Customer.Positions = map[string]v1alpha1.Position{"dispute/" + id: {EventID: "evt_1", Created: *t}}
	return c
}

// deleted is a customer that was deleted at Stripe.
func (c *customer) deleted(t *metav1.Time) *customer { c.in.Customer.DeletedAt = t; return c }

func (c *customer) paid(charge, intent string) *customer {
	c.in.Customer.LastPayment = &v1alpha1.Payment{At: *day(-3), Amount: 2900, ChargeID: charge, PaymentIntentID: intent}
	return c
}

func (c *customer) refunded(charge, intent string, full bool) *customer {
	c.in.Customer.Refunds = append(c.in.Customer.Refunds, v1alpha1.Refund{
		ChargeID: charge, PaymentIntentID: intent, At: *day(-1), RefundTotal: v1alpha1.RefundTotal{Amount: 2900, Full: full},
	})
	return c
}

// paidSince is when the customer first paid more than nothing.
func (c *customer) paidSince(t *metav1.Time) *customer { c.in.Customer.PaidSince = t; return c }

// listed is a customer whose subscriptions were listed from Stripe, and whose earlier payments are not known.
func (c *customer) listed() *customer {
	c.in.Customer.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByListing, At: *day(-30)}
	return c
}

// served is a decision to entitle the customer for the subscriptions; the first one decides.
func served(reason, message string, ids ...string) Decision {
	d := Decision{Entitled: true, Reason: reason, Message: message, Entitling: ids}
	if len(ids) > 0 {
		d.SubscriptionID = ids[0]
	}
	return d
}

// refused is a decision not to entitle the customer, by the subscription with the id; empty if there is none.
func refused(reason, message, id string) Decision {
	return Decision{Reason: reason, Message: message, SubscriptionID: id}
}

// notKnown is a decision to change nothing, by the subscription with the id.
func notKnown(message, id string) Decision {
	return Decision{Unknown: true, Reason: v1alpha1.ReasonStateNotKnown, Message: message, SubscriptionID: id}
}

// until is when Entitled turns false, which is the next change as well.
func (d Decision) until(t *metav1.Time) Decision { d.Until, d.Next = t, t; return d }

// next is when the decision changes and Entitled stays as it is, or turns true.
func (d Decision) next(t *metav1.Time) Decision { d.Next = t; return d }
