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
//	trialing    entitled until the trial ends: Trialing; then not known, or with --trial-leeway AwaitingPayment
//	past_due    entitled for the grace period, from when it became past due: GracePeriod; then PaymentFailed
//	unpaid      not entitled: PaymentFailed (Stripe has stopped retrying)
//	incomplete  not entitled: AwaitingPayment (the first payment)
//	paused      after the first failed payment: like past_due; after the last one: like unpaid;
//	            else not entitled: Paused
//	canceled, incomplete_expired   not entitled: SubscriptionEnded
//	any that is or is like the first three, from a scheduled end on   not entitled: SubscriptionEnded
//	any that is or is like the first three, while collection is paused with behavior void   entitled through the trial or the period
//	            that was paid for; then Paused. With the policy AtOnce: Paused at once (see pause.go)
//	any of trialing to incomplete, but paid since Stripe reported it   entitled for the paid period: SubscriptionActive
//	unknown     entitled through a paid period: SubscriptionActive; else not known

// assessment is what one subscription alone would decide. Support can read its message out to the customer: it
// names no ids and no fields.
type assessment struct {
	entitled        bool
	reason, message string
	changesAt       *metav1.Time // when the clock changes the assessment; nil if it does not
	isTentative     bool         // the subscription's state is not known
	isUnknown       bool         // Stripe has gone on without a report: only its word can take access away
}

// assess is the table above. A scheduled end takes effect on time, even if Stripe's event is late.
func assess(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	if s.TestClock != "" {
		s = withoutSimulatedTimes(s)
	}
	if mayBeServed(s) {
		if end := scheduledEnd(s); end != nil && !now.Before(end.Time) {
			return endedAsScheduled(end)
		}
		return whileVoided(s, policy, now, assessStatus(c, s, policy, now))
	}
	return assessStatus(c, s, policy, now)
}

func endedAsScheduled(scheduled *metav1.Time) assessment {
	return notEntitled(v1alpha1.ReasonSubscriptionEnded, nil, "The subscription ended%s, as scheduled.", onDate(scheduled))
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
func assessStatus(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	switch s.Status {
	case projection.StatusActive:
		return assessActive(s)
	case projection.StatusTrialing:
		return assessTrialing(s, policy, now)
	case projection.StatusPastDue:
		return unlessPaidSince(s, now, assessPastDue(c, s, policy, now))
	case projection.StatusUnpaid:
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonPaymentFailed, nil,
			"The subscription became unpaid%s: its payments failed and Stripe has stopped retrying. "+openInvoiceAdvice(c, s),
			onDate(currentStatusSince(s))))
	case projection.StatusIncomplete:
		return unlessPaidSince(s, now, assessIncomplete(c, s))
	case projection.StatusPaused:
		return assessPaused(c, s, policy, now)
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
	s.TrialEnd, s.CancelAt, s.CancelAtPeriodEnd, s.CurrentPeriodEnd, s.PaidThrough = nil, nil, false, nil, nil
	if s.PauseCollection != nil {
		s.PauseCollection.ResumesAt = nil
	}
	if s.LatestInvoice != nil {
		s.LatestInvoice.DueAt = nil
	}
	return s
}

// assessPaused applies the cause of a pause. A pause after the first failed payment is past due: the invoice stays
// collectible, and grace runs. A pause after the last attempt is unpaid. See
// https://docs.stripe.com/billing/subscriptions/pause.
func assessPaused(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	since := onDate(currentStatusSince(s))
	switch pauseCause(s) {
	case firstPaymentFailure:
		return unlessPaidSince(s, now, assessPastDue(c, s, policy, now))
	case "final_payment_failure":
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonPaymentFailed, nil,
			"The subscription was paused%s after its last payment attempt failed. "+openInvoiceAdvice(c, s), since))
	case "trial_end_without_payment_method":
		return pausedAfterTrial(since)
	case "":
		if began := currentStatusSince(s); s.TrialEnd != nil && began != nil && began.Sub(s.TrialEnd.Time).Abs() <= aroundTrialEnd {
			return pausedAfterTrial(since)
		}
	}
	return notEntitled(v1alpha1.ReasonPaused, nil, "The subscription was paused%s. Access resumes when the subscription does.", since)
}

// aroundTrialEnd is how far from the end of a trial a pause without a cause counts as caused by it.
const aroundTrialEnd = 24 * time.Hour

func pausedAfterTrial(since string) assessment {
	return notEntitled(v1alpha1.ReasonPaused, nil,
		"The subscription was paused%s because its trial ended without a payment method. Access resumes when the subscription does.", since)
}

