// Package entitlement decides whether a customer may use the service now, why, and when that will change by the clock alone.
//
// It is pure: what it needs to know of the time is an argument. The decision is a chain of named rules; the first one that
// has an opinion decides:
//
//	override       a person's spec.access
//	dispute        an open dispute, if the policy is to suspend on it
//	refund         a full refund of the last payment, if the policy is to suspend on it
//	subscriptions  the best of the customer's subscriptions, each judged by its Stripe status (see subscription.go)
package entitlement

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Action is what the operator does on a dispute or a full refund.
type Action string

const (
	// Record shows it in the status and leaves the entitlement alone.
	Record Action = "Record"
	// Suspend takes the entitlement away.
	Suspend Action = "Suspend"
)

// Policy is what holds for all customers.
type Policy struct {
	// GracePeriod is how long service goes on after the first failed payment of a run.
	GracePeriod time.Duration
	// TrialLeeway is how long after the end of a trial Stripe's own word is waited for.
	TrialLeeway time.Duration
	// OnDispute and OnRefund say whether an open dispute or a full refund suspends.
	OnDispute, OnRefund Action
}

// Input is what the decision is about.
type Input struct {
	// Spec holds a person's decisions about the customer.
	Spec v1alpha1.CustomerSpec
	// Customer is the customer's folded status.
	Customer *v1alpha1.CustomerStatus
	// Subscriptions are the folded statuses by Stripe's id.
	Subscriptions map[string]*v1alpha1.SubscriptionStatus
}

// Decision is whether the customer is entitled, and why.
type Decision struct {
	// Entitled, Reason and Message are those of the condition.
	Entitled        bool
	Reason, Message string
	// Until is when Entitled turns false if no further event comes; nil if it does not, or is false already.
	Until *metav1.Time
	// Next is when to decide again; nil if the clock alone changes nothing.
	Next *metav1.Time
	// SubscriptionID is the subscription that decides, or would if nothing overrode it; empty if there is none.
	SubscriptionID string
	// Entitling are the subscriptions that the customer is served for, the deciding one first.
	Entitling []string
}

// rule is one link of the chain; ok is false if it has no opinion.
type rule func(in Input, policy Policy, best Decision) (decision Decision, ok bool)

// Decide runs the chain, now and then at every later moment at which the clock turns a subscription's verdict, until it is known
// when the decision changes and when Entitled turns false.
func Decide(in Input, policy Policy, now time.Time) Decision {
	decision, turn := at(in, policy, now)
	for turn != nil && (decision.Next == nil || decision.Entitled && decision.Until == nil) {
		later, next := at(in, policy, turn.Time)
		if decision.Next == nil && !same(decision, later) {
			decision.Next = turn
		}
		if decision.Entitled && !later.Entitled {
			decision.Until = turn
		}
		turn = next
	}
	return decision
}

// at is the decision of one moment, and the next moment at which a subscription's verdict turns; nil if none does.
func at(in Input, policy Policy, now time.Time) (decision Decision, turn *metav1.Time) {
	best, turn := subscriptions(in, policy, now)
	for _, decide := range []rule{override, dispute, refund} {
		if decision, ok := decide(in, policy, best); ok {
			decision.SubscriptionID = best.SubscriptionID
			if decision.Entitled {
				decision.Entitling = best.Entitling
				if len(decision.Entitling) == 0 && best.SubscriptionID != "" {
					decision.Entitling = []string{best.SubscriptionID}
				}
			}
			return decision, turn
		}
	}
	return best, turn
}

// same says whether two decisions say the same, whenever they end.
func same(a, b Decision) bool {
	return a.Entitled == b.Entitled && a.Reason == b.Reason && a.Message == b.Message &&
		a.SubscriptionID == b.SubscriptionID && slices.Equal(a.Entitling, b.Entitling)
}

// override: a person has the last word.
func override(in Input, _ Policy, _ Decision) (Decision, bool) {
	switch in.Spec.Access {
	case v1alpha1.AccessGranted:
		return Decision{Entitled: true, Reason: v1alpha1.ReasonOverrideGranted, Message: "Access is granted by hand (spec.access is Granted)."}, true
	case v1alpha1.AccessDenied:
		return Decision{Reason: v1alpha1.ReasonOverrideDenied, Message: "Access is denied by hand (spec.access is Denied)."}, true
	default:
		return Decision{}, false
	}
}

// closedDispute statuses lift a suspension. A lost one does not: the money is gone.
var closedDispute = map[string]bool{"won": true, "warning_closed": true, "prevented": true}

// dispute: the customer's bank takes the money back, or tries to.
func dispute(in Input, policy Policy, _ Decision) (Decision, bool) {
	if policy.OnDispute != Suspend {
		return Decision{}, false
	}
	for _, d := range in.Customer.OpenDisputes {
		if !closedDispute[d.Status] {
			return Decision{
				Reason:  v1alpha1.ReasonDisputed,
				Message: fmt.Sprintf("The payment %s is disputed (dispute %s, reason %s); access is suspended until it is won or withdrawn.", d.ChargeID, d.ID, d.Reason),
			}, true
		}
	}
	return Decision{}, false
}

// refund: the last payment was given back whole, so nothing is paid for.
func refund(in Input, policy Policy, best Decision) (Decision, bool) {
	last := in.Customer.LastPayment
	if policy.OnRefund != Suspend || last == nil || !best.Entitled {
		return Decision{}, false
	}
	for _, r := range in.Customer.Refunds {
		same := r.ChargeID == last.ChargeID || r.PaymentIntentID != "" && r.PaymentIntentID == last.PaymentIntentID
		if r.Full && same {
			return Decision{
				Reason:  v1alpha1.ReasonAwaitingPayment,
				Message: fmt.Sprintf("The last payment (%s) was refunded in full; access resumes with the next payment.", r.ChargeID),
			}, true
		}
	}
	return Decision{}, false
}
