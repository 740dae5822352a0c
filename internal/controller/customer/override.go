package customer

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// setOverridden shows spec.override as a condition. Its author and reason are written by people, and may name a
// customer: the condition says only where to read them.
func setOverridden(set condition.Setter, spec *v1alpha1.CustomerSpec, now time.Time) {
	if spec.Override == nil {
		meta.RemoveStatusCondition(set.Conditions, v1alpha1.ConditionOverridden)
		return
	}
	status, reason, does := metav1.ConditionTrue, v1alpha1.ReasonOverrideGranted, "grants"
	if spec.Override.Access == v1alpha1.OverrideDenied {
		reason, does = v1alpha1.ReasonOverrideDenied, "denies"
	}
	message, end := "An override "+does+" access until it is removed.", entitlement.OverrideEnd(spec)
	switch {
	case entitlement.RunningOverride(spec, now) == nil:
		status, reason = metav1.ConditionFalse, v1alpha1.ReasonOverrideEnded
		message = "An override ended on " + second(*end) + ". It has no effect."
	case end != nil:
		message = "An override " + does + " access until " + second(*end) + "."
	}
	set.Set(v1alpha1.ConditionOverridden, status, reason, message+" Its author and its reason are in spec.override.")
}

// announceOverride reports as a Kubernetes event that an override starts, changes its access, ends or is removed.
func (r *Reconciler) announceOverride(customer *v1alpha1.Customer, conditionsBefore []metav1.Condition) {
	before := meta.FindStatusCondition(conditionsBefore, v1alpha1.ConditionOverridden)
	now := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionOverridden)
	switch {
	case now == nil && before != nil && before.Status == metav1.ConditionTrue:
		r.Recorder.Eventf(customer, nil, corev1.EventTypeNormal, "OverrideRemoved", "Override", "The override was removed.")
	case now != nil && (before == nil || before.Reason != now.Reason):
		r.Recorder.Eventf(customer, nil, corev1.EventTypeNormal, now.Reason, "Override", "%s", now.Message)
	}
}
