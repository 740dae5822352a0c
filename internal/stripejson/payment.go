package stripejson

import (
	"cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// PaymentIntent reads a payment intent. See https://docs.stripe.com/api/payment_intents/object.
func PaymentIntent(o Object) *v1alpha1.PaymentRecord {
	status := o.Word("status")
	amount := o.Amount("amount")
	if status == "succeeded" {
		amount = o.Amount("amount_received", "amount")
	}
	charge := o.Object("latest_charge", "charges.data.0") // expanded, or before 2022-11-15
	return &v1alpha1.PaymentRecord{
		Status:    status,
		Amount:    amount,
		Currency:  o.Text(maxCurrency, "currency"),
		InvoiceID: o.ID("invoice"),
		Created:   o.Time("created"),
		Failure:   readFailure(o.Object("last_payment_error")),
		PaymentMethod: paidWith(charge, o.Object("last_payment_error.payment_method", "payment_method"),
			cmp.Or(o.ID("payment_method", "source"), charge.ID("payment_method"))),
	}
}

// Charge reads a charge. See https://docs.stripe.com/api/charges/object.
func Charge(o Object) *v1alpha1.PaymentRecord {
	record := &v1alpha1.PaymentRecord{
		Status:        o.Word("status"),
		Amount:        o.Amount("amount"),
		Currency:      o.Text(maxCurrency, "currency"),
		InvoiceID:     o.ID("invoice"),
		Created:       o.Time("created"),
		PaymentMethod: paidWith(o, Object{}, o.ID("payment_method", "source")),
	}
	if captured := o.Int("amount_captured"); captured != nil && record.Status == "succeeded" && o.Bool("captured") {
		record.Amount = *captured // the rest of what was authorized is never paid
	}
	record.Uncaptured = record.Status == "succeeded" && o.lookup("captured") == false
	if code := o.Text(maxName, "failure_code"); code != "" || record.Status == "failed" {
		record.Failure = &v1alpha1.PaymentFailure{
			Code:        code,
			DeclineCode: o.Text(maxName, "outcome.reason"),
			Message:     o.Text(maxSentence, "failure_message"),
		}
		if o.Word("outcome.type") == "blocked" { // no bank has seen the charge
			record.Failure.BlockedBy, record.Failure.DeclineCode = record.Failure.DeclineCode, ""
		}
	}
	return record
}

// InvoicePayment reads a payment of an invoice. See https://docs.stripe.com/api/invoice-payment/object.
func InvoicePayment(o Object) *v1alpha1.PaymentRecord {
	return &v1alpha1.PaymentRecord{
		Status:    o.Word("status"),
		Amount:    o.Amount("amount_paid", "amount_requested"),
		Currency:  o.Text(maxCurrency, "currency"),
		InvoiceID: o.ID("invoice"),
		Created:   o.Time("created"),
	}
}

// RefundTotal reads the total refunded on a charge. A charge that was only authorized has it, too, once the authorization is
// released: then no payment was refunded. See https://docs.stripe.com/api/charges/object.
func RefundTotal(o Object) v1alpha1.RefundTotal {
	return v1alpha1.RefundTotal{
		Amount:         o.Amount("amount"),
		AmountRefunded: o.Amount("amount_refunded"),
		Currency:       o.Text(maxCurrency, "currency"),
		Full:           o.Bool("refunded") && o.lookup("captured") != false,
		ChargedAt:      o.Time("created"),
		InvoiceID:      o.ID("invoice"),
	}
}

// FailedRefund reads a refund that failed or was canceled; nil if it did not. See
// https://docs.stripe.com/api/refunds/object.
func FailedRefund(o Object) *v1alpha1.RefundRecord {
	if status := o.Word("status"); status != "failed" && status != "canceled" {
		return nil
	}
	return &v1alpha1.RefundRecord{
		RefundTotal:    v1alpha1.RefundTotal{Amount: o.Amount("amount"), Currency: o.Text(maxCurrency, "currency")},
		FailedRefundID: o.ID("id"),
		Made:           o.Time("created"),
	}
}

// readFailure reads an API error (last_payment_error or last_setup_error). See https://docs.stripe.com/error-codes.
func readFailure(o Object) *v1alpha1.PaymentFailure {
	if !o.Present() {
		return nil
	}
	return &v1alpha1.PaymentFailure{
		Code:        o.Text(maxName, "code", "type"),
		DeclineCode: o.Text(maxName, "decline_code"),
		Message:     o.Text(maxSentence, "message"),
	}
}

// paidWith is the payment method of a payment: from the charge's details, else the expanded method, else its id alone.
func paidWith(charge, expanded Object, id string) *v1alpha1.PaymentMethod {
	method := v1alpha1.PaymentMethod{}
	switch {
	case charge.Object("payment_method_details").Present():
		method = typedMethod(charge.Object("payment_method_details"))
	case charge.Object("source").Present():
		method = *PaymentMethod(charge.Object("source"))
	case expanded.Present():
		method = *PaymentMethod(expanded)
	}
	if method.ID == "" {
		method.ID = id
	}
	if method == (v1alpha1.PaymentMethod{}) {
		return nil
	}
	return &method
}