// firstPaymentFailure is Stripe's word for a pause after the first failed payment of a renewal.
const firstPaymentFailure = "first_payment_failure"

// pauseCause is Stripe's word for why it paused the subscription; empty if that is not known. API versions before
// 2026-05-27 do not report it. Then a failed invoice shows that a payment failed, as long as it is open, or if it was paid
// after the pause: a trial that ends without a payment method has none. An invoice from after the pause is that of a try to
// resume: the subscription stays paused until it is paid.
func pauseCause(s *v1alpha1.SubscriptionStatus) string {
	if s.PausedBy != "" {
		return s.PausedBy
	}
	latest, failed := s.LatestInvoice, s.LatestPaymentFailure
	if latest == nil || latest.Created.Before(s.TrialEnd) || isAfterThePause(s, latest) {
		return ""
	}
	isFailing := latest.Status == projection.InvoiceOpen && latest.AttemptCount > 0 && !latest.Created.Before(s.LastPaidAt)
	hasFailed := latest.Status == projection.InvoicePaid && failed != nil && failed.InvoiceID == latest.ID
	if isFailing || hasFailed && isPaidSinceReport(s) {
		return firstPaymentFailure
	}
	return ""
}

// isAfterThePause reports whether an invoice was made after the subscription was paused. A test clock simulates when it was.
func isAfterThePause(s *v1alpha1.SubscriptionStatus, invoice *v1alpha1.Invoice) bool {
	since := currentStatusSince(s)
	return s.TestClock == "" && since != nil && since.Before(invoice.Created)
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
	leeway := policy.TrialLeeway
	if leeway == WaitForStripe {
		leeway = reportDelay
	}
	deadline := earliest(&metav1.Time{Time: end.Add(leeway)}, scheduled)
	switch {
	case now.Before(deadline.Time):
		return entitled(v1alpha1.ReasonTrialing, deadline, "The subscription is in its trial, which ends%s.", onDate(end))
	case policy.TrialLeeway == WaitForStripe:
		return unlessPaidSince(s, now, unreported(scheduled,
			"The trial ended%s, and Stripe has not reported what follows. Access stays as it is until it does.", onDate(end)))
	default:
		return unlessPaidSince(s, now, notEntitled(v1alpha1.ReasonAwaitingPayment, scheduled,
			"The trial ended%s and Stripe has reported no payment since. Access resumes once it reports one.", onDate(end)))
	}
}

// reportDelay is how late Stripe's report of what follows a trial may be before the state counts as not known.
const reportDelay = time.Hour

// assessIncomplete waits for the first payment.
func assessIncomplete(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) assessment {
	if needsAuthentication(c, s) {
		return notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
			"The subscription waits for its first payment, which the customer must authorize with the bank. Access starts once it succeeds.")
	}
	return notEntitled(v1alpha1.ReasonAwaitingPayment, nil,
		"The subscription waits for its first payment. Access starts once it succeeds.")
}

// assessPastDue applies the grace period.
func assessPastDue(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) assessment {
	since, scheduled := graceStart(s), scheduledEnd(s)
	cause, then, isDone := "", " and", "paid"
	if needsAuthentication(c, s) {
		cause, then, isDone = mustAuthorize, ", and", "authorized"
	}
	if since == nil {
		return notEntitled(v1alpha1.ReasonPaymentFailed, scheduled,
			"A payment failed on an unknown date%s. Access resumes once it is %s.", cause, isDone)
	}
	end := &metav1.Time{Time: since.Add(policy.GracePeriod)}
	failed := "A payment failed" + onDate(since) + cause
	switch {
	case !now.Before(end.Time):
		return notEntitled(v1alpha1.ReasonPaymentFailed, scheduled,
			"%s%s the grace period ended%s. Access resumes once it is %s.", failed, then, onDate(end), isDone)
	case scheduled != nil && scheduled.Before(end):
		return entitled(v1alpha1.ReasonGracePeriod, scheduled,
			"%s. Access ends%s, when the subscription is scheduled to end.", failed, onDate(scheduled))
	default:
		return entitled(v1alpha1.ReasonGracePeriod, end, "%s. Access ends%s unless it is %s by then.", failed, onDate(end), isDone)
	}
}

