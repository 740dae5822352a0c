package stripetest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Op is an operation on an account.
type Op string

func init() {
	for _, more := range []map[Op]func(*World){scheduleOps, methodOps, invoiceOps} {
		maps.Copy(ops, more)
	}
}

// Ops returns all operations in a fixed order, simplest first. The first three are the ways to sign up.
func Ops() []Op {
	return slices.SortedFunc(maps.Keys(ops), func(a, b Op) int { return rankOf(a) - rankOf(b) })
}

func rankOf(op Op) int { return slices.Index(simplestFirst, op) }

// The operations.
const (
	SignUp           Op = "sign up"
	SignUpWithTrial  Op = "sign up with a trial"
	SignUpUnpaid     Op = "sign up without paying"
	PayFirst         Op = "pay the first invoice"
	ExpireIncomplete Op = "expire unpaid"
	SubscribeAgain   Op = "subscribe again"
	AnnounceTrialEnd Op = "announce the trial's end"
	EndTrial         Op = "end the trial"
	PauseTrial       Op = "pause at the trial's end"
	ResumeTrial      Op = "resume after the trial"
	GiveTrial        Op = "give a trial"
	ChangePlan       Op = "change the plan"
	ChangeQuantity   Op = "change the quantity"
	RevertQuantity   Op = "change the quantity back"
	Renew            Op = "renew"
	FailRenewal      Op = "fail to renew"
	FailAgain        Op = "fail again"
	Recover          Op = "recover"
	GiveUp           Op = "give up collecting"
	PauseCollecting  Op = "pause collection"
	ResumeCollecting Op = "resume collection"
	ScheduleCancel   Op = "schedule cancellation"
	UndoCancel       Op = "undo cancellation"
	SetCancelAt      Op = "set cancel_at"
	UnsetCancelAt    Op = "unset cancel_at"
	Cancel           Op = "cancel"
	RefundPart       Op = "refund a part"
	RefundAll        Op = "refund all"
	OpenDispute      Op = "dispute"
	ChangeEmail      Op = "change the e-mail address"
	RevertEmail      Op = "change the e-mail address back"
	ChangeDefault    Op = "change the default payment method"
	ExpireCard       Op = "announce a card's expiry"
	UpdateCard       Op = "update a card"
	SetUpMethod      Op = "set up a payment method"
	FailSetup        Op = "fail to set up a payment method"
	EditDraft        Op = "edit a draft invoice"
	FinalizeDraft    Op = "finalize a draft invoice"
	FailRefund       Op = "fail a refund"
	LeaveCheckout    Op = "leave a checkout"
	AskToAuthorize   Op = "ask to authorize a payment"
	BuyByDebit       Op = "buy something by bank debit"
	SettleDebit      Op = "settle a bank debit"
	FailDebit        Op = "fail a bank debit"
	BuyOnce          Op = "buy something once"
	BuyPass          Op = "buy access for 30 days"
	BuySeats         Op = "buy access and seats for a year"
	BuyLifetime      Op = "buy access for life"
	DeleteCustomer   Op = "delete the customer"
	ChangeProduct    Op = "change what the product grants"
	RevertProduct    Op = "change what the product grants back"
	RenameProduct    Op = "rename the product"

	PlanChange      Op = "plan a change of the subscription"
	ChangePlanned   Op = "change what is planned"
	RevertPlanned   Op = "change what is planned back"
	StartPlanned    Op = "start the planned phase"
	AnnouncePlan    Op = "announce the schedule's end"
	PlanToEnd       Op = "plan that the subscription ends"
	CompletePlan    Op = "complete the schedule"
	ReleasePlan     Op = "release the schedule"
	CancelPlanned   Op = "cancel the schedule"
	AttachMethod    Op = "attach a payment method"
	ChangeMethod    Op = "change a payment method"
	ReplaceMethod   Op = "replace a card at the bank"
	DetachMethod    Op = "detach a payment method"
	AddCard         Op = "add a card"
	DeleteCard      Op = "delete a card"
	AuthorizeSetup  Op = "ask to authorize a setup"
	CancelSetup     Op = "cancel a setup"
	ProcessPayment  Op = "start a payment"
	CancelPayment   Op = "cancel a payment"
	CapturePayment  Op = "capture a payment"
	VoidInvoice     Op = "void an invoice"
	WriteOffInvoice Op = "write off an invoice"
	MissDueDate     Op = "miss the due date of an invoice"
	FailToFinalize  Op = "fail to finalize a draft invoice"
	DeleteDraft     Op = "delete a draft invoice"
	AnswerDispute   Op = "answer a dispute"
	WinDispute      Op = "win a dispute"
	LoseDispute     Op = "lose a dispute"
	ApplyPending    Op = "apply a pending update"
	DropPending     Op = "drop a pending update"
	GrantFeature    Op = "grant a feature"
	RevokeFeature   Op = "revoke the feature"
	GrantManyMore   Op = "grant twelve features more"
	RevokeThose     Op = "revoke the twelve features"
)

