package situations

import (
	"fmt"
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

const (
	boughtUntil30  = "The customer bought access, which ends on day 30."
	boughtForLife  = "The customer bought access that does not end."
	noSubscription = "The customer has no subscription."
	cannotBeRead   = "The customer has no subscription, and for how long its purchase grants access cannot be read from Stripe's metadata."
	boughtEnded    = "The customer has no subscription, and the access that it bought ended on "
)

// access is metadata that grants access.
func access(text string) Fields { return Fields{"metadata": Fields{"tollkeeper_access": text}} }

// buys completes a checkout session that is paid now, and whose metadata grants access; with an empty text it grants none.
// The session cs_1 is paid by the charge ch_cs_1.
func (l *Life) buys(session, text string, fields ...Fields) {
	l.charges("ch_"+session, "", Amount)
	l.completes(session, "pi_ch_"+session, text, fields...)
}

// completes completes a checkout session; the payment intent is empty if nothing was to be paid.
func (l *Life) completes(session, intent, text string, fields ...Fields) {
	if text != "" {
		fields = append([]Fields{access(text)}, fields...)
	}
	l.add("checkout.session.completed", Purchase(session, CustomerID, intent, l.now), fields...)
}

// buysOn is a sign-up, and a purchase on a day.
func buysOn(day int, text string, then ...func(*Life)) func(*Life) {
	return func(l *Life) {
		l.signsUp()
		l.on(day)
		l.buys("cs_1", text)
		for _, step := range then {
			step(l)
		}
	}
}

// buysByDebit is a sign-up, and a purchase whose payment takes days.
func buysByDebit(then ...func(*Life)) func(*Life) {
	return func(l *Life) {
		l.signsUp()
		l.completes("cs_1", "pi_1", "30d", Fields{"payment_status": "unpaid"})
		for _, step := range then {
			step(l)
		}
	}
}

// authorizesOnly is a sign-up, and a checkout whose payment waits to be captured.
func authorizesOnly(l *Life) {
	l.signsUp()
	l.add("charge.succeeded", Charge(l.Shape, "ch_1", CustomerID, "pi_1", "succeeded", l.now), Fields{"captured": false})
	l.completes("cs_1", "pi_1", "30d", Fields{"payment_status": "unpaid"})
}

func purchases() Group {
	list := singlePurchases()
	list = append(list, delayedPurchases()...)
	list = append(list, severalPurchases()...)
	list = append(list, purchasesBesideSubscriptions()...)
	list = append(list, refundedPurchases()...)
	return Group{
		Name: "Purchases",
		Intro: "What is bought once grants access for as long as the metadata `tollkeeper_access` says: see [Selling access once]" +
			"(purchases.md). It counts whatever the subscriptions say, and whether or not all of them are known.",
		Situations: append(list, disputedPurchases()...),
	}
}

func singlePurchases() []Situation {
	return []Situation{
		{
			Name: "The customer buys 30 days.", Life: buysOn(0, "30d"),
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The same, and the 30 days are over.", Life: buysOn(0, "30d"),
			Asked: 30 * Day, Want: no("NoSubscription", boughtEnded+"day 30."),
		}, {
			Name: "The customer buys a month: from 1 March to 1 April.", Life: buysOn(0, "1mo"),
			Asked: 5 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 31.").until(31 * Day),
		}, {
			Name: "The customer buys a lifetime.", Life: buysOn(0, "lifetime"),
			Asked: 3000 * Day, Want: yes("Purchased", boughtForLife),
		}, {
			Name: "The purchase is free by a discount of 100 %.",
			Life: func(l *Life) {
				l.signsUp()
				l.completes("cs_1", "", "30d", Fields{"payment_status": "no_payment_required", "amount_total": 0})
			},
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The customer pays without a checkout. The payment intent has the metadata.",
			Life: func(l *Life) {
				l.signsUp()
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now), access("30d"))
			},
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The customer pays without a checkout, and the payment intent fails.",
			Life: func(l *Life) {
				l.signsUp()
				l.add("payment_intent.payment_failed", Declined(PaymentIntent(l.Shape, "pi_1", CustomerID, "", "", l.now)), access("30d"))
			},
			Asked: 5 * Day, Want: no("NoSubscription", noSubscription),
		}, {
			Name: "The metadata of the session and of its payment differ. That of the session counts.",
			Life: func(l *Life) {
				l.signsUp()
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now), access("lifetime"))
				l.completes("cs_1", "pi_1", "30d")
			},
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The metadata of the purchase says nothing of access.", Life: buysOn(0, ""),
			Asked: 5 * Day, Want: no("NoSubscription", noSubscription),
		}, {
			Name: "The metadata cannot be read: `30` has no unit.", Life: buysOn(0, "30"),
			Asked: 5 * Day, Want: no("NoSubscription", cannotBeRead),
		}, {
			Name: "The metadata was corrected, and is read again on day 6.", HasKey: true,
			Life:  buysOn(0, "30", func(l *Life) { l.on(6); l.reads("cs_1", access("30d")) }),
			Asked: 7 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "Only the price grants access. Without a key, it is not read.", Life: buysOn(0, ""),
			Asked: 10 * Day, Want: no("NoSubscription", noSubscription),
		}, {
			Name: "Only the price grants access. It is read on day 6.", HasKey: true,
			Life:  buysOn(0, "", func(l *Life) { l.on(6); l.reads("cs_1", priced("30d")) }),
			Asked: 7 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "A checkout was forged: Stripe does not know the session.", HasKey: true,
			Life:  buysOn(0, "lifetime", func(l *Life) { l.on(1); l.isAbsent("cs_1") }),
			Asked: 2 * Day, Want: no("NoSubscription", noSubscription),
		},
	}
}

