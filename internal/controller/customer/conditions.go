package customer

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/annotation"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const upToDate = "The status shows every recorded event."

// unused counts the events about a customer that no status shows: those that wait, those that failed, and failed ones that a
// person has dismissed.
type unused struct{ waiting, failed, dismissed int }

// setCustomerConditions sets the conditions that follow from the decision, the events that no status shows, and the products in
// doubt. refusal says why Stripe does not let the customer be read; empty if it does.
func setCustomerConditions(
	c *v1alpha1.Customer, decision entitlement.Decision, events unused, doubtedProducts []string, refusal string, now time.Time,
) {
	c.Status.ObservedGeneration = c.Generation
	set := condition.Setter{Conditions: &c.Status.Conditions, Generation: c.Generation, Now: now}
	entitled := condition.Of(decision.Entitled)
	if decision.Unknown {
		entitled = metav1.ConditionUnknown
	}
	set.Set(v1alpha1.ConditionEntitled, entitled, decision.Reason, decision.Message)
	c.Status.Entitled = entitled
	setOverridden(set, &c.Spec, now)
	setReady(set, decision, events)
	status, reason, message := inSync(projection.ProfilePosition(&c.Status), c.Status.LastComparison)
	if status == metav1.ConditionTrue && len(c.Status.UnreadableFields) > 0 {
		status, reason, message = inSyncUnreadable("customer", c.Status.UnreadableFields)
	}
	if status == metav1.ConditionTrue && c.Status.Complete == nil {
		status, reason, message = metav1.ConditionUnknown, v1alpha1.ReasonStateNotKnown, "Not all of the customer's subscriptions are known."
	}
	if status == metav1.ConditionTrue && len(doubtedProducts) > 0 {
		status, reason = metav1.ConditionUnknown, v1alpha1.ReasonProductsNotKnown
		message = fmt.Sprintf("What these products grant is not known for certain: %s. They are read from Stripe if the key may read products.",
			firstFew(doubtedProducts))
	}
	if status == metav1.ConditionTrue && projection.AreFeaturesInDoubt(&c.Status) {
		status, reason, message = inSyncFeatures(&c.Status)
	}
	isAsked := annotation.Unanswered(c.Annotations[v1alpha1.AnnotationResync], answeredRequest(c.Status.LastComparison)) != ""
	status, reason, message = inSyncRefused(status, reason, message, refusal, isAsked)
	if c.Status.DeletedAt != nil {
		status, reason, message = inSyncDeleted(c.Status.DeletedAt)
	}
	set.Set(v1alpha1.ConditionInSync, status, reason, message)
}

// setReady sets Ready and Stalled as kstatus reads them. Ready is False while the status lacks something. Stalled is
// True if only a person can help; else it is absent. A person who has dismissed a failed event has helped.
func setReady(set condition.Setter, decision entitlement.Decision, events unused) {
	if events.failed == 0 { // a condition that stays keeps its transition time
		meta.RemoveStatusCondition(set.Conditions, v1alpha1.ConditionStalled)
	}
	switch {
	case events.failed > 0:
		message := fmt.Sprintf(
			"The status lacks %s that failed. Read the messages of the events, and annotate them with %s once the cause is gone.",
			countEvents(events.failed), v1alpha1.AnnotationRetry)
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonEventsFailed, message)
		set.Set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonEventsFailed, message)
	case events.waiting > 0:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonEventsWaiting,
			"The status lacks "+countEvents(events.waiting)+" that could not be applied so far and will be tried again. Read the messages of the events.")
	case decision.Unknown:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonStateNotKnown, decision.Message)
	case events.dismissed > 0:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate,
			"The status shows every recorded event, apart from "+countEvents(events.dismissed)+" that failed and that a person has dismissed.")
	default:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate, upToDate)
	}
}

func countEvents(n int) string { return counted(n, "event") }

// counted is a number of things: "1 event", "2 events".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// setSubscriptionConditions sets the conditions of a subscription. deletedAt is when its customer was deleted; nil if it
// was not. refusal says why Stripe does not let its customer be read; empty if it does.
func setSubscriptionConditions(s *v1alpha1.Subscription, deletedAt *metav1.Time, refusal string, now time.Time) {
	s.Status.ObservedGeneration = s.Generation
	set := condition.Setter{Conditions: &s.Status.Conditions, Generation: s.Generation, Now: now}
	status, reason, message := inSync(projection.StatePosition(&s.Status), s.Status.LastComparison)
	switch {
	case s.Status.MoreItems:
		status, reason = metav1.ConditionUnknown, v1alpha1.ReasonItemsMissing
		message = fmt.Sprintf("Stripe sent the first %d items of the subscription only. With a Stripe key, all of them are read, up to 100.",
			len(s.Status.Items))
	case projection.CutInvoice(&s.Status) != "":
		status, reason = metav1.ConditionUnknown, v1alpha1.ReasonLinesMissing
		message = fmt.Sprintf("Stripe sent the first lines of the paid invoice %s only, so more may be paid for than the status says. "+
			"With a Stripe key, all of them are read.", projection.CutInvoice(&s.Status))
	}
	if status == metav1.ConditionTrue && len(s.Status.UnreadableFields) > 0 {
		status, reason, message = inSyncUnreadable("subscription", s.Status.UnreadableFields)
	}
	if s.Status.LastEvent == nil && s.Status.LastComparison == nil { // nothing that is there has reported it
		status, reason = metav1.ConditionUnknown, v1alpha1.ReasonStateNotKnown
		message = "The status was lost, and no recorded event gives it back. With a Stripe key, the subscription is read from Stripe."
	}
	isAsked := annotation.Unanswered(s.Annotations[v1alpha1.AnnotationResync], answeredRequest(s.Status.LastComparison)) != ""
	status, reason, message = inSyncRefused(status, reason, message, refusal, isAsked)
	if deletedAt != nil {
		status, reason, message = inSyncDeleted(deletedAt)
	}
	set.Set(v1alpha1.ConditionInSync, status, reason, message)
	if s.Status.Status == "" {
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingState,
			"No event has reported this subscription's state yet.")
		return
	}
	set.Set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate, upToDate)
}

