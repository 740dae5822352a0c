package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// Event reads a snapshot event (evt_…) and returns its JSON as Stripe sent it: an event of the same form as a webhook's.
// Stripe keeps events for 30 days: ErrNotFound is in the chain of the error after that. Doubts go first. See
// https://docs.stripe.com/api/events/retrieve.
func (c *Client) Event(ctx context.Context, account, id string) (json.RawMessage, error) {
	var answer rawObject
	if _, err := c.call(ctx, background, account, "events", "/v1/events/"+url.PathEscape(id), nil, &answer); err != nil {
		return nil, fmt.Errorf("get events %s from Stripe: %w", id, err)
	}
	return answer.raw, nil
}
