// Package entitlement decides whether a customer may use the service now, why, and when the clock alone will change
// that.
//
// It is pure: the current time is an argument. The decision is a chain of named rules; the first rule that applies
// decides:
//
//	override       spec.override, set by a person, while it runs (see override.go)
//	access         spec.access, set by a person
//	deletion       Stripe has deleted the customer
//	subscriptions  the best of the customer's subscriptions, each assessed by its Stripe status (see subscription.go), and,
//	               if the policy is to suspend on them, by disputes of its payments (see dispute.go) and by a full refund
//	               of what its present period rests on (see refund.go)
//	purchases      a purchase whose access runs, if no subscription is active or in its trial (see purchase.go)
//
// A negative decision of the last two is withheld while a subscription may exist that is not known (see unknown.go).
package entitlement

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// rule is one link of the chain before the subscriptions; applies is false if the next link decides.
type rule func(in Input) (decision Decision, applies bool)

// Decide makes the decision for now. It then repeats it for each later moment at which the clock ends an override,
// changes the assessment of a subscription, or starts or ends the access of a purchase, until it knows when the decision
// changes (Next) and when Entitled turns false (Until).
func Decide(in Input, policy Policy, now time.Time) Decision {
	decision, change := decideAt(in, policy, now)
	for change != nil && (decision.Next == nil || decision.Entitled && decision.Until == nil) {
		later, nextChange := decideAt(in, policy, change.Time)
		if decision.Next == nil && !equalExceptTimes(decision, later) {
			decision.Next = change
		}
		if decision.Entitled && !later.Entitled && !later.Unknown && decision.Until == nil {
			decision.Until = change
		}
		change = nextChange
	}
	return decision
}

// decideAt is the decision for one moment, and the next moment at which an override ends or the assessment of a
// subscription or a purchase changes; nil if there is none.
func decideAt(in Input, policy Policy, now time.Time) (decision Decision, change *metav1.Time) {
	best, isTentative, change := bySubscriptions(in, policy, now)
	best, isTentative, changeOfPurchases := withPurchases(in, policy, now, best, isTentative)
	change = earliest(changeOfPurchases, change)
	if RunningOverride(&in.Spec, now) != nil {
		change = earliest(OverrideEnd(&in.Spec), change)
	}
	for _, decide := range []rule{byOverride(now), byAccess, byDeletion} {
		if decision, applies := decide(in); applies {
			decision.SubscriptionID = best.SubscriptionID
			if decision.Entitled {
				decision.Entitling, decision.Purchases = best.Entitling, best.Purchases
				if len(decision.Entitling) == 0 && best.SubscriptionID != "" {
					decision.Entitling = []string{best.SubscriptionID}
				}
			}
			return decision, change
		}
	}
	return unlessNotKnown(in, best, isTentative), change
}

func equalExceptTimes(a, b Decision) bool {
	return a.Entitled == b.Entitled && a.Unknown == b.Unknown && a.Reason == b.Reason && a.Message == b.Message &&
		a.SubscriptionID == b.SubscriptionID && slices.Equal(a.Entitling, b.Entitling) && slices.Equal(a.Purchases, b.Purchases)
}

// byDeletion ends the entitlement with the customer: Stripe has canceled its subscriptions, and can start none for it.
func byDeletion(in Input) (Decision, bool) {
	if in.Customer.DeletedAt == nil {
		return Decision{}, false
	}
	return Decision{Reason: v1alpha1.ReasonSubscriptionEnded,
		Message: "The customer was deleted at Stripe" + onDate(in.Customer.DeletedAt) + ", which ended its subscriptions for good."}, true
}

// bySubscriptions lets the best of the subscriptions decide. The decision is tentative if there is none, or if the state
// of one is not known. It returns when the first of their assessments changes. That is always after now, so Decide comes
// to an end.
func bySubscriptions(in Input, policy Policy, now time.Time) (decision Decision, isTentative bool, change *metav1.Time) {
	if len(in.Subscriptions) == 0 {
		return Decision{Reason: v1alpha1.ReasonNoSubscription, Message: "The customer has no subscription."}, true, nil
	}
	policy.GracePeriod = gracePeriod(in, policy)
	assessments := make(map[string]assessment, len(in.Subscriptions))
	for id, s := range in.Subscriptions {
		assessed := unlessDisputed(in, s, policy, assess(in.Customer, s, policy, now))
		assessments[id] = unlessOutdated(in.Customer, s, unlessRefunded(in.Customer, s, policy, assessed))
	}
	ids := slices.SortedFunc(maps.Keys(assessments), func(a, b string) int {
		return cmp.Or(
			reasonPriority(assessments[a].reason)-reasonPriority(assessments[b].reason),
			cmp.Compare(startedAt(in.Subscriptions[b]), startedAt(in.Subscriptions[a])),
			cmp.Compare(a, b),
		)
	})
	best := assessments[ids[0]]
	decision = Decision{
		Entitled: best.entitled, Unknown: best.isUnknown, Reason: best.reason, Message: best.message, SubscriptionID: ids[0],
	}
	for _, id := range ids {
		if at := assessments[id].changesAt; at != nil && at.After(now) {
			change = earliest(at, change)
		}
		if assessments[id].entitled {
			decision.Entitling = append(decision.Entitling, id)
		}
		isTentative = isTentative || assessments[id].isTentative
	}
	return decision, isTentative, change
}

// reasonPriority orders reasons: first those that entitle, then those that say most about what the customer can do.
func reasonPriority(reason string) int {
	return slices.Index([]string{
		v1alpha1.ReasonSubscriptionActive,
		v1alpha1.ReasonTrialing,
		v1alpha1.ReasonGracePeriod,
		v1alpha1.ReasonStateNotKnown,
		v1alpha1.ReasonDisputed,
		v1alpha1.ReasonPaymentFailed,
		v1alpha1.ReasonPaused,
		v1alpha1.ReasonAwaitingPayment,
		v1alpha1.ReasonSubscriptionEnded,
	}, reason)
}

// startedAt is the Unix time at which the subscription started; 0 if it is not known.
func startedAt(s *v1alpha1.SubscriptionStatus) int64 {
	if s.StartedAt == nil {
		return 0
	}
	return s.StartedAt.Unix()
}
