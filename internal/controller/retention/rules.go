package retention

import (
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
)

// settledRest is how long an event stays after its outcome was written, however old it is: what was resent, backfilled or retried shows
// for a day.
const settledRest = 24 * time.Hour

// kept is why an event stays; empty if it may go.
type kept string

// Why events stay.
const (
	keptYoung      kept = "Young"      // Stripe created it within the retention
	keptPending    kept = "Pending"    // it has no outcome
	keptFailed     kept = "Failed"     // a person is to look at it, or has looked: a dismissal is a part of the audit trail
	keptJustEnded  kept = "JustEnded"  // its outcome was written within a day
	keptRetry      kept = "Retry"      // a person asks for a retry that was not answered yet
	keptOpenCase   kept = "OpenCase"   // it is about a dispute that its Customer shows open, or about the disputed payment
	keptProtected  kept = "Protected"  // it has a finalizer, or is being deleted
	keptUnreadable kept = "Unreadable" // it has an outcome of another version
)

// whyKept decides about one event. before is the time before which Stripe has created what may go. openDisputes are
// those that the event's Customer shows. Each line is a rule:
//   - the age is that of spec.created alone. So no event outlives a later one of its customer by more than it must, and all
//     events since a time are there, or none was deleted (archivehead.State);
//   - an event that waits or has failed is work to do, not history;
//   - the events of a dispute name its payment, not its customer: they find it by earlier events of both. Those of the payment
//     are needed once more when a backup is restored without statuses.
func whyKept(e *v1alpha1.BillingEvent, before, now time.Time, openDisputes []v1alpha1.Dispute) kept {
	switch e.Status.Outcome {
	case v1alpha1.OutcomePending:
		return keptPending
	case v1alpha1.OutcomeFailed:
		return keptFailed
	case v1alpha1.OutcomeApplied, v1alpha1.OutcomeRecorded, v1alpha1.OutcomeSuperseded:
	default:
		return keptUnreadable
	}
	switch at := e.Status.ProcessedAt; {
	case !e.Spec.Created.Time.Before(before):
		return keptYoung
	case at == nil || now.Sub(at.Time) < settledRest:
		return keptJustEnded
	case len(e.Finalizers) > 0 || e.DeletionTimestamp != nil:
		return keptProtected
	case asksForRetry(e):
		return keptRetry
	}
	for i := range openDisputes {
		if isOfCase(e.Content(), &openDisputes[i]) {
			return keptOpenCase
		}
	}
	return ""
}

// isOfCase reports whether an event is about the dispute, or about its payment.
func isOfCase(e *v1alpha1.BillingEventSpec, d *v1alpha1.Dispute) bool {
	return e.Dispute != nil && e.ObjectID == d.ID ||
		e.ChargeID != "" && e.ChargeID == d.ChargeID ||
		e.PaymentIntentID != "" && e.PaymentIntentID == d.PaymentIntentID
}

// mayBeOfCase reports whether an event can be about a dispute or its payment.
func mayBeOfCase(e *v1alpha1.BillingEventSpec) bool {
	return e.Dispute != nil || e.ChargeID != "" || e.PaymentIntentID != ""
}

// asksForRetry reports whether a person has asked for a retry, and it was not answered: see package retry.
func asksForRetry(e *v1alpha1.BillingEvent) bool {
	request := strings.Trim(e.Labels[v1alpha1.LabelRetry]+" "+e.Annotations[v1alpha1.AnnotationRetry], " ")
	return e.Labels[v1alpha1.LabelRetry] != "" && annotation.Unanswered(request, e.Status.Retried) != ""
}
