package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessMode overrides the decision whether a customer is entitled to service.
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

// CustomerSpec names the Stripe customer and holds the operator's overrides.
//
// +kubebuilder:validation:XValidation:rule="has(self.account) == has(oldSelf.account) && (!has(self.account) || self.account == oldSelf.account)",message="account is immutable"
type CustomerSpec struct {
	// customerID is Stripe's id of the customer (cus_…), exactly as sent. With Accounts v2 it is the Account's (acct_…) if
	// Stripe names no customer.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerID is immutable"
	CustomerID string `json:"customerID"`
	// account is the connected account (acct_…) of the customer; absent for the platform's own account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// access overrides the decision whether the customer is entitled. Auto (the default): the subscriptions decide.
	// Granted: always entitled. Denied: never entitled.
	// +optional
	// +kubebuilder:default=Auto
	Access AccessMode `json:"access,omitempty"`
	// override grants or denies access for a time. While it runs it decides before anything else, also before access.
	// +optional
	Override *Override `json:"override,omitempty"`
	// gracePeriod is how long this customer keeps service after a subscription became past due, such as 72h. Absent:
	// the manager's --grace-period applies, or its --grace-period-never-paid.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="gracePeriod must not be negative"
	GracePeriod *metav1.Duration `json:"gracePeriod,omitempty"`
}

// SubscriptionSummary is one subscription of a customer, in brief.
type SubscriptionSummary struct {
	// name of the Subscription object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// subscriptionID is Stripe's id of the subscription (sub_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID"`
	// status is Stripe's status of the subscription, such as active. Absent until an event reports it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// plan is a short name of what was bought: see status.plan of the Subscription.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// currentPeriodEnd is when the current billing period ends.
	// +optional
	CurrentPeriodEnd *metav1.Time `json:"currentPeriodEnd,omitempty"`
}

// Signup is the customer's first checkout that was paid, or that needed no payment, as for a trial.
type Signup struct {
	// sessionID is Stripe's id of the checkout session (cs_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SessionID string `json:"sessionID"`
	// startedAt is when the session was opened.
	StartedAt metav1.Time `json:"startedAt"`
	// completedAt is when the checkout was completed and, with a delayed payment method, paid.
	CompletedAt metav1.Time `json:"completedAt"`
	// clientReferenceID is Stripe's client_reference_id: the id that your application gave the session, if any.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	ClientReferenceID string `json:"clientReferenceID,omitempty"`
}

// CheckoutState is whether a completed checkout was paid.
//
// +kubebuilder:validation:Enum=Unpaid;Failed;Paid
type CheckoutState string

const (
	// CheckoutUnpaid: the payment method takes days, and its payment is not known to have ended.
	CheckoutUnpaid CheckoutState = "Unpaid"
	// CheckoutFailed: the delayed payment failed.
	CheckoutFailed CheckoutState = "Failed"
	// CheckoutPaid: the checkout was paid or needed no payment.
	CheckoutPaid CheckoutState = "Paid"
)

// Checkout is a completed checkout that may turn out to be the sign-up.
type Checkout struct {
	Signup `json:",inline"`
	// state is Unpaid, Failed or Paid.
	State CheckoutState `json:"state"`
	// subscriptionID is the subscription (sub_…) that an unpaid checkout started. A payment of it pays the checkout.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID,omitempty"`
	// paymentIntentID is the payment intent (pi_…) of an unpaid checkout. Its success pays the checkout.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
}

// FirstPayment is the first payment of a payment intent or of a subscription.
type FirstPayment struct {
	// id is Stripe's id of the payment intent (pi_…) or subscription (sub_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// at is when it was first paid.
	At metav1.Time `json:"at"`
}

// CompletenessSource is why all of the customer's subscriptions are known.
//
// +kubebuilder:validation:Enum=CustomerCreated;Listing;CustomerDeleted
type CompletenessSource string

const (
	// CompleteFromCreation: customer.created is recorded, so the recorded history starts with the customer.
	CompleteFromCreation CompletenessSource = "CustomerCreated"
	// CompleteByListing: all of the customer's subscriptions were listed from Stripe.
	CompleteByListing CompletenessSource = "Listing"
	// CompleteByDeletion: Stripe has deleted the customer, which ended all of its subscriptions.
	CompleteByDeletion CompletenessSource = "CustomerDeleted"
)

// Completeness says why, and since when, all of the customer's subscriptions are known.
type Completeness struct {
	// source is CustomerCreated, Listing or CustomerDeleted.
	Source CompletenessSource `json:"source"`
	// at is when Stripe created or deleted the customer, or when its subscriptions were first listed.
	At metav1.Time `json:"at"`
}

