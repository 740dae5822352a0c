package v1alpha1

// Labels carry exact Stripe ids, where they are known and valid as label values, so that people can select by them.
const (
	// LabelEventType is the Stripe event type. Every BillingEvent has it, unless the type is not a valid label value.
	LabelEventType = "billing.tollkeeper.dev/event-type"
	// LabelCustomerID is the Stripe customer (cus_…) that the object belongs to.
	LabelCustomerID = "billing.tollkeeper.dev/customer-id"
	// LabelSubscriptionID is the Stripe subscription (sub_…) that the object belongs to.
	LabelSubscriptionID = "billing.tollkeeper.dev/subscription-id"
)

// Field selectors of BillingEvent (selectable fields of its CRD).
const (
	FieldEventType       = "spec.type"
	FieldCustomerID      = "spec.customerID"
	FieldCustomerAccount = "spec.customerAccount"
	FieldChargeID        = "spec.chargeID"
	FieldPaymentIntentID = "spec.paymentIntentID"
	FieldLinkedCustomer  = "status.customerID"
	FieldOutcome         = "status.outcome"
	FieldReason          = "status.reason"
)

// Field selectors of Customer, beside FieldCustomerID. FieldEntitled selects by the decision: True, False
// or Unknown; the empty value selects customers that are not decided yet.
const (
	FieldEntitled = "status.entitled"
	FieldPlan     = "status.plan"
	FieldEmail    = "status.email"
)

// Field selectors of Subscription.
const (
	FieldSubscriptionID     = "spec.subscriptionID"
	FieldCustomerRef        = "spec.customerRef.name"
	FieldSubscriptionStatus = "status.status"
)
