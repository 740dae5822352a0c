package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// IsEntitled reports whether Entitled is True: serve the customer. False does not mean that the customer is to be
// suspended: see IsNotEntitled.
func (c *Customer) IsEntitled() bool {
	return meta.IsStatusConditionTrue(c.Status.Conditions, ConditionEntitled)
}

// IsNotEntitled reports whether Entitled is False: suspend the customer. While Entitled is Unknown, or the operator has
// not decided yet, neither IsEntitled nor IsNotEntitled is true: change nothing.
func (c *Customer) IsNotEntitled() bool {
	return meta.IsStatusConditionFalse(c.Status.Conditions, ConditionEntitled)
}

// EntitledSince is when Entitled became True, to the second. It is zero if Entitled is not True.
func (c *Customer) EntitledSince() time.Time { return since(c, metav1.ConditionTrue) }

// NotEntitledSince is when Entitled became False, to the second. It is zero if Entitled is not False.
func (c *Customer) NotEntitledSince() time.Time { return since(c, metav1.ConditionFalse) }

func since(c *Customer, status metav1.ConditionStatus) time.Time {
	condition := meta.FindStatusCondition(c.Status.Conditions, ConditionEntitled)
	if condition == nil || condition.Status != status {
		return time.Time{}
	}
	return condition.LastTransitionTime.Time
}