// priced are the lines of a session, with a one-time price whose metadata grants access. Events never have them.
func priced(text string) Fields {
	price := Fields{"id": "price_pass", "type": "one_time", "recurring": nil, "metadata": Fields{"tollkeeper_access": text}}
	return Fields{"line_items": Fields{"object": "list", "data": []Fields{{"id": "li_1", "price": price}}, "has_more": false}}
}

func delayedPurchases() []Situation {
	ends := func(eventType, paymentStatus string) func(*Life) {
		return buysByDebit(func(l *Life) {
			l.on(4)
			l.change(eventType, "cs_1", Fields{"payment_status": paymentStatus})
		})
	}
	return []Situation{
		{
			Name: "The customer buys 30 days by a bank debit, which is not paid yet.", Life: buysByDebit(),
			Asked: Day, Want: no("AwaitingPayment", "The purchase waits for its payment. Access starts once it succeeds."),
		}, {
			Name: "The debit succeeds on day 4.", Life: ends("checkout.session.async_payment_succeeded", "paid"),
			Asked: 5 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 34.").until(34 * Day),
		}, {
			Name: "The debit fails on day 4.", Life: ends("checkout.session.async_payment_failed", "unpaid"),
			Asked: 5 * Day, Want: no("NoSubscription", "The customer has no subscription, and the payment of its purchase failed."),
		}, {
			Name: "Of the debit, only the success of the payment intent is reported, on day 4.",
			Life: buysByDebit(func(l *Life) {
				l.on(4)
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now))
			}),
			Asked: 5 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 34.").until(34 * Day),
		}, {
			Name: "The same, and the metadata cannot be read: `30` has no unit.",
			Life: func(l *Life) {
				l.signsUp()
				l.completes("cs_1", "pi_1", "30", Fields{"payment_status": "unpaid"})
				l.on(4)
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now))
			},
			Asked: 5 * Day, Want: no("NoSubscription", cannotBeRead),
		}, {
			Name: "The debit fails on day 4, and the customer pays by card on day 6.",
			Life: buysByDebit(func(l *Life) {
				l.on(4)
				l.change("checkout.session.async_payment_failed", "cs_1")
				l.on(6)
				l.add("charge.succeeded", Charge(l.Shape, "ch_2", CustomerID, "pi_1", "succeeded", l.now))
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_2", "succeeded", l.now))
			}),
			Asked: 7 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 36.").until(36 * Day),
		}, {
			Name: "The checkout only authorizes the payment.", Life: authorizesOnly, Asked: Day,
			Want: no("AwaitingPayment", "The purchase waits for its payment. Access starts once it succeeds."),
		}, {
			Name: "The same, and you capture it on day 1.",
			Life: func(l *Life) {
				authorizesOnly(l)
				l.on(1)
				l.change("charge.captured", "ch_1", Fields{"captured": true})
				l.add("payment_intent.succeeded", PaymentIntent(l.Shape, "pi_1", CustomerID, "ch_1", "succeeded", l.now))
			},
			Asked: 2 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 31.").until(31 * Day),
		}, {
			Name: "The same, and the payment is canceled on day 7.",
			Life: func(l *Life) {
				authorizesOnly(l)
				l.on(7)
				l.add("payment_intent.canceled", PaymentIntent(l.Shape, "pi_1", CustomerID, "", "canceled", l.now))
			},
			Asked: 400 * Day, Want: no("NoSubscription", "The customer has no subscription, and the payment of its purchase failed."),
		}, {
			Name: "The debit succeeds, its event is lost, and the session is read on day 6.", HasKey: true,
			Life: buysByDebit(func(l *Life) {
				l.on(6)
				l.reads("cs_1", Fields{"payment_status": "paid"})
			}),
			Asked: 7 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 36.").until(36 * Day),
		}, {
			Name: "The debit is read on day 2, and not paid yet.", HasKey: true,
			Life:  buysByDebit(func(l *Life) { l.on(2); l.reads("cs_1") }),
			Asked: 3 * Day, Want: no("AwaitingPayment", "The purchase waits for its payment. Access starts once it succeeds."),
		},
	}
}

