package stripetest

import "time"

// The price of every subscription: amount in cents a month, currency and ids.
const (
	Amount    = 2900
	Currency  = "usd"
	Price     = "price_Pro29"
	Product   = "prod_Pro"
	LookupKey = "pro-monthly"
)

// Customer returns a customer.
func Customer(id, email, name string) Object {
	return Object{
		"id": id, "object": "customer", "created": 0, "email": email, "name": name, "delinquent": false, "livemode": false,
		"default_source": nil, "invoice_settings": Object{"default_payment_method": nil},
		"metadata": Object{"tollkeeper_tenant": id, "internal_note": "not for the cluster"},
	}
}

// ProductWith returns the product of every subscription, whose metadata grants the projects.
func ProductWith(projects string) Object {
	return Object{
		"id": Product, "object": "product", "active": true, "name": "Pro", "description": nil, "livemode": false, "images": []any{},
		"metadata": Object{"tollkeeper_projects": projects, "internal_note": "not for the cluster"}, "created": 1500000000, "updated": 1500000000,
	}
}

// Subscription returns a subscription to one unit of the price, in the period from start to end.
func Subscription(shape Shape, id, customer, status string, start, end time.Time) Object {
	item := Object{
		"id": "si_" + id, "object": "subscription_item", "quantity": 1,
		"price": Object{
			"id": Price, "object": "price", "product": Product, "lookup_key": LookupKey, "nickname": nil, "currency": Currency,
			"unit_amount": Amount, "recurring": Object{"interval": "month", "interval_count": 1},
			"metadata": Object{"tollkeeper_seats": "5"},
		},
	}
	subscription := Object{
		"id": id, "object": "subscription", "customer": customer, "status": status, "created": start.Unix(),
		"start_date": start.Unix(), "livemode": false, "cancel_at": nil, "cancel_at_period_end": false, "canceled_at": nil,
		"ended_at": nil, "trial_start": nil, "trial_end": nil, "pause_collection": nil, "default_payment_method": nil,
		"collection_method": "charge_automatically", "latest_invoice": nil, "metadata": Object{},
	}
	if shape == New {
		item["current_period_start"], item["current_period_end"] = start.Unix(), end.Unix()
	} else {
		subscription["current_period_start"], subscription["current_period_end"] = start.Unix(), end.Unix()
	}
	subscription["items"] = Object{"object": "list", "data": []Object{item}, "has_more": false}
	return subscription
}

// Trial returns a subscription in a trial from start to end.
func Trial(shape Shape, id, customer string, start, end time.Time) Object {
	return Subscription(shape, id, customer, "trialing", start, end).
		With("trial_start", start.Unix()).With("trial_end", end.Unix())
}

// Invoice returns an invoice of a subscription for the period; with an empty subscription one without.
func Invoice(shape Shape, id, customer, subscription, status string, amount int, start, end time.Time) Object {
	paid, remaining := 0, amount
	transitions := Object{"finalized_at": nil, "paid_at": nil, "voided_at": nil, "marked_uncollectible_at": nil}
	if status == "paid" {
		paid, remaining = amount, 0
		transitions["paid_at"] = start.Add(time.Second).Unix()
	}
	line := Object{
		"id": "il_" + id, "object": "line_item", "amount": amount, "currency": Currency,
		"period": Object{"start": start.Unix(), "end": end.Unix()},
	}
	invoice := Object{
		"id": id, "object": "invoice", "customer": customer, "status": status, "currency": Currency, "created": start.Unix(),
		"number": "TK-" + id, "billing_reason": "subscription_cycle", "amount_due": amount, "amount_paid": paid,
		"amount_remaining": remaining, "attempt_count": 0, "next_payment_attempt": nil, "livemode": false,
		"period_start": start.Unix(), "period_end": start.Unix(), "status_transitions": transitions,
		"customer_email": nil, "customer_name": nil,
	}
	if shape == New {
		line["parent"] = Object{"type": "subscription_item_details", "subscription_item_details": Object{"subscription": subscription}}
		line["pricing"] = Object{"type": "price_details", "price_details": Object{"price": Price, "product": Product}}
		if subscription != "" {
			invoice["parent"] = Object{
				"type": "subscription_details", "subscription_details": Object{"subscription": subscription, "metadata": Object{}},
			}
		}
	} else {
		line["type"], line["price"] = "subscription", Object{"id": Price, "product": Product}
		invoice["paid"] = status == "paid"
		if subscription != "" {
			line["subscription"], invoice["subscription"] = subscription, subscription
		}
	}
	invoice["lines"] = Object{"object": "list", "data": []Object{line}, "has_more": false}
	return invoice
}

// FailedAttempt returns the open invoice after its n-th failed payment attempt.
func FailedAttempt(invoice Object, n int, next time.Time) Object {
	return invoice.With("attempt_count", n).With("next_payment_attempt", next.Unix())
}

