package stripetest

// buy buys something once, at once. The session and the payment intent have the metadata; without a session the customer
// pays by a payment intent alone. A session needs a customer that has signed up through a checkout before.
func (w *World) buy(session, intent Object) {
	if w.customer() == "" || session != nil && w.newest("checkout.session", func(o Object) bool { return o["status"] == "complete" }) == "" {
		return
	}
	paid := PaymentIntent(Old, w.id("pi"), w.customer(), "", "requires_payment_method", w.now).With("metadata", intent)
	w.add(paid, "payment_intent.created")
	charge := w.id("ch")
	w.add(Charge(Old, charge, w.customer(), paid.ID(), "succeeded", w.now).With("metadata", intent), "charge.succeeded")
	w.change(paid.ID(), "payment_intent.succeeded", func(o Object) {
		o["status"], o["amount_received"], o["latest_charge"] = "succeeded", Amount, charge
	})
	if session != nil {
		w.add(Purchase(w.id("cs"), w.customer(), paid.ID(), w.now).With("metadata", session), "checkout.session.completed")
	}
}

// buyByDebit completes a checkout whose payment takes days, for a customer that has signed up through a checkout before.
func (w *World) buyByDebit() {
	if w.customer() == "" || w.newest("checkout.session", func(o Object) bool { return o["status"] == "complete" }) == "" {
		return
	}
	session := Purchase(w.id("cs"), w.customer(), "", w.now).With("payment_status", "unpaid")
	w.add(session.With("metadata", Object{"tollkeeper_access": "1mo"}), "checkout.session.completed")
}
