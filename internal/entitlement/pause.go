package entitlement

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Invoices that are voided are never paid. So while collection is paused with behavior void, the customer has what was
// paid for before, or the trial, and nothing after it. With the behaviors keep_as_draft and mark_uncollectible service
// goes on. See https://docs.stripe.com/billing/subscriptions/pause-payment.

// whileVoided is otherwise, unless collection is paused with behavior void: then access ends as the policy says.
//
// For example, March is paid for on the 1st, and collection is paused on the 10th. Access ends on 1 April. If collection
// resumes by then, it does not end at all.
func whileVoided(s *v1alpha1.SubscriptionStatus, policy Policy, now time.Time, otherwise assessment) assessment {
	pause := s.PauseCollection
	if pause == nil || pause.Behavior != "void" || pause.ResumesAt != nil && !now.Before(pause.ResumesAt.Time) {
		return otherwise
	}
	end, isServed := servedThrough(s)
	switch {
	case policy.OnVoidPause == AtOnce, !isServed, !otherwise.entitled, end != nil && !now.Before(end.Time):
		return assessVoided(s)
	case end == nil, pause.ResumesAt != nil && !end.Before(pause.ResumesAt):
		return otherwise
	case otherwise.changesAt != nil && !end.Before(otherwise.changesAt):
		return otherwise // access ends sooner, or at the same time, for a reason of its own
	default:
		return entitled(otherwise.reason, end, "%sAccess ends%s, with what was paid for.%s", voided, onDate(end), resumption(s))
	}
}

const voided = "Billing of the subscription is paused and its invoices are voided. "

// servedThrough is when the trial, or else the period that was paid for, ends; nil if that is not known. isServed is
// false if the present period is known not to be paid. If no invoice is known, as after an import, or the newest one bills no
// period, as a proration does, an active subscription counts as paid for its present period.
func servedThrough(s *v1alpha1.SubscriptionStatus) (end *metav1.Time, isServed bool) {
	newest := s.LatestInvoice
	isPaid := newest == nil || newest.PeriodEnd == nil || newest.Status == projection.InvoicePaid
	switch {
	case s.Status == projection.StatusTrialing:
		return cmp.Or(s.TrialEnd, s.CurrentPeriodEnd), true
	case s.PaidThrough != nil && s.TestClock == "" && !projection.RestsOnUsage(s): // a test clock simulates it
		return s.PaidThrough, true
	case s.Status == projection.StatusActive && isPaid:
		return s.CurrentPeriodEnd, true
	default:
		return nil, false
	}
}

// assessVoided ends access until collection resumes.
func assessVoided(s *v1alpha1.SubscriptionStatus) assessment {
	resumes, end := s.PauseCollection.ResumesAt, scheduledEnd(s)
	switch {
	case end != nil && (resumes == nil || !resumes.Before(end)):
		return notEntitled(v1alpha1.ReasonPaused, end, voided+"The subscription is scheduled to end%s.", onDate(end))
	case resumes != nil:
		return notEntitled(v1alpha1.ReasonPaused, resumes, voided+"Access resumes%s.", onDate(resumes))
	default:
		return notEntitled(v1alpha1.ReasonPaused, nil, voided+"No date is set for it to resume.")
	}
}

// resumption is a sentence about when access resumes; empty if it is not set to.
func resumption(s *v1alpha1.SubscriptionStatus) string {
	resumes, end := s.PauseCollection.ResumesAt, scheduledEnd(s)
	if resumes == nil || end != nil && !resumes.Before(end) {
		return ""
	}
	return " It resumes" + onDate(resumes) + "."
}