var simplestFirst = []Op{
	SignUp, SignUpWithTrial, SignUpUnpaid, ChangeQuantity, RevertQuantity, ScheduleCancel, UndoCancel, Cancel, ChangePlan, Renew,
	FailRenewal, FailAgain, Recover, GiveUp, PayFirst, ExpireIncomplete, SubscribeAgain, AnnounceTrialEnd, EndTrial, PauseTrial,
	ResumeTrial, GiveTrial, PauseCollecting, ResumeCollecting, SetCancelAt, UnsetCancelAt, RefundPart, RefundAll, OpenDispute,
	ChangeEmail, RevertEmail, ChangeDefault, ExpireCard, UpdateCard, SetUpMethod, FailSetup, EditDraft, FinalizeDraft,
	BuyByDebit, SettleDebit, FailDebit, FailRefund, LeaveCheckout, BuyOnce, BuyPass, BuySeats, BuyLifetime,
	ChangeProduct, RevertProduct, RenameProduct, AskToAuthorize,
	PlanChange, ChangePlanned, RevertPlanned, StartPlanned, AnnouncePlan, PlanToEnd, CompletePlan, ReleasePlan, CancelPlanned,
	AttachMethod, ChangeMethod, ReplaceMethod, DetachMethod, AddCard, DeleteCard, AuthorizeSetup, CancelSetup, ProcessPayment,
	CancelPayment, CapturePayment, VoidInvoice, WriteOffInvoice, MissDueDate, FailToFinalize, DeleteDraft, AnswerDispute, WinDispute,
	LoseDispute, ApplyPending, DropPending, GrantFeature, RevokeFeature, GrantManyMore, RevokeThose, DeleteCustomer,
}

// Do performs the operation if it applies, and reports whether it did. For example, no plan changes on an ended
// subscription.
func (w *World) Do(op Op) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	do, known := ops[op]
	if !known {
		panic(fmt.Sprintf("no such op: %q", op))
	}
	before := len(w.events)
	do(w)
	return len(w.events) > before
}

