package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/stripe/stripe-go/v76/form"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const sessions = "checkout/sessions"

// Purchase reads a checkout session with what was bought: its lines, with their prices. See
// https://docs.stripe.com/api/checkout/sessions/line_items.
func (c *Client) Purchase(ctx context.Context, account, sessionID string) (Reading, error) {
	return c.get(ctx, account, sessions, sessionID, "line_items")
}

// parseSession parses a checkout session. If Stripe returned its first lines only, it reads all of them: a hundred at most.
func (c *Client) parseSession(ctx context.Context, account string, raw json.RawMessage) (stripejson.Object, error) {
	parsed, err := stripejson.Parse(raw)
	if err != nil || !parsed.Bool("line_items.has_more") {
		return parsed, err
	}
	query := &form.Values{}
	query.Add("limit", strconv.Itoa(pageSize))
	var lines page
	path := "/v1/" + sessions + "/" + url.PathEscape(parsed.ID("id")) + "/line_items"
	if _, err := c.call(ctx, foreground, account, sessions, path, query, &lines); err != nil {
		return stripejson.Object{}, fmt.Errorf("list the lines of %s from Stripe: %w", parsed.ID("id"), err)
	}
	return parseWithList(raw, "line_items", lines.Data)
}
