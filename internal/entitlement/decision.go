package entitlement

import (
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

// PauseEnd is when access ends while collection is paused with behavior void.
type PauseEnd string

const (
	// AtPeriodEnd serves what was paid for, and a trial to its end.
	AtPeriodEnd PauseEnd = "AtPeriodEnd"
	// AtOnce ends access with the pause.
	AtOnce PauseEnd = "AtOnce"
)

// WaitForStripe as Policy.TrialLeeway means that only Stripe's word ends a trial. What follows a trial is a payment, a pause
// or a cancellation, whose report may be late: it is not known until then.
const WaitForStripe time.Duration = -1

// Policy is what holds for all customers.
type Policy struct {
	// GracePeriod is how long access continues after a subscription became past due.
	GracePeriod time.Duration
	// GracePeriodNeverPaid is the GracePeriod of a customer that has never paid more than nothing; nil if it is the same.
	GracePeriodNeverPaid *time.Duration
	// TrialLeeway is how long access continues after the end of a trial if Stripe reports no new status. With
	// WaitForStripe access is never taken away by the clock.
	TrialLeeway time.Duration
	// OnDispute and OnRefund are the actions on an open dispute and on a full refund.
	OnDispute, OnRefund Action
	// OnVoidPause is when a pause of collection with behavior void ends access.
	OnVoidPause PauseEnd
}

// Input is what the decision is about.
type Input struct {
	// Spec holds the customer's manual settings: override, access and grace period.
	Spec v1alpha1.CustomerSpec
	// Customer is the customer's folded status.
	Customer *v1alpha1.CustomerStatus
	// Subscriptions are the folded statuses by Stripe's id.
	Subscriptions map[string]*v1alpha1.SubscriptionStatus
	// HasStripe reports whether the operator has a Stripe key, so that what is not known is read from Stripe soon.
	HasStripe bool
}

// Decision is whether the customer is entitled, and why.
type Decision struct {
	// Entitled, Reason and Message are those of the condition.
	Entitled        bool
	Reason, Message string
	// Unknown reports that the condition's status is Unknown: Entitled is then false, and means nothing.
	Unknown bool
	// Until is when the condition turns False if no further event comes; nil if it does not, or is not True.
	Until *metav1.Time
	// Next is when to decide again; nil if the clock alone changes nothing.
	Next *metav1.Time
	// SubscriptionID is the subscription that decides, or would without a manual override; empty if there is none.
	SubscriptionID string
	// Entitling are the subscriptions that entitle the customer, the deciding one first.
	Entitling []string
	// Purchases are the purchases whose access runs, the earliest first. Empty if the customer is not entitled.
	Purchases []string
}