// assessUnknown: no event reported the status, or this version does not know it. A paid period is served; else only Stripe
// knows whether the customer is to be.
func assessUnknown(s *v1alpha1.SubscriptionStatus, now time.Time) assessment {
	switch paid := paidUntil(s, s.PaidThrough); {
	case s.PaidThrough != nil && now.Before(paid.changesAt.Time):
		return paid
	case s.Status == "":
		return tentative(unreported(nil, "Stripe has not reported the subscription's status yet. Access stays as it is until it does."))
	default:
		return tentative(unreported(nil,
			"The subscription has the status %s, which this version does not know. Access stays as it is until that changes.", s.Status))
	}
}

// unlessPaidSince is otherwise, unless a payment came after the event that reported the status. Then the subscription
// will be active again as soon as Stripe's event arrives, and the period that was paid for is served. A payment of an older
// invoice does not serve past a newer one that is overdue.
//
// For example, the invoices of February and March are open. On 10 March the one of February is paid: March stays unpaid.
func unlessPaidSince(s *v1alpha1.SubscriptionStatus, now time.Time, otherwise assessment) assessment {
	through, scheduled := projection.PaidThrough(s), scheduledEnd(s)
	switch paid := paidUntil(s, through); {
	case !isPaidSinceReport(s) || newestIsOverdue(s, now):
		return otherwise
	case scheduled != nil && !now.Before(scheduled.Time):
		return endedAsScheduled(scheduled)
	case through == nil && s.TestClock != "": // when the period ends is simulated
		return entitled(v1alpha1.ReasonSubscriptionActive, nil, "The subscription is paid for.")
	case through == nil || !now.Before(paid.changesAt.Time):
		return otherwise
	default:
		return paid
	}
}

// paidUntil serves a paid period, unless the subscription is scheduled to end within it, or a newer invoice is due by then.
func paidUntil(s *v1alpha1.SubscriptionStatus, through *metav1.Time) assessment {
	end := earliest(through, scheduledEnd(s))
	if newest := s.LatestInvoice; newest != nil && newest.Status == projection.InvoiceOpen && newest.DueAt.Before(end) {
		return entitled(v1alpha1.ReasonSubscriptionActive, newest.DueAt, "The subscription is paid for. A newer invoice is due%s.", onDate(newest.DueAt))
	}
	return entitled(v1alpha1.ReasonSubscriptionActive, end, "The subscription is paid for. The paid period ends%s.", onDate(end))
}

// isPaidSinceReport reports whether an invoice was paid after the event that reported the status, or with it.
func isPaidSinceReport(s *v1alpha1.SubscriptionStatus) bool {
	reported := projection.StatePosition(s)
	return reported.EventID != "" && s.LastPaidAt != nil && !s.LastPaidAt.Before(&reported.Created)
}

// newestIsOverdue reports whether the newest invoice is to be paid, and Stripe could not collect it or its due date is over.
// It is newer than every paid one then.
func newestIsOverdue(s *v1alpha1.SubscriptionStatus, now time.Time) bool {
	newest := s.LatestInvoice
	switch {
	case newest == nil:
		return false
	case newest.Status == projection.InvoiceUncollectible:
		return true
	default:
		isDue := newest.AttemptCount > 0 || newest.DueAt != nil && !now.Before(newest.DueAt.Time)
		return newest.Status == projection.InvoiceOpen && isDue
	}
}

// graceStart is when the grace period of a past due subscription started: when it came into past due, or, if no event
// reported that, when it was first seen so. So an older invoice that was given up, or a card that was declined before the
// invoice was due, uses up no grace.
//
// For example, an invoice with net 30 is sent on 1 March, a card is declined on 4 March, and Stripe reports past_due on
// 31 March: grace starts on 31 March.
func graceStart(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	if since := currentStatusSince(s); since != nil {
		return pastDueBefore(s, since)
	}
	if seen, known := s.FirstSeen[s.Status]; known && !hasChangedAfter(s, &seen) {
		return &seen
	}
	if last := projection.StatePosition(s).Created; !last.IsZero() {
		return &last
	}
	return nil
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
	if !known || hasChangedAfter(s, &since) {
		return nil
	}
	return &since
}

// hasChangedAfter reports whether the subscription came into a status after t.
func hasChangedAfter(s *v1alpha1.SubscriptionStatus, t *metav1.Time) bool {
	for _, since := range s.StatusSince {
		if t.Before(&since) {
			return true
		}
	}
	return false
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

// unreported is the assessment while only Stripe knows what holds.
func unreported(until *metav1.Time, message string, args ...any) assessment {
	a := notEntitled(v1alpha1.ReasonStateNotKnown, until, message, args...)
	a.isUnknown = true
	return a
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
