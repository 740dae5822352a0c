package entitlement

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A subscription is assessed by its Stripe status:
//
//	active      entitled: SubscriptionActive
//	trialing    entitled until the trial ends: Trialing; then AwaitingPayment, until Stripe reports a new status
//	past_due    entitled for the grace period from the first failed payment on: GracePeriod; then PaymentFailed
//	unpaid      not entitled: PaymentFailed (Stripe has stopped retrying)
//	incomplete  not entitled: AwaitingPayment (the first payment)
//	paused      after the first failed payment: like past_due; after the last one: like unpaid;
//	            else not entitled: Paused
//	canceled, incomplete_expired   not entitled: SubscriptionEnded
//	any that is or is like the first three, from a scheduled end on   not entitled: SubscriptionEnded
//	any that is or is like the first three, while collection is paused with behavior void   entitled through the trial or the period
//	            that was paid for; then Paused. With the policy AtOnce: Paused at once (see pause.go)
//	any of trialing to incomplete, but paid since Stripe reported it   entitled for the paid period: SubscriptionActive
//	unknown     entitled through a paid period: SubscriptionActive; else AwaitingPayment

// assessment is what one subscription alone would decide. Support can read its message out to the customer: it
// names no ids and no fields.
type assessment struct {
	entitled        bool
	reason, message string
	changesAt       *metav1.Time // when the clock changes the assessment; nil if it does not
	isTentative     bool         // the subscription's state is not known
}

// assess is the table above. A scheduled end takes effect on time, even if Stripe's event is late.
func assess(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	if s.TestClock != "" {
		s = withoutSimulatedTimes(s)
	}
	if mayBeServed(s) {
		if end := scheduledEnd(s); end != nil && !now.Before(end.Time) {
			return notEntitled(v1alpha1.ReasonSubscriptionEnded, nil, "The subscription ended%s, as scheduled.", onDate(end))
		}
		return whileVoided(s, policy, now, assessStatus(s, policy, now))
	}
	return assessStatus(s, policy, now)
}

// mayBeServed reports whether the status is one of the table's first three, or is treated like one.
func mayBeServed(s *v1alpha1.SubscriptionStatus) bool {
	switch s.Status {
	case projection.StatusActive, projection.StatusTrialing, projection.StatusPastDue:
		return true
	default:
		return s.Status == projection.StatusPaused && pauseCause(s) == firstPaymentFailure
	}
}

// assessStatus applies Stripe's status alone.
func assessStatus(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	switch s.Status {
	case projection.StatusActive:
		return assessActive(s)
	case projection.StatusTrialing:
		return assessTrialing(s, policy, now)
	case projection.StatusPastDue:
		return unlessPaidSince(s, now, assessPastDue(s, policy, now))
	case projection.StatusUnpaid:
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonPaymentFailed, nil,
			"The subscription became unpaid%s: its payments failed and Stripe has stopped retrying. "+
				"Access resumes once the open invoice is paid.", onDate(currentStatusSince(s))))
	case projection.StatusIncomplete:
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
			"The subscription waits for its first payment. Access starts once it succeeds."))
	case projection.StatusPaused:
		return assessPaused(s, policy, now)
	case projection.StatusCanceled:
		return notEntitled(v1alpha1.ReasonSubscriptionEnded, nil, "The subscription was canceled and ended%s.", onDate(s.EndedAt))
	case projection.StatusIncompleteExpired:
		return notEntitled(v1alpha1.ReasonSubscriptionEnded, nil, "The subscription expired: its first payment was never made.")
	default:
		return assessUnknown(s, now)
	}
}

// withoutSimulatedTimes leaves out the times that a test clock simulates: what they lead to, Stripe reports when the clock is
// advanced. The times of events are real: grace runs.
func withoutSimulatedTimes(s *v1alpha1.SubscriptionStatus) *v1alpha1.SubscriptionStatus {
	s = s.DeepCopy()
	s.TrialEnd, s.CancelAt, s.CancelAtPeriodEnd, s.CurrentPeriodEnd = nil, nil, false, nil
	if s.PauseCollection != nil {
		s.PauseCollection.ResumesAt = nil
	}
	return s
}

