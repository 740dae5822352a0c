package explain

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// nextChanges lists what is known to happen, the earliest first.
func nextChanges(in Input, rule Rule) []Change {
	var all []Change
	add := func(at *metav1.Time, text string) {
		if at != nil && at.After(in.Now) {
			all = append(all, Change{At: *at, Text: text})
		}
	}
	c := in.Customer
	if entitlement.RunningOverride(&c.Spec, in.Now) != nil {
		add(entitlement.OverrideEnd(&c.Spec), "the override ends, and "+afterOverride(in)+" again")
	}
	add(c.Status.AccessUntil, "access ends, unless something is reported before")
	if c.Status.DeletedAt == nil && (rule.SubscriptionID != "" || rule.Name == "override" || rule.Name == "access") {
		subscriptionChanges(in, add)
	}
	for i := range c.Status.Purchases {
		add(c.Status.Purchases[i].From, "the access of the purchase "+c.Status.Purchases[i].ID+" begins")
	}
	slices.SortStableFunc(all, func(a, b Change) int { return a.At.Compare(b.At.Time) })
	return joinSameTimes(all)
}

func afterOverride(in Input) string {
	if access := in.Customer.Spec.Access; isByHand(access) {
		return "spec.access (" + string(access) + ") decides"
	}
	s := in.deciding()
	if s == nil {
		return "the subscriptions decide"
	}
	return described(s) + " decides"
}

// subscriptionChanges adds what is scheduled for the deciding subscription.
func subscriptionChanges(in Input, add func(at *metav1.Time, text string)) {
	s := in.deciding()
	if s == nil || s.Status.TestClock != "" { // a test clock simulates its times
		return
	}
	switch status := &s.Status; status.Status {
	case projection.StatusTrialing:
		add(status.TrialEnd, "the trial ends, and Stripe reports what follows")
	case projection.StatusPastDue, projection.StatusUnpaid, projection.StatusIncomplete, projection.StatusPaused:
		if status.LatestInvoice != nil && status.LatestInvoice.Status == projection.InvoiceOpen {
			add(status.LatestInvoice.NextPaymentAttempt, "Stripe tries to collect the open invoice "+status.LatestInvoice.ID+" again")
		}
	}
	switch scheduled := scheduledEnd(s); {
	case isEnded(s):
	case scheduled != nil:
		add(scheduled, "the subscription ends, as scheduled")
	case s.Status.Status == projection.StatusActive:
		add(s.Status.CurrentPeriodEnd, "the period ends, and Stripe renews the subscription")
	}
	if pause := s.Status.PauseCollection; pause != nil {
		add(pause.ResumesAt, "Stripe collects invoices again")
	}
}

// scheduledEnd is when a scheduled cancellation takes effect; nil if none is scheduled.
func scheduledEnd(s *v1alpha1.Subscription) *metav1.Time {
	if s.Status.CancelAt == nil && s.Status.CancelAtPeriodEnd {
		return s.Status.CurrentPeriodEnd
	}
	return s.Status.CancelAt
}

func isEnded(s *v1alpha1.Subscription) bool {
	return s.Status.Status == projection.StatusCanceled || s.Status.Status == projection.StatusIncompleteExpired
}

// joinSameTimes joins what happens at one moment into one change.
func joinSameTimes(sorted []Change) []Change {
	var joined []Change
	for _, change := range sorted {
		last := len(joined) - 1
		switch {
		case last < 0 || !joined[last].At.Equal(&change.At):
			joined = append(joined, change)
		case !strings.Contains(joined[last].Text, change.Text):
			joined[last].Text += "; " + change.Text
		}
	}
	return joined
}

// openInvoice describes the invoice that keeps the customer from access; empty if none is known.
func openInvoice(s *v1alpha1.Subscription) string {
	if s == nil || s.Status.LatestInvoice == nil || s.Status.LatestInvoice.Status != projection.InvoiceOpen {
		return ""
	}
	invoice := s.Status.LatestInvoice
	return invoice.ID + " over " + say.Money(invoice.AmountRemaining, invoice.Currency)
}