func severalPurchases() []Situation {
	again := func(day int, text string, fields ...Fields) func(*Life) {
		return buysOn(0, "30d", func(l *Life) {
			l.on(day)
			l.buys("cs_2", text, fields...)
		})
	}
	withSeats := Fields{"metadata": Fields{"tollkeeper_access": "30d", "tollkeeper_seats": "5"}}
	return []Situation{
		{
			Name: "The customer buys 30 days, and on day 10 another 30 days.", Life: again(10, "30d"),
			Asked: 11 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 60.").until(60 * Day),
		}, {
			Name: "The same, in the second 30 days.", Life: again(10, "30d"),
			Asked: 35 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 60.").until(60 * Day),
		}, {
			Name: "The customer buys 30 days, and on day 10 another product for 30 days. It runs beside the first one.", Life: again(10, "", withSeats),
			Asked: 11 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 40.").until(40 * Day),
		}, {
			Name: "The customer buys 30 days, and on day 40 another 30 days.", Life: again(40, "30d"),
			Asked: 41 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 70.").until(70 * Day),
		}, {
			Name: "The customer buys 30 days, and on day 10 a lifetime.", Life: again(10, "lifetime"),
			Asked: 11 * Day, Want: yes("Purchased", boughtForLife),
		}, {
			Name: "Two passes were bought, and the first one is refunded in full. The second one runs from its own payment on.",
			Life: buysOn(0, "30d", func(l *Life) {
				l.on(10)
				l.buys("cs_2", "30d")
				l.on(12)
				l.refunds("ch_cs_1")
			}),
			Asked: 13 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 40.").until(40 * Day),
		}, {
			Name: "The customer buys 30 days, and completes 20 checkouts for a year by bank debits, which all fail.",
			Life: buysOn(0, "30d", func(l *Life) {
				for n := range 20 {
					id := fmt.Sprintf("cs_year_%d", n)
					l.on(1, time.Duration(n)*time.Hour)
					l.completes(id, "pi_"+id, "1y", Fields{"payment_status": "unpaid"})
					l.on(5, time.Duration(n)*time.Hour)
					l.change("checkout.session.async_payment_failed", id)
				}
			}),
			Asked: 7 * Day, Want: yes("Purchased", boughtUntil30).until(30 * Day),
		}, {
			Name: "The customer buys 30 days 21 times, each time 5 days before the end.",
			Life: func(l *Life) {
				l.signsUp()
				for n := range 21 {
					l.on(max(0, 30*n-5))
					l.buys(fmt.Sprintf("cs_%d", n), "30d")
				}
			},
			Asked: 596 * Day, Want: yes("Purchased", "The customer bought access, which ends on day 630.").until(630 * Day),
		}, {
			Name: "Thirty days are over, and the customer has bought something that grants no access since.", Life: again(20, ""),
			Asked: 31 * Day, Want: no("NoSubscription", boughtEnded+"day 30."),
		},
	}
}

