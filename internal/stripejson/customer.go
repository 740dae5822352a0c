package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Customer reads a customer; prefix selects the metadata to keep. See https://docs.stripe.com/api/customers/object.
func Customer(o Object, prefix string) *v1alpha1.CustomerRecord {
	record := &v1alpha1.CustomerRecord{
		Email:                  o.Text(maxEmail, "email"),
		Name:                   o.Text(maxPerson, "name"),
		Delinquent:             o.Bool("delinquent"),
		DefaultPaymentMethodID: o.ID("invoice_settings.default_payment_method", "default_source"),
		Metadata:               o.Metadata(prefix, maxMetadata, "metadata"),
	}
	record.UnreadableFields = o.unreadableFields()
	return record
}
