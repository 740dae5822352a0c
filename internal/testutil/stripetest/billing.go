package stripetest

import (
	"slices"
	"time"
)

// This file has the steps of billing, each of which changes invoices, payments and subscriptions together.

func (w *World) signUp(status string) {
	if w.newest("customer", func(Object) bool { return true }) != "" {
		return
	}
	w.add(Customer(w.id("cus"), "ada@example.com", "Ada").With("created", w.now.Unix()), "customer.created")
	opened := w.now
	id := w.subscribe(status)
	if status != "incomplete" {
		w.add(Checkout(w.id("cs"), w.customer(), id, "ada@example.com", opened), "checkout.session.completed")
	}
}

// endDebit reports that the newest delayed payment of a checkout has ended. After a failure the session stays unpaid.
func (w *World) endDebit(eventType, paymentStatus string) {
	waits := func(o Object) bool { return o["status"] == "complete" && o["payment_status"] == "unpaid" }
	if id := w.newest("checkout.session", waits); id != "" {
		w.change(id, eventType, func(o Object) { o["payment_status"] = paymentStatus })
	}
}

// subscribe creates a subscription and its first invoice. The invoice is paid, except if the status is incomplete.
func (w *World) subscribe(status string) string {
	first, amount := "incomplete", Amount
	end := monthAfter(w.now)
	if status == "trialing" {
		first, amount, end = "trialing", 0, w.now.AddDate(0, 0, 14)
	}
	o := Subscription(Old, w.id("sub"), w.customer(), first, w.now, end)
	if status == "trialing" {
		o = Trial(Old, o.ID(), w.customer(), w.now, end)
	}
	w.add(o, "customer.subscription.created")
	w.bill(o.ID(), amount)
	if status == "incomplete" {
		w.failPayment(o.ID())
		return o.ID()
	}
	w.payLatest(o.ID())
	if status == "active" {
		w.update(o.ID(), func(o Object) { o["status"] = "active" })
	}
	return o.ID()
}

// customer returns the customer's id; empty if there is none yet, or if it is deleted.
func (w *World) customer() string {
	return w.newest("customer", func(o Object) bool { return o["deleted"] != true })
}

// cancel ends the subscription at once.
func (w *World) cancel(id string) {
	w.change(id, "customer.subscription.deleted", func(o Object) {
		o["status"], o["ended_at"], o["canceled_at"] = "canceled", w.now.Unix(), w.now.Unix()
	})
	w.abortSchedules(id)
}

// deleteCustomer cancels the running subscriptions and deletes the customer. After that, Stripe returns its id only.
func (w *World) deleteCustomer() {
	customer := w.customer()
	if customer == "" {
		return
	}
	for _, id := range w.subscriptions() {
		if s := w.objects[id]["status"]; s != "canceled" && s != "incomplete_expired" {
			w.cancel(id)
		}
	}
	w.report("customer.deleted", customer, nil)
	w.objects[customer] = Object{"id": customer, "object": "customer", "deleted": true}
}

// newest returns the id of the newest object of a kind for which wanted is true; empty if there is none.
func (w *World) newest(kind string, wanted func(Object) bool) string {
	for _, id := range slices.Backward(w.created) {
		if o := w.objects[id]; o != nil && o["object"] == kind && wanted(o) {
			return id
		}
	}
	return ""
}

func (w *World) subscriptions() []string {
	return slices.DeleteFunc(slices.Clone(w.created), func(id string) bool {
		return w.objects[id] == nil || w.objects[id]["object"] != "subscription"
	})
}

// withSubscription calls do with the newest subscription in one of the statuses, if there is one.
func (w *World) withSubscription(do func(id string), statuses ...string) {
	id := w.newest("subscription", func(o Object) bool { return slices.Contains(statuses, o["status"].(string)) })
	if id != "" {
		do(id)
	}
}

func (w *World) update(id string, change func(Object)) {
	w.change(id, "customer.subscription.updated", change)
}

// startNextPeriod moves the subscription to its next period.
func (w *World) startNextPeriod(id string) {
	w.change(id, "customer.subscription.updated", func(o Object) {
		start := time.Unix(int64(o["current_period_end"].(float64)), 0).UTC()
		o["current_period_start"], o["current_period_end"] = start.Unix(), monthAfter(start).Unix()
	})
}

