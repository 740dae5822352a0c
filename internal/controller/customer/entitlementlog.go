package customer

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// logEntitlement writes one line for each change of the condition Entitled: of its status, or of the reason for it.
func logEntitlement(ctx context.Context, customer *v1alpha1.Customer, conditionsBefore []metav1.Condition) {
	now := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionEntitled)
	before := meta.FindStatusCondition(conditionsBefore, v1alpha1.ConditionEntitled)
	if before == nil {
		before = &metav1.Condition{}
	}
	if now == nil || now.Status == before.Status && now.Reason == before.Reason {
		return
	}
	values := []any{
		"customerID", customer.Spec.CustomerID, "from", before.Status, "fromReason", before.Reason, "to", now.Status, "reason", now.Reason,
	}
	if customer.Spec.Account != "" {
		values = append(values, "account", customer.Spec.Account)
	}
	ctrl.LoggerFrom(ctx).Info("Entitlement changed", values...)
}
