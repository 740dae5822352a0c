package customer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/personal"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// showErasure notes in the planned status how far the customer's erasure is, and takes out of it what is personal. An erasure
// that was complete begins again when an event with personal data comes: that is written before the event has an outcome, so
// that no kill loses it. Example:
//
//	10:00  the erasure is complete
//	10:05  Stripe sends evt_1 again, which was not recorded: it is pending, and the erasure is not complete any more
//	10:06  evt_1 has an outcome, the erasure controller replaces it, and the erasure is complete
func showErasure(c *reconciliation, a *projection.Aggregate) {
	status := &a.Customer
	if note := c.erasure; note != nil && note.UID == c.customer.UID && note.Erasure.LatestEvents == latestEvents(status.Erasure) {
		status.Erasure = note.Erasure.DeepCopy()
	}
	erasure := status.Erasure
	if erasure == nil {
		return
	}
	if latest := personalEvents(c); latest != "" {
		erasure.LatestEvents, erasure.CompletedAt = latest, nil
		erasure.Archive = false // if the erasure is held up for long, the event gets there with its personal data
	}
	if status.DeletedAt == nil { // the deletion was taken back: what Stripe has is shown, and is to be erased when it is deleted
		erasure.CompletedAt = nil
		return
	}
	projection.Erase(status)
}

func latestEvents(e *v1alpha1.Erasure) string {
	if e == nil {
		return ""
	}
	return e.LatestEvents
}

// personalEvents identifies the events with personal data that wait; empty if there are none. An event that comes anew always
// changes it.
func personalEvents(c *reconciliation) string {
	var uids []string
	for _, e := range c.pending {
		if personal.Has(e.BillingEvent) {
			uids = append(uids, string(e.UID))
		}
	}
	if len(uids) == 0 {
		return ""
	}
	slices.Sort(uids)
	sum := sha256.Sum256([]byte(strings.Join(uids, " ")))
	return hex.EncodeToString(sum[:8])
}

// setErased shows the erasure as a condition: what was requested, by the annotation, and how far it is. The annotation has its
// author and reason, which people write: the condition has ids and counts only.
func setErased(c *v1alpha1.Customer, hasStripe bool, now time.Time) {
	erasure, request := c.Status.Erasure, v1alpha1.ErasureRequest(c)
	set := condition.Setter{Conditions: &c.Status.Conditions, Generation: c.Generation, Now: now}
	switch {
	case erasure == nil && request == "":
		meta.RemoveStatusCondition(set.Conditions, v1alpha1.ConditionErased)
	case !erased.IsDeleted(&c.Status, hasStripe):
		set.Set(v1alpha1.ConditionErased, metav1.ConditionFalse, v1alpha1.ReasonNotDeletedAtStripe, notDeleted(&c.Status))
	case !v1alpha1.IsErasureComplete(c):
		set.Set(v1alpha1.ConditionErased, metav1.ConditionFalse, v1alpha1.ReasonErasing, erasing(erasure))
	default:
		set.Set(v1alpha1.ConditionErased, metav1.ConditionTrue, v1alpha1.ReasonPersonalDataErased, erasedText(erasure))
	}
}

func notDeleted(c *v1alpha1.CustomerStatus) string {
	if c.DeletedAt != nil {
		return "Nothing is erased before Stripe, when it is read, confirms the deletion of the customer that an event reports."
	}
	return "The customer is not deleted at Stripe: the next event or comparison would bring its personal data back. " +
		"Delete it in Stripe's Dashboard; then the erasure begins by itself."
}

func erasing(e *v1alpha1.Erasure) string {
	const what = "The customer's personal data is being erased."
	if e == nil {
		return what
	}
	switch e.WaitsFor {
	case v1alpha1.WaitsForEvents:
		return what + " Events about the customer have no outcome yet, and are erased once they have one."
	case v1alpha1.WaitsForEmails:
		return what + " An e-mail to the customer may be in progress, and is deleted once its result is known."
	case v1alpha1.WaitsForArchive:
		return what + " It has left the cluster. The archive cannot be read or written; that is tried again. The operator's log says why."
	default:
		return what
	}
}

func erasedText(e *v1alpha1.Erasure) string {
	text := fmt.Sprintf("The customer's personal data was erased on %s: it was taken out of %s, and %s and %s were deleted.",
		second(*e.CompletedAt), countEvents(int(e.Events)), counted(int(e.Emails), "e-mail"), counted(int(e.PasswordResets), "password reset"))
	if e.Archive {
		text += " It was taken out of the archive, too."
	}
	return text
}

// announceErasure reports as a Kubernetes event that an erasure begins, waits for the deletion at Stripe, or is complete.
func (r *Reconciler) announceErasure(customer *v1alpha1.Customer, conditionsBefore []metav1.Condition) {
	before := meta.FindStatusCondition(conditionsBefore, v1alpha1.ConditionErased)
	now := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionErased)
	if now == nil || before != nil && before.Reason == now.Reason {
		return
	}
	severity := corev1.EventTypeNormal
	if now.Reason == v1alpha1.ReasonNotDeletedAtStripe {
		severity = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(customer, nil, severity, now.Reason, "Erase", "%s", now.Message)
}
