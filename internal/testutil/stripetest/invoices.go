package stripetest

// openOneOff returns the newest open invoice that belongs to no subscription; empty if there is none.
func (w *World) openOneOff() string {
	return w.newest("invoice", func(o Object) bool { return o["status"] == "open" && o["subscription"] == nil })
}

// endInvoice ends the newest open invoice without a subscription: the update of its status, and the event of that name.
func (w *World) endInvoice(status, eventType string) {
	if id := w.openOneOff(); id != "" {
		w.change(id, "invoice.updated", func(o Object) { o["status"] = status })
		w.report(eventType, id, nil)
	}
}

// openDispute returns the newest dispute that is not closed; empty if there is none.
func (w *World) openDispute() string {
	return w.newest("dispute", func(o Object) bool { return o["status"] == "needs_response" || o["status"] == "under_review" })
}

// closeDispute closes the newest open dispute.
func (w *World) closeDispute(status string) {
	id := w.openDispute()
	if id == "" {
		return
	}
	w.change(id, "charge.dispute.updated", func(o Object) { o["status"] = status })
	w.report("charge.dispute.closed", id, nil)
	if status == "won" {
		w.report("charge.dispute.funds_reinstated", id, nil)
	}
}

// invoiceOps are the operations on invoices without a subscription, on disputes and on updates that wait for their payment.
var invoiceOps = map[Op]func(*World){
	VoidInvoice:     func(w *World) { w.endInvoice("void", "invoice.voided") },
	WriteOffInvoice: func(w *World) { w.endInvoice("uncollectible", "invoice.marked_uncollectible") },
	MissDueDate: func(w *World) {
		if id := w.openOneOff(); id != "" {
			w.report("invoice.overdue", id, nil)
		}
	},
	FailToFinalize: func(w *World) {
		if id := w.latestDraft(); id != "" {
			w.report("invoice.finalization_failed", id, nil)
		}
	},
	DeleteDraft: func(w *World) {
		if id := w.latestDraft(); id != "" {
			w.report("invoice.deleted", id, nil)
			w.change(id, "", func(o Object) { o["status"] = "deleted" }) // Stripe keeps nothing of it
		}
	},
	AnswerDispute: func(w *World) {
		if id := w.openDispute(); id != "" && w.objects[id]["status"] == "needs_response" {
			w.change(id, "charge.dispute.updated", func(o Object) { o["status"] = "under_review" })
		}
	},
	WinDispute:  func(w *World) { w.closeDispute("won") },
	LoseDispute: func(w *World) { w.closeDispute("lost") },
	ApplyPending: func(w *World) {
		w.addQuantity(+1)
		w.withSubscription(func(id string) { w.report("customer.subscription.pending_update_applied", id, nil) }, "active")
	},
	DropPending: func(w *World) {
		w.withSubscription(func(id string) { w.report("customer.subscription.pending_update_expired", id, nil) }, "active")
	},
}
