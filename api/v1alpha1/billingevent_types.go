package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Outcome is what became of an event. It is empty while the event is pending.
//
// +kubebuilder:validation:Enum="";Applied;Recorded;Superseded;Failed
type Outcome string

const (
	// AnnotationRetry on a BillingEvent with outcome Failed requests a retry. Every new value is a new request, so the
	// current time is a good value. status.retried holds the value of the latest request that was answered.
	AnnotationRetry = "billing.tollkeeper.dev/retry"
	// LabelRetry requests a retry of a BillingEvent with outcome Failed or Recorded, like AnnotationRetry. There may be a
	// hundred thousand Recorded events: those that are labelled can be watched without the others.
	LabelRetry = AnnotationRetry
	// AnnotationDismissed on a BillingEvent with outcome Failed says that a person has dealt with it, who and why, such as
	// "grace@example.com: 2026-11-29T01:20:00Z Ticket 4711". The admission policy lets it begin with the name of the user
	// only. See BillingEvent.IsDismissed.
	AnnotationDismissed = "billing.tollkeeper.dev/dismissed"
)

// maxDismissal is how many characters of a dismissal status.endedDismissal has room for.
const maxDismissal = 255

// RecordedReason is why an event is Recorded and not applied.
//
// +kubebuilder:validation:Enum="";UnhandledType;OtherMode;OtherAccount;NoCustomer;CustomerNotFound
type RecordedReason string

const (
	// RecordedUnhandledType: this version of Tollkeeper does not handle the type, or keeps such an event for the audit trail
	// only.
	RecordedUnhandledType RecordedReason = "UnhandledType"
	// RecordedOtherMode: the event is of the mode of Stripe that is not applied (--livemode).
	RecordedOtherMode RecordedReason = "OtherMode"
	// RecordedOtherAccount: the event is of a connected account that is not let in (--accounts).
	RecordedOtherAccount RecordedReason = "OtherAccount"
	// RecordedNoCustomer: the event belongs to no customer.
	RecordedNoCustomer RecordedReason = "NoCustomer"
	// RecordedCustomerNotFound: the customer of the event's payment was not found in time (--link-timeout).
	RecordedCustomerNotFound RecordedReason = "CustomerNotFound"
)

const (
	// OutcomePending: the event has not been handled yet.
	OutcomePending Outcome = ""
	// OutcomeApplied: at least one part of a status shows the event.
	OutcomeApplied Outcome = "Applied"
	// OutcomeRecorded: the event is kept for the audit trail only.
	OutcomeRecorded Outcome = "Recorded"
	// OutcomeSuperseded: the statuses already show newer events for everything that this event reports.
	OutcomeSuperseded Outcome = "Superseded"
	// OutcomeFailed: the event could not be handled; status.message says why.
	OutcomeFailed Outcome = "Failed"
)

