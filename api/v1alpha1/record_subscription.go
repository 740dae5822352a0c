package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubscriptionRecord is what a customer.subscription.* event reports.
type SubscriptionRecord struct {
	SubscriptionState `json:",inline"`
	// previousStatus is the status before this event. Absent if the event did not change it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PreviousStatus string `json:"previousStatus,omitempty"`
	Trace          `json:",inline"`
}

// SubscriptionState is the whole state of a subscription. See https://docs.stripe.com/api/subscriptions/object.
type SubscriptionState struct {
	// status is Stripe's status: incomplete, incomplete_expired, trialing, active, past_due, canceled, unpaid or
	// paused. Empty until an event reports it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// items are the prices that are billed, in Stripe's order: the first 100.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Items []SubscriptionItem `json:"items,omitempty"`
	// startedAt is when the subscription started (Stripe's start_date, else created).
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// currentPeriodStart is when the current billing period started. Of items with different intervals, it is that of the
	// shortest period.
	// +optional
	CurrentPeriodStart *metav1.Time `json:"currentPeriodStart,omitempty"`
	// currentPeriodEnd is when the current billing period ends. Of items with different intervals, it is that of the
	// shortest period.
	// +optional
	CurrentPeriodEnd *metav1.Time `json:"currentPeriodEnd,omitempty"`
	// trialStart is when the trial started. Absent if there was none.
	// +optional
	TrialStart *metav1.Time `json:"trialStart,omitempty"`
	// trialEnd is when the trial ends or ended. Absent if there was none.
	// +optional
	TrialEnd *metav1.Time `json:"trialEnd,omitempty"`
	// cancelAt is when the subscription is scheduled to end. Absent if no end is scheduled.
	// +optional
	CancelAt *metav1.Time `json:"cancelAt,omitempty"`
	// cancelAtPeriodEnd is true if the subscription ends with its current period.
	// +optional
	CancelAtPeriodEnd bool `json:"cancelAtPeriodEnd,omitempty"`
	// canceledAt is when the cancellation was requested. Absent if it was not.
	// +optional
	CanceledAt *metav1.Time `json:"canceledAt,omitempty"`
	// endedAt is when the subscription ended for good. Absent while it has not ended.
	// +optional
	EndedAt *metav1.Time `json:"endedAt,omitempty"`
	// cancellationReason is Stripe's reason: cancellation_requested, payment_disputed or payment_failed.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CancellationReason string `json:"cancellationReason,omitempty"`
	// testClock is the test clock (clock_…) that the subscription runs on, in Stripe's test mode. Its times are simulated
	// then: the decision follows the status alone. Absent otherwise.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	TestClock string `json:"testClock,omitempty"`
	// moreItems is true if Stripe sent the first items only (items.has_more), or more than fit. With a Stripe key all of
	// them are read.
	// +optional
	MoreItems bool `json:"moreItems,omitempty"`
	// unreadableFields lists fields of Stripe's subscription that could not be read, such as items.data[].quantity: what they would show is not
	// known. With a Stripe key, the subscription is read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	UnreadableFields []string `json:"unreadableFields,omitempty"`
	// pausedBy is why the subscription has the status paused: status_details.paused.subscription.type, such as
	// first_payment_failure. Absent otherwise, and before API version 2026-05-27.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PausedBy string `json:"pausedBy,omitempty"`
	// pauseCollection is set while Stripe does not collect the invoices.
	// +optional
	PauseCollection *PauseCollection `json:"pauseCollection,omitempty"`
	// collectionMethod is charge_automatically or send_invoice.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CollectionMethod string `json:"collectionMethod,omitempty"`
	// defaultPaymentMethodID is the payment method (pm_…, card_…, src_…) charged instead of the customer's default.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	DefaultPaymentMethodID string `json:"defaultPaymentMethodID,omitempty"`
}

// SubscriptionItem is one price that a subscription bills. See https://docs.stripe.com/api/subscription_items/object.
type SubscriptionItem struct {
	// price is Stripe's id of the price (price_…) or of the legacy plan.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Price string `json:"price,omitempty"`
	// product is Stripe's id of the product (prod_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Product string `json:"product,omitempty"`
	// lookupKey is the price's lookup key, a name that you choose in Stripe. Absent if it has none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	LookupKey string `json:"lookupKey,omitempty"`
	// nickname is the price's nickname in Stripe. Absent if it has none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Nickname string `json:"nickname,omitempty"`
	// quantity is how many units are billed. Absent for metered prices.
	// +optional
	Quantity *int64 `json:"quantity,omitempty"`
	// unitAmount is the price of one unit, in minor units of the currency (cents). Absent for tiered prices, and for prices
	// with fractions of a minor unit.
	// +optional
	UnitAmount *int64 `json:"unitAmount,omitempty"`
	// unitAmountDecimal is the price of one unit in minor units of the currency if it has fractions of them: 0.35. Absent
	// otherwise.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	UnitAmountDecimal string `json:"unitAmountDecimal,omitempty"`
	// currency of the price, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// interval is the unit of the billing interval: day, week, month or year.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Interval string `json:"interval,omitempty"`
	// intervalCount is the length of the billing interval in units of interval: 3 and month for quarterly.
	// +optional
	IntervalCount int32 `json:"intervalCount,omitempty"`
	// entitlements is the price's metadata whose keys begin with --metadata-prefix, with the prefix removed. If Stripe sent
	// the product with the price (expanded), its metadata is in here too, and the price's value wins. Else it is in the
	// Customer's status.products.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Entitlements map[string]Value `json:"entitlements,omitempty"`
}

// PauseCollection means that Stripe does not collect the subscription's invoices for now. See
// https://docs.stripe.com/billing/subscriptions/pause-payment.
type PauseCollection struct {
	// behavior of the invoices: keep_as_draft or mark_uncollectible (service continues), or void (no service).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Behavior string `json:"behavior,omitempty"`
	// resumesAt is when collection resumes. Absent if no date is set.
	// +optional
	ResumesAt *metav1.Time `json:"resumesAt,omitempty"`
}
