package entitlement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A subscription is judged by its status, as told by Stripe:
//
//	active      entitled: SubscriptionActive
//	trialing    entitled until the trial ends: Trialing; then AwaitingPayment, until Stripe says how it went on
//	past_due    entitled from the first failed payment for the grace period: GracePeriod; then PaymentFailed
//	unpaid      not entitled: PaymentFailed (Stripe has given up collecting)
//	incomplete  not entitled: AwaitingPayment (the first payment)
//	paused      not entitled: Paused (a trial ended without a payment method)
//	canceled, incomplete_expired   not entitled: SubscriptionEnded
//	any of the first three, from a scheduled end on   not entitled: SubscriptionEnded
//	any of the first three, while collection is paused with behavior void   not entitled: Paused
//	trialing, past_due, unpaid or incomplete, but paid since Stripe said so   entitled through the paid period: SubscriptionActive
//	unknown     entitled through a period that was paid for: SubscriptionActive; else AwaitingPayment

// verdict is what one subscription says.
type verdict struct {
	id              string
	entitled        bool
	reason, message string
	until           *metav1.Time // when the verdict changes by the clock
}

// subscriptions decides by the best of the subscriptions. It returns when the first of their verdicts turns by the clock.
func subscriptions(in Input, policy Policy, now time.Time) (decision Decision, turn *metav1.Time) {
	if len(in.Subscriptions) == 0 {
		return Decision{Reason: v1alpha1.ReasonNoSubscription, Message: "The customer has no subscription."}, nil
	}
	if in.Spec.GracePeriod != nil {
		policy.GracePeriod = in.Spec.GracePeriod.Duration
	}
	verdicts := make([]verdict, 0, len(in.Subscriptions))
	for _, id := range slices.Sorted(maps.Keys(in.Subscriptions)) {
		v := judge(id, in.Subscriptions[id], policy, now)
		v.id = id
		verdicts = append(verdicts, v)
	}
	slices.SortStableFunc(verdicts, func(a, b verdict) int {
		return cmp.Or(preference(a)-preference(b), newestFirst(in.Subscriptions[a.id], in.Subscriptions[b.id]))
	})
	return decide(verdicts, now)
}

// decide takes the first verdict. A turn is always later than now: who goes from turn to turn comes to an end.
func decide(verdicts []verdict, now time.Time) (decision Decision, turn *metav1.Time) {
	best := verdicts[0]
	decision = Decision{Entitled: best.entitled, Reason: best.reason, Message: best.message, SubscriptionID: best.id}
	for _, v := range verdicts {
		if v.until != nil && v.until.After(now) {
			turn = first(v.until, turn)
		}
		if v.entitled {
			decision.Entitling = append(decision.Entitling, v.id)
		}
	}
	return decision, turn
}

// preference orders verdicts: what entitles first, then what tells a person most about what to do.
func preference(v verdict) int {
	return slices.Index([]string{
		v1alpha1.ReasonSubscriptionActive,
		v1alpha1.ReasonTrialing,
		v1alpha1.ReasonGracePeriod,
		v1alpha1.ReasonPaymentFailed,
		v1alpha1.ReasonPaused,
		v1alpha1.ReasonAwaitingPayment,
		v1alpha1.ReasonSubscriptionEnded,
	}, v.reason)
}

func newestFirst(a, b *v1alpha1.SubscriptionStatus) int {
	return cmp.Compare(unix(b.StartedAt), unix(a.StartedAt))
}

