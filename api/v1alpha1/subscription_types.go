package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ObjectReference names an object of a known kind in the same namespace.
type ObjectReference struct {
	// name of the object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// SubscriptionSpec says which Stripe subscription the object mirrors.
//
// +kubebuilder:validation:XValidation:rule="has(self.account) == has(oldSelf.account) && (!has(self.account) || self.account == oldSelf.account)",message="account is immutable"
type SubscriptionSpec struct {
	// subscriptionID is Stripe's id (sub_…), exactly as sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="subscriptionID is immutable"
	SubscriptionID string `json:"subscriptionID"`
	// account is the connected account (acct_…); empty for the platform's own.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// customerRef names the Customer that pays.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerRef is immutable"
	CustomerRef ObjectReference `json:"customerRef"`
}

// FailedPayment is the latest failed attempt to collect one of the subscription's invoices.
type FailedPayment struct {
	// at is when the attempt failed.
	At metav1.Time `json:"at"`
	// invoiceID is the invoice (in_…) that could not be collected.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// amount that was due, in minor units.
	Amount int64 `json:"amount"`
	// currency of the amount.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// attemptCount is how often Stripe has tried.
	// +optional
	AttemptCount int32 `json:"attemptCount,omitempty"`
	// nextPaymentAttempt is when Stripe tries again; absent when it gave up.
	// +optional
	NextPaymentAttempt *metav1.Time `json:"nextPaymentAttempt,omitempty"`
}

// InvoiceStanding remembers what grace and paid-through are reckoned from, for one recent invoice.
type InvoiceStanding struct {
	// id is Stripe's id (in_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// created is when the invoice was made.
	Created metav1.Time `json:"created"`
	// status is draft, open, paid, uncollectible or void.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// firstFailedAt is when the first attempt to collect it failed.
	// +optional
	FirstFailedAt *metav1.Time `json:"firstFailedAt,omitempty"`
}

// SubscriptionStatus mirrors the subscription in Stripe.
type SubscriptionStatus struct {
	SubscriptionState `json:",inline"`
	// plan is the short name of what was bought: the first item's lookup key, else its nickname, else its price.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// statusSince says, by status, when the subscription last came into it, as far as events told.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	StatusSince map[string]metav1.Time `json:"statusSince,omitempty"`
	// trialEndingAnnounced is when Stripe announced the end of the trial (customer.subscription.trial_will_end).
	// +optional
	TrialEndingAnnounced *metav1.Time `json:"trialEndingAnnounced,omitempty"`
	// paidThrough is the end of the latest period that was paid for, a free trial included.
	// +optional
	PaidThrough *metav1.Time `json:"paidThrough,omitempty"`
	// lastPaidAt is when an invoice of the subscription was last paid. It ends a run of failed payments.
	// +optional
	LastPaidAt *metav1.Time `json:"lastPaidAt,omitempty"`
	// latestInvoice is the newest invoice.
	// +optional
	LatestInvoice *Invoice `json:"latestInvoice,omitempty"`
	// latestPaymentFailure is the newest failed attempt to collect an invoice. It stays after recovery.
	// +optional
	LatestPaymentFailure *FailedPayment `json:"latestPaymentFailure,omitempty"`
	// recentInvoices remembers the newest invoices, newest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=12
	RecentInvoices []InvoiceStanding `json:"recentInvoices,omitempty"`
	// lastComparison is the latest comparison with Stripe that was asked for, or that found a difference.
	// +optional
	LastComparison *Comparison `json:"lastComparison,omitempty"`
	// lastEvent is the newest event that was folded into this status.
	// +optional
	LastEvent *EventReference `json:"lastEvent,omitempty"`
	// positions says which event each part of this status came from.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Positions map[string]Position `json:"positions,omitempty"`
	// observedGeneration is the generation of the spec that this status was made for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Ready, InSync.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Subscription mirrors one Stripe subscription.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bsub,categories=billing
// +kubebuilder:selectablefield:JSONPath=`.spec.subscriptionID`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerRef.name`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.status`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan`
// +kubebuilder:printcolumn:name="Period End",type=string,JSONPath=`.status.currentPeriodEnd`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Subscription struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which Stripe subscription this is.
	// +required
	Spec SubscriptionSpec `json:"spec"`
	// status is the subscription as Stripe last told it.
	// +optional
	Status SubscriptionStatus `json:"status,omitzero"`
}

// SubscriptionList is a list of Subscriptions.
//
// +kubebuilder:object:root=true
type SubscriptionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Subscription `json:"items"`
}
