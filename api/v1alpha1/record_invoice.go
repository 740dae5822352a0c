package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// InvoiceRecord is what an invoice.* event reports.
type InvoiceRecord struct {
	Invoice `json:",inline"`
	// email is the customer's e-mail address on the invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name is the customer's name on the invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// priceMetadata is the metadata of the one-time prices on the invoice that say for how long they grant access, with
	// --metadata-prefix removed. Of several prices, the longest access counts. Invoices since API version 2025-03-31 do
	// not hold it.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	PriceMetadata map[string]Value `json:"priceMetadata,omitempty"`
	// otherPeriods are the service periods that lines of the invoice bill for other subscriptions than the invoice's own.
	// +optional
	// +listType=map
	// +listMapKey=subscriptionID
	// +kubebuilder:validation:MaxItems=10
	OtherPeriods []ServicePeriod `json:"otherPeriods,omitempty"`
	// moreLines is true if Stripe sent the first lines of the invoice only (lines.has_more). With a Stripe key all of them are
	// read once the invoice is paid.
	// +optional
	MoreLines bool `json:"moreLines,omitempty"`
	Trace     `json:",inline"`
}

// ServicePeriod is a period that an invoice bills for a subscription.
type ServicePeriod struct {
	// subscriptionID is Stripe's id of the subscription (sub_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	SubscriptionID string `json:"subscriptionID"`
	// start of the period.
	Start metav1.Time `json:"start"`
	// end of the period.
	End metav1.Time `json:"end"`
}

// Invoice is a Stripe invoice. See https://docs.stripe.com/api/invoices/object.
type Invoice struct {
	// id is Stripe's id of the invoice (in_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id,omitempty"`
	// number is the number printed on the invoice. Absent while it is a draft.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Number string `json:"number,omitempty"`
	// status is Stripe's status: draft, open, paid, uncollectible or void; or deleted, as a draft can be.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// billingReason is why Stripe created the invoice, such as subscription_create or subscription_cycle.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	BillingReason string `json:"billingReason,omitempty"`
	// currency of the amounts, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// amountDue in minor units of the currency (cents).
	AmountDue int64 `json:"amountDue"`
	// amountPaid in minor units of the currency (cents).
	AmountPaid int64 `json:"amountPaid"`
	// amountRemaining in minor units of the currency (cents).
	AmountRemaining int64 `json:"amountRemaining"`
	// attemptCount is how often Stripe has tried to collect the invoice.
	// +optional
	AttemptCount int32 `json:"attemptCount,omitempty"`
	// nextPaymentAttempt is when Stripe tries to collect it next. Absent if no attempt is scheduled.
	// +optional
	NextPaymentAttempt *metav1.Time `json:"nextPaymentAttempt,omitempty"`
	// dueAt is when a sent invoice is to be paid. Absent if Stripe charges it automatically.
	// +optional
	DueAt *metav1.Time `json:"dueAt,omitempty"`
	// unreadableFields lists fields of Stripe's invoice that could not be read, such as amount_due: what they would show is not
	// known. An amount among them shows as 0.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	UnreadableFields []string `json:"unreadableFields,omitempty"`
	// created is when the invoice was created.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// paidAt is when the invoice was paid. Absent if it is not paid, or if Stripe does not say when.
	// +optional
	PaidAt *metav1.Time `json:"paidAt,omitempty"`
	// chargeID is the charge (ch_…) that paid the invoice. Absent if it is not paid, or since API version 2025-03-31.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the payment intent (pi_…) that paid the invoice. Absent if it is not paid, or not known.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// periodStart is the start of the service period that the invoice bills. Absent if it bills no subscription.
	// +optional
	PeriodStart *metav1.Time `json:"periodStart,omitempty"`
	// periodEnd is the end of the service period that the invoice bills. Absent if it bills no subscription.
	// +optional
	PeriodEnd *metav1.Time `json:"periodEnd,omitempty"`
}
