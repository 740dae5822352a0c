package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Payment is an amount paid, or for a failure the amount that was to be paid.
type Payment struct {
	// at is when Stripe reported the payment or the failure.
	At metav1.Time `json:"at"`
	// amount in minor units of the currency (cents).
	Amount int64 `json:"amount"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// chargeID is Stripe's id of the charge (ch_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is Stripe's id of the payment intent (pi_…). Absent for charges made without one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
}

// LastFailure is the newest failed payment. It stays after a later payment succeeds.
type LastFailure struct {
	Payment        `json:",inline"`
	PaymentFailure `json:",inline"`
}

// Intent is a payment or a setup of a payment method, and how far it has come.
type Intent struct {
	// id is Stripe's id of the payment intent (pi_…) or setup intent (seti_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// created is when Stripe created the intent.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// status is Stripe's status of the intent, such as requires_payment_method or succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// failure is why the last attempt failed. Absent if it did not fail.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
}

// Refund is the total refunded on one charge.
type Refund struct {
	// chargeID is Stripe's id of the charge (ch_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID"`
	// paymentIntentID is the charge's payment intent (pi_…). Absent for charges made without one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// at is when Stripe reported the latest refund on the charge.
	At          metav1.Time `json:"at"`
	RefundTotal `json:",inline"`
}

// FailedRefund is a refund that failed or was canceled: the money stays paid.
type FailedRefund struct {
	// id is Stripe's id of the refund (re_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// chargeID is Stripe's id of the charge (ch_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// at is when Stripe first reported the failure.
	At metav1.Time `json:"at"`
}

// InvoicePayment is a payment of an invoice. See https://docs.stripe.com/api/invoice-payment/object.
type InvoicePayment struct {
	// id is Stripe's id of the link between the two (inpay_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// invoiceID is Stripe's id of the invoice (in_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID"`
	// paymentIntentID is the payment intent (pi_…) that paid it. Absent for charges made without one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// chargeID is the charge (ch_…) that paid it, if it has no payment intent.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// at is when Stripe reported the payment.
	At metav1.Time `json:"at"`
}

// Dispute is a charge that the cardholder disputes through the bank.
type Dispute struct {
	// id is Stripe's id of the dispute (dp_… or du_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// chargeID is Stripe's id of the disputed charge (ch_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// paymentIntentID is the charge's payment intent (pi_…). Absent for charges made without one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// lostAt is when Stripe first reported that the dispute was lost. Absent if it was not.
	// +optional
	LostAt        *metav1.Time `json:"lostAt,omitempty"`
	DisputeRecord `json:",inline"`
}
