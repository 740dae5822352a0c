package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PaymentRecord is what a payment_intent.* or charge.* event reports.
type PaymentRecord struct {
	// status is Stripe's status of the payment intent (requires_payment_method, processing, succeeded, …) or of the
	// charge (succeeded, pending, failed).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// amount received (of a charge: captured) if the payment succeeded, else requested, in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// uncaptured is true if the charge is only authorized: no money has moved yet.
	// +optional
	Uncaptured bool `json:"uncaptured,omitempty"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// invoiceID is the invoice (in_…) that is paid. Absent since API version 2025-03-31.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// created is when Stripe created the payment intent or charge.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// failure is why the payment failed. Absent if it did not fail.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
	// paymentMethod is the payment method that was charged, as far as the payload shows it.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// metadata is the metadata of the payment intent or charge whose keys begin with --metadata-prefix, with the prefix
	// removed. Absent if it does not say for how long a purchase grants access.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
}

// PaymentFailure is why a payment failed. See https://docs.stripe.com/declines/codes.
type PaymentFailure struct {
	// code is Stripe's error code, such as card_declined.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Code string `json:"code,omitempty"`
	// declineCode is the bank's reason, such as insufficient_funds. Absent if the bank gave none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DeclineCode string `json:"declineCode,omitempty"`
	// blockedBy is Stripe's own reason if Stripe, and not the bank, refused the payment, such as highest_risk_level or
	// rule. No bank has seen the payment then.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	BlockedBy string `json:"blockedBy,omitempty"`
	// message is Stripe's explanation in a sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// PaymentMethodRecord is what a payment_method.* or customer.source.* event reports.
type PaymentMethodRecord struct {
	PaymentMethod `json:",inline"`
	// detached is true if the payment method was taken away from the customer, for good.
	// +optional
	Detached bool `json:"detached,omitempty"`
}

// PaymentMethod is a card, a bank account or another way to pay. Of a card, only brand, last4 and expiry are kept.
type PaymentMethod struct {
	// id is Stripe's id of the payment method (pm_…, card_…, src_…, ba_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id,omitempty"`
	// kind is Stripe's type of the payment method, such as card, bank_account or sepa_debit.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Kind string `json:"kind,omitempty"`
	// brand is the card's brand or the bank's name, in lower case, such as visa.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Brand string `json:"brand,omitempty"`
	// last4 is the last four digits of the card or account number.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Last4 string `json:"last4,omitempty"`
	// expMonth is the month (1 to 12) at whose end the card expires.
	// +optional
	ExpMonth int32 `json:"expMonth,omitempty"`
	// expYear is the year in which the card expires.
	// +optional
	ExpYear int32 `json:"expYear,omitempty"`
	// expiring is true if the card has expired or expires within about a month.
	// +optional
	Expiring bool `json:"expiring,omitempty"`
}

// SetupRecord is what a setup_intent.* event reports. See https://docs.stripe.com/api/setup_intents/object.
type SetupRecord struct {
	// created is when Stripe created the setup intent.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// status is Stripe's status of the setup intent, such as succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// paymentMethod is the payment method to set up, as far as the payload shows it.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// failure is why the setup failed. Absent if it did not fail.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
}

// RefundRecord is what an event about a refund reports: the total of all refunds on a charge, or one refund that failed.
type RefundRecord struct {
	RefundTotal `json:",inline"`
	// failedRefundID is the refund (re_…) that failed or was canceled. The amounts are then those of this refund alone.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	FailedRefundID string `json:"failedRefundID,omitempty"`
	// made is when that refund was made.
	// +optional
	Made  *metav1.Time `json:"made,omitempty"`
	Trace `json:",inline"`
}

// RefundTotal is how much of a charge is refunded. See https://docs.stripe.com/api/charges/object.
type RefundTotal struct {
	// amount of the charge, in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// amountRefunded is the total of all refunds on the charge, in minor units of the currency (cents).
	AmountRefunded int64 `json:"amountRefunded"`
	// currency of the amounts, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// full is true if the whole charge is refunded. It is false for an authorization that was released: nothing was paid.
	// +optional
	Full bool `json:"full,omitempty"`
	// chargedAt is when the charge was made.
	// +optional
	ChargedAt *metav1.Time `json:"chargedAt,omitempty"`
	// invoiceID is the invoice that the charge paid (in_…). Since API version 2025-03-31 charges do not name it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
}

// DisputeRecord is what a charge.dispute.* event reports. See https://docs.stripe.com/api/disputes/object.
type DisputeRecord struct {
	// reason is Stripe's reason, such as fraudulent.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// status is Stripe's status, such as needs_response.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// amount disputed, in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// evidenceDueBy is the deadline for submitting evidence. Absent if there is none.
	// +optional
	EvidenceDueBy *metav1.Time `json:"evidenceDueBy,omitempty"`
	// created is when the dispute was opened.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
}
