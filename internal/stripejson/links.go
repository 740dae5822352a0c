package stripejson

// Links are the Stripe ids of an object and of the objects that it names. They are read the same way from every kind.
type Links struct {
	ObjectID, ObjectKind       string
	CustomerID, SubscriptionID string
	// CustomerAccount is the Account (acct_…) that is the customer, with Accounts v2.
	CustomerAccount           string
	ChargeID, PaymentIntentID string
}

// ReadLinks reads the ids that an object has or names. Since 2025-03-31 ("basil") an invoice names its subscription
// under parent, and its payment intent in its payments. With Accounts v2 an object names its customer's Account beside or
// instead of its customer: https://docs.stripe.com/accounts-v2/use-accounts-as-customers.
func ReadLinks(o Object) Links {
	links := Links{
		ObjectID:        o.ID("id"),
		ObjectKind:      o.Text(maxName, "object"),
		CustomerID:      o.ID("customer"),
		CustomerAccount: o.ID("customer_account"),
		SubscriptionID:  o.ID("parent.subscription_details.subscription", "subscription"),
		ChargeID:        o.ID("latest_charge", "charge", "payment.charge", "charges.data.0"),
		PaymentIntentID: o.ID("payment_intent", "payment.payment_intent", "payments.data.0.payment.payment_intent"),
	}
	switch links.ObjectKind {
	case "customer":
		links.CustomerID = links.ObjectID
	case "subscription":
		links.SubscriptionID = links.ObjectID
	case "subscription_schedule":
		links.SubscriptionID = o.ID("subscription", "released_subscription")
	case "charge":
		links.ChargeID = links.ObjectID
	case "payment_intent":
		links.PaymentIntentID = links.ObjectID
	}
	return links
}