// ops holds what each operation does. An operation that does not apply does nothing.
var ops = map[Op]func(*World){
	SignUp:          func(w *World) { w.signUp("active") },
	SignUpWithTrial: func(w *World) { w.signUp("trialing") },
	SignUpUnpaid:    func(w *World) { w.signUp("incomplete") },
	FailRefund:      func(w *World) { w.failRefund() },
	DeleteCustomer:  func(w *World) { w.deleteCustomer() },
	LeaveCheckout: func(w *World) {
		if customer := w.customer(); customer != "" {
			session := Checkout(w.id("cs"), customer, "", "ada@example.com", w.now).With("subscription", nil)
			w.add(session.With("status", "expired").With("payment_status", "unpaid"), "checkout.session.expired")
		}
	},
	BuyOnce: func(w *World) { w.buy(Object{}, Object{}) },
	BuyPass: func(w *World) { w.buy(Object{"tollkeeper_access": "30d"}, Object{}) },
	BuySeats: func(w *World) {
		w.buy(Object{"tollkeeper_access": "1y", "tollkeeper_seats": "5"}, Object{"tollkeeper_access": "30d", "tollkeeper_tier": "gold"})
	},
	BuyLifetime: func(w *World) { w.buy(nil, Object{"tollkeeper_access": "lifetime"}) },
	BuyByDebit:  func(w *World) { w.buyByDebit() },
	SettleDebit: func(w *World) { w.endDebit("checkout.session.async_payment_succeeded", "paid") },
	FailDebit:   func(w *World) { w.endDebit("checkout.session.async_payment_failed", "unpaid") },
	ChangeProduct: func(w *World) {
		w.changeProduct(func(_, metadata map[string]any) { metadata["tollkeeper_projects"] = fmt.Sprint(len(w.events)) })
	},
	RevertProduct: func(w *World) {
		w.changeProduct(func(_, metadata map[string]any) { metadata["tollkeeper_projects"] = "3" })
	},
	RenameProduct: func(w *World) {
		w.changeProduct(func(o, _ map[string]any) { o["name"] = fmt.Sprintf("Pro %d", len(w.events)%3) })
	},
	GrantFeature:  func(w *World) { w.changeFeatures(func(keys []string) []string { return with(keys, "sso") }) },
	RevokeFeature: func(w *World) { w.changeFeatures(func(keys []string) []string { return without(keys, "sso") }) },
	GrantManyMore: func(w *World) {
		w.changeFeatures(func(keys []string) []string {
			for _, key := range manyFeatures() {
				keys = with(keys, key)
			}
			return keys
		})
	},
	RevokeThose: func(w *World) {
		w.changeFeatures(func(keys []string) []string {
			return slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(manyFeatures(), key) })
		})
	},
	SubscribeAgain: func(w *World) {
		if n := len(w.subscriptions()); n > 0 && n < 3 && w.customer() != "" {
			w.subscribe("active")
		}
	},
	PayFirst: func(w *World) {
		w.withSubscription(func(id string) {
			w.payLatest(id)
			w.update(id, func(o Object) { o["status"] = "active" })
		}, "incomplete")
	},
	ExpireIncomplete: func(w *World) {
		w.withSubscription(func(id string) {
			w.change(w.latestInvoice(id), "invoice.updated", func(o Object) { o["status"] = "void" })
			w.update(id, func(o Object) { o["status"], o["ended_at"] = "incomplete_expired", w.now.Unix() })
		}, "incomplete")
	},
	AnnounceTrialEnd: func(w *World) {
		w.withSubscription(func(id string) { w.report("customer.subscription.trial_will_end", id, nil) }, "trialing")
	},
	EndTrial: func(w *World) {
		w.withSubscription(func(id string) {
			w.startNextPeriod(id)
			w.bill(id, Amount)
			w.payLatest(id)
			w.update(id, func(o Object) { o["status"] = "active" })
		}, "trialing")
	},
	PauseTrial: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) { o["status"] = "paused" })
			w.report("customer.subscription.paused", id, nil)
		}, "trialing")
	},
	ResumeTrial: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) { o["status"] = "active" })
			w.report("customer.subscription.resumed", id, nil)
		}, "paused")
	},
	GiveTrial: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) {
				o["status"], o["trial_start"], o["trial_end"] = "trialing", w.now.Unix(), w.now.AddDate(0, 0, 7).Unix()
			})
		}, "active")
	},
	ChangePlan: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) {
				price := firstItem(o)["price"].(map[string]any)
				if price["id"] == Price {
					price["id"], price["lookup_key"], price["unit_amount"] = "price_Max99", "max-monthly", 9900
				} else {
					price["id"], price["lookup_key"], price["unit_amount"] = Price, LookupKey, Amount
				}
			})
		}, "active", "trialing")
	},
	ChangeQuantity: func(w *World) { w.addQuantity(+1) },
	RevertQuantity: func(w *World) { w.addQuantity(-1) },
	Renew: func(w *World) {
		w.withSubscription(func(id string) {
			w.startNextPeriod(id)
			w.bill(id, Amount)
			w.payLatest(id)
		}, "active")
	},
	FailRenewal: func(w *World) {
		w.withSubscription(func(id string) {
			w.startNextPeriod(id)
			w.bill(id, Amount)
			w.failPayment(id)
			w.update(id, func(o Object) { o["status"] = "past_due" })
		}, "active")
	},
	AskToAuthorize: func(w *World) { w.withSubscription(w.askToAuthorize, "past_due", "incomplete") },
	FailAgain:      func(w *World) { w.withSubscription(w.failPayment, "past_due") },
	Recover: func(w *World) {
		w.withSubscription(func(id string) {
			w.payLatest(id)
			w.update(id, func(o Object) { o["status"] = "active" })
		}, "past_due", "unpaid")
	},
	GiveUp: func(w *World) {
		w.withSubscription(func(id string) { w.update(id, func(o Object) { o["status"] = "unpaid" }) }, "past_due")
	},
	PauseCollecting: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) { o["pause_collection"] = Object{"behavior": "void", "resumes_at": nil} })
		}, "active")
	},
	ResumeCollecting: func(w *World) {
		w.withSubscription(func(id string) { w.update(id, func(o Object) { o["pause_collection"] = nil }) }, "active")
	},
	ScheduleCancel: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) {
				o["cancel_at_period_end"], o["cancel_at"], o["canceled_at"] = true, o["current_period_end"], w.now.Unix()
			})
		}, "active", "trialing", "past_due")
	},
	UndoCancel: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) { o["cancel_at_period_end"], o["cancel_at"], o["canceled_at"] = false, nil, nil })
		}, "active", "trialing", "past_due")
	},
	SetCancelAt: func(w *World) {
		w.withSubscription(func(id string) {
			w.update(id, func(o Object) { o["cancel_at"] = w.now.AddDate(0, 3, 0).Unix() })
		}, "active", "trialing")
	},
	UnsetCancelAt: func(w *World) {
		w.withSubscription(func(id string) { w.update(id, func(o Object) { o["cancel_at"] = nil }) }, "active", "trialing")
	},
	Cancel: func(w *World) {
		w.withSubscription(w.cancel, "incomplete", "trialing", "active", "past_due", "unpaid", "paused")
	},
	RefundPart: func(w *World) { w.refund(500) },
	RefundAll:  func(w *World) { w.refund(Amount) },
	OpenDispute: func(w *World) {
		if charge := w.latestCharge(); charge != nil {
			intent, _ := charge["payment_intent"].(string)
			dispute := Dispute(w.id("dp"), charge.ID(), intent, w.now, w.now.AddDate(0, 0, 9))
			w.add(dispute, "charge.dispute.created")
			w.report("charge.dispute.funds_withdrawn", dispute.ID(), nil)
		}
	},
	ChangeEmail: func(w *World) {
		w.updateCustomer(func(o Object) { o["email"] = fmt.Sprintf("ada%d@example.com", len(w.events)) })
	},
	RevertEmail: func(w *World) { w.updateCustomer(func(o Object) { o["email"] = "ada@example.com" }) },
	ChangeDefault: func(w *World) {
		w.updateCustomer(func(o Object) {
			o["invoice_settings"] = Object{"default_payment_method": fmt.Sprintf("pm_%d", len(w.events))}
		})
	},
	ExpireCard: func(w *World) { w.changeCard("customer.source.expiring", func(Object) {}) },
	UpdateCard: func(w *World) {
		w.changeCard("customer.source.updated", func(o Object) { o["exp_year"] = o["exp_year"].(float64) + 4 })
	},
	SetUpMethod: func(w *World) { w.setUp("setup_intent.succeeded", "succeeded") },
	FailSetup:   func(w *World) { w.setUp("setup_intent.setup_failed", "requires_payment_method") },
	EditDraft: func(w *World) {
		if w.customer() == "" {
			return
		}
		id := w.latestDraft()
		if id == "" {
			invoice := Invoice(Old, w.id("in"), w.customer(), "", "draft", 100, w.now, w.now.AddDate(0, 1, 0)).With("number", nil)
			w.add(invoice, "invoice.created")
			id = invoice.ID()
		}
		w.change(id, "invoice.updated", func(o Object) {
			due := o["amount_due"].(float64) + 100
			o["amount_due"], o["amount_remaining"] = due, due
		})
	},
	FinalizeDraft: func(w *World) {
		if id := w.latestDraft(); id != "" {
			w.finalize(id)
		}
	},
}

