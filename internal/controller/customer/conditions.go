package customer

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const upToDate = "The status shows every recorded event."

// setCustomerConditions sets the conditions that follow from the decision, the number of events that wait, and of those that failed.
func setCustomerConditions(c *v1alpha1.Customer, decision entitlement.Decision, waiting, failed int, now time.Time) {
	c.Status.ObservedGeneration = c.Generation
	set := condition.Setter{Conditions: &c.Status.Conditions, Generation: c.Generation, Now: now}
	entitled := condition.Of(decision.Entitled)
	if decision.Unknown {
		entitled = metav1.ConditionUnknown
	}
	set.Set(v1alpha1.ConditionEntitled, entitled, decision.Reason, decision.Message)
	setReady(set, decision, waiting, failed)
	if c.Status.Complete == nil {
		set.Set(v1alpha1.ConditionInSync, metav1.ConditionUnknown, v1alpha1.ReasonStateNotKnown,
			"Not all of the customer's subscriptions are known.")
		return
	}
	setInSync(set, projection.ProfilePosition(&c.Status), c.Status.LastComparison)
}

// setReady sets Ready and Stalled as kstatus reads them: Ready is False while something is missing in the status, and Stalled is True,
// and else absent, if only a person can help.
func setReady(set condition.Setter, decision entitlement.Decision, waiting, failed int) {
	meta.RemoveStatusCondition(set.Conditions, v1alpha1.ConditionStalled)
	switch {
	case failed > 0:
		message := fmt.Sprintf("%s failed and not in the status. See their messages; annotate them with %s once the cause is gone.",
			areEvents(failed), v1alpha1.AnnotationRetry)
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonEventsFailed, message)
		set.Set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonEventsFailed, message)
	case waiting > 0:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonEventsWaiting,
			areEvents(waiting)+" not in the status yet and tried again. See their messages.")
	case decision.Unknown:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonStateNotKnown, decision.Message)
	default:
		set.Set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate, upToDate)
	}
}

func areEvents(n int) string {
	if n == 1 {
		return "1 event is"
	}
	return fmt.Sprintf("%d events are", n)
}

func setSubscriptionConditions(s *v1alpha1.Subscription, now time.Time) {
	s.Status.ObservedGeneration = s.Generation
	set := condition.Setter{Conditions: &s.Status.Conditions, Generation: s.Generation, Now: now}
	if s.Status.MoreItems {
		set.Set(v1alpha1.ConditionInSync, metav1.ConditionUnknown, v1alpha1.ReasonItemsMissing,
			"Stripe sent the first items of the subscription only. With a Stripe key, all of them are read.")
	} else {
		setInSync(set, projection.StatePosition(&s.Status), s.Status.LastComparison)
	}
	if s.Status.Status == "" {
		set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonAwaitingState,
			"No event has reported this subscription's state yet.")
		return
	}
	set.Set(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate, upToDate)
}

// setInSync sets whether a status is what Stripe has, as far as is known.
func setInSync(set condition.Setter, p v1alpha1.Position, last *v1alpha1.Comparison) {
	const inSync = v1alpha1.ConditionInSync
	switch {
	case p.Doubt == v1alpha1.DoubtTie:
		set.Set(inSync, metav1.ConditionUnknown, v1alpha1.ReasonEventsTie, fmt.Sprintf(
			"Events created in the same second (%s) disagree and their order cannot be determined; event %s is shown. "+
				"With a Stripe key, the object is read from Stripe.", second(p.Created), p.EventID))
	case p.Doubt == v1alpha1.DoubtGap:
		set.Set(inSync, metav1.ConditionUnknown, v1alpha1.ReasonEventsMissing, fmt.Sprintf(
			"An event before %s is missing: event %s, created %s, changes a state that no recorded event reports. "+
				"With a Stripe key, the object is read from Stripe.", p.EventID, p.EventID, second(p.Created)))
	case last == nil:
		set.Set(inSync, metav1.ConditionTrue, v1alpha1.ReasonEventsAgree, "The recorded events follow on one another without a gap.")
	case last.NotFound:
		set.Set(inSync, metav1.ConditionFalse, v1alpha1.ReasonNotInStripe, fmt.Sprintf(
			"Stripe did not know the object when it was read on %s.", second(last.At)))
	case len(last.Differed) > 0:
		set.Set(inSync, metav1.ConditionTrue, v1alpha1.ReasonRepaired, fmt.Sprintf(
			"Stripe was read on %s and the status was corrected: %s.", second(last.At), firstFew(last.Differed)))
	default:
		set.Set(inSync, metav1.ConditionTrue, v1alpha1.ReasonCompared, fmt.Sprintf(
			"Stripe was read on %s and had the same.", second(last.At)))
	}
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
