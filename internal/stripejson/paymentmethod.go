package stripejson

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// PaymentMethod reads a card, a bank account, a source or a payment method. Cards and bank accounts hold their details
// themselves; the other two hold them under the name of their type. See
// https://docs.stripe.com/api/payment_methods/object and https://docs.stripe.com/api/sources/object.
func PaymentMethod(o Object) *v1alpha1.PaymentMethod {
	var method v1alpha1.PaymentMethod
	switch kind := o.Word("object"); kind {
	case "card", "bank_account":
		method = methodOfKind(o, kind)
	default:
		method = typedMethod(o)
	}
	method.ID = o.ID("id")
	return &method
}

// typedMethod reads the details under the name of the type: {"type": "card", "card": {…}}.
func typedMethod(o Object) v1alpha1.PaymentMethod {
	kind := o.Word("type")
	return methodOfKind(o.Object(kind), kind)
}

func methodOfKind(o Object, kind string) v1alpha1.PaymentMethod {
	return v1alpha1.PaymentMethod{
		Kind:     kind,
		Brand:    strings.ToLower(o.Word("brand", "bank_name")),
		Last4:    o.Text(8, "last4"),
		ExpMonth: o.Count("exp_month"),
		ExpYear:  o.Count("exp_year"),
	}
}
