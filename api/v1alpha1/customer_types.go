package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessMode lets a person override the decision whether a customer is entitled.
//
// +kubebuilder:validation:Enum=Auto;Granted;Denied
type AccessMode string

const (
	// AccessAuto: the subscriptions decide.
	AccessAuto AccessMode = "Auto"
	// AccessGranted: the customer is entitled, whatever the subscriptions say.
	AccessGranted AccessMode = "Granted"
	// AccessDenied: the customer is not entitled, whatever the subscriptions say.
	AccessDenied AccessMode = "Denied"
)

// CustomerSpec says which Stripe customer the object mirrors, and holds what a person decides about it.
//
// +kubebuilder:validation:XValidation:rule="has(self.account) == has(oldSelf.account) && (!has(self.account) || self.account == oldSelf.account)",message="account is immutable"
type CustomerSpec struct {
	// customerID is Stripe's id (cus_…), exactly as sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerID is immutable"
	CustomerID string `json:"customerID"`
	// account is the connected account (acct_…); empty for the platform's own.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// access overrides the decision: Auto (the default) lets the subscriptions decide.
	// +optional
	// +kubebuilder:default=Auto
	Access AccessMode `json:"access,omitempty"`
	// gracePeriod is how long this customer keeps service after a failed payment; it overrides the manager's --grace-period.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="gracePeriod must not be negative"
	GracePeriod *metav1.Duration `json:"gracePeriod,omitempty"`
}

// SubscriptionSummary is a customer's subscription in brief.
type SubscriptionSummary struct {
	// name of the Subscription object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// subscriptionID is Stripe's id (sub_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID"`
	// status is Stripe's own word.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// plan is the short name of what was bought.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// currentPeriodEnd is the end of the current period.
	// +optional
	CurrentPeriodEnd *metav1.Time `json:"currentPeriodEnd,omitempty"`
}

// Payment is money received.
type Payment struct {
	// at is when the payment succeeded.
	At metav1.Time `json:"at"`
	// amount received, in minor units.
	Amount int64 `json:"amount"`
	// currency of the amount.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// chargeID is the charge (ch_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the payment intent (pi_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
}

// LastFailure is the newest payment that did not go through. It stays after recovery.
type LastFailure struct {
	Payment        `json:",inline"`
	PaymentFailure `json:",inline"`
}

// Intent is a payment or a setup that was begun, and how far it has come.
type Intent struct {
	// id is Stripe's id (pi_… or seti_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// created is when it was begun.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// status is Stripe's own word, such as requires_payment_method or succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// failure is set when the last attempt failed.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
}

// Refund is the total refunded on one charge.
type Refund struct {
	// chargeID is the charge (ch_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID"`
	// paymentIntentID is the charge's payment intent (pi_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// at is when the latest refund on it was made.
	At           metav1.Time `json:"at"`
	RefundRecord `json:",inline"`
}

// Dispute is a charge that the customer's bank contests.
type Dispute struct {
	// id is Stripe's id (dp_… or du_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// chargeID is the charge (ch_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID      string `json:"chargeID,omitempty"`
	DisputeRecord `json:",inline"`
}

// Signup is the customer's first completed checkout.
type Signup struct {
	// sessionID is Stripe's id (cs_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SessionID string `json:"sessionID"`
	// startedAt is when the session was opened.
	StartedAt metav1.Time `json:"startedAt"`
	// completedAt is when the checkout was completed.
	CompletedAt metav1.Time `json:"completedAt"`
	// clientReferenceID is the id that your application gave the session.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	ClientReferenceID string `json:"clientReferenceID,omitempty"`
}

