package stripeapi

import "context"

// Purchase reads a checkout session with what was bought: its first ten lines, with their prices. See
// https://docs.stripe.com/api/checkout/sessions/line_items.
func (c *Client) Purchase(ctx context.Context, account, sessionID string) (Reading, error) {
	return c.get(ctx, account, "checkout/sessions", sessionID, "line_items")
}
