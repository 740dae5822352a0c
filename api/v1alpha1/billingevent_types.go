package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Outcome is what became of an event. Empty means that it is still pending.
//
// +kubebuilder:validation:Enum="";Applied;Recorded;Superseded;Failed
type Outcome string

// AnnotationRetry on a BillingEvent that has Failed asks to handle it once more. Any value that has not been answered yet asks, such
// as the present time; status.retried says which one was answered last.
const AnnotationRetry = "billing.tollkeeper.dev/retry"

const (
	// OutcomePending: the event waits to be folded.
	OutcomePending Outcome = ""
	// OutcomeApplied: the event shows in at least one part of a status.
	OutcomeApplied Outcome = "Applied"
	// OutcomeRecorded: the event is kept for the audit trail only.
	OutcomeRecorded Outcome = "Recorded"
	// OutcomeSuperseded: the event is older than everything it speaks of in the statuses.
	OutcomeSuperseded Outcome = "Superseded"
	// OutcomeFailed: the event could not be used; status.message says why.
	OutcomeFailed Outcome = "Failed"
)

// BillingEventSpec is the envelope of a verified Stripe event and at most one typed record of what it says.
// It never holds the raw payload. See https://docs.stripe.com/api/events/object.
//
// +kubebuilder:validation:XValidation:rule="[has(self.subscription), has(self.invoice), has(self.payment), has(self.refund), has(self.dispute), has(self.checkout), has(self.customer), has(self.paymentMethod), has(self.setup)].filter(x, x).size() <= 1",message="an event holds at most one record"
type BillingEventSpec struct {
	// eventID is Stripe's id of the event (evt_…), exactly as sent.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// type is Stripe's event type, such as invoice.paid.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Type string `json:"type"`
	// created is when Stripe made the event, in whole seconds. Stripe does not promise to deliver in this order.
	Created metav1.Time `json:"created"`
	// apiVersion is the Stripe API version that shaped the payload.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	APIVersion string `json:"apiVersion,omitempty"`
	// livemode is false for events of Stripe's test mode and sandboxes.
	Livemode bool `json:"livemode"`
	// account is the connected account (acct_…) the event is of; empty for the platform's own.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// objectID is the id of the Stripe object in the payload.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ObjectID string `json:"objectID,omitempty"`
	// objectKind is Stripe's name of the object's kind, such as subscription or invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ObjectKind string `json:"objectKind,omitempty"`
	// customerID is the Stripe customer (cus_…) that the payload names, if it names one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerID string `json:"customerID,omitempty"`
	// subscriptionID is the Stripe subscription (sub_…) that the payload names, if it names one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID,omitempty"`
	// chargeID is the charge (ch_…) that the payload is or names. A dispute finds its customer by it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the payment intent (pi_…) that the payload is or names. A dispute finds its customer by it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// payloadSHA256 is the hex SHA-256 of the body as received, for audits.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	PayloadSHA256 string `json:"payloadSHA256"`
	// decodeError says what in the payload could not be read. Such an event is recorded without its record and ends Failed.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	DecodeError string `json:"decodeError,omitempty"`

	// subscription is what a customer.subscription.* event says.
	// +optional
	Subscription *SubscriptionRecord `json:"subscription,omitempty"`
	// invoice is what an invoice.* event says.
	// +optional
	Invoice *InvoiceRecord `json:"invoice,omitempty"`
	// payment is what a payment_intent.* or charge.* event says.
	// +optional
	Payment *PaymentRecord `json:"payment,omitempty"`
	// refund is what a charge.refunded event says.
	// +optional
	Refund *RefundRecord `json:"refund,omitempty"`
	// dispute is what a charge.dispute.created event says.
	// +optional
	Dispute *DisputeRecord `json:"dispute,omitempty"`
	// checkout is what a checkout.session.completed event says.
	// +optional
	Checkout *CheckoutRecord `json:"checkout,omitempty"`
	// customer is what a customer.* event says.
	// +optional
	Customer *CustomerRecord `json:"customer,omitempty"`
	// paymentMethod is what a customer.source.* event says.
	// +optional
	PaymentMethod *PaymentMethodRecord `json:"paymentMethod,omitempty"`
	// setup is what a setup_intent.* event says.
	// +optional
	Setup *SetupRecord `json:"setup,omitempty"`
}

// BillingEventStatus says what became of the event.
type BillingEventStatus struct {
	// outcome is empty while the event is pending.
	// +optional
	Outcome Outcome `json:"outcome,omitempty"`
	// customerID is the customer that the event was linked to, where its payload names none (a dispute names its charge only).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerID string `json:"customerID,omitempty"`
	// processedAt is when the outcome was written.
	// +optional
	ProcessedAt *metav1.Time `json:"processedAt,omitempty"`
	// attempts counts how often the event was handled, since somebody asked to retry it if anybody did.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`
	// retryAt is when an event whose handling failed is tried again. The customer's other events go on meanwhile.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`
	// retried is the value of the retry annotation that was answered last.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Retried string `json:"retried,omitempty"`
	// message explains the outcome in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// conditions: Processed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BillingEvent is one verified Stripe event, recorded once. It has no owner: the audit trail outlives its customer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bev,categories=billing
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
// +kubebuilder:selectablefield:JSONPath=`.spec.customerID`
// +kubebuilder:selectablefield:JSONPath=`.spec.chargeID`
// +kubebuilder:selectablefield:JSONPath=`.spec.paymentIntentID`
// +kubebuilder:selectablefield:JSONPath=`.status.outcome`
// +kubebuilder:printcolumn:name="Event",type=string,JSONPath=`.spec.eventID`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerID`
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.status.outcome`
// +kubebuilder:printcolumn:name="Created",type=date,JSONPath=`.spec.created`
type BillingEvent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what Stripe said. It never changes.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a recorded event never changes"
	Spec BillingEventSpec `json:"spec"`
	// status is what became of the event.
	// +optional
	Status BillingEventStatus `json:"status,omitzero"`
}

// CustomerID is the customer that the event is about: the one that the payload names, else the one it was linked to.
func (e *BillingEvent) CustomerID() string {
	if e.Spec.CustomerID != "" {
		return e.Spec.CustomerID
	}
	return e.Status.CustomerID
}

// BillingEventList is a list of BillingEvents.
//
// +kubebuilder:object:root=true
type BillingEventList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BillingEvent `json:"items"`
}