func (w *World) addQuantity(by float64) {
	w.withSubscription(func(id string) {
		w.update(id, func(o Object) {
			item := firstItem(o)
			item["quantity"] = max(1, item["quantity"].(float64)+by)
		})
	}, "active", "trialing", "past_due")
}

func (w *World) updateCustomer(change func(Object)) {
	if id := w.customer(); id != "" {
		w.change(id, "customer.updated", change)
	}
}

// changeCard changes the customer's card, which it creates first if there is none.
func (w *World) changeCard(eventType string, change func(Object)) {
	customer := w.customer()
	if customer == "" {
		return
	}
	id := "card_" + customer
	if w.objects[id]["deleted"] == true {
		return
	}
	if w.objects[id] == nil {
		w.add(Card(id, customer, 3, 2026), "customer.source.created")
	}
	w.change(id, eventType, change)
}

// changeProduct changes the product of all subscriptions, which it creates first if there is none.
func (w *World) changeProduct(change func(product, metadata map[string]any)) {
	if w.customer() == "" {
		return
	}
	if w.objects[Product] == nil {
		w.add(ProductWith("3"), "")
	}
	w.change(Product, "product.updated", func(o Object) { change(o, o["metadata"].(map[string]any)) })
}

func (w *World) setUp(eventType, status string) {
	if w.customer() == "" {
		return
	}
	intent := SetupIntent(w.id("seti"), w.customer(), "", "requires_payment_method", w.now)
	w.add(intent, "setup_intent.created")
	w.change(intent.ID(), eventType, func(o Object) {
		o["status"] = status
		if status == "succeeded" {
			o["payment_method"] = "pm_" + intent.ID()
		} else {
			o["last_setup_error"] = Object{"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "Declined."}
		}
	})
}

func (w *World) refund(amount float64) {
	charge := w.latestCharge()
	if charge == nil || charge["amount_refunded"].(float64) >= Amount {
		return
	}
	w.change(charge.ID(), "charge.refunded", func(o Object) {
		total := min(Amount, o["amount_refunded"].(float64)+amount)
		o["amount_refunded"], o["refunded"] = total, total == Amount
	})
}

// failRefund fails the refunds of the latest charge at the bank, and restores the charge.
func (w *World) failRefund() {
	charge := w.latestCharge()
	if charge == nil || charge["amount_refunded"].(float64) == 0 {
		return
	}
	intent, _ := charge["payment_intent"].(string)
	refund := Refund(w.id("re"), charge.ID(), intent, "pending", charge["amount_refunded"].(float64), w.now)
	w.add(refund, "refund.created")
	w.change(refund.ID(), "charge.refund.updated", func(o Object) { o["status"] = "failed" })
	w.change(refund.ID(), "refund.updated", func(o Object) { o["failure_reason"] = "expired_or_canceled_card" })
	w.report("refund.failed", refund.ID(), nil)
	w.change(charge.ID(), "charge.updated", func(o Object) { o["amount_refunded"], o["refunded"] = 0, false })
}

// monthAfter returns the end of a monthly period.
func monthAfter(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