// CustomerStatus is what is known of the customer and what follows from it.
type CustomerStatus struct {
	// email of the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name of the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// livemode is false for a customer of Stripe's test mode or a sandbox; absent until an event told it.
	// +optional
	Livemode *bool `json:"livemode,omitempty"`
	// delinquent is Stripe's flag that the latest invoice charge failed.
	// +optional
	Delinquent bool `json:"delinquent,omitempty"`
	// metadata of the Stripe customer under the allowed prefix, the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
	// customerSince is when the customer first subscribed, paid or completed a checkout, as far as is known.
	// +optional
	CustomerSince *metav1.Time `json:"customerSince,omitempty"`
	// signup is the first completed checkout.
	// +optional
	Signup *Signup `json:"signup,omitempty"`

	// plan is the plan of the subscription that decides.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// subscriptions in brief, the one that decides first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Subscriptions []SubscriptionSummary `json:"subscriptions,omitempty"`
	// entitlements are what the customer bought, for tenant controllers: the metadata under the allowed prefix of the prices
	// and products of every subscription that entitles. Empty while the customer is not entitled.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Entitlements map[string]Value `json:"entitlements,omitempty"`
	// trialEnd is when the trial of the subscription that decides ends or ended.
	// +optional
	TrialEnd *metav1.Time `json:"trialEnd,omitempty"`
	// periodEnd is the end of the current period of the subscription that decides.
	// +optional
	PeriodEnd *metav1.Time `json:"periodEnd,omitempty"`
	// accessUntil is when Entitled turns False by the clock if no further event comes; absent when nothing is scheduled.
	// +optional
	AccessUntil *metav1.Time `json:"accessUntil,omitempty"`

	// defaultPaymentMethodID is the payment method that Stripe charges by default.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
	// paymentMethod is the default one, else the one heard of last.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// paymentMethods are all that were heard of, the newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	PaymentMethods []PaymentMethod `json:"paymentMethods,omitempty"`
	// latestSetup is the newest attempt to set up a payment method.
	// +optional
	LatestSetup *Intent `json:"latestSetup,omitempty"`
	// latestPaymentIntent is the newest payment that was begun.
	// +optional
	LatestPaymentIntent *Intent `json:"latestPaymentIntent,omitempty"`
	// latestInvoice is the newest invoice, of a subscription or not.
	// +optional
	LatestInvoice *Invoice `json:"latestInvoice,omitempty"`
	// lastPayment is the newest payment that succeeded.
	// +optional
	LastPayment *Payment `json:"lastPayment,omitempty"`
	// lastFailure is the newest payment that failed.
	// +optional
	LastFailure *LastFailure `json:"lastFailure,omitempty"`
	// refunds by charge, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=chargeID
	// +kubebuilder:validation:MaxItems=20
	Refunds []Refund `json:"refunds,omitempty"`
	// openDisputes are the disputes that are not won or closed, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=20
	OpenDisputes []Dispute `json:"openDisputes,omitempty"`

	// lastComparison is the latest comparison with Stripe that was asked for, or that found a difference.
	// +optional
	LastComparison *Comparison `json:"lastComparison,omitempty"`
	// lastEvent is the newest event that was folded into this status.
	// +optional
	LastEvent *EventReference `json:"lastEvent,omitempty"`
	// positions says which event each part of this status came from.
	// +optional
	// +kubebuilder:validation:MaxProperties=96
	Positions map[string]Position `json:"positions,omitempty"`
	// observedGeneration is the generation of the spec that this status was made for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Entitled, Ready, InSync.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Customer is one Stripe customer, and the decision whether it is entitled to service.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bcus,categories=billing
// +kubebuilder:selectablefield:JSONPath=`.spec.customerID`
// +kubebuilder:printcolumn:name="Entitled",type=string,JSONPath=`.status.conditions[?(@.type=="Entitled")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Entitled")].reason`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.accessUntil`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Customer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which Stripe customer this is, and what a person decided about it.
	// +required
	Spec CustomerSpec `json:"spec"`
	// status is what Stripe told, and the decision that follows.
	// +optional
	Status CustomerStatus `json:"status,omitzero"`
}

// CustomerList is a list of Customers.
//
// +kubebuilder:object:root=true
type CustomerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Customer `json:"items"`
}
