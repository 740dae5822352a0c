package events

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// readingTypes are the types of readings, by Stripe's name of the object's kind. They fold like events of these types.
var readingTypes = map[string]Type{
	"customer":     {Name: "customer.read", Record: "customer", read: readCustomer},
	"subscription": {Name: "customer.subscription.read", Record: "subscription", read: readSubscription},
	"dispute":      {Name: "charge.dispute.read", Record: "dispute", read: readDispute},
	"product":      {Name: "product.read", Record: "product", read: readProduct},
	"charge":       {Name: "charge.read", Record: "refund", read: readRefund},

	"checkout.session": {Name: "checkout.session.read", Record: "checkout", read: readCheckout},
	"payment_intent":   {Name: "payment_intent.read", Record: "payment", read: readPaymentIntent},
	"invoice":          {Name: "invoice.read", Record: "invoice", read: readInvoice},
	"invoice_payment":  {Name: "invoice_payment.read", Record: "payment", read: readInvoicePayment},
}

// Reading turns an object that was read from Stripe's API into an event. at is a time from which the object is known to
// be current. Of a deleted customer Stripe returns the id and the flag deleted only. Reading fails if the kind is none of
// readingTypes, or if an essential value cannot be read.
func (d Decoder) Reading(account string, object stripejson.Object, at time.Time) (*projection.Event, error) {
	links := stripejson.ReadLinks(object)
	kind, known := readingTypes[links.ObjectKind]
	if links.ObjectKind == "customer" && object.Bool("deleted") {
		kind.read = readDeletion
	}
	if !known {
		return nil, fmt.Errorf("a %q cannot be used as a reading: want a customer, a subscription, a dispute, a product or a purchase", links.ObjectKind)
	}
	return d.readAs(kind, links, account, object, at)
}

// Product is Reading for a product that was read by its id. It fails if the object is not that product.
func (d Decoder) Product(account, id string, object stripejson.Object, at time.Time) (*projection.Event, error) {
	links := stripejson.ReadLinks(object)
	if links.ObjectID != id || links.ObjectKind != "product" && links.ObjectKind != "" {
		return nil, fmt.Errorf("stripe returned the %q %s when it was asked for the product %s", links.ObjectKind, links.ObjectID, id)
	}
	links.ObjectKind = "product"
	return d.readAs(readingTypes["product"], links, account, object, at)
}

func (d Decoder) readAs(
	kind Type, links stripejson.Links, account string, object stripejson.Object, at time.Time,
) (*projection.Event, error) {
	e := &projection.Event{
		EventID: projection.EventRead, Type: kind.Name, Created: metav1.Time{Time: at.UTC().Truncate(time.Second)},
		Livemode: object.Bool("livemode"), Account: account,
	}
	setLinks(e, links)
	if links.ObjectKind == featuresKind {
		e.ObjectID = projection.FeaturesID
	}
	kind.read(Payload{Object: object, MetadataPrefix: d.MetadataPrefix}, e)
	if err := judge(kind.Record, object.Problems(), e); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", links.ObjectKind, links.ObjectID, err)
	}
	return e, nil
}