// BillingEventSpec is the envelope of a verified Stripe event and at most one typed record of its object. It never
// holds the raw payload. See https://docs.stripe.com/api/events/object. The decoder and the policy billing-events see to
// it that there is one record at most.
type BillingEventSpec struct {
	// eventID is Stripe's id of the event (evt_…), exactly as sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// type is Stripe's event type, such as invoice.paid.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Type string `json:"type"`
	// created is when Stripe created the event, in whole seconds. Stripe may deliver events in another order.
	Created metav1.Time `json:"created"`
	// apiVersion is the Stripe API version of the payload, such as 2023-10-16. Absent if the payload has none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	APIVersion string `json:"apiVersion,omitempty"`
	// livemode is true for live mode, and false for Stripe's test mode and sandboxes.
	Livemode bool `json:"livemode"`
	// account is the connected account (acct_…) of the event; absent for the platform's own account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// context is Stripe's path to the account of the event, such as acct_… or, in an organization, acct_…/acct_…. Of a thin
	// event, its last part is the account, which may be the platform's own. Absent if the payload has none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Context string `json:"context,omitempty"`
	// notifiedBy is the thin event (evt_…) that reported the change, if Stripe has no event that carries the object. Then the
	// object was read from Stripe when the thin event had come, and may be newer than created; eventID is the thin event's,
	// followed by "_read".
	// +optional
	// +kubebuilder:validation:MaxLength=255
	NotifiedBy string `json:"notifiedBy,omitempty"`
	// objectID is the id of the Stripe object in the payload. Absent if the object has none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ObjectID string `json:"objectID,omitempty"`
	// objectKind is the kind of that object in Stripe's words (its field object), such as subscription or invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ObjectKind string `json:"objectKind,omitempty"`
	// customerID is the Stripe customer (cus_…) that the payload names. Absent if it names none: see status.customerID.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerID string `json:"customerID,omitempty"`
	// customerAccount is the Account (acct_…) that the payload names as the customer, with Stripe's Accounts v2. Absent if
	// it names none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerAccount string `json:"customerAccount,omitempty"`
	// subscriptionID is the Stripe subscription (sub_…) that the payload names. Absent if it names none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID,omitempty"`
	// chargeID is the charge (ch_…) in the payload, or named by it. It links a dispute to its customer.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the payment intent (pi_…) in the payload, or named by it. It links a dispute to its customer.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// payloadSHA256 is the SHA-256 of the request body as received, in hexadecimal, for audits.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	PayloadSHA256 string `json:"payloadSHA256"`
	// warnings lists values of the payload that could not be read, as paths with what is wrong, never as values. The record
	// lacks them, and has all others.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=256
	Warnings []string `json:"warnings,omitempty"`
	// decodeError says which values of the payload could not be read, without which the event is of no use. Such an event
	// ends with outcome Failed.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	DecodeError string `json:"decodeError,omitempty"`

	// subscription is set for customer.subscription.* events.
	// +optional
	Subscription *SubscriptionRecord `json:"subscription,omitempty"`
	// invoice is set for invoice.* events.
	// +optional
	Invoice *InvoiceRecord `json:"invoice,omitempty"`
	// payment is set for payment_intent.*, invoice_payment.* and charge.* events, except charge.refunded and charge.dispute.*.
	// +optional
	Payment *PaymentRecord `json:"payment,omitempty"`
	// refund is set for charge.refunded, charge.updated, charge.refund.updated and refund.* events, if they report a change of
	// what is refunded.
	// +optional
	Refund *RefundRecord `json:"refund,omitempty"`
	// dispute is set for charge.dispute.* events.
	// +optional
	Dispute *DisputeRecord `json:"dispute,omitempty"`
	// checkout is set for checkout.session.* events.
	// +optional
	Checkout *CheckoutRecord `json:"checkout,omitempty"`
	// customer is set for customer.created, customer.updated and customer.deleted events.
	// +optional
	Customer *CustomerRecord `json:"customer,omitempty"`
	// paymentMethod is set for payment_method.* and customer.source.* events.
	// +optional
	PaymentMethod *PaymentMethodRecord `json:"paymentMethod,omitempty"`
	// setup is set for setup_intent.* events.
	// +optional
	Setup *SetupRecord `json:"setup,omitempty"`
	// product is set for product.updated events.
	// +optional
	Product *ProductRecord `json:"product,omitempty"`
	// schedule is set for subscription_schedule.* events.
	// +optional
	Schedule *ScheduleRecord `json:"schedule,omitempty"`
	// discount is set for customer.discount.* events.
	// +optional
	Discount *DiscountRecord `json:"discount,omitempty"`
	// thin is set for thin events, which carry no object: v1.* and v2.*.
	// +optional
	Thin *ThinRecord `json:"thin,omitempty"`
	// features is set for entitlements.active_entitlement_summary.updated events.
	// +optional
	Features *FeaturesRecord `json:"features,omitempty"`
}

