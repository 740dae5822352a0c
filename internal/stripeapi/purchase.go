package stripeapi

import "context"

const sessions = "checkout/sessions"

// Purchase reads a checkout session with what was bought: its lines, with their prices. See
// https://docs.stripe.com/api/checkout/sessions/retrieve.
func (c *Client) Purchase(ctx context.Context, account, sessionID string) (Reading, error) {
	return c.get(ctx, account, sessions, sessionID, "line_items")
}
