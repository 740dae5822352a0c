package customer

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// refuseName shows on a Customer or Subscription that its name does not follow from its Stripe id. It was made by hand,
// and the operator does not use it: the next event creates an object for the same Stripe id under the right name.
func (r *Reconciler) refuseName(ctx context.Context, object client.Object) error {
	var conditions *[]metav1.Condition
	var id, account, kind string
	switch o := object.(type) {
	case *v1alpha1.Customer:
		o = o.DeepCopy()
		object, conditions, kind, id, account = o, &o.Status.Conditions, "Customer", o.Spec.CustomerID, o.Spec.Account
	case *v1alpha1.Subscription:
		o = o.DeepCopy()
		object, conditions, kind, id, account = o, &o.Status.Conditions, "Subscription", o.Spec.SubscriptionID, o.Spec.Account
	}
	before := append([]metav1.Condition(nil), *conditions...)
	message := fmt.Sprintf("The operator does not use this object: the %s of %s must be named %s. Delete this one.",
		kind, id, naming.Object(account, id))
	set := condition.Setter{Conditions: conditions, Generation: object.GetGeneration(), Now: r.Clock.Now().UTC()}
	set.Set(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongName, message)
	set.Set(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonWrongName, message)
	if equality.Semantic.DeepEqual(before, *conditions) {
		return nil
	}
	return r.writeStatus(ctx, object, kind)
}