// bill creates and finalizes the invoice of the subscription's current period.
func (w *World) bill(subscription string, amount int) {
	o := w.objects[subscription]
	start, end := int64(o["current_period_start"].(float64)), int64(o["current_period_end"].(float64))
	invoice := Invoice(Old, w.id("in"), w.customer(), subscription, "draft", amount, time.Unix(start, 0), time.Unix(end, 0)).
		With("number", nil).With("created", w.now.Unix())
	w.add(invoice, "invoice.created")
	w.finalize(invoice.ID())
}

func (w *World) finalize(id string) {
	w.change(id, "invoice.updated", func(o Object) { o["status"], o["number"] = "open", "TK-"+id })
	w.report("invoice.finalized", id, nil)
}

func (w *World) latestInvoice(subscription string) string {
	return w.newest("invoice", func(o Object) bool { return o["subscription"] == subscription })
}

// latestDraft returns the id of the newest draft invoice; empty if there is none.
func (w *World) latestDraft() string {
	return w.newest("invoice", func(o Object) bool { return o["status"] == "draft" })
}

// latestCharge returns the newest charge that succeeded; nil if there is none.
func (w *World) latestCharge() Object {
	return w.objects[w.newest("charge", func(o Object) bool { return o["status"] == "succeeded" })]
}

// payLatest pays the subscription's latest invoice. An invoice over 0 needs no charge.
func (w *World) payLatest(subscription string) {
	id := w.latestInvoice(subscription)
	amount := w.objects[id]["amount_due"].(float64)
	if amount > 0 {
		charge := w.id("ch")
		intent := w.paymentIntent(subscription)
		if w.shape == New { // the invoice does not name its payment
			link := InvoicePayment("inpay_"+charge, id, intent, Amount, w.now)
			w.objects[link.ID()] = clone(link)
			w.report("invoice_payment.paid", link.ID(), nil)
		}
		w.add(Charge(Old, charge, w.customer(), intent, "succeeded", w.now), "charge.succeeded")
		w.change(intent, "payment_intent.succeeded", func(o Object) {
			o["status"], o["amount_received"], o["latest_charge"] = "succeeded", Amount, charge
		})
	}
	w.change(id, "invoice.updated", func(o Object) {
		o["status"], o["paid"], o["amount_paid"], o["amount_remaining"] = "paid", true, amount, 0
		o["next_payment_attempt"] = nil
		o["status_transitions"].(map[string]any)["paid_at"] = w.now.Unix()
	})
	w.report("invoice.paid", id, nil)
	w.report("invoice.payment_succeeded", id, nil)
}

// failPayment makes a payment attempt for the subscription's latest invoice fail.
func (w *World) failPayment(subscription string) {
	id := w.latestInvoice(subscription)
	charge := w.id("ch")
	intent := w.paymentIntent(subscription)
	w.add(Declined(Charge(Old, charge, w.customer(), intent, "", w.now)), "charge.failed")
	w.change(intent, "payment_intent.payment_failed", func(o Object) {
		o["status"], o["latest_charge"] = "requires_payment_method", charge
		o["last_payment_error"] = Object{"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
			"message": "Your card has insufficient funds."}
	})
	w.change(id, "invoice.updated", func(o Object) {
		o["attempt_count"], o["next_payment_attempt"] = o["attempt_count"].(float64)+1, w.now.AddDate(0, 0, 3).Unix()
	})
	w.report("invoice.payment_failed", id, nil)
}

// askToAuthorize makes the bank ask the customer to authorize the payment of the subscription's latest invoice.
func (w *World) askToAuthorize(subscription string) {
	id := w.latestInvoice(subscription)
	w.change(w.paymentIntent(subscription), "payment_intent.requires_action", func(o Object) { o["status"] = "requires_action" })
	w.change(id, "invoice.updated", func(o Object) { o["attempt_count"] = o["attempt_count"].(float64) + 1 })
	w.report("invoice.payment_action_required", id, nil)
}

// paymentIntent returns the payment intent of the subscription's latest invoice, and creates it if there is none.
func (w *World) paymentIntent(subscription string) string {
	invoice := w.latestInvoice(subscription)
	if existing, ok := w.objects[invoice]["payment_intent"].(string); ok {
		return existing
	}
	intent := PaymentIntent(Old, w.id("pi"), w.customer(), "", "requires_payment_method", w.now)
	w.add(intent, "payment_intent.created")
	w.change(invoice, "", func(o Object) { o["payment_intent"] = intent.ID() })
	return intent.ID()
}