// inSync is whether the status matches Stripe, as far as is known.
func inSync(p v1alpha1.Position, last *v1alpha1.Comparison) (status metav1.ConditionStatus, reason, message string) {
	switch {
	case p.Doubt == v1alpha1.DoubtTie:
		return metav1.ConditionUnknown, v1alpha1.ReasonEventsTie, fmt.Sprintf(
			"Events created in the same second (%s) disagree and their order cannot be determined; event %s is shown. "+
				"With a Stripe key, the object is read from Stripe.", second(p.Created), p.EventID)
	case p.Doubt == v1alpha1.DoubtGap:
		return metav1.ConditionUnknown, v1alpha1.ReasonEventsMissing, fmt.Sprintf(
			"An event before %s is missing: event %s, created %s, changes a state that no recorded event reports. "+
				"With a Stripe key, the object is read from Stripe.", p.EventID, p.EventID, second(p.Created))
	case p.Doubt == v1alpha1.DoubtRefuted:
		return metav1.ConditionUnknown, v1alpha1.ReasonRefuted, fmt.Sprintf(
			"Stripe was read on %s and does not have the end that an event reported. It is read once more, because events "+
				"that are newer than the reading lost against that end.", second(p.Created))
	case last == nil:
		return metav1.ConditionTrue, v1alpha1.ReasonEventsAgree, "The recorded events follow on one another without a gap."
	case last.NotFound:
		return metav1.ConditionFalse, v1alpha1.ReasonNotInStripe, fmt.Sprintf(
			"Stripe did not know the object of this customer when it was read on %s.", second(last.At))
	case len(last.Remaining) > 0:
		return metav1.ConditionFalse, v1alpha1.ReasonDiffers, fmt.Sprintf(
			"Stripe was read on %s and has another state: %s. An event that is not older than the reading is shown. "+
				"Stripe is read again.", second(last.At), firstFew(last.Remaining))
	case len(last.Differed) > 0:
		return metav1.ConditionTrue, v1alpha1.ReasonRepaired, fmt.Sprintf(
			"Stripe was read on %s and the status was corrected: %s.", second(last.At), firstFew(last.Differed))
	default:
		return metav1.ConditionTrue, v1alpha1.ReasonCompared, fmt.Sprintf(
			"Stripe was read on %s and matched the status.", second(last.At))
	}
}

// answeredRequest is the value of the resync annotation that the last comparison answered.
func answeredRequest(last *v1alpha1.Comparison) string {
	if last == nil {
		return ""
	}
	return last.Request
}

// inSyncRefused is inSync of an object that waits to be read while Stripe refuses that: it is in doubt, known to differ, or
// a person has asked for a comparison. An object that waits for the sweep only stays as it is.
func inSyncRefused(
	status metav1.ConditionStatus, reason, message, refusal string, isAsked bool,
) (metav1.ConditionStatus, string, string) {
	switch {
	case refusal == "" || status == metav1.ConditionTrue && !isAsked:
		return status, reason, message
	case status == metav1.ConditionFalse:
		return status, reason, message + " " + refusal
	default:
		return metav1.ConditionUnknown, v1alpha1.ReasonStripeRefuses, message + " " + refusal
	}
}

// inSyncUnreadable is inSync for an object with fields that could not be read.
func inSyncUnreadable(kind string, fields []string) (status metav1.ConditionStatus, reason, message string) {
	return metav1.ConditionUnknown, v1alpha1.ReasonFieldsUnreadable, fmt.Sprintf(
		"These fields of Stripe's %s could not be read: %s. With a Stripe key, the object is read once more. If that does not help, "+
			"this version does not know their form: look at the %s in Stripe's dashboard, and for a newer version of Tollkeeper.",
		kind, firstFew(fields), kind)
}

// inSyncDeleted is inSync for a deleted customer and its subscriptions.
func inSyncDeleted(deletedAt *metav1.Time) (status metav1.ConditionStatus, reason, message string) {
	return metav1.ConditionTrue, v1alpha1.ReasonCustomerDeleted, fmt.Sprintf(
		"The customer was deleted at Stripe on %s. With a Stripe key, Stripe is read once to confirm that. "+
			"After that it is not read any more, not even on request.", second(*deletedAt))
}

func second(t metav1.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// firstFew lists the first names, and how many more there are.
func firstFew(names []string) string {
	const few = 8
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
