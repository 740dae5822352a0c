package events

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// Each reader below sets the one record of an event. Event types with the same kind of object share a reader.

func readSubscription(p Payload, e *projection.Event) {
	e.Subscription = &v1alpha1.SubscriptionRecord{
		SubscriptionState: *stripejson.Subscription(p.Object, p.MetadataPrefix),
		Trace:             newTrace(e.Type, p, subscriptionIdentity),
	}
	if before := p.Object.Before(p.Previous).Word("status"); before != e.Subscription.Status {
		e.Subscription.PreviousStatus = before
	}
}

func readInvoice(p Payload, e *projection.Event) {
	e.Invoice = stripejson.Invoice(p.Object)
	e.Invoice.PriceMetadata = stripejson.PriceMetadata(p.Object, p.MetadataPrefix)
	e.Invoice.Trace = newTrace(e.Type, p, func(o stripejson.Object) any { return stripejson.Invoice(o).Invoice })
}

// readDeletedInvoice reads a draft that was deleted. Stripe sends it as it was.
func readDeletedInvoice(p Payload, e *projection.Event) {
	readInvoice(p, e)
	e.Invoice.Status = projection.InvoiceDeleted
}

func readPaymentIntent(p Payload, e *projection.Event) {
	e.Payment = stripejson.PaymentIntent(p.Object)
	e.Payment.Metadata = stripejson.PurchaseMetadata(p.Object, p.MetadataPrefix)
}

func readInvoicePayment(p Payload, e *projection.Event) {
	e.Payment = stripejson.InvoicePayment(p.Object)
}

func readCharge(p Payload, e *projection.Event) {
	e.Payment = stripejson.Charge(p.Object)
	e.Payment.Metadata = stripejson.PurchaseMetadata(p.Object, p.MetadataPrefix)
}

// unlessCaptured is Type.unless for charges that succeeded. The payment of an authorized one is its capture.
func unlessCaptured(e *projection.Event) string {
	if e.Payment != nil && e.Payment.Uncaptured {
		return "the charge is only authorized, and `charge.captured` or `charge.expired` follows"
	}
	return ""
}

func readRefund(p Payload, e *projection.Event) {
	e.Refund = &v1alpha1.RefundRecord{
		RefundTotal: stripejson.RefundTotal(p.Object),
		Trace:       newTrace(e.Type, p, func(o stripejson.Object) any { return stripejson.RefundTotal(o).AmountRefunded }),
	}
	for _, state := range []*string{&e.Refund.StateBefore, &e.Refund.StateAfter} {
		if *state == nothingRefunded {
			*state = v1alpha1.StateNone // each charge starts without a refund
		}
	}
}

var nothingRefunded = fingerprint(int64(0))

// readChangedRefund reads a charge whose total of refunds has changed. Other changes of a charge say nothing of refunds.
func readChangedRefund(p Payload, e *projection.Event) {
	if p.Previous.Int("amount_refunded") != nil {
		readRefund(p, e)
	}
}

func readFailedRefund(p Payload, e *projection.Event) { e.Refund = stripejson.FailedRefund(p.Object) }

// unlessRefunds is Type.unless for refunds: they are read if they change what is refunded.
func unlessRefunds(e *projection.Event) string {
	if e.Refund == nil {
		return "it changes nothing about what is refunded"
	}
	return ""
}

func readDispute(p Payload, e *projection.Event) { e.Dispute = stripejson.Dispute(p.Object) }

func readCheckout(p Payload, e *projection.Event) {
	e.Checkout = stripejson.Checkout(p.Object)
	if e.Checkout.Mode == "payment" {
		e.Checkout.InvoiceID = p.Object.ID("invoice")
		e.Checkout.Metadata = stripejson.PurchaseMetadata(p.Object, p.MetadataPrefix)
		e.Checkout.PriceMetadata = stripejson.PriceMetadata(p.Object, p.MetadataPrefix)
		e.Checkout.PricesRead = p.Object.Object("line_items").Present()
	}
}

func readCustomer(p Payload, e *projection.Event) {
	e.Customer = stripejson.Customer(p.Object, p.MetadataPrefix)
	e.Customer.Trace = newTrace(e.Type, p, func(o stripejson.Object) any { return stripejson.Customer(o, p.MetadataPrefix) },
		p.MetadataPrefix)
}

// readDeletion reads no field of the customer: Stripe sends the personal data that was just deleted.
func readDeletion(_ Payload, e *projection.Event) {
	e.Customer = &v1alpha1.CustomerRecord{Deleted: true}
}

func readProduct(p Payload, e *projection.Event) {
	state := func(o stripejson.Object) any { return stripejson.Product(o, p.MetadataPrefix) }
	e.Product = &v1alpha1.ProductRecord{
		ProductState: stripejson.Product(p.Object, p.MetadataPrefix), Trace: newTrace(e.Type, p, state, p.MetadataPrefix),
	}
}

func readSetup(p Payload, e *projection.Event) { e.Setup = stripejson.Setup(p.Object) }

func readPaymentMethod(p Payload, e *projection.Event) {
	e.PaymentMethod = &v1alpha1.PaymentMethodRecord{PaymentMethod: *stripejson.PaymentMethod(p.Object)}
}

// readDetachedMethod reads a payment method that was taken away from its customer. The object may name no customer any more:
// then the event names it as the previous one.
func readDetachedMethod(p Payload, e *projection.Event) {
	readPaymentMethod(p, e)
	e.PaymentMethod.Detached = true
	if e.CustomerID == "" {
		e.CustomerID = p.Previous.ID("customer")
	}
	if e.CustomerAccount == "" {
		e.CustomerAccount = p.Previous.ID("customer_account")
	}
}

func readSchedule(p Payload, e *projection.Event) {
	e.Schedule = &v1alpha1.ScheduleRecord{
		SubscriptionSchedule: stripejson.Schedule(p.Object),
		Trace:                newTrace(e.Type, p, func(o stripejson.Object) any { return stripejson.Schedule(o) }),
	}
}

// unlessSubscribed is Type.unless for schedules.
func unlessSubscribed(e *projection.Event) string {
	if e.SubscriptionID == "" {
		return "the schedule has no subscription yet"
	}
	return ""
}

func readDiscount(p Payload, e *projection.Event) { e.Discount = stripejson.Discount(p.Object) }

// readNothing keeps the envelope only.
func readNothing(Payload, *projection.Event) {}
