// Package explain says why a customer is entitled or not: in words that support can read out, with the rule and the
// subscription that decided, what changes next, and what would give the customer access.
//
// It is pure. It reads the decision from the Customer, and does not decide again: the settings of the operator, such as
// its grace period, are not known here.
package explain

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Input is what is known of one customer.
type Input struct {
	Customer      *v1alpha1.Customer
	Subscriptions []v1alpha1.Subscription
	Now           time.Time
}

// Explanation is the answer. Its JSON form is the plugin's interface to programs.
type Explanation struct {
	Customer Customer `json:"customer"`
	// Entitled is True, False or Unknown, as the condition has it; NotDecided if there is no condition yet.
	Entitled string `json:"entitled"`
	Reason   string `json:"reason,omitempty"`
	// Message is the condition's: a sentence to read out.
	Message string `json:"message,omitempty"`
	// Since is when Entitled took its present value; absent if it is not decided.
	Since *metav1.Time `json:"since,omitempty"`
	// DeletedAt is when the customer was deleted at Stripe; absent if it is not.
	DeletedAt *metav1.Time `json:"deletedAt,omitempty"`
	// Erasure of the customer's personal data; absent if none is requested.
	Erasure *Erasure `json:"erasure,omitempty"`
	// Rule is what decided.
	Rule Rule `json:"rule"`
	// Next is what is known to happen, the earliest first.
	Next []Change `json:"next"`
	// Unlock is what gives the customer access; empty if it has it.
	Unlock []Advice `json:"unlock"`
	// Doubts is why the answer may not be the last word.
	Doubts []Advice `json:"doubts"`
}

// Customer identifies the customer.
type Customer struct {
	ID        string `json:"id"`
	Account   string `json:"account,omitempty"`
	Name      string `json:"name,omitempty"`
	Email     string `json:"email,omitempty"`
	Object    string `json:"object"`
	Namespace string `json:"namespace"`
	// IsTest reports that the customer is in Stripe's test mode.
	IsTest bool `json:"isTest,omitempty"`
}

// Rule is one link of the chain in internal/entitlement.
type Rule struct {
	// Name is override, access, deletion, subscriptions, purchases or none.
	Name string `json:"name"`
	// Text continues "decided by".
	Text string `json:"text"`
	// SubscriptionID is the subscription that decided, if one did.
	SubscriptionID string `json:"subscriptionID,omitempty"`
	// PurchaseIDs are the purchases that decided, if they did.
	PurchaseIDs []string `json:"purchaseIDs,omitempty"`
}

// Change is something that is known to happen.
type Change struct {
	At   metav1.Time `json:"at"`
	Text string      `json:"text"`
}

// Advice is what to know or to do, and a command that does it.
type Advice struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// NotDecided is Explanation.Entitled while the condition is missing.
const NotDecided = "NotDecided"

// Explain explains one customer.
func Explain(in Input) Explanation {
	c := in.Customer
	e := Explanation{
		Customer: Customer{
			ID: c.Spec.CustomerID, Account: c.Spec.Account, Name: c.Status.Name, Email: c.Status.Email,
			Object: c.Name, Namespace: c.Namespace, IsTest: c.Status.Livemode != nil && !*c.Status.Livemode,
		},
		Entitled:  NotDecided,
		DeletedAt: c.Status.DeletedAt.DeepCopy(), Erasure: erasureOf(c),
		Next: []Change{}, Unlock: []Advice{}, Doubts: []Advice{},
	}
	if entitled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled); entitled != nil {
		e.Entitled, e.Reason, e.Message = string(entitled.Status), entitled.Reason, entitled.Message
		e.Since = entitled.LastTransitionTime.DeepCopy()
	}
	e.Rule = ruleOf(in, e.Reason)
	e.Next = append(e.Next, nextChanges(in, e.Rule)...)
	if e.Entitled != string(metav1.ConditionTrue) {
		e.Unlock = append(e.Unlock, unlock(in, e.Reason)...)
	}
	e.Doubts = append(e.Doubts, doubts(in, e)...)
	return e
}

// deciding is the subscription that decides, or would without an override: the status lists it first. It is nil if there
// is none.
func (in Input) deciding() *v1alpha1.Subscription {
	if len(in.Customer.Status.Subscriptions) == 0 {
		return nil
	}
	first := in.Customer.Status.Subscriptions[0]
	for i := range in.Subscriptions {
		if in.Subscriptions[i].Name == first.Name {
			return &in.Subscriptions[i]
		}
	}
	return &v1alpha1.Subscription{ // it cannot be read: what the customer shows of it
		ObjectMeta: metav1.ObjectMeta{Name: first.Name},
		Spec:       v1alpha1.SubscriptionSpec{SubscriptionID: first.SubscriptionID},
		Status: v1alpha1.SubscriptionStatus{
			SubscriptionState: v1alpha1.SubscriptionState{Status: first.Status, CurrentPeriodEnd: first.CurrentPeriodEnd}, Plan: first.Plan,
		},
	}
}

// described names a subscription with its plan and status.
func described(s *v1alpha1.Subscription) string {
	text := "the subscription " + s.Spec.SubscriptionID + " ("
	if s.Status.Plan != "" {
		text += s.Status.Plan + ", "
	}
	return text + cmp.Or(s.Status.Status, "its status is not known yet") + ")"
}
