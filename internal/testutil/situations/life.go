package situations

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// The customer of every life, and the ids that most lives use.
const (
	CustomerID = "cus_A"
	subA       = "sub_A"
	subB       = "sub_B"
)

// Life makes the events of one customer, and the objects that are read from Stripe meanwhile. Its methods are the things
// that happen, in the present tense. It has the objects in the shape of one API version.
type Life struct {
	// Shape is the API version of the payloads.
	Shape Shape
	// Events are what Stripe reports, in the order in which it happens.
	Events []Event
	// Readings are the objects that were read from Stripe's API, after the events.
	Readings []Reading
	// Late are the events that arrive after the readings, whenever they happened.
	Late []Event
	// Listed is when all of the customer's subscriptions were listed from Stripe; zero if they were not.
	Listed time.Time

	now     time.Time
	isLate  bool
	objects map[string]Object
}

// Reading is an object that was read from Stripe's API.
type Reading struct {
	// Object is what Stripe returned; nil if it does not know the object.
	Object Object
	// ID is the object's id.
	ID string
	// At is when it was read.
	At time.Time
}

// Play plays the situation's life with payloads of the shape.
func (s *Situation) Play(shape Shape) *Life {
	l := &Life{Shape: shape, now: Begin, objects: map[string]Object{}}
	s.Life(l)
	return l
}

// Fields are fields of a Stripe object that differ from what the vocabulary makes.
type Fields = Object

// on sets the clock to a day, and perhaps to a time of that day.
func (l *Life) on(day int, later ...time.Duration) {
	l.now = dayTime(day)
	for _, d := range later {
		l.now = l.now.Add(d)
	}
}

func dayTime(day int) time.Time { return Begin.Add(time.Duration(day) * Day) }

// unix is a day as Stripe writes it.
func unix(day int) int64 { return dayTime(day).Unix() }

// report makes an event about the object as it is. The ids fall, so that no id decides by chance.
func (l *Life) report(eventType, id string, previous Object) {
	e := Event{
		ID:   fmt.Sprintf("evt_%04d", 9999-len(l.Events)-len(l.Late)),
		Type: eventType, Created: l.now, Shape: l.Shape, Object: l.objects[id], Previous: previous,
	}
	if l.isLate {
		l.Late = append(l.Late, e)
	} else {
		l.Events = append(l.Events, e)
	}
}

// isDelayed makes the events from now on arrive after the readings.
func (l *Life) isDelayed() { l.isLate = true }

// add makes an object, and reports it with an event of the type; with an empty type nothing is reported.
func (l *Life) add(eventType string, o Object, fields ...Fields) {
	l.objects[o.ID()] = with(o, fields)
	if eventType != "" {
		l.report(eventType, o.ID(), nil)
	}
}

// change changes an object, and reports it. An event of type "….updated" has previous_attributes, as Stripe's do.
func (l *Life) change(eventType, id string, fields ...Fields) {
	before := l.objects[id]
	if before == nil {
		panic("a life changes " + id + ", which it has not made")
	}
	l.objects[id] = with(before, fields)
	var previous Object
	if strings.HasSuffix(eventType, ".updated") || eventType == "charge.refunded" {
		previous = changed(before, l.objects[id])
	}
	if eventType != "" {
		l.report(eventType, id, previous)
	}
}

// changed holds the earlier values of the fields that differ.
func changed(before, after Object) Object {
	previous := Object{}
	for key := range after {
		if !reflect.DeepEqual(before[key], after[key]) {
			previous[key] = before[key]
		}
	}
	return previous
}

// with is the object with other values of some fields. It shares nothing with the original.
func with(o Object, fields []Fields) Object {
	o = maps.Clone(o)
	for _, f := range fields {
		maps.Copy(o, f)
	}
	text, err := json.Marshal(o)
	if err == nil {
		o = nil
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		panic(fmt.Sprintf("not a JSON object: %v", err))
	}
	return o
}

// signsUp creates the customer. From then on it is known whole.
func (l *Life) signsUp() {
	l.add("customer.created", Customer(CustomerID, "ada@example.com", "Ada"), Fields{"created": l.now.Unix()})
}

// subscribes creates a subscription with a status and a monthly period from now on.
func (l *Life) subscribes(id, status string, fields ...Fields) {
	o := Subscription(l.Shape, id, CustomerID, status, l.now, l.now.Add(30*Day))
	if status == "trialing" {
		o = Trial(l.Shape, id, CustomerID, l.now, l.now.Add(14*Day))
	}
	l.add("customer.subscription.created", o, fields...)
}

// becomes changes the status of a subscription.
func (l *Life) becomes(id, status string, fields ...Fields) {
	l.change("customer.subscription.updated", id, append([]Fields{{"status": status}}, fields...)...)
}