// assessPaused applies the cause of a pause. A pause after the first failed payment is past due: the invoice stays
// collectible, and grace runs. A pause after the last attempt is unpaid. See
// https://docs.stripe.com/billing/subscriptions/pause.
func assessPaused(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	since := onDate(currentStatusSince(s))
	switch pauseCause(s) {
	case firstPaymentFailure:
		return unlessPaidSince(s, now, assessPastDue(s, policy, now))
	case "final_payment_failure":
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonPaymentFailed, nil,
			"The subscription was paused%s after its last payment attempt failed. Access resumes once the open invoice is paid.", since))
	case "":
		if s.TrialEnd == nil || wasBilledAfterTrial(s) {
			break
		}
		return notEntitled(v1alpha1.ReasonPaused, nil,
			"The subscription was paused%s because its trial ended without a payment method. Access resumes when the subscription does.", since)
	}
	return notEntitled(v1alpha1.ReasonPaused, nil, "The subscription was paused%s. Access resumes when the subscription does.", since)
}

// firstPaymentFailure is Stripe's word for a pause after the first failed payment of a renewal.
const firstPaymentFailure = "first_payment_failure"

// pauseCause is Stripe's word for why it paused the subscription; empty if that is not known. API versions before
// 2026-05-27 do not report it. Then a failed invoice that is open shows that a payment failed: a trial that ends without
// a payment method has none.
func pauseCause(s *v1alpha1.SubscriptionStatus) string {
	if s.PausedBy != "" {
		return s.PausedBy
	}
	for i := range s.RecentInvoices {
		invoice := &s.RecentInvoices[i]
		isOpen := invoice.Status == projection.InvoiceOpen
		if failed := invoice.FirstFailedAt; isOpen && failed != nil && !failed.Before(s.LastPaidAt) && !failed.Before(s.TrialEnd) {
			return firstPaymentFailure
		}
	}
	return ""
}

// wasBilledAfterTrial reports whether the subscription was active or past due after its trial.
func wasBilledAfterTrial(s *v1alpha1.SubscriptionStatus) bool {
	for _, status := range []string{projection.StatusActive, projection.StatusPastDue} {
		if since, known := s.StatusSince[status]; known && !since.Before(s.TrialEnd) {
			return true
		}
	}
	return false
}

func assessActive(s *v1alpha1.SubscriptionStatus) assessment {
	if end := scheduledEnd(s); end != nil {
		return entitled(v1alpha1.ReasonSubscriptionActive, end, "The subscription is active and scheduled to end%s.", onDate(end))
	}
	return entitled(v1alpha1.ReasonSubscriptionActive, nil, "The subscription is active.")
}

func assessTrialing(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	end, scheduled := cmp.Or(s.TrialEnd, s.CurrentPeriodEnd), scheduledEnd(s)
	switch {
	case scheduled != nil && (end == nil || !end.Before(scheduled)):
		return entitled(v1alpha1.ReasonTrialing, scheduled, "The subscription is in its trial and scheduled to end%s.", onDate(scheduled))
	case end == nil:
		return entitled(v1alpha1.ReasonTrialing, nil, "The subscription is in its trial.")
	}
	deadline := earliest(&metav1.Time{Time: end.Add(policy.TrialLeeway)}, scheduled)
	if now.Before(deadline.Time) {
		return entitled(v1alpha1.ReasonTrialing, deadline, "The subscription is in its trial, which ends%s.", onDate(end))
	}
	return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonAwaitingPayment, scheduled,
		"The trial ended%s and Stripe has reported no payment since. Access resumes once it reports one.", onDate(end)))
}

// assessPastDue applies the grace period.
func assessPastDue(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	since, scheduled := graceStart(s), scheduledEnd(s)
	if since == nil {
		return notEntitled(v1alpha1.ReasonPaymentFailed, scheduled,
			"A payment failed on an unknown date. Access resumes once it is paid.")
	}
	end := &metav1.Time{Time: since.Add(policy.GracePeriod)}
	switch {
	case !now.Before(end.Time):
		return notEntitled(v1alpha1.ReasonPaymentFailed, scheduled,
			"A payment failed%s and the grace period ended%s. Access resumes once it is paid.", onDate(since), onDate(end))
	case scheduled != nil && scheduled.Before(end):
		return entitled(v1alpha1.ReasonGracePeriod, scheduled,
			"A payment failed%s. Access ends%s, when the subscription is scheduled to end.", onDate(since), onDate(scheduled))
	default:
		return entitled(v1alpha1.ReasonGracePeriod, end,
			"A payment failed%s. Access ends%s unless it is paid by then.", onDate(since), onDate(end))
	}
}

