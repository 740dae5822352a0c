package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The records below hold what a handler or an auditor needs of a Stripe object, whatever API version shaped it. Amounts
// are in the currency's minor unit (cents), as Stripe counts them; currencies are lower-case ISO 4217 codes.

// SubscriptionItem is one price that a subscription bills. See https://docs.stripe.com/api/subscription_items/object.
type SubscriptionItem struct {
	// price is the Stripe price (price_…) or legacy plan.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Price string `json:"price,omitempty"`
	// product is the Stripe product (prod_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Product string `json:"product,omitempty"`
	// lookupKey is the price's lookup key, a name that you chose for it.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	LookupKey string `json:"lookupKey,omitempty"`
	// nickname is the price's nickname.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Nickname string `json:"nickname,omitempty"`
	// quantity is how many units are billed; absent for metered prices.
	// +optional
	Quantity *int64 `json:"quantity,omitempty"`
	// unitAmount is the price of one unit in minor units; absent for tiered prices.
	// +optional
	UnitAmount *int64 `json:"unitAmount,omitempty"`
	// currency is the price's currency.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// interval is day, week, month or year.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Interval string `json:"interval,omitempty"`
	// intervalCount is the number of intervals between two bills.
	// +optional
	IntervalCount int32 `json:"intervalCount,omitempty"`
	// entitlements are the price's and product's metadata under the allowed prefix, the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Entitlements map[string]Value `json:"entitlements,omitempty"`
}

// Value is a metadata value. Stripe allows up to 500 characters.
//
// +kubebuilder:validation:MaxLength=500
type Value string

// PauseCollection says that Stripe does not collect the subscription's invoices for now.
// See https://docs.stripe.com/billing/subscriptions/pause-payment.
type PauseCollection struct {
	// behavior is keep_as_draft, mark_uncollectible (both: service goes on) or void (no service).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Behavior string `json:"behavior,omitempty"`
	// resumesAt is when collection resumes by itself.
	// +optional
	ResumesAt *metav1.Time `json:"resumesAt,omitempty"`
}

// SubscriptionState is the whole state of a subscription as Stripe sends it.
// See https://docs.stripe.com/api/subscriptions/object.
type SubscriptionState struct {
	// status is Stripe's own word: incomplete, incomplete_expired, trialing, active, past_due, canceled, unpaid or paused.
	// Empty while no event has told it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// items are the prices billed, in Stripe's order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Items []SubscriptionItem `json:"items,omitempty"`
	// startedAt is when the subscription was created in Stripe.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// currentPeriodStart is the start of the period that the latest invoice covers.
	// +optional
	CurrentPeriodStart *metav1.Time `json:"currentPeriodStart,omitempty"`
	// currentPeriodEnd is the end of the period that the latest invoice covers; the latest one of the items.
	// +optional
	CurrentPeriodEnd *metav1.Time `json:"currentPeriodEnd,omitempty"`
	// trialStart is when the trial began.
	// +optional
	TrialStart *metav1.Time `json:"trialStart,omitempty"`
	// trialEnd is when the trial ends or ended.
	// +optional
	TrialEnd *metav1.Time `json:"trialEnd,omitempty"`
	// cancelAt is when the subscription is scheduled to end.
	// +optional
	CancelAt *metav1.Time `json:"cancelAt,omitempty"`
	// cancelAtPeriodEnd says that the subscription ends with its current period.
	// +optional
	CancelAtPeriodEnd bool `json:"cancelAtPeriodEnd,omitempty"`
	// canceledAt is when the cancellation was asked for.
	// +optional
	CanceledAt *metav1.Time `json:"canceledAt,omitempty"`
	// endedAt is when the subscription ended for good.
	// +optional
	EndedAt *metav1.Time `json:"endedAt,omitempty"`
	// cancellationReason is Stripe's reason: cancellation_requested, payment_disputed or payment_failed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CancellationReason string `json:"cancellationReason,omitempty"`
	// pauseCollection is set while collection is paused.
	// +optional
	PauseCollection *PauseCollection `json:"pauseCollection,omitempty"`
	// collectionMethod is charge_automatically or send_invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CollectionMethod string `json:"collectionMethod,omitempty"`
	// defaultPaymentMethodID is the payment method (pm_…, card_…, src_…) that the subscription charges, if it has its own.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
}

// SubscriptionRecord is what a customer.subscription.* event says.
type SubscriptionRecord struct {
	SubscriptionState `json:",inline"`
	// previousStatus is the status before this event, where the event changed it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PreviousStatus string `json:"previousStatus,omitempty"`
	Trace          `json:",inline"`
}

// Invoice is a bill. See https://docs.stripe.com/api/invoices/object.
type Invoice struct {
	// id is Stripe's id (in_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id,omitempty"`
	// number is the number printed on the invoice; absent while it is a draft.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Number string `json:"number,omitempty"`
	// status is draft, open, paid, uncollectible or void.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// billingReason says why it was made, such as subscription_create or subscription_cycle.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	BillingReason string `json:"billingReason,omitempty"`
	// currency of the amounts.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// amountDue in minor units.
	AmountDue int64 `json:"amountDue"`
	// amountPaid in minor units.
	AmountPaid int64 `json:"amountPaid"`
	// amountRemaining in minor units.
	AmountRemaining int64 `json:"amountRemaining"`
	// attemptCount is how often Stripe has tried to collect.
	// +optional
	AttemptCount int32 `json:"attemptCount,omitempty"`
	// nextPaymentAttempt is when Stripe tries again.
	// +optional
	NextPaymentAttempt *metav1.Time `json:"nextPaymentAttempt,omitempty"`
	// created is when the invoice was made.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// paidAt is when it was paid.
	// +optional
	PaidAt *metav1.Time `json:"paidAt,omitempty"`
	// periodStart is the start of the service that its subscription lines bill.
	// +optional
	PeriodStart *metav1.Time `json:"periodStart,omitempty"`
	// periodEnd is the end of the service that its subscription lines bill.
	// +optional
	PeriodEnd *metav1.Time `json:"periodEnd,omitempty"`
}

