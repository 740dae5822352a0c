package customer

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// lockoutReasons are the reasons of Entitled=False.
var lockoutReasons = []string{
	v1alpha1.ReasonNoSubscription, v1alpha1.ReasonAwaitingPayment, v1alpha1.ReasonPaymentFailed, v1alpha1.ReasonSubscriptionEnded,
	v1alpha1.ReasonPaused, v1alpha1.ReasonDisputed, v1alpha1.ReasonOverrideDenied,
}

// exposeLockouts shows every reason from the start, so that the first lock-out for it counts as an increase.
func exposeLockouts() {
	for _, reason := range lockoutReasons {
		metrics.Lockouts.WithLabelValues(reason)
	}
}

// countLockout counts a customer that loses its access. One that never had any does not count: an import brings many.
func countLockout(before, now *metav1.Condition) {
	if before != nil && before.Status == metav1.ConditionTrue && now.Status == metav1.ConditionFalse {
		metrics.Lockouts.WithLabelValues(now.Reason).Inc()
	}
}