func purchasesBesideSubscriptions() []Situation {
	buysIn := func(day int, before func(*Life)) func(*Life) {
		return func(l *Life) {
			before(l)
			l.on(day)
			l.buys("cs_1", "30d")
		}
	}
	boughtUntil := func(day int) string {
		return "The customer bought access, which ends on " + FormatDay(dayTime(day).Sub(Begin)) + "."
	}
	endsOn3 := func(l *Life) { l.subscribesAndPays(); l.on(3); l.ends(subA) }
	const notKnownWithKey = "Not all of the customer's subscriptions are known yet. They are being read from Stripe. Access stays as it is until then."
	return []Situation{
		{
			Name: "The subscription was canceled, and the customer buys 30 days on day 5.", Life: buysIn(5, endsOn3),
			Asked: 6 * Day, Want: yes("Purchased", boughtUntil(35)).until(35 * Day),
		}, {
			Name: "The same, and the 30 days are over. The subscription's end explains it.", Life: buysIn(5, endsOn3),
			Asked: 36 * Day, Want: no("SubscriptionEnded", canceled+"day 3."),
		}, {
			Name: "The subscription is active, and the customer buys 30 days.", Life: buysIn(5, (*Life).subscribesAndPays),
			Asked: 6 * Day, Want: yes("SubscriptionActive", isActive),
		}, {
			Name: "The subscription is scheduled to end on day 20, and the customer has bought 30 days on day 5.",
			Life: buysIn(5, func(l *Life) {
				l.subscribesAndPays()
				l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(20)})
			}),
			Asked: 6 * Day, Want: yes("SubscriptionActive", "The subscription is active and scheduled to end on day 20.").until(35 * Day),
		}, {
			Name: "The same, after the subscription's end.",
			Life: buysIn(5, func(l *Life) {
				l.subscribesAndPays()
				l.change("customer.subscription.updated", subA, Fields{"cancel_at": unix(20)})
			}),
			Asked: 21 * Day, Want: yes("Purchased", boughtUntil(35)).until(35 * Day),
		}, {
			Name: "The trial runs, and the customer buys 30 days.", Life: buysIn(5, startsTrial),
			Asked: 6 * Day, Want: yes("Trialing", inTrial),
		}, {
			Name: "The trial is over, Stripe has not reported what follows, and the customer has bought 30 days.", Life: buysIn(5, startsTrial),
			Asked: 20 * Day, Want: yes("Purchased", boughtUntil(35)),
		}, {
			Name: "The renewal fails, and the customer buys 30 days on day 31.", Life: buysIn(31, (*Life).failsToRenew),
			Asked: 32 * Day, Want: yes("Purchased", boughtUntil(61)).until(61 * Day),
		}, {
			Name: "The same, and grace and the 30 days are over.", Life: buysIn(31, (*Life).failsToRenew),
			Asked: 62 * Day, Want: no("PaymentFailed", graceIsOver),
		}, {
			Name: "The renewal fails. The 30 days end before grace does.",
			Life: func(l *Life) {
				l.subscribesAndPays()
				l.on(5)
				l.buys("cs_1", "30d")
				l.failsToRenewAgain()
			},
			Asked: 32 * Day, Want: yes("Purchased", boughtUntil(35)).until(37 * Day),
		}, {
			Name: "The subscription is paused, and the customer buys 30 days.",
			Life: buysIn(11, func(l *Life) {
				l.subscribesAndPays()
				l.on(10)
				l.becomes(subA, "paused", pausedBy("pause_requested"))
			}),
			Asked: 12 * Day, Want: yes("Purchased", boughtUntil(41)).until(41 * Day),
		}, {
			Name: "An old customer buys 30 days. Its subscriptions are not known.", HasKey: true,
			Life:  func(l *Life) { l.buys("cs_1", "30d") },
			Asked: 5 * Day, Want: yes("Purchased", boughtUntil30),
		}, {
			Name: "The same, and the 30 days are over.", HasKey: true,
			Life:  func(l *Life) { l.buys("cs_1", "30d") },
			Asked: 31 * Day, Want: notKnown(notKnownWithKey),
		}, {
			Name:  "The same. Without a key, what is known decides.",
			Life:  func(l *Life) { l.buys("cs_1", "30d") },
			Asked: 31 * Day, Want: no("NoSubscription", boughtEnded+"day 30."),
		}, {
			Name:  "An old customer buys a mug. Its subscriptions are not known, and nothing shows that it has none.",
			Life:  func(l *Life) { l.buys("cs_1", "") },
			Asked: Day, Want: notKnown("Not all of the customer's subscriptions are known yet. Access stays as it is until an event reports one."),
		},
	}
}
