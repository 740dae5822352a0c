package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MetadataAccess is the metadata key, without --metadata-prefix, under which a seller says for how long a one-time
// purchase grants access: lifetime, or a length such as 30d.
const MetadataAccess = "access"

// PurchaseSource is the Stripe object whose metadata says something about a purchase.
//
// +kubebuilder:validation:Enum=Checkout;Payment;Price
type PurchaseSource string

const (
	// PurchaseSourceCheckout: the checkout session. It counts first.
	PurchaseSourceCheckout PurchaseSource = "Checkout"
	// PurchaseSourcePayment: the payment intent, or the charge, to which Stripe copies the intent's metadata.
	PurchaseSourcePayment PurchaseSource = "Payment"
	// PurchaseSourcePrice: a price that was bought. It counts last.
	PurchaseSourcePrice PurchaseSource = "Price"
)

// PurchaseTerms is what the metadata of one object says about a purchase.
type PurchaseTerms struct {
	// source is the object that has the metadata: Checkout, Payment or Price.
	Source PurchaseSource `json:"source"`
	// metadata is the object's metadata whose keys begin with --metadata-prefix, with the prefix removed.
	// +kubebuilder:validation:MaxProperties=17
	Metadata map[string]Value `json:"metadata"`
	// created is when Stripe created the event that reported the metadata, in whole seconds.
	Created metav1.Time `json:"created"`
	// eventID is Stripe's id of that event (evt_…), or "read" if the metadata was read from Stripe's API.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
}

// Purchase is a one-time purchase: a checkout in the mode payment, or another payment whose metadata says for how long
// it grants access. Checkout session, payment intent, charge and invoice of one purchase are one Purchase.
type Purchase struct {
	// id is Stripe's id of the payment intent (pi_…). Of a purchase without one, it is the id of the invoice, the checkout
	// session or the charge.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// sessionID is Stripe's id of the checkout session (cs_…). Absent if no event names one.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SessionID string `json:"sessionID,omitempty"`
	// paymentIntentID is Stripe's id of the payment intent (pi_…). Absent if nothing was to be paid.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PaymentIntentID string `json:"paymentIntentID,omitempty"`
	// chargeID is Stripe's id of the charge (ch_…), as far as an event that is kept here names it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ChargeID string `json:"chargeID,omitempty"`
	// invoiceID is Stripe's id of the invoice (in_…), as far as an event that is kept here names it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// boughtAt is when the checkout session was opened, or the payment was made.
	BoughtAt metav1.Time `json:"boughtAt"`
	// state is Unpaid, Failed or Paid, as Stripe reports it of the checkout. One that is not Paid has paidAt if its payment intent
	// has succeeded.
	State CheckoutState `json:"state"`
	// paidAt is when Stripe reported that the purchase is paid or needs no payment. Access needs it, and begins then at the earliest.
	// +optional
	PaidAt *metav1.Time `json:"paidAt,omitempty"`
	// refundedAt is when the purchase was refunded in full, which ends its access. Absent while it is not.
	// +optional
	RefundedAt *metav1.Time `json:"refundedAt,omitempty"`
	// access says for how long the purchase grants access, as the seller wrote it: lifetime, or a length such as 30d.
	// Absent if the metadata says nothing. Then the purchase grants no access.
	// +optional
	Access Value `json:"access,omitempty"`
	// problem says why access cannot be read. The purchase then grants no access.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Problem string `json:"problem,omitempty"`
	// from is when the access begins: when it was paid, or when the access ends that an earlier purchase of the same
	// granted. Absent if the purchase grants no access.
	// +optional
	From *metav1.Time `json:"from,omitempty"`
	// until is when the access ends. Absent if it does not end, or if the purchase grants none.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// terms is what the metadata of the purchase's objects says, from each object that says for how long access lasts.
	// +optional
	// +listType=map
	// +listMapKey=source
	// +kubebuilder:validation:MaxItems=3
	Terms []PurchaseTerms `json:"terms,omitempty"`
	// pricesRead is true once the metadata of the prices is known, from an invoice or from Stripe's API.
	// +optional
	PricesRead bool `json:"pricesRead,omitempty"`
}
