package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Setup reads a setup intent. See https://docs.stripe.com/api/setup_intents/object.
func Setup(o Object) *v1alpha1.SetupRecord {
	record := &v1alpha1.SetupRecord{
		Created: o.Time("created"),
		Status:  o.Word("status"),
		Failure: readFailure(o.Object("last_setup_error")),
	}
	id := o.ID("payment_method", "last_setup_error.payment_method")
	expanded := o.Object("payment_method", "last_setup_error.payment_method")
	switch {
	case expanded.Present() && expanded.ID("id") == id: // the error may belong to a method that was tried earlier
		record.PaymentMethod = PaymentMethod(expanded)
	case id != "":
		record.PaymentMethod = &v1alpha1.PaymentMethod{ID: id}
	}
	return record
}