// ends cancels a subscription now.
func (l *Life) ends(id string) {
	l.change("customer.subscription.deleted", id, Fields{"status": "canceled", "canceled_at": l.now.Unix(), "ended_at": l.now.Unix()})
}

// reads reads an object from Stripe's API; eventless is how it differs from what the events reported.
func (l *Life) reads(id string, eventless ...Fields) {
	l.objects[id] = with(l.objects[id], eventless)
	l.Readings = append(l.Readings, Reading{Object: l.objects[id], ID: id, At: l.now})
}

// isAbsent asks Stripe's API for an object that Stripe does not know: the events about it were forged.
func (l *Life) isAbsent(id string) { l.Readings = append(l.Readings, Reading{ID: id, At: l.now}) }

// isListed lists all of the customer's subscriptions from Stripe's API.
func (l *Life) isListed() { l.Listed = l.now }

// bills makes an open invoice of a subscription for a month from now on.
func (l *Life) bills(id, subscription string, fields ...Fields) {
	l.add("", Invoice(l.Shape, id, CustomerID, subscription, "open", Amount, l.now, l.now.Add(30*Day)), fields...)
	l.report("invoice.created", id, nil)
	l.change("invoice.finalized", id)
}

// paid is what a payment changes in an invoice.
func (l *Life) paid(amount int) Fields {
	return Fields{
		"status": "paid", "amount_paid": amount, "amount_remaining": 0, "next_payment_attempt": nil,
		"status_transitions": Object{"paid_at": l.now.Unix()},
	}
}

// pays pays an open invoice now by a charge. Old API versions name the charge in the invoice, and the invoice in the charge;
// new ones report the link in an event of its own.
func (l *Life) pays(invoice, charge string) {
	amount := amountOf(l.objects[invoice])
	l.charges(charge, invoice, amount)
	fields := l.paid(amount)
	if l.Shape == Old {
		fields["charge"], fields["payment_intent"], fields["paid"] = charge, "pi_"+charge, true
	}
	l.change("invoice.paid", invoice, fields)
	if l.Shape == New {
		l.add("invoice_payment.paid", InvoicePayment("inpay_"+charge, invoice, "pi_"+charge, amount, l.now))
	}
}

func amountOf(o Object) int { amount, _ := o["amount_due"].(float64); return int(amount) }

// charges makes a charge that succeeds now; invoice is empty for a purchase.
func (l *Life) charges(id, invoice string, amount int) {
	charge := Charge(l.Shape, id, CustomerID, "pi_"+id, "succeeded", l.now).With("amount", amount)
	if l.Shape == Old && invoice != "" {
		charge["invoice"] = invoice
	}
	l.add("charge.succeeded", charge)
}

// declines makes an attempt to collect an invoice fail for insufficient funds.
func (l *Life) declines(invoice string, attempt int) {
	l.add("charge.failed", Declined(Charge(l.Shape, fmt.Sprintf("ch_%s_%d", invoice, attempt), CustomerID, "pi_"+invoice, "", l.now)))
	l.change("invoice.payment_failed", invoice, Fields{"status": "open", "attempt_count": attempt})
}

// asksToAuthorize makes an attempt to collect an invoice fail because the bank wants the customer to authorize it.
func (l *Life) asksToAuthorize(invoice string, attempt int) {
	l.change("invoice.payment_action_required", invoice, Fields{"status": "open", "attempt_count": attempt})
	l.report("invoice.payment_failed", invoice, nil)
}

// refunds refunds a charge in full.
func (l *Life) refunds(charge string) {
	amount, _ := l.objects[charge]["amount"].(float64)
	l.change("charge.refunded", charge, Fields{"amount_refunded": amount, "refunded": true})
}

// disputes opens a dispute of a charge.
func (l *Life) disputes(id, charge string, fields ...Fields) {
	l.add("charge.dispute.created", Dispute(id, charge, "pi_"+charge, l.now, l.now.Add(9*Day)), fields...)
}

// subscribesAndPays is the usual beginning: the customer signs up on day 0 for a month, and pays it by ch_1.
func (l *Life) subscribesAndPays() {
	l.signsUp()
	l.subscribes(subA, "incomplete")
	l.bills("in_1", subA, Fields{"billing_reason": "subscription_create"})
	l.pays("in_1", "ch_1")
	l.becomes(subA, "active")
}

// renews moves a subscription into its next period on day 30, and makes the invoice in_2 for it.
func (l *Life) renews() {
	l.on(30)
	l.change("customer.subscription.updated", subA, l.period(subA, 30, 60))
	l.bills("in_2", subA)
}