// CustomerStatus is what is known about the customer, and the decision whether it is entitled.
type CustomerStatus struct {
	// entitled is the status of the condition Entitled as a field that can be selected: True, False or Unknown. It is written
	// together with the condition. Absent until the operator has decided.
	// +optional
	// +kubebuilder:validation:Enum="True";"False";"Unknown"
	Entitled metav1.ConditionStatus `json:"entitled,omitempty"`
	// email is the customer's e-mail address in Stripe. Absent while unknown.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name is the customer's name in Stripe. Absent while unknown.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// customerAccount is the Account (acct_…) that is this customer, with Stripe's Accounts v2. An event that names only the
	// Account belongs to this customer. Absent until an event names it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerAccount string `json:"customerAccount,omitempty"`
	// livemode is false for a customer in Stripe's test mode or a sandbox. Absent until an event reports it.
	// +optional
	Livemode *bool `json:"livemode,omitempty"`
	// delinquent is Stripe's flag: the latest charge for an invoice failed.
	// +optional
	Delinquent bool `json:"delinquent,omitempty"`
	// metadata is the customer's Stripe metadata whose keys begin with --metadata-prefix, with the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
	// customerSince is when the customer first subscribed, was invoiced, paid or opened a checkout, as far as is known.
	// +optional
	CustomerSince *metav1.Time `json:"customerSince,omitempty"`
	// servedSince is when the earliest subscription started that is known to have been trialing, active or past due.
	// +optional
	ServedSince *metav1.Time `json:"servedSince,omitempty"`
	// paidSince is when the earliest known payment succeeded, or the earliest known invoice was paid.
	// +optional
	PaidSince *metav1.Time `json:"paidSince,omitempty"`
	// firstPayments lists the first payments of the customer's first four weeks, the earliest first. By them a checkout
	// that was completed unpaid is known to be paid.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	FirstPayments []FirstPayment `json:"firstPayments,omitempty"`
	// signup is the customer's first checkout that was paid or needed no payment. Absent if none is known.
	// +optional
	Signup *Signup `json:"signup,omitempty"`
	// checkouts lists the completed checkouts that were not paid, or not yet, up to the first one that was. An unpaid one
	// is the sign-up once its delayed payment succeeds.
	// +optional
	// +listType=map
	// +listMapKey=sessionID
	// +kubebuilder:validation:MaxItems=8
	Checkouts []Checkout `json:"checkouts,omitempty"`

	// deletedAt is when Stripe deleted the customer: then its subscriptions ended, and its personal data left this status.
	// If no event has reported the deletion, it is when Stripe was read. Absent if the customer is not deleted.
	// +optional
	DeletedAt *metav1.Time `json:"deletedAt,omitempty"`
	// complete says why all of the customer's subscriptions are known. While it is absent, a missing subscription may be
	// one that no event has reported yet: then Entitled is Unknown unless a known subscription decides it.
	// +optional
	Complete *Completeness `json:"complete,omitempty"`
	// eventsGoneBefore says that this status was lost, and made anew from the events that were left: those that Stripe created
	// before this time may have been deleted from the cluster (--event-retention). Until all subscriptions are listed from Stripe,
	// none that is missing counts as ended, and what was reported before this time entitles to nothing, unless it was paid since.
	// Absent otherwise.
	// +optional
	EventsGoneBefore *metav1.Time `json:"eventsGoneBefore,omitempty"`
	// plan is the plan of the deciding subscription: the one that Entitled is based on. Absent if a purchase alone
	// entitles the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Plan string `json:"plan,omitempty"`
	// plans are the plans of all subscriptions that entitle: of each, every price that is not metered. Empty while the
	// customer is not entitled.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=255
	Plans []string `json:"plans,omitempty"`
	// subscriptions in brief. The deciding one comes first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Subscriptions []SubscriptionSummary `json:"subscriptions,omitempty"`
	// entitlements is what the customer bought, for tenant controllers. It joins the metadata under --metadata-prefix
	// of the prices and products of every subscription that entitles, and of every purchase whose access runs. Empty
	// while the customer is not entitled.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Entitlements map[string]Value `json:"entitlements,omitempty"`
	// features are the lookup keys of Stripe's active entitlements, in alphabetical order: what the customer bought. They say
	// nothing of access: Entitled does, and a customer with features that is not entitled has no service. Stripe removes
	// them when the subscription ends. Absent if there are none, or none are known. Of more than 200, the first 200 show.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=80
	Features []string `json:"features,omitempty"`
	// cutFeatures is set while the latest list of features is cut: Stripe's event names the first ten only, and the rest is
	// not read yet. Then features joins those with the ones that were known before, and InSync is Unknown.
	// +optional
	CutFeatures *CutFeatures `json:"cutFeatures,omitempty"`
	// products lists what is known of the products of the customer's subscriptions, apart from ended ones, by id. An
	// event names a product by its id only, so a product is read from Stripe once, for all customers.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=20
	Products []Product `json:"products,omitempty"`
	// trialEnd is when the trial of the deciding subscription ends or ended.
	// +optional
	TrialEnd *metav1.Time `json:"trialEnd,omitempty"`
	// periodEnd is when the current billing period of the deciding subscription ends.
	// +optional
	PeriodEnd *metav1.Time `json:"periodEnd,omitempty"`
	// accessUntil is when Entitled turns False without a further event, as at the end of grace or of a purchase. Absent if
	// no end is scheduled.
	// +optional
	AccessUntil *metav1.Time `json:"accessUntil,omitempty"`
	// changedAt is when something changed last that a tenant acts on: the status, reason or time of Entitled, plan, plans,
	// entitlements, features, accessUntil, trialEnd, or what the tenant is found by. It is later with each such change, and so
	// gives the states of a customer their order. Absent if nothing has changed since a version without this field.
	// +optional
	ChangedAt *metav1.MicroTime `json:"changedAt,omitempty"`
	// notified is the state that the CloudEvents sink has accepted last (--cloudevents-sink). Absent if it has accepted none.
	// +optional
	Notified *Notified `json:"notified,omitempty"`

	// defaultPaymentMethodID is the payment method that Stripe charges by default:
	// invoice_settings.default_payment_method, else default_source.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
	// unreadableFields lists fields of Stripe's customer that could not be read, such as email: what they would show is not
	// known. With a Stripe key, the customer is read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	UnreadableFields []string `json:"unreadableFields,omitempty"`
	// paymentMethod is the one that the deciding subscription charges, else the default one, else the one seen last.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// paymentMethods lists the payment methods seen in events, the newest first. One that was detached or deleted is not listed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	PaymentMethods []PaymentMethod `json:"paymentMethods,omitempty"`
	// latestSetup is the newest attempt to set up a payment method.
	// +optional
	LatestSetup *Intent `json:"latestSetup,omitempty"`
	// latestPaymentIntent is the newest payment intent, whatever its status.
	// +optional
	LatestPaymentIntent *Intent `json:"latestPaymentIntent,omitempty"`
	// latestInvoice is the newest invoice, whether or not it belongs to a subscription.
	// +optional
	LatestInvoice *Invoice `json:"latestInvoice,omitempty"`
	// lastPayment is the newest payment that succeeded.
	// +optional
	LastPayment *Payment `json:"lastPayment,omitempty"`
	// lastFailure is the newest payment that failed. It stays after a later payment succeeds.
	// +optional
	LastFailure *LastFailure `json:"lastFailure,omitempty"`
	// invoicePayments lists which payments paid which invoices, the newest first, as Stripe reports it since 2025-03-31.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=8
	InvoicePayments []InvoicePayment `json:"invoicePayments,omitempty"`
	// refunds lists the total refunded on each charge, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=chargeID
	// +kubebuilder:validation:MaxItems=20
	Refunds []Refund `json:"refunds,omitempty"`
	// earlierRefunds lists the refunds before those in refunds, the newest first: one of them may be that of a purchase of which
	// Stripe's event comes late.
	// +optional
	// +listType=map
	// +listMapKey=chargeID
	// +kubebuilder:validation:MaxItems=100
	EarlierRefunds []Refund `json:"earlierRefunds,omitempty"`
	// failedRefunds lists the refunds that failed or were canceled, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=10
	FailedRefunds []FailedRefund `json:"failedRefunds,omitempty"`
	// openDisputes lists the disputes that are open or lost, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=20
	OpenDisputes []Dispute `json:"openDisputes,omitempty"`
	// purchases lists the one-time purchases, the newest first: up to 100 paid ones whose metadata says for how long they grant
	// access, those with the longest access, the newest unpaid ones, and the newest 10 other checkouts.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=130
	Purchases []Purchase `json:"purchases,omitempty"`

	// erasure is how far the erasure of the customer's personal data is. Absent if nobody has requested it.
	// +optional
	Erasure *Erasure `json:"erasure,omitempty"`
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
	// +kubebuilder:validation:MaxProperties=128
	// +kubebuilder:pruning:PreserveUnknownFields
	EarlierPositions EarlierPositions `json:"positions,omitempty"`
	// observedGeneration is metadata.generation of the spec that this status is based on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions of the customer. The types are Entitled (tenant controllers act on it), Ready, InSync, Overridden
	// and Erased.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Customer mirrors one Stripe customer and says whether the customer is entitled to service.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bcus,categories=billing
// +kubebuilder:selectablefield:JSONPath=`.spec.customerID`
// +kubebuilder:selectablefield:JSONPath=`.status.entitled`
// +kubebuilder:selectablefield:JSONPath=`.status.plan`
// +kubebuilder:selectablefield:JSONPath=`.status.email`
// +kubebuilder:printcolumn:name="Entitled",type=string,JSONPath=`.status.conditions[?(@.type=="Entitled")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Entitled")].reason`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.accessUntil`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Since",type=date,priority=1,JSONPath=`.status.conditions[?(@.type=="Entitled")].lastTransitionTime`
// +kubebuilder:printcolumn:name="Email",type=string,priority=1,JSONPath=`.status.email`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.spec.account`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Entitled")].message`
type Customer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec names the Stripe customer and holds the overrides.
	// +required
	Spec CustomerSpec `json:"spec"`
	// status mirrors Stripe and holds the resulting decision.
	// +optional
	// +structType=atomic
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
