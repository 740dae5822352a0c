package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubscriptionSpec names the Stripe subscription and its Customer.
//
// +kubebuilder:validation:XValidation:rule="has(self.account) == has(oldSelf.account) && (!has(self.account) || self.account == oldSelf.account)",message="account is immutable"
type SubscriptionSpec struct {
	// subscriptionID is Stripe's id of the subscription (sub_…), exactly as sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="subscriptionID is immutable"
	SubscriptionID string `json:"subscriptionID"`
	// account is the connected account (acct_…) of the subscription; absent for the platform's own account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// customerRef names the Customer object that the subscription belongs to.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerRef is immutable"
	CustomerRef ObjectReference `json:"customerRef"`
}

// FailedPayment is a failed attempt to collect one of the subscription's invoices.
type FailedPayment struct {
	// at is when Stripe reported the failure.
	At metav1.Time `json:"at"`
	// invoiceID is Stripe's id of the invoice (in_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// amount that remained to be paid, in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// attemptCount is how often Stripe has tried to collect the invoice.
	// +optional
	AttemptCount int32 `json:"attemptCount,omitempty"`
	// nextPaymentAttempt is when Stripe tries again. Absent if Stripe has given up.
	// +optional
	NextPaymentAttempt *metav1.Time `json:"nextPaymentAttempt,omitempty"`
}

// ActionRequired is an attempt to collect an invoice that waits for the customer to authorize it with the bank.
type ActionRequired struct {
	// at is when Stripe reported it.
	At metav1.Time `json:"at"`
	// invoiceID is Stripe's id of the invoice (in_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// attemptCount is how often Stripe had tried to collect the invoice by then.
	// +optional
	AttemptCount int32 `json:"attemptCount,omitempty"`
}

// PaidInvoice is the newest paid invoice that bills a period of the subscription: what the paid period rests on.
type PaidInvoice struct {
	// invoiceID is Stripe's id of the invoice (in_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID"`
	// amount paid, in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// paidAt is when the invoice was paid.
	PaidAt metav1.Time `json:"paidAt"`
	// chargeID is the charge (ch_…) that paid the invoice, if an event of the invoice or of its payment names it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the payment intent (pi_…) that paid the invoice, if an event of the invoice or of its payment names it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// lines is Cut if Stripe sent the first lines of the invoice only: what is paid may last longer than they say. It is Whole
	// once all lines were read with a Stripe key. Absent if all lines were sent.
	// +optional
	Lines InvoiceLines `json:"lines,omitempty"`
}

// InvoiceLines is how much is known of a long invoice's lines.
//
// +kubebuilder:validation:Enum=Cut;Whole
type InvoiceLines string

// The values of lines, in the order in which one takes the place of the other.
const (
	// LinesCut: the first lines are known.
	LinesCut InvoiceLines = "Cut"
	// LinesWhole: all lines were read from Stripe.
	LinesWhole InvoiceLines = "Whole"
)

// SubscriptionStatus mirrors the subscription in Stripe.
type SubscriptionStatus struct {
	SubscriptionState `json:",inline"`
	// restItems are the items after the tenth, as they were last read from Stripe. They count while moreItems is true: an
	// event of a long subscription does not hold them, and what they grant stays until Stripe is read again.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=90
	RestItems []SubscriptionItem `json:"restItems,omitempty"`
	// plan is a short name of what was bought: the first item's lookup key, else its nickname, else its price id.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// statusSince holds, for each status, when the subscription last entered it, as far as events report it.
	// +optional
	// +kubebuilder:validation:MaxProperties=8
	StatusSince map[string]metav1.Time `json:"statusSince,omitempty"`
	// firstSeen holds when an event first showed the subscription past_due, and when paused. Grace starts then if no event
	// reported the change.
	// +optional
	// +kubebuilder:validation:MaxProperties=2
	FirstSeen map[string]metav1.Time `json:"firstSeen,omitempty"`
	// trialEndingAnnounced is when Stripe sent customer.subscription.trial_will_end. Absent if it did not.
	// +optional
	TrialEndingAnnounced *metav1.Time `json:"trialEndingAnnounced,omitempty"`
	// paidThrough is the end of the service period that the newest paid invoice covers of those that bill time to come. A free
	// trial's invoice counts.
	// +optional
	PaidThrough *metav1.Time `json:"paidThrough,omitempty"`
	// paidBy is the invoice that the paid period rests on.
	// +optional
	PaidBy *PaidInvoice `json:"paidBy,omitempty"`
	// paidUsage is the newest paid invoice that bills the past only, as that of usage does. One with more lines than Stripe sent
	// counts as long as none of these bills time to come. If the subscription bills usage only, its present period rests on it.
	// +optional
	PaidUsage *PaidInvoice `json:"paidUsage,omitempty"`
	// lastPaidAt is when an invoice of the subscription was last paid. It ends a run of failed payments.
	// +optional
	LastPaidAt *metav1.Time `json:"lastPaidAt,omitempty"`
	// latestInvoice is the subscription's newest invoice.
	// +optional
	LatestInvoice *Invoice `json:"latestInvoice,omitempty"`
	// latestPaymentFailure is the newest failed attempt to collect an invoice. It stays after a later attempt succeeds.
	// +optional
	LatestPaymentFailure *FailedPayment `json:"latestPaymentFailure,omitempty"`
	// actionRequired is the newest attempt to collect an invoice that the customer must authorize with the bank (3-D Secure).
	// It stays after the customer has done so.
	// +optional
	ActionRequired *ActionRequired `json:"actionRequired,omitempty"`
	// schedule is the subscription's newest schedule: which change is planned, and when. Absent if events reported none.
	// +optional
	Schedule *SubscriptionSchedule `json:"schedule,omitempty"`
	// lastComparison is the latest comparison with Stripe that was requested or that found a difference.
	// +optional
	LastComparison *Comparison `json:"lastComparison,omitempty"`
	// lastEvent is the newest event that was folded into this status.
	// +optional
	LastEvent *EventReference `json:"lastEvent,omitempty"`
	// memory is what the operator remembers of the events that this status shows, to judge later ones by. It is an opaque
	// string: do not rely on its form.
	// +optional
	// +kubebuilder:validation:Type=string
	Positions Positions `json:"memory,omitempty"`
	// positions is the memory in the form of earlier versions. It is taken over and removed with the next write.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:pruning:PreserveUnknownFields
	EarlierPositions EarlierPositions `json:"positions,omitempty"`
	// observedGeneration is metadata.generation of the spec that this status is based on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions of the subscription. The types are Ready and InSync.
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
// +kubebuilder:selectablefield:JSONPath=`.spec.customerRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.status`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerRef.name`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.status`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan`
// +kubebuilder:printcolumn:name="Period End",type=string,JSONPath=`.status.currentPeriodEnd`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="ID",type=string,priority=1,JSONPath=`.spec.subscriptionID`
// +kubebuilder:printcolumn:name="Cancels",type=string,priority=1,JSONPath=`.status.cancelAt`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.spec.account`
type Subscription struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec names the Stripe subscription and its Customer.
	// +required
	Spec SubscriptionSpec `json:"spec"`
	// status is the subscription as Stripe last reported it.
	// +optional
	// +structType=atomic
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
