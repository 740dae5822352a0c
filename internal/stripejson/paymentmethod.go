package stripejson

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// PaymentMethod reads a card, a bank account, a source or a payment method: cards and bank accounts carry their details
// themselves, the other two in a part named after their type.
// See https://docs.stripe.com/api/payment_methods/object and https://docs.stripe.com/api/sources/object.
func PaymentMethod(o Object) *v1alpha1.PaymentMethod {
	var method v1alpha1.PaymentMethod
	switch kind := o.Word("object"); kind {
	case "card", "bank_account":
		method = describe(o, kind)
	default:
		method = details(o)
	}
	method.ID = o.ID("id")
	return &method
}

// details reads the part that the type names: {"type": "card", "card": {…}}.
func details(o Object) v1alpha1.PaymentMethod {
	kind := o.Word("type")
	return describe(o.Object(kind), kind)
}

func describe(o Object, kind string) v1alpha1.PaymentMethod {
	return v1alpha1.PaymentMethod{
		Kind:     kind,
		Brand:    strings.ToLower(o.Word("brand", "bank_name")),
		Last4:    o.Text(8, "last4"),
		ExpMonth: o.Count("exp_month"),
		ExpYear:  o.Count("exp_year"),
	}
}

// Setup reads a setup intent. See https://docs.stripe.com/api/setup_intents/object.
func Setup(o Object) *v1alpha1.SetupRecord {
	record := &v1alpha1.SetupRecord{
		Created: o.Time("created"),
		Status:  o.Word("status"),
		Failure: failure(o.Object("last_setup_error")),
	}
	id := o.ID("payment_method", "last_setup_error.payment_method")
	expanded := o.Object("payment_method", "last_setup_error.payment_method")
	switch {
	case expanded.Present() && expanded.ID("id") == id: // the error may be of a method that was tried before
		record.PaymentMethod = PaymentMethod(expanded)
	case id != "":
		record.PaymentMethod = &v1alpha1.PaymentMethod{ID: id}
	}
	return record
}
