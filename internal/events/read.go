package events

import (
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// The readers below set the one record of an event. Types that carry the same kind of object share one.

func readSubscription(p Payload, e *projection.Event) {
	e.Subscription = stripejson.Subscription(p.Object, p.Previous, p.MetadataPrefix)
}

func readInvoice(p Payload, e *projection.Event) { e.Invoice = stripejson.Invoice(p.Object) }

func readPaymentIntent(p Payload, e *projection.Event) {
	e.Payment = stripejson.PaymentIntent(p.Object)
}

func readCharge(p Payload, e *projection.Event) { e.Payment = stripejson.Charge(p.Object) }

func readRefund(p Payload, e *projection.Event) { e.Refund = stripejson.Refund(p.Object) }

func readDispute(p Payload, e *projection.Event) { e.Dispute = stripejson.Dispute(p.Object) }

func readCheckout(p Payload, e *projection.Event) { e.Checkout = stripejson.Checkout(p.Object) }

func readCustomer(p Payload, e *projection.Event) {
	e.Customer = stripejson.Customer(p.Object, p.MetadataPrefix)
}

func readSetup(p Payload, e *projection.Event) { e.Setup = stripejson.Setup(p.Object) }
