package stripeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// pageSize is the largest page that Stripe returns.
const pageSize = 100

// Page is a page of a list.
type Page struct {
	// Items are the objects as Stripe sent them.
	Items []json.RawMessage
	// At is a time from which they are known to be current (see Reading.At).
	At time.Time
}

// page is a page in Stripe's JSON. See https://docs.stripe.com/api/pagination.
type page struct {
	stripe.APIResource
	Data    []json.RawMessage `json:"data"`
	HasMore *bool             `json:"has_more"`
}

// Events lists the account's events created since the time, the newest first, page by page. Stripe keeps events for 30
// days. An error ends the list. See https://docs.stripe.com/api/events/list.
func (c *Client) Events(ctx context.Context, account string, since time.Time) iter.Seq2[Page, error] {
	return c.list(ctx, account, "events", map[string]string{"created[gte]": strconv.FormatInt(since.Unix(), 10)})
}

// Subscriptions reads every subscription of the customer, including ended ones. See
// https://docs.stripe.com/api/subscriptions/list.
func (c *Client) Subscriptions(ctx context.Context, account, customerID string) ([]Reading, error) {
	var readings []Reading
	for page, err := range c.list(ctx, account, "subscriptions", map[string]string{"customer": customerID, "status": "all"}) {
		if err != nil {
			return nil, fmt.Errorf("list subscriptions of %s from Stripe: %w", customerID, err)
		}
		for _, item := range page.Items {
			parsed, err := stripejson.Parse(item)
			if err != nil {
				return nil, fmt.Errorf("list subscriptions of %s from Stripe: %w", customerID, err)
			}
			readings = append(readings, Reading{Object: parsed, At: page.At})
		}
	}
	return readings, nil
}

// list yields the pages of a list. It stops after the first error.
func (c *Client) list(ctx context.Context, account, resource string, filter map[string]string) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		after := ""
		for {
			query := &form.Values{}
			for name, value := range filter {
				query.Add(name, value)
			}
			query.Add("limit", strconv.Itoa(pageSize))
			if after != "" {
				query.Add("starting_after", after)
			}
			var answer page
			at, err := c.call(ctx, account, resource, "/v1/"+resource, query, &answer)
			if err == nil {
				after, err = answer.nextCursor()
			}
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(Page{Items: answer.Data, At: at}, nil) || after == "" {
				return
			}
		}
	}
}

// nextCursor is the id after which the next page begins; empty if this is the last page.
func (p *page) nextCursor() (string, error) {
	switch {
	case p.HasMore == nil:
		return "", errors.New("stripe's response is not a list")
	case !*p.HasMore:
		return "", nil
	case len(p.Data) == 0:
		return "", errors.New("stripe's list says that it continues, but the page is empty")
	}
	var last struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(p.Data[len(p.Data)-1], &last); err != nil || last.ID == "" {
		return "", errors.New("stripe's list holds an object without an id")
	}
	return last.ID, nil
}
