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
	// Readings are the objects that were read from Stripe's API.
	Readings []Reading
	// Listed is when all of the customer's subscriptions were listed from Stripe; zero if they were not.
	Listed time.Time

	now     time.Time
	objects map[string]Object
}

// Reading is an object that was read from Stripe's API.
type Reading struct {
	Object Object
	At     time.Time
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
	l.Events = append(l.Events, Event{
		ID: fmt.Sprintf("evt_%04d", 9999-len(l.Events)), Type: eventType, Created: l.now, Shape: l.Shape, Object: l.objects[id], Previous: previous,
	})
}

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
	l.Readings = append(l.Readings, Reading{Object: l.objects[id], At: l.now})
}

// isListed lists all of the customer's subscriptions from Stripe's API.
func (l *Life) isListed() { l.Listed = l.now }