// BillingEventStatus is what became of the event.
type BillingEventStatus struct {
	// outcome is Applied, Recorded, Superseded or Failed. It is empty while the event is pending.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// reason is why a Recorded event was not applied. UnhandledType depends on the version of Tollkeeper, OtherMode and
	// OtherAccount on its configuration: the event is applied once they change. NoCustomer and CustomerNotFound do not.
	// +optional
	Reason RecordedReason `json:"reason,omitempty"`
	// refetched is the event as it was read from Stripe again, for a retry, because spec has no record that can be applied. It
	// is applied in place of spec.
	// +optional
	Refetched *BillingEventSpec `json:"refetched,omitempty"`
	// customerID is the customer that the event was linked to. Set only if the payload names none: a dispute's does not, and
	// with Accounts v2 it may name an Account only.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerID string `json:"customerID,omitempty"`
	// processedAt is when the outcome was written.
	// +optional
	ProcessedAt *metav1.Time `json:"processedAt,omitempty"`
	// attempts is how often the event was handled. A retry request starts the count again.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`
	// retryAt is when the event is tried again after a failed attempt. It does not delay the customer's other events.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`
	// retried is the value of the retry annotation, or label, that was answered last.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Retried string `json:"retried,omitempty"`
	// endedDismissal is the value of the annotation dismissed that the event had when it failed, or when a retry of it was
	// refused. That dismissal has ended; another value is a new one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	EndedDismissal string `json:"endedDismissal,omitempty"`
	// erasedAt is when personal data was taken out of the event, because its customer was erased. The event is a copy then: it
	// has another UID than the one that was recorded. payloadSHA256 is still that of the request.
	// +optional
	ErasedAt *metav1.Time `json:"erasedAt,omitempty"`
	// message explains the outcome in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// conditions of the event. The type is Processed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// The validation rule of BillingEvent compares spec only where status is the same. It need not where status differs: a write of the
// main resource keeps the stored status, and a write of the status keeps the stored spec. Comparing specs was a third of what
// writing an outcome cost the API server. "!(a == b)" is not "a != b": that is true of a status that cannot be compared.

// BillingEvent is one verified Stripe event, recorded once. It has no owner, so the audit trail outlives the customer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bev,categories=billing
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
// +kubebuilder:selectablefield:JSONPath=`.spec.customerID`
// +kubebuilder:selectablefield:JSONPath=`.spec.customerAccount`
// +kubebuilder:selectablefield:JSONPath=`.spec.chargeID`
// +kubebuilder:selectablefield:JSONPath=`.spec.paymentIntentID`
// +kubebuilder:selectablefield:JSONPath=`.status.customerID`
// +kubebuilder:selectablefield:JSONPath=`.status.outcome`
// +kubebuilder:selectablefield:JSONPath=`.status.reason`
// +kubebuilder:printcolumn:name="Event",type=string,JSONPath=`.spec.eventID`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerID`
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.status.outcome`
// +kubebuilder:printcolumn:name="Created",type=date,JSONPath=`.spec.created`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.spec.account`
// +kubebuilder:printcolumn:name="Created-At",type=string,priority=1,JSONPath=`.spec.created`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Linked",type=string,priority=1,JSONPath=`.status.customerID`
// +kubebuilder:printcolumn:name="Dismissed",type=string,priority=1,JSONPath=`.metadata.annotations.billing\.tollkeeper\.dev/dismissed`
// +kubebuilder:validation:XValidation:rule="has(self.status) != has(oldSelf.status) || (has(self.status) && !(self.status == oldSelf.status)) || self.spec == oldSelf.spec",message="a recorded event never changes",fieldPath=".spec"
type BillingEvent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what Stripe sent. It never changes. Of a customer that was erased, it is what is not personal: see
	// status.erasedAt.
	// +required
	// +structType=atomic
	Spec BillingEventSpec `json:"spec"`
	// status is what became of the event.
	// +optional
	// +structType=atomic
	Status BillingEventStatus `json:"status,omitzero"`
}

// CustomerID is the customer in the payload, else the one that the event was linked to. Empty if neither is known.
func (e *BillingEvent) CustomerID() string {
	if e.Spec.CustomerID != "" {
		return e.Spec.CustomerID
	}
	return e.Status.CustomerID
}

// IsDismissed reports whether the event has failed and a person has dealt with it since: it needs nobody's attention, though
// no status shows it. A dismissal is about one failure. It ends when the event is retried:
//
//	Failed, annotated with "grace: 10:00 Ticket 1"     dismissed
//	retried, and Failed again, with that annotation    not dismissed: status.endedDismissal has its value
//	annotated with "grace: 11:00 Ticket 1"             dismissed
func (e *BillingEvent) IsDismissed() bool {
	dismissal := e.Dismissal()
	return e.Status.Outcome == OutcomeFailed && dismissal != "" && dismissal != e.Status.EndedDismissal
}

// Dismissal is the annotation dismissed, cut to what a status has room for; empty if there is none. It may have ended: see
// IsDismissed.
func (e *BillingEvent) Dismissal() string {
	value := e.Annotations[AnnotationDismissed]
	if runes := []rune(value); len(runes) > maxDismissal {
		return string(runes[:maxDismissal])
	}
	return value
}

// Content is what is applied: status.refetched, else spec.
func (e *BillingEvent) Content() *BillingEventSpec {
	if e.Status.Refetched != nil {
		return e.Status.Refetched
	}
	return &e.Spec
}

// TakeContent puts the Content in the place of spec, in memory. The API server takes no spec from a write of the status.
func (e *BillingEvent) TakeContent() {
	if e.Status.Refetched != nil {
		e.Spec = *e.Status.Refetched.DeepCopy()
	}
}

// BillingEventList is a list of BillingEvents.
//
// +kubebuilder:object:root=true
type BillingEventList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BillingEvent `json:"items"`
}
