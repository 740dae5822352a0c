package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// expandedPrice is the path from a list of an invoice's lines to their prices, which since 2025-03-31 are ids unless they are
// expanded. See https://docs.stripe.com/api/invoice-line-item/object.
const expandedPrice = "data.pricing.price_details.price"

// nestedField is the field of a resource's objects that holds a list of which Stripe returns the first entries only.
var nestedField = map[string]string{"subscriptions": "items", "invoices": "lines", sessions: "line_items"}

// parseWhole parses an object. If Stripe returned the first entries of its list only, it reads all of them.
func (c *Client) parseWhole(ctx context.Context, account, resource string, raw json.RawMessage) (stripejson.Object, error) {
	parsed, err := stripejson.Parse(raw)
	field := nestedField[resource]
	if err != nil || field == "" || !parsed.Bool(field+".has_more") {
		return parsed, err
	}
	var entries []json.RawMessage
	for page, err := range c.wholeList(ctx, c.nested(account, resource, parsed.ID("id"))) {
		if err != nil {
			return stripejson.Object{}, fmt.Errorf("list %s of %s from Stripe: %w", field, parsed.ID("id"), err)
		}
		entries = append(entries, page.Items...)
	}
	return parseWithList(raw, field, entries)
}

// nested is where the list within an object is read whole. See https://docs.stripe.com/api/subscription_items/list,
// https://docs.stripe.com/api/invoice-line-item/list and https://docs.stripe.com/api/checkout/sessions/line_items.
func (c *Client) nested(account, resource, id string) listing {
	if resource == "subscriptions" {
		return listing{account: account, resource: "subscription_items", filter: map[string]string{"subscription": id}}
	}
	l := listing{account: account, resource: resource, path: pathOf(resource, id) + "/" + nestedField[resource]}
	if resource == "invoices" && c.hasInvoicePayments() {
		l.filter = map[string]string{"expand[]": expandedPrice}
	}
	return l
}

// parseWithList parses an object after it has put all elements into a list of which the object holds the first ones.
func parseWithList(raw json.RawMessage, field string, elements []json.RawMessage) (stripejson.Object, error) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(raw, &fields)
	if err != nil {
		return stripejson.Object{}, err
	}
	if fields[field], err = json.Marshal(map[string]any{"object": "list", "has_more": false, "data": elements}); err != nil {
		return stripejson.Object{}, err
	}
	if raw, err = json.Marshal(fields); err != nil {
		return stripejson.Object{}, err
	}
	return stripejson.Parse(raw)
}