// assessUnknown: no event reported the status, or this version does not know it. A paid period is served.
func assessUnknown(s *v1alpha1.SubscriptionStatus, now time.Time) assessment {
	switch {
	case s.PaidThrough != nil && now.Before(s.PaidThrough.Time):
		return paidUntil(s.PaidThrough)
	case s.Status == "":
		return tentative(notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
			"Stripe has not reported the subscription's status or a payment yet."))
	default:
		return tentative(notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
			"The subscription has the status %s, which this version does not know, and no period is paid for.", s.Status))
	}
}

// unlessPaidSince is otherwise, unless a payment came after the event that reported the status. Then the subscription
// will be active again as soon as Stripe's event arrives, and the period that was paid for is served.
func unlessPaidSince(s *v1alpha1.SubscriptionStatus, now time.Time, otherwise assessment) assessment {
	reported := projection.StatePosition(s)
	if reported.EventID == "" || s.LastPaidAt == nil || s.LastPaidAt.Before(&reported.Created) ||
		s.PaidThrough == nil || !now.Before(s.PaidThrough.Time) {
		return otherwise
	}
	return paidUntil(earliest(s.PaidThrough, scheduledEnd(s)))
}

func paidUntil(end *metav1.Time) assessment {
	return entitled(v1alpha1.ReasonSubscriptionActive, end, "The subscription is paid for. The paid period ends%s.", onDate(end))
}

// graceStart is when the grace period of a past due subscription started: when it came into past due. If no event reported
// that, it is the first failed attempt to collect an open invoice, unless the subscription was in another status since;
// else the moment at which it was first seen past due. So an older invoice that was given up, or a card that was declined
// before the invoice was due, uses up no grace.
//
// For example, an invoice with net 30 is sent on 1 March, a card is declined on 4 March, and Stripe reports past_due on
// 31 March: grace starts on 31 March.
func graceStart(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	if since := currentStatusSince(s); since != nil {
		return pastDueBefore(s, since)
	}
	var lastOther *metav1.Time
	for status, since := range s.StatusSince {
		if status != s.Status && (lastOther == nil || lastOther.Before(&since)) {
			lastOther = &since
		}
	}
	var failed *metav1.Time
	for i := range s.RecentInvoices {
		invoice := &s.RecentInvoices[i]
		isOpen := invoice.Status == projection.InvoiceOpen
		if isOpen && invoice.FirstFailedAt != nil && !invoice.FirstFailedAt.Before(lastOther) && !invoice.FirstFailedAt.Before(s.LastPaidAt) {
			failed = earliest(invoice.FirstFailedAt, failed)
		}
	}
	if failed != nil {
		return failed
	}
	if seen := projection.StatePosition(s).Created; !seen.IsZero() {
		return &seen
	}
	return s.CurrentPeriodStart
}

// pastDueBefore is when a subscription that is paused since a time came into past due, if it was past due until then; else
// that time. A pause does not start the grace period anew.
func pastDueBefore(s *v1alpha1.SubscriptionStatus, since *metav1.Time) *metav1.Time {
	pastDue, known := s.StatusSince[projection.StatusPastDue]
	if s.Status != projection.StatusPaused || !known {
		return since
	}
	for status, entered := range s.StatusSince {
		if status != projection.StatusPaused && pastDue.Before(&entered) {
			return since
		}
	}
	return &pastDue
}

// currentStatusSince is when the subscription came into its current status; nil if no event reported that, or if it has
// been in another one since.
func currentStatusSince(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	since, known := s.StatusSince[s.Status]
	if !known {
		return nil
	}
	for _, other := range s.StatusSince {
		if since.Before(&other) {
			return nil
		}
	}
	return &since
}

// scheduledEnd is when a scheduled cancellation takes effect; nil if none is scheduled.
func scheduledEnd(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	if s.CancelAt == nil && s.CancelAtPeriodEnd {
		return s.CurrentPeriodEnd
	}
	return s.CancelAt
}

// earliest is the earlier of two times; nil counts as never.
func earliest(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && b.Before(a) {
		return b
	}
	return a
}

func entitled(reason string, until *metav1.Time, message string, args ...any) assessment {
	return assessment{entitled: true, reason: reason, message: fmt.Sprintf(message, args...), changesAt: until}
}

func notEntitled(reason string, until *metav1.Time, message string, args ...any) assessment {
	return assessment{reason: reason, message: fmt.Sprintf(message, args...), changesAt: until}
}

func tentative(a assessment) assessment {
	a.isTentative = true
	return a
}

// onDate continues a sentence with a moment; it is empty if the moment is not known.
func onDate(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(" on 2 January 2006 at 15:04 UTC")
}