func unix(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// judge is the table above. A scheduled end holds for whatever was running, should Stripe's word of it be late.
func judge(id string, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) verdict {
	if s.Status == projection.StatusActive || s.Status == projection.StatusTrialing || s.Status == projection.StatusPastDue {
		if end := scheduledEnd(s); end != nil && !now.Before(end.Time) {
			return no(v1alpha1.ReasonSubscriptionEnded, "Subscription %s was scheduled to end%s.", id, on("", end))
		}
		if v, paused := voided(id, s, now); paused {
			return v
		}
	}
	switch s.Status {
	case projection.StatusActive:
		return active(id, s)
	case projection.StatusTrialing:
		return trialing(id, s, policy, now)
	case projection.StatusPastDue:
		return pastDue(id, s, policy, now)
	case projection.StatusUnpaid:
		return unlessPaid(id, s, now, no(v1alpha1.ReasonPaymentFailed,
			"Subscription %s is unpaid: its payments failed and Stripe has stopped trying.", id))
	case projection.StatusIncomplete:
		return unlessPaid(id, s, now, no(v1alpha1.ReasonAwaitingPayment, "Subscription %s waits for its first payment.", id))
	case projection.StatusPaused:
		return no(v1alpha1.ReasonPaused, "Subscription %s is paused: its trial ended without a payment method.", id)
	case projection.StatusCanceled:
		return no(v1alpha1.ReasonSubscriptionEnded, "Subscription %s was canceled%s.", id, on(" and ended", s.EndedAt))
	case projection.StatusIncompleteExpired:
		return no(v1alpha1.ReasonSubscriptionEnded, "Subscription %s expired: its first payment was never made.", id)
	default:
		return unknown(id, s, now)
	}
}

func active(id string, s *v1alpha1.SubscriptionStatus) verdict {
	if end := scheduledEnd(s); end != nil {
		return yes(v1alpha1.ReasonSubscriptionActive, end, "Subscription %s is active and scheduled to end%s.", id, on("", end))
	}
	return yes(v1alpha1.ReasonSubscriptionActive, nil, "Subscription %s is active.", id)
}

// voided says whether collection is paused in the way that means no service.
func voided(id string, s *v1alpha1.SubscriptionStatus, now time.Time) (v verdict, paused bool) {
	pause := s.PauseCollection
	switch {
	case pause == nil || pause.Behavior != "void":
		return verdict{}, false
	case pause.ResumesAt == nil:
		return no(v1alpha1.ReasonPaused, "Subscription %s is paused: its invoices are voided.", id).turning(scheduledEnd(s)), true
	case now.Before(pause.ResumesAt.Time):
		return no(v1alpha1.ReasonPaused, "Subscription %s is paused: its invoices are voided until it resumes%s.",
			id, on("", pause.ResumesAt)).turning(first(pause.ResumesAt, scheduledEnd(s))), true
	default:
		return verdict{}, false
	}
}

// unlessPaid is the verdict, unless a payment came in since Stripe told the status: then the word that it is active again is on its
// way, and what was paid for is served.
func unlessPaid(id string, s *v1alpha1.SubscriptionStatus, now time.Time, otherwise verdict) verdict {
	told, known := projection.StateTold(s)
	if !known || s.LastPaidAt == nil || s.LastPaidAt.Before(told) || s.PaidThrough == nil || !now.Before(s.PaidThrough.Time) {
		return otherwise
	}
	end := first(s.PaidThrough, scheduledEnd(s))
	return yes(v1alpha1.ReasonSubscriptionActive, end, "Subscription %s is paid for and its period ends%s.", id, on("", end))
}

func trialing(id string, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) verdict {
	end := s.TrialEnd
	if end == nil {
		end = s.CurrentPeriodEnd
	}
	if end == nil {
		return yes(v1alpha1.ReasonTrialing, scheduledEnd(s), "Subscription %s is in its trial.", id)
	}
	deadline := first(&metav1.Time{Time: end.Add(policy.TrialLeeway)}, scheduledEnd(s))
	if !now.Before(deadline.Time) {
		return unlessPaid(id, s, now, no(v1alpha1.ReasonAwaitingPayment,
			"The trial of subscription %s ended%s and Stripe has reported no payment since.", id, on("", end)).turning(scheduledEnd(s)))
	}
	return yes(v1alpha1.ReasonTrialing, deadline, "Subscription %s is in its trial, which ends%s.", id, on("", end))
}

func pastDue(id string, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) verdict {
	return unlessPaid(id, s, now, grace(id, s, policy, now))
}

// grace is the verdict on a subscription in dunning.
func grace(id string, s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time) verdict {
	since, scheduled := GraceStart(s), scheduledEnd(s)
	if since == nil {
		return no(v1alpha1.ReasonPaymentFailed, "A payment for subscription %s failed, it is not known when.", id).turning(scheduled)
	}
	end := &metav1.Time{Time: since.Add(policy.GracePeriod)}
	switch {
	case !now.Before(end.Time):
		return no(v1alpha1.ReasonPaymentFailed, "A payment for subscription %s failed%s and the grace period ended%s.",
			id, on("", since), on("", end)).turning(scheduled)
	case scheduled != nil && scheduled.Before(end):
		return yes(v1alpha1.ReasonGracePeriod, scheduled, "A payment for subscription %s failed%s; the subscription is scheduled to end%s.",
			id, on("", since), on("", scheduled))
	default:
		return yes(v1alpha1.ReasonGracePeriod, end, "A payment for subscription %s failed%s; access ends%s unless it is paid.",
			id, on("", since), on("", end))
	}
}

// unknown: no event has told the status, or it is a word that this version does not know. What was paid for is served.
func unknown(id string, s *v1alpha1.SubscriptionStatus, now time.Time) verdict {
	if s.PaidThrough != nil && now.Before(s.PaidThrough.Time) {
		return yes(v1alpha1.ReasonSubscriptionActive, s.PaidThrough, "Subscription %s is paid for%s.", id, on(" and its period ends", s.PaidThrough))
	}
	if s.Status == "" {
		return no(v1alpha1.ReasonAwaitingPayment, "Subscription %s is known by name only: Stripe has not told its status or a payment.", id)
	}
	return no(v1alpha1.ReasonAwaitingPayment, "Subscription %s has the status %s, which is not known here, and no paid period.", id, s.Status)
}

// GraceStart is when the grace period of a subscription in dunning began: at the first failed attempt to collect an open
// invoice since a payment last went through. A later failure of the same run does not move it. Where no failure is known, it
// is when the subscription became past due, or else when its period began.
func GraceStart(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	var start *metav1.Time
	for i := range s.RecentInvoices {
		invoice := &s.RecentInvoices[i]
		failed := invoice.FirstFailedAt
		settled := invoice.Status == projection.InvoicePaid || invoice.Status == projection.InvoiceVoid
		if failed == nil || settled || s.LastPaidAt != nil && !s.LastPaidAt.Before(failed) {
			continue
		}
		start = first(failed, start)
	}
	if start != nil {
		return start
	}
	if since := presentSince(s); since != nil {
		return since
	}
	return s.CurrentPeriodStart
}

// presentSince is when the subscription came into its present status; nil if no event told, or if it was in another one since.
func presentSince(s *v1alpha1.SubscriptionStatus) *metav1.Time {
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

// scheduledEnd is when a cancellation that was asked for takes effect; nil if none was.
func scheduledEnd(s *v1alpha1.SubscriptionStatus) *metav1.Time {
	if s.CancelAt != nil {
		return s.CancelAt
	}
	if s.CancelAtPeriodEnd {
		return s.CurrentPeriodEnd
	}
	return nil
}

// first is the earlier one of two moments, of which the second may be missing.
func first(a, b *metav1.Time) *metav1.Time {
	if b != nil && b.Before(a) {
		return b
	}
	return a
}

func yes(reason string, until *metav1.Time, format string, args ...any) verdict {
	return verdict{entitled: true, reason: reason, message: fmt.Sprintf(format, args...), until: until}
}

func no(reason, format string, args ...any) verdict {
	return verdict{reason: reason, message: fmt.Sprintf(format, args...)}
}

// turning is the verdict that the clock changes at the moment, if it is not nil.
func (v verdict) turning(at *metav1.Time) verdict {
	v.until = at
	return v
}

// on writes a moment as people read it.
func on(prefix string, t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return prefix + " on " + t.UTC().Format("2006-01-02 15:04 UTC")
}
