package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// v2Version is the API version in which Stripe's API v2 is read: it refuses those before 2024-09-30, such as stripe-go's.
const v2Version = stripejson.NewestVersion

// Event reads a snapshot event (evt_…) and returns its JSON as Stripe sent it: an event of the same form as a webhook's.
// Stripe keeps events for 30 days: ErrNotFound is in the chain of the error after that. Doubts go first. See
// https://docs.stripe.com/api/events/retrieve.
func (c *Client) Event(ctx context.Context, account, id string) (json.RawMessage, error) {
	raw, _, err := c.getRaw(ctx, account, "events", "/v1/events/", id)
	return raw, err
}

// ThinEvent reads a thin event, and returns its JSON as Stripe sent it. It may name its snapshot event, which the one that
// was delivered need not. path is the event's context: the path to the account of the event. Stripe keeps events for 30
// days. Doubts go first. See https://docs.stripe.com/api/v2/core/events/retrieve.
func (c *Client) ThinEvent(ctx context.Context, path, id string) (json.RawMessage, error) {
	raw, _, err := c.getRaw(ctx, path, "v2/core/events", "/v2/core/events/", id)
	return raw, err
}

// Readable are the resources of the objects that can be read by their id, by Stripe's word for the kind of object.
var Readable = map[string]string{
	"charge":                "charges",
	"checkout.session":      sessions,
	"customer":              "customers",
	"dispute":               "disputes",
	"invoice":               "invoices",
	"invoice_payment":       "invoice_payments",
	"payment_intent":        "payment_intents",
	"payment_method":        "payment_methods",
	"price":                 "prices",
	"product":               "products",
	"refund":                "refunds",
	"setup_intent":          "setup_intents",
	"subscription":          "subscriptions",
	"subscription_schedule": "subscription_schedules",
}

// IsReadable reports whether objects of the kind can be read by their id.
func IsReadable(kind string) bool { return Readable[kind] != "" }

// Object reads an object of a kind that IsReadable. It returns its JSON as Stripe sent it, and the time from which it is
// known to be current (see Reading.At). Doubts go first.
func (c *Client) Object(ctx context.Context, account, kind, id string) (json.RawMessage, time.Time, error) {
	resource := Readable[kind]
	if resource == "" {
		return nil, time.Time{}, fmt.Errorf("a %q cannot be read from Stripe by its id", kind)
	}
	return c.getRaw(ctx, account, resource, "/v1/"+resource+"/", id)
}

func (c *Client) getRaw(ctx context.Context, account, resource, path, id string) (json.RawMessage, time.Time, error) {
	var answer rawObject
	at, err := c.call(ctx, background, account, resource, path+url.PathEscape(id), nil, &answer)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	return answer.raw, at, nil
}
