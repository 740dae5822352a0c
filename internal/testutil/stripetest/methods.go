package stripetest

// PaymentMethod returns a card of a customer in the form of the API since 2019.
func PaymentMethod(id, customer, last4 string, month, year int) Object {
	return Object{
		"id": id, "object": "payment_method", "customer": customer, "type": "card", "livemode": false, "created": 1500000000,
		"metadata": Object{}, "card": Object{"brand": "visa", "last4": last4, "exp_month": month, "exp_year": year},
	}
}

// attachMethod gives the customer a new payment method.
func (w *World) attachMethod() {
	if customer := w.customer(); customer != "" {
		w.add(PaymentMethod(w.id("pm"), customer, "4242", 8, 2031), "payment_method.attached")
	}
}

// changeMethod changes the customer's newest payment method.
func (w *World) changeMethod(eventType string, change func(card map[string]any)) {
	if id := w.attachedMethod("payment_method"); id != "" {
		w.change(id, eventType, func(o Object) { change(o["card"].(map[string]any)) })
	}
}

func (w *World) attachedMethod(kind string) string {
	customer := w.customer()
	return w.newest(kind, func(o Object) bool { return customer != "" && o["customer"] == customer && o["deleted"] != true })
}

// methodOps are the operations on payment methods and their setups.
var methodOps = map[Op]func(*World){
	AttachMethod: func(w *World) { w.attachMethod() },
	ChangeMethod: func(w *World) {
		w.changeMethod("payment_method.updated", func(card map[string]any) { card["exp_year"] = card["exp_year"].(float64) + 1 })
	},
	ReplaceMethod: func(w *World) {
		w.changeMethod("payment_method.automatically_updated", func(card map[string]any) { card["last4"] = "1881" })
	},
	DetachMethod: func(w *World) {
		if id := w.attachedMethod("payment_method"); id != "" {
			w.change(id, "payment_method.detached", func(o Object) { o["customer"] = nil })
		}
	},
	AddCard: func(w *World) {
		if customer := w.customer(); customer != "" {
			w.add(Card(w.id("card"), customer, 3, 2026), "customer.source.created")
		}
	},
	DeleteCard: func(w *World) {
		if id := w.attachedMethod("card"); id != "" {
			w.report("customer.source.deleted", id, nil)
			w.objects[id] = Object{"id": id, "object": "card", "deleted": true}
		}
	},
	AuthorizeSetup: func(w *World) { w.setUp("setup_intent.requires_action", "requires_action") },
	CancelSetup: func(w *World) {
		waits := func(o Object) bool { return o["status"] != "succeeded" && o["status"] != "canceled" }
		if id := w.newest("setup_intent", waits); id != "" && w.customer() != "" {
			w.change(id, "setup_intent.canceled", func(o Object) { o["status"] = "canceled" })
		}
	},
	ProcessPayment: func(w *World) {
		if customer := w.customer(); customer != "" {
			intent := PaymentIntent(Old, w.id("pi"), customer, "", "requires_confirmation", w.now)
			w.add(intent, "payment_intent.created")
			w.change(intent.ID(), "payment_intent.processing", func(o Object) { o["status"] = "processing" })
		}
	},
	CancelPayment: func(w *World) {
		if id := w.newest("payment_intent", func(o Object) bool { return o["status"] == "processing" }); id != "" {
			w.change(id, "payment_intent.canceled", func(o Object) { o["status"] = "canceled" })
		}
	},
	CapturePayment: func(w *World) {
		if customer := w.customer(); customer != "" {
			charge := Charge(Old, w.id("ch"), customer, "", "succeeded", w.now).With("payment_intent", nil).With("captured", true)
			w.add(charge, "charge.captured")
		}
	},
}
