package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Customer reads a customer; prefix selects the metadata to keep.
// See https://docs.stripe.com/api/customers/object.
func Customer(o Object, prefix string) *v1alpha1.CustomerRecord {
	return &v1alpha1.CustomerRecord{
		Email:                  o.Text(maxEmail, "email"),
		Name:                   o.Text(maxPerson, "name"),
		Delinquent:             o.Bool("delinquent"),
		DefaultPaymentMethodID: o.ID("invoice_settings.default_payment_method", "default_source"),
		Metadata:               o.Metadata(prefix, maxMetadata, "metadata"),
	}
}

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