// failsToRenew is a renewal on day 30 of which the payment fails, of a customer who signed up on day 0.
func (l *Life) failsToRenew() {
	l.subscribesAndPays()
	l.failsToRenewAgain()
}

// period is a subscription's current period in the life's shape.
func (l *Life) period(id string, from, to int) Fields {
	if l.Shape == Old {
		return Fields{"current_period_start": unix(from), "current_period_end": unix(to)}
	}
	items := with(Object(l.objects[id]["items"].(map[string]any)), nil)
	for _, item := range items["data"].([]any) {
		item := item.(map[string]any)
		item["current_period_start"], item["current_period_end"] = unix(from), unix(to)
	}
	return Fields{"items": items}
}

// line is a line of an invoice that bills a subscription for some days.
func (l *Life) line(subscription string, amount, from, to int, isProration bool) Object {
	line := Object{
		"id": fmt.Sprintf("il_%s_%d", subscription, from), "object": "line_item", "amount": amount, "currency": Currency,
		"period": Object{"start": unix(from), "end": unix(to)},
	}
	if l.Shape == New {
		line["parent"] = Object{"type": "subscription_item_details", "subscription_item_details": Object{
			"subscription": subscription, "proration": isProration,
		}}
		return line
	}
	return line.With("type", "subscription").With("subscription", subscription).With("proration", isProration)
}

// lines are the lines of an invoice.
func lines(list ...Object) Fields {
	return Fields{"lines": Object{"object": "list", "data": list, "has_more": false}}
}

// renewsAfterSignUp is a renewal on day 30 of a customer who signed up on day 0.
func (l *Life) renewsAfterSignUp() {
	l.subscribesAndPays()
	l.renews()
}

// paysYear signs the customer up on day 0, and pays a year.
func (l *Life) paysYear() {
	l.signsUp()
	l.subscribes(subA, "active")
	l.bills("in_1", subA, lines(l.line(subA, 29000, 0, 365, false)))
	l.pays("in_1", "ch_1")
}

// subscribesToUsage creates a subscription that bills usage only.
func (l *Life) subscribesToUsage(status string, fields ...Fields) {
	l.subscribes(subA, status, fields...)
	l.objects[subA] = with(l.objects[subA], []Fields{l.metered()})
	l.Events[len(l.Events)-1].Object = l.objects[subA]
}

// metered are the items of the subscription without quantities: their usage is billed.
func (l *Life) metered() Fields {
	items := with(Object(l.objects[subA]["items"].(map[string]any)), nil)
	for _, item := range items["data"].([]any) {
		delete(item.(map[string]any), "quantity")
	}
	return Fields{"items": items}
}

// triesUsage signs the customer up on day 0 for a trial of 14 days, of a subscription that bills usage only.
func (l *Life) triesUsage() {
	l.signsUp()
	l.subscribesToUsage("trialing")
	l.bills("in_1", subA, Fields{"amount_due": 0}, lines(l.line(subA, 0, 0, 14, false)))
	l.change("invoice.paid", "in_1", l.paid(0))
	l.on(14)
	l.becomes(subA, "active", l.period(subA, 14, 44))
}

// billsUsage moves the subscription into its next period, and makes the invoice of the usage of the one before.
func (l *Life) billsUsage(id string, from, to int) {
	l.change("customer.subscription.updated", subA, l.period(subA, to, to+30))
	l.bills(id, subA, lines(l.line(subA, 500, from, to, false)), Fields{"amount_due": 500})
}

// paysLate fails the first payment of an open invoice, and pays it on a day. The event about the subscription does not come.
func (l *Life) paysLate(invoice string, day int) {
	l.declines(invoice, 1)
	l.becomes(subA, "past_due")
	l.on(day)
	l.pays(invoice, "ch_2")
}

// failsToResume makes the invoice in_2 on a day, and fails its payment.
func (l *Life) failsToResume(day int) {
	l.on(day)
	l.bills("in_2", subA)
	l.declines("in_2", 1)
}

// failsToRenewAgain is a renewal on day 30 of which the payment fails.
func (l *Life) failsToRenewAgain() {
	l.renews()
	l.declines("in_2", 1)
	l.becomes(subA, "past_due")
}

// invoiceAt is an open invoice of the subscription for the thirty days from a day on.
func invoiceAt(l *Life, id string, day int) Object {
	return Invoice(l.Shape, id, CustomerID, subA, "open", Amount, dayTime(day), dayTime(day+30))
}

// failsToRenewWithin is an invoice on a day of the first month, of which the payment fails.
func (l *Life) failsToRenewWithin(day int) {
	l.subscribesAndPays()
	l.on(day)
	l.bills("in_2", subA)
	l.declines("in_2", 1)
	l.becomes(subA, "past_due")
}
