package events

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// reads says how objects that come from Stripe's API itself are read, by Stripe's name of their kind. They are folded as events of
// types that Stripe does not have.
var reads = map[string]Type{
	"customer":     {Name: "customer.read", read: readCustomer},
	"subscription": {Name: "customer.subscription.read", read: readSubscription},
	"dispute":      {Name: "charge.dispute.read", read: readDispute},
}

// Reading makes an event of an object that was read from Stripe's API and is known to be current at the time.
func (d Decoder) Reading(account string, object stripejson.Object, at time.Time) (*projection.Event, error) {
	links := stripejson.ReadLinks(object)
	kind, known := reads[links.ObjectKind]
	if !known {
		return nil, fmt.Errorf("a %q was read from Stripe, which is no kind that is kept", links.ObjectKind)
	}
	e := &projection.Event{
		EventID: projection.EventRead, Type: kind.Name, Created: metav1.Time{Time: at.UTC().Truncate(time.Second)},
		Livemode: object.Bool("livemode"), Account: account,
	}
	link(e, links)
	kind.read(Payload{Object: object, MetadataPrefix: d.MetadataPrefix}, e)
	if err := object.Err(); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", links.ObjectKind, links.ObjectID, err)
	}
	return e, nil
}
