package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CustomerRecord is what a customer.created, customer.updated or customer.deleted event reports. See
// https://docs.stripe.com/api/customers/object.
type CustomerRecord struct {
	// deleted is true if Stripe has deleted the customer. Then all other fields are absent.
	// +optional
	Deleted bool `json:"deleted,omitempty"`
	// email is the customer's e-mail address. Absent if Stripe has none.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name is the customer's name. Absent if Stripe has none.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// delinquent is Stripe's flag: the latest charge for an invoice failed.
	// +optional
	Delinquent bool `json:"delinquent,omitempty"`
	// defaultPaymentMethodID is the payment method that Stripe charges by default:
	// invoice_settings.default_payment_method, else default_source.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
	// metadata is the customer's Stripe metadata whose keys begin with --metadata-prefix, with the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
	// unreadableFields lists fields of Stripe's customer that could not be read, such as email: what they would show is not
	// known. With a Stripe key, the customer is read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	UnreadableFields []string `json:"unreadableFields,omitempty"`
	Trace            `json:",inline"`
}

// CheckoutRecord is what a checkout.session.completed event reports. See
// https://docs.stripe.com/api/checkout/sessions/object.
type CheckoutRecord struct {
	// mode of the session: payment, setup or subscription.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Mode string `json:"mode,omitempty"`
	// paymentStatus is paid, unpaid or no_payment_required.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentStatus string `json:"paymentStatus,omitempty"`
	// clientReferenceID is Stripe's client_reference_id: the id that your application gave the session, if any.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	ClientReferenceID string `json:"clientReferenceID,omitempty"`
	// email that the customer entered, else the one that the session was opened with.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name that the customer entered.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// amountTotal in minor units of the currency (cents).
	AmountTotal int64 `json:"amountTotal"`
	// currency of the amount, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// created is when the session was opened.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// invoiceID is the invoice (in_…) of a checkout in the mode payment, if it has one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// metadata is the session's metadata whose keys begin with --metadata-prefix, with the prefix removed. Absent if it does
	// not say for how long a purchase grants access.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
	// priceMetadata is the metadata of the one-time prices that were bought and say for how long they grant access, with
	// --metadata-prefix removed. Of several prices, the longest access counts. Events do not hold it.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	PriceMetadata map[string]Value `json:"priceMetadata,omitempty"`
	// pricesRead is true if the prices that were bought are known, as they are when the session is read from Stripe's API.
	// +optional
	PricesRead bool `json:"pricesRead,omitempty"`
}