// InvoiceRecord is what an invoice.* event says.
type InvoiceRecord struct {
	Invoice `json:",inline"`
	// email is the customer's address at the time of the invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name is the customer's name at the time of the invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name  string `json:"name,omitempty"`
	Trace `json:",inline"`
}

// PaymentMethod is a card, a bank account or another way to pay. Of a card only the brand, the last four digits and the
// expiry are ever kept.
type PaymentMethod struct {
	// id is Stripe's id (pm_…, card_…, src_…, ba_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id,omitempty"`
	// kind is card, bank_account, sepa_debit, ….
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Kind string `json:"kind,omitempty"`
	// brand is the card's brand in lower case, such as visa; for a bank account the bank's name.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Brand string `json:"brand,omitempty"`
	// last4 is the last four digits.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Last4 string `json:"last4,omitempty"`
	// expMonth is the month (1 to 12) at whose end the card expires.
	// +optional
	ExpMonth int32 `json:"expMonth,omitempty"`
	// expYear is the year in which the card expires.
	// +optional
	ExpYear int32 `json:"expYear,omitempty"`
	// expiring says that the card has expired or soon will.
	// +optional
	Expiring bool `json:"expiring,omitempty"`
}

// PaymentMethodRecord is what a customer.source.* event says.
type PaymentMethodRecord struct {
	PaymentMethod `json:",inline"`
}

// PaymentFailure says why a payment did not go through. See https://docs.stripe.com/declines/codes.
type PaymentFailure struct {
	// code is Stripe's error code, such as card_declined.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Code string `json:"code,omitempty"`
	// declineCode is the bank's reason, such as insufficient_funds.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DeclineCode string `json:"declineCode,omitempty"`
	// message is Stripe's sentence for it.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// PaymentRecord is what a payment_intent.* or charge.* event says.
type PaymentRecord struct {
	// status of the payment intent (requires_payment_method, processing, succeeded, …) or the charge (succeeded, pending, failed).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// amount in minor units: what was received if it succeeded, else what was asked for.
	Amount int64 `json:"amount"`
	// currency of the amount.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// invoiceID is the invoice paid (API versions before 2025-03-31).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	InvoiceID string `json:"invoiceID,omitempty"`
	// created is when the payment intent or charge was made.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// failure is set when the payment failed.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
	// paymentMethod is what was charged, as far as the payload shows it.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
}

// RefundRecord is what a charge.refunded event says: the charge's refunds in total.
type RefundRecord struct {
	// amount is the charge's amount in minor units.
	Amount int64 `json:"amount"`
	// amountRefunded is the sum of all its refunds in minor units.
	AmountRefunded int64 `json:"amountRefunded"`
	// currency of the amounts.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// full says that the whole charge was refunded.
	// +optional
	Full bool `json:"full,omitempty"`
}

// DisputeRecord is what a charge.dispute.* event says. See https://docs.stripe.com/api/disputes/object.
type DisputeRecord struct {
	// reason is Stripe's reason, such as fraudulent.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// status is Stripe's status, such as needs_response.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// amount disputed, in minor units.
	Amount int64 `json:"amount"`
	// currency of the amount.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// evidenceDueBy is when the bank's patience ends.
	// +optional
	EvidenceDueBy *metav1.Time `json:"evidenceDueBy,omitempty"`
	// created is when the dispute was opened.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
}

// CheckoutRecord is what a checkout.session.completed event says.
// See https://docs.stripe.com/api/checkout/sessions/object.
type CheckoutRecord struct {
	// mode is payment, setup or subscription.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Mode string `json:"mode,omitempty"`
	// paymentStatus is paid, unpaid or no_payment_required.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PaymentStatus string `json:"paymentStatus,omitempty"`
	// clientReferenceID is the id that your application gave the session.
	// +optional
	// +kubebuilder:validation:MaxLength=200
	ClientReferenceID string `json:"clientReferenceID,omitempty"`
	// email that the customer typed.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name that the customer typed.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// amountTotal in minor units.
	AmountTotal int64 `json:"amountTotal"`
	// currency of the amount.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// created is when the session was opened.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
}

// CustomerRecord is what a customer.created or customer.updated event says.
// See https://docs.stripe.com/api/customers/object.
type CustomerRecord struct {
	// email of the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Email string `json:"email,omitempty"`
	// name of the customer.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// delinquent says that the customer's latest invoice charge failed.
	// +optional
	Delinquent bool `json:"delinquent,omitempty"`
	// defaultPaymentMethodID is the payment method charged by default.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
	// metadata under the allowed prefix, the prefix removed.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Metadata map[string]Value `json:"metadata,omitempty"`
	Trace    `json:",inline"`
}

// SetupRecord is what a setup_intent.* event says. See https://docs.stripe.com/api/setup_intents/object.
type SetupRecord struct {
	// created is when the setup intent was made.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// status of the setup intent.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// paymentMethod that was set up, as far as the payload shows it.
	// +optional
	PaymentMethod *PaymentMethod `json:"paymentMethod,omitempty"`
	// failure is set when the setup failed.
	// +optional
	Failure *PaymentFailure `json:"failure,omitempty"`
}
