package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// parseSubscription parses a subscription. If Stripe returned its first items only, it reads all of them. See
// https://docs.stripe.com/api/subscription_items/list.
func (c *Client) parseSubscription(ctx context.Context, account string, raw json.RawMessage) (stripejson.Object, error) {
	parsed, err := stripejson.Parse(raw)
	if err != nil || !parsed.Bool("items.has_more") {
		return parsed, err
	}
	id := parsed.ID("id")
	var items []json.RawMessage
	for page, err := range c.list(ctx, listing{
		account: account, resource: "subscription_items", filter: map[string]string{"subscription": id},
	}) {
		if err != nil {
			return stripejson.Object{}, fmt.Errorf("list items of %s from Stripe: %w", id, err)
		}
		items = append(items, page.Items...)
	}
	return parseWithList(raw, "items", items)
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