// PaymentIntent returns a payment intent.
func PaymentIntent(shape Shape, id, customer, charge, status string, created time.Time) Object {
	received := 0
	if status == "succeeded" {
		received = Amount
	}
	intent := Object{
		"id": id, "object": "payment_intent", "customer": customer, "status": status, "amount": Amount, "amount_received": received,
		"currency": Currency, "created": created.Unix(), "latest_charge": charge, "last_payment_error": nil, "livemode": false,
		"payment_method": nil,
	}
	if charge == "" {
		intent["latest_charge"] = nil
	}
	if shape == Old {
		intent["invoice"] = nil
	}
	return intent
}

// InvoicePayment returns the payment of an invoice, which API versions since 2025-03-31 have.
func InvoicePayment(id, invoice, intent string, amount int, paid time.Time) Object {
	return Object{
		"id": id, "object": "invoice_payment", "invoice": invoice, "amount_paid": amount, "amount_requested": amount, "currency": Currency,
		"created": paid.Unix(), "is_default": true, "livemode": false, "status": "paid",
		"payment":            Object{"type": "payment_intent", "payment_intent": intent},
		"status_transitions": Object{"canceled_at": nil, "paid_at": paid.Unix()},
	}
}

// Charge returns a charge to a card.
func Charge(shape Shape, id, customer, intent, status string, created time.Time) Object {
	charge := Object{
		"id": id, "object": "charge", "customer": customer, "payment_intent": intent, "status": status, "amount": Amount,
		"amount_refunded": 0, "refunded": false, "currency": Currency, "created": created.Unix(), "failure_code": nil,
		"failure_message": nil, "outcome": Object{"type": "authorized", "reason": nil}, "livemode": false,
		"payment_method": "pm_" + customer,
		"payment_method_details": Object{
			"type": "card", "card": Object{"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2031},
		},
	}
	if shape == Old {
		charge["invoice"] = nil
	}
	return charge
}

// Declined returns the charge or payment intent after the bank has declined it for insufficient funds.
func Declined(o Object) Object {
	if o["object"] == "payment_intent" {
		return o.With("status", "requires_payment_method").With("last_payment_error", Object{
			"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
			"message": "Your card has insufficient funds.",
		})
	}
	return o.With("status", "failed").With("failure_code", "card_declined").
		With("failure_message", "Your card has insufficient funds.").
		With("outcome", Object{"type": "issuer_declined", "reason": "insufficient_funds"})
}

// Refunded returns the charge after the amount was refunded.
func Refunded(charge Object, amount int) Object {
	return charge.With("amount_refunded", amount).With("refunded", amount == Amount)
}

// Dispute returns a dispute of a charge.
func Dispute(id, charge, intent string, created, due time.Time) Object {
	return Object{
		"id": id, "object": "dispute", "charge": charge, "payment_intent": intent, "reason": "fraudulent", "status": "needs_response",
		"amount": Amount, "currency": Currency, "created": created.Unix(), "livemode": false,
		"evidence_details": Object{"due_by": due.Unix(), "has_evidence": false},
	}
}

// Checkout returns a completed checkout session that started a subscription.
func Checkout(id, customer, subscription, email string, created time.Time) Object {
	return Object{
		"id": id, "object": "checkout.session", "customer": customer, "subscription": subscription, "mode": "subscription",
		"status": "complete", "payment_status": "paid", "amount_total": Amount, "currency": Currency, "created": created.Unix(),
		"customer_details": Object{"email": email, "name": "Ada Lovelace"}, "client_reference_id": "tenant-1", "livemode": false,
		"payment_intent": nil, "metadata": Object{},
	}
}

// Purchase returns a completed checkout session in which something was bought once. The intent is empty if nothing was to
// be paid.
func Purchase(id, customer, intent string, created time.Time) Object {
	session := Checkout(id, customer, "", "ada@example.com", created).With("mode", "payment").With("subscription", nil).With("invoice", nil)
	if intent == "" {
		return session
	}
	return session.With("payment_intent", intent)
}

// Refund returns a refund of a charge.
func Refund(id, charge, intent, status string, amount float64, created time.Time) Object {
	refund := Object{
		"id": id, "object": "refund", "charge": charge, "payment_intent": intent, "amount": amount, "currency": Currency, "status": status,
		"created": created.Unix(), "reason": "requested_by_customer", "failure_reason": nil, "metadata": Object{},
	}
	if intent == "" {
		refund["payment_intent"] = nil
	}
	return refund
}

// Card returns a card that a customer saved as a source, the legacy form of payment methods.
func Card(id, customer string, month, year int) Object {
	return Object{
		"id": id, "object": "card", "customer": customer, "brand": "Visa", "last4": "4242", "exp_month": month, "exp_year": year,
	}
}

// SetupIntent returns a setup intent.
func SetupIntent(id, customer, method, status string, created time.Time) Object {
	intent := Object{
		"id": id, "object": "setup_intent", "customer": customer, "status": status, "payment_method": method, "created": created.Unix(),
		"last_setup_error": nil, "livemode": false,
	}
	if method == "" {
		intent["payment_method"] = nil
	}
	return intent
}
