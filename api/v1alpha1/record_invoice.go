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
	Trace         `json:",inline"`
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
	// status is Stripe's status: draft, open, paid, uncollectible or void.
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
	// created is when the invoice was created.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// paidAt is when the invoice was paid. Absent if it is not paid, or if Stripe does not say when.
	// +optional
	PaidAt *metav1.Time `json:"paidAt,omitempty"`
	// periodStart is the start of the service period that the invoice bills. Absent if it bills no subscription.
	// +optional
	PeriodStart *metav1.Time `json:"periodStart,omitempty"`
	// periodEnd is the end of the service period that the invoice bills. Absent if it bills no subscription.
	// +optional
	PeriodEnd *metav1.Time `json:"periodEnd,omitempty"`
}
