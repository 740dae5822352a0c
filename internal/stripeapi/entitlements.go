package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stripe/stripe-go/v76/form"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// ActiveEntitlements reads all active entitlements of a customer. The Reading's object has the form in which an event
// reports them, but is whole. See https://docs.stripe.com/api/entitlements/active-entitlement/list.
func (c *Client) ActiveEntitlements(ctx context.Context, account, customerID string) (Reading, error) {
	return c.activeEntitlements(ctx, foreground, account, customerID)
}

// ImportActiveEntitlements is ActiveEntitlements for an import, which lets other requests go first.
func (c *Client) ImportActiveEntitlements(ctx context.Context, account, customerID string) (Reading, error) {
	return c.activeEntitlements(ctx, background, account, customerID)
}

func (c *Client) activeEntitlements(ctx context.Context, p priority, account, customerID string) (Reading, error) {
	var reading Reading
	entitlements := []json.RawMessage{}
	for page, err := range c.wholeList(ctx, listing{
		account: account, resource: "entitlements/active_entitlements", filter: map[string]string{"customer": customerID}, priority: p,
	}) {
		if err != nil {
			return Reading{}, fmt.Errorf("list active entitlements of %s from Stripe: %w", customerID, err)
		}
		if reading.At.IsZero() {
			reading.At = page.At // what changes while the other pages are read is not in the first one
		}
		entitlements = append(entitlements, page.Items...)
	}
	summary, err := json.Marshal(map[string]any{
		"object": "entitlements.active_entitlement_summary", "customer": customerID,
		"entitlements": map[string]any{"object": "list", "has_more": false, "data": entitlements},
	})
	if err == nil {
		reading.Object, err = stripejson.Parse(summary)
	}
	if err != nil {
		return Reading{}, fmt.Errorf("list active entitlements of %s from Stripe: %w", customerID, err)
	}
	return reading, nil
}

// UsesEntitlements reports whether the account has a feature to sell, or had one: customers keep what they bought of an
// archived feature. It is one request if there is one, else two. See
// https://docs.stripe.com/api/entitlements/feature/list.
func (c *Client) UsesEntitlements(ctx context.Context, account string) (bool, error) {
	for _, archived := range []string{"", "true"} {
		query := &form.Values{}
		query.Add("limit", "1")
		if archived != "" {
			query.Add("archived", archived)
		}
		var answer page
		_, err := c.call(ctx, foreground, account, "entitlements/features", "/v1/entitlements/features", query, &answer)
		if err == nil && answer.HasMore == nil {
			err = fmt.Errorf("stripe's response is not a list")
		}
		if err != nil {
			return false, fmt.Errorf("list features from Stripe: %w", err)
		}
		if len(answer.Data) > 0 {
			return true, nil
		}
	}
	return false, nil
}
