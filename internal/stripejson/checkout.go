package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Checkout reads a checkout session. See https://docs.stripe.com/api/checkout/sessions/object.
func Checkout(o Object) *v1alpha1.CheckoutRecord {
	return &v1alpha1.CheckoutRecord{
		Mode:              o.Word("mode"),
		PaymentStatus:     o.Word("payment_status"),
		ClientReferenceID: o.Text(200, "client_reference_id"),
		Email:             o.Text(maxEmail, "customer_details.email", "customer_email"),
		Name:              o.Text(maxPerson, "customer_details.name"),
		AmountTotal:       o.Amount("amount_total"),
		Currency:          o.Text(maxCurrency, "currency"),
		Created:           o.Time("created"),
	}
}
